// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Engine;
import testing.Eventually;

/** Metrics of a real service, and of calls to a fake peer. */
@Timeout(30)
class InstrumentingTest {
  private final Metrics metrics = new Metrics();
  private final Instrumenting instrumenting = new Instrumenting(metrics);
  private final HttpClient client = HttpClient.newHttpClient();
  private final HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));

  InstrumentingTest() throws IOException {}

  @AfterEach
  void stop() {
    http.close();
  }

  private void serve() {
    instrumenting.serve(http);
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/user/{uid:\\d+}", (context, request) -> Response.text(200, "jerry"))
                .route(
                    "POST",
                    "/user/{uid:\\d+}",
                    (context, request) -> {
                      throw new StatusException(409, "is there already");
                    })
                .route(
                    "GET",
                    "/half",
                    (context, request) ->
                        Response.streaming(
                            200,
                            "text/plain",
                            -1,
                            out -> {
                              throw new IOException("the file ends here");
                            }))
                .route("GET", "/metrics", instrumenting::page)));
  }

  private HttpResponse<String> send(String method, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + http.port() + path);
    return client.send(
        HttpRequest.newBuilder(uri).method(method, BodyPublishers.noBody()).build(),
        BodyHandlers.ofString());
  }

  /** A request is counted after its response is sent, so the client may receive it earlier. */
  private void awaitMetrics(String... lines) throws Exception {
    Eventually.within(
        Duration.ofSeconds(5), () -> assertThat(metrics.text().lines()).contains(lines));
  }

  @Test
  void requestsAreCountedByTemplateAndNotByPath() throws Exception {
    serve();
    send("GET", "/user/1");
    send("GET", "/user/2");
    send("POST", "/user/3");
    send("DELETE", "/user/4");
    send("GET", "/no/such/path");
    send("GET", "/another");
    send("BREW", "/coffee");

    awaitMetrics(
        "http_requests_total{method=\"GET\",route=\"/user/{uid:\\\\d+}\",status=\"200\"} 2",
        "http_requests_total{method=\"POST\",route=\"/user/{uid:\\\\d+}\",status=\"409\"} 1",
        "http_requests_total{method=\"DELETE\",route=\"-\",status=\"405\"} 1",
        "http_requests_total{method=\"GET\",route=\"-\",status=\"404\"} 2",
        "http_requests_total{method=\"OTHER\",route=\"-\",status=\"501\"} 1",
        "http_response_bytes_total{method=\"GET\",route=\"/user/{uid:\\\\d+}\"} 10",
        "http_request_duration_seconds_count{method=\"GET\",route=\"/user/{uid:\\\\d+}\"} 2",
        "http_request_duration_seconds_bucket{method=\"GET\",route=\"-\",le=\"+Inf\"} 2");
    assertThat(metrics.text()).doesNotContain("such", "another", "coffee", "BREW");
  }

  @Test
  void unknownPathsShareOneSeries() throws Exception {
    serve();
    String body = send("GET", "/probe").body();
    awaitMetrics( // The last of a request.
        "http_response_bytes_total{method=\"GET\",route=\"-\"} " + body.length());
    long series = metrics.text().lines().count();
    for (int i = 0; i < 50; i++) {
      send("GET", "/probe/" + i + "?id=" + i);
    }

    awaitMetrics("http_requests_total{method=\"GET\",route=\"-\",status=\"404\"} 51");
    assertThat(metrics.text().lines()).hasSize((int) series);
  }

  @Test
  void pageIsTheTextOfTheMetricsAndShowsItsOwnRequestInFlight() throws Exception {
    serve();
    HttpResponse<String> page = send("GET", "/metrics");

    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.headers().firstValue("Content-Type"))
        .contains("text/plain; version=0.0.4; charset=utf-8");
    assertThat(page.body()).contains("\nhttp_requests_in_flight 1\n").endsWith("\n");
    assertThat(page.body()).contains("\nhttp_server_info{engine=\"" + Engine.NAME + "\"} 1\n");
    Eventually.within(
        Duration.ofSeconds(5),
        () -> assertThat(metrics.text()).contains("\nhttp_requests_in_flight 0\n"));
  }

  @Test
  void truncatedResponseCountsUnderTheSentStatus() throws Exception {
    serve();
    try (Socket socket = new Socket("127.0.0.1", http.port())) {
      OutputStream out = socket.getOutputStream();
      out.write("GET /half HTTP/1.1\r\nHost: h\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      socket.getInputStream().readAllBytes();
    }

    awaitMetrics("http_requests_total{method=\"GET\",route=\"/half\",status=\"200\"} 1");
  }

  @Test
  void limitCountsRejectionsAndReturnsTheResultOfTheLimiter() {
    AtomicLong wait = new AtomicLong();
    LongSupplier limit = instrumenting.limit("requests", wait::get);

    assertThat(metrics.text()).contains("ratelimit_refused_total{limit=\"requests\"} 0\n");
    assertThat(limit.getAsLong()).isZero();
    wait.set(7);
    assertThat(limit.getAsLong()).isEqualTo(7);
    assertThat(limit.getAsLong()).isEqualTo(7);
    assertThat(metrics.text()).contains("ratelimit_refused_total{limit=\"requests\"} 2\n");
  }

  @Test
  void callsThatSucceedAreOk() throws Exception {
    Endpoint<String, String> endpoint =
        instrumenting.<String, String>calls("web").around((context, request) -> "yes " + request);

    assertThat(endpoint.call(Context.background(), "sir")).isEqualTo("yes sir");
    assertThat(metrics.text())
        .contains("client_calls_total{service=\"web\",outcome=\"ok\"} 1\n")
        .contains("client_call_duration_seconds_count{service=\"web\"} 1\n");
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          NO_INSTANCE,   no_instance
          REFUSED,       refused
          NOT_CONNECTED, not_connected
          TIMEOUT,       timeout
          BROKEN,        broken
          404,           4xx
          503,           5xx
          interrupted,   cancelled
          bug,           error
          """)
  void outcomeIsTheResultOfTheCall(String failure, String outcome) {
    Exception error = error(failure);
    Endpoint<String, String> endpoint =
        instrumenting
            .<String, String>attempts("web")
            .around(
                (context, request) -> {
                  throw error;
                });

    assertThatThrownBy(() -> endpoint.call(Context.background(), "x")).isSameAs(error);
    assertThat(metrics.text())
        .contains("client_attempts_total{service=\"web\",outcome=\"" + outcome + "\"} 1\n")
        .contains("client_attempt_duration_seconds_count{service=\"web\"} 1\n");
  }

  private static Exception error(String failure) {
    return switch (failure) {
      case "NO_INSTANCE" -> PeerException.noInstance("missing", null);
      case "REFUSED" -> PeerException.refused("a:1", "open", null, null);
      case "NOT_CONNECTED" -> PeerException.notConnected("a:1", "refused", null);
      case "TIMEOUT" -> PeerException.timeout("a:1", null);
      case "BROKEN" -> PeerException.broken("a:1", "reset", null);
      case "interrupted" -> new InterruptedException();
      case "bug" -> new IllegalStateException();
      default -> PeerException.status("a:1", Integer.parseInt(failure), "detail", null);
    };
  }

  @Test
  void clientsOfOneServiceShareItsSeries() {
    Instrumenting.Client one =
        new Instrumenting.Client("web", () -> 3, () -> true, () -> Map.of("a:1", "closed"));
    Instrumenting.Client two =
        new Instrumenting.Client(
            "web", () -> 2, () -> false, () -> Map.of("a:1", "closed", "b:1", "open"));
    Runnable hideOne = instrumenting.show(one);
    Runnable hideTwo = instrumenting.show(two);

    assertThat(metrics.text())
        .contains("\nclient_instances{service=\"web\"} 3\n")
        .contains("\nclient_registry_up{service=\"web\"} 0\n")
        .contains(
            "\nclient_breaker_state{service=\"web\",instance=\"a:1\",state=\"closed\"} 1\n"
                + "client_breaker_state{service=\"web\",instance=\"b:1\",state=\"open\"} 1\n");
    hideTwo.run();
    assertThat(metrics.text())
        .contains("\nclient_registry_up{service=\"web\"} 1\n")
        .doesNotContain("b:1");
    hideOne.run();
    assertThat(metrics.text()).isEmpty();
  }
}
