// SPDX-License-Identifier: Apache-2.0
package tour;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import kit.Shutdown;
import kit.consul.agent.DevAgent;
import kit.http.server.HttpService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;

/** Each step of docs/tour.md in this process. {@code DocsIT} runs the commands of the page. */
@Timeout(60)
class TourTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final HttpClient client = HttpClient.newHttpClient();
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(printed, true, UTF_8);

  private HttpResponse<String> send(String method, int port, String target) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + port + target);
    HttpRequest.Builder request = HttpRequest.newBuilder(uri);
    return client.send(
        request.method(method, HttpRequest.BodyPublishers.noBody()).build(),
        BodyHandlers.ofString());
  }

  private String get(int port, String target) throws Exception {
    HttpResponse<String> response = send("GET", port, target);
    return response.statusCode() + " " + response.body().replaceAll(",\"requestId\".*", "}");
  }

  private List<String> printed() {
    return printed.toString(UTF_8).lines().toList();
  }

  private int portPrinted() {
    String line = printed().get(0);
    assertThat(line).matches("listening on http://127\\.0\\.0\\.1:\\d+");
    printed.reset();
    return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  @Test
  void step1Handler() throws Exception {
    HttpServer server = Step1Handler.start(0);
    try {
      int port = server.getAddress().getPort();
      assertThat(get(port, "/?uid=101")).isEqualTo("200 {\"result\":\"jerry\"}");
      assertThat(get(port, "/?uid=7")).isEqualTo("200 {\"result\":\"guest\"}");
      assertThat(get(port, "/")).isEqualTo("400 missing parameter: uid");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void step2Layers() throws Exception {
    try (HttpService http = Step2Layers.start(0)) {
      assertThat(get(http.port(), "/?uid=101")).isEqualTo("200 {\"result\":\"jerry\"}");
      assertThat(get(http.port(), "/"))
          .startsWith("400 {")
          .contains("\"detail\":\"missing parameter: uid\"");
      assertThat(get(http.port(), "/?uid=one")).contains("uid is not a number");
    }
  }

  @Test
  void step3Routes() throws Exception {
    try (HttpService http = Step3Routes.start(0)) {
      assertThat(get(http.port(), "/user/101")).isEqualTo("200 {\"result\":\"jerry\"}");
      assertThat(send("DELETE", http.port(), "/user/7").body())
          .isEqualTo("{\"result\":\"user 7 deleted\"}");
      assertThat(get(http.port(), "/user/one")).startsWith("404 ");
      assertThat(send("POST", http.port(), "/user/7").headers().firstValue("Allow"))
          .hasValue("DELETE, GET, HEAD, OPTIONS");
      assertThat(send("DELETE", http.port(), "/user/101").statusCode()).isEqualTo(500);
    }
  }

  @Test
  void step4Errors() throws Exception {
    try (HttpService http = Step4Errors.start(0)) {
      HttpResponse<String> refused = send("DELETE", http.port(), "/user/101");
      assertThat(refused.statusCode()).isEqualTo(403);
      assertThat(refused.headers().firstValue("Content-Type")).hasValue("application/problem+json");
      assertThat(refused.body()).contains("\"detail\":\"permission denied\"");
      assertThat(get(http.port(), "/user/99999999999")).contains("uid not in 0..2147483647");
    }
  }

  @Test
  void step5Middleware() throws Exception {
    List<String> log = new CopyOnWriteArrayList<>();
    try (HttpService http = Step5Middleware.start(0, log::add)) {
      for (int call = 1; call <= 3; call++) {
        assertThat(get(http.port(), "/user/101")).startsWith("200 ");
      }
      assertThat(get(http.port(), "/user/7")).startsWith("429 ");
    }
    assertThat(log)
        .containsExactly(
            "getName UserRequest[uid=101] -> UserResponse[result=jerry]",
            "getName UserRequest[uid=101] -> UserResponse[result=jerry]",
            "getName UserRequest[uid=101] -> UserResponse[result=jerry]",
            "getName UserRequest[uid=7] -> rate limit exceeded");
  }

  @Test
  void step6Client() throws Exception {
    try (HttpService http = Step4Errors.start(0)) {
      Step6Client.call(URI.create("http://127.0.0.1:" + http.port()), out);
    }
    assertThat(printed())
        .containsExactly(
            "101 is jerry",
            "7 is guest",
            "user 7 deleted",
            "STATUS 403 permission denied",
            "TIMEOUT");
  }

  @Test
  void step7ServiceAndClient() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0);
        Shutdown first = Step7Service.start(0, agent.uri(), out)) {
      int one = portPrinted();
      try (Shutdown second = Step7Service.start(0, agent.uri(), out)) {
        int two = portPrinted();
        Eventually.within(
            SOON, () -> assertThat(called(agent)).contains("jerry" + one, "jerry" + two));
      }
      assertThat(called(agent)).hasSize(4).containsOnly("jerry" + one);
    }
  }

  private List<String> called(DevAgent agent) throws Exception {
    printed.reset();
    Step7Client.call(agent.uri(), out);
    return printed();
  }

  @Test
  void step8Failures() throws Exception {
    Step8Failures.play(out);

    assertThat(printed())
        .containsExactly(
            "the breaker of the failing instance is OPEN",
            "{a=20}",
            "calls to the failing instance: 5",
            "a minute later the instance has recovered",
            "the breaker of the failing instance is HALF_OPEN",
            "the breaker of the failing instance is CLOSED",
            "{a=10, b=10}");
  }

  @Test
  void step9Numbers() throws Exception {
    try (HttpService http = Step9Numbers.start(0, printed)) {
      get(http.port(), "/user/101");
      Eventually.within(
          SOON,
          () ->
              assertThat(printed())
                  .singleElement()
                  .asString()
                  .startsWith("method=GET route=/user/{uid:\\d+} path=/user/101 status=200")
                  .containsPattern("trace_id=[0-9a-f]{32}"));
      assertThat(get(http.port(), "/metrics"))
          .contains(
              "http_requests_total{method=\"GET\",route=\"/user/{uid:\\\\d+}\",status=\"200\"} 1");
    }
  }

  @Test
  void step10Cluster() throws Exception {
    Step10Cluster.play(out);

    assertThat(printed())
        .containsExactly(
            "three services: {jerry-a=4, jerry-b=4, jerry-c=4}",
            "one has left:   {jerry-b=6, jerry-c=6}");
  }

  @Test
  void step11Grpc() throws Exception {
    Step11Grpc.play(out);

    assertThat(printed()).containsExactly("Hello Ada");
  }

  @Test
  void serviceOfTheReadme() throws Exception {
    try (Shutdown shutdown = Greeting.start(0, out)) {
      int port = portPrinted();
      assertThat(get(port, "/hello/jerry")).isEqualTo("200 hello jerry");
      assertThat(get(port, "/health")).isEqualTo("200 {\"status\":\"ok\"}");
    }
  }
}
