// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;
import testing.JarProcess;
import testing.ZipkinServer;

/** Traces of the two programs in a real Zipkin. */
@Timeout(180)
class ZipkinIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String ROUTE =
      "get /user/{uid:\\d+}"; // Zipkin shows names in small letters.

  private static ZipkinServer zipkin;

  private final List<JarProcess> processes = new ArrayList<>();

  @BeforeAll
  static void startZipkin() throws Exception {
    zipkin = ZipkinServer.start();
  }

  @AfterAll
  static void stopZipkin() throws Exception {
    if (zipkin != null) { // Null if there is none here.
      zipkin.close();
    }
  }

  @AfterEach
  void stopProcesses() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
  }

  private JarProcess start(String jar, String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("--zipkin", zipkin.uri()));
    JarProcess process = JarProcess.start(jar, all.toArray(String[]::new));
    processes.add(process);
    return process;
  }

  private JarProcess startService(String name, String... more) {
    List<String> args = new ArrayList<>(List.of("--name", name, "--port", "0"));
    args.addAll(List.of(more));
    // They record spans of sampled traces of callers, but no trace of their own.
    args.addAll(List.of("--sample-ratio", "0"));
    return start("user-service", args.toArray(String[]::new));
  }

  /** Waits until Zipkin has the one trace in which {@code service} took part, and all of its spans. */
  private static List<JsonNode> trace(String service, int spans) throws Exception {
    List<JsonNode> found = new ArrayList<>();
    Eventually.within(
        SOON,
        () -> {
          JsonNode traces = zipkin.get("/api/v2/traces?serviceName=" + service);
          assertThat(traces).hasSize(1);
          assertThat(traces.get(0)).hasSize(spans);
          found.clear();
          found.addAll(spansOf(traces.get(0)));
        });
    return found;
  }

  /** Prints each span with its service and name, below its parent. */
  private static List<String> tree(List<JsonNode> spans) {
    Map<String, JsonNode> byId = new HashMap<>();
    spans.forEach(span -> byId.put(span.get("id").textValue(), span));
    List<String> lines = new ArrayList<>();
    for (JsonNode span : spans) {
      StringBuilder line = new StringBuilder();
      for (JsonNode one = span; one != null; one = byId.get(one.path("parentId").asText())) {
        String kind = one.path("kind").asText("local").toLowerCase(Locale.ROOT);
        String service = one.at("/localEndpoint/serviceName").textValue();
        line.insert(0, " > " + service + " " + kind + " " + one.get("name").textValue());
      }
      lines.add(line.substring(3));
    }
    lines.sort(null);
    return lines;
  }

  @Test
  void aCallThroughAProxyingServiceIsOneTrace() throws Exception {
    int back = startService("back", "--registry", "none").port();
    int front = startService("front", "--registry", "none", "--proxy", "127.0.0.1:" + back).port();
    JarProcess client = start("client", "get", "101", "--target", "http://127.0.0.1:" + front);
    assertThat(client.exitStatus()).isZero();
    assertThat(client.out()).containsExactly("jerry" + back);
    assertThat(client.err()).isEmpty();

    List<JsonNode> spans = trace("back", 5);
    String call = "client local get /user/{uid}";
    String attempt = call + " > client client get /user/{uid}";
    String served = attempt + " > front server " + ROUTE;
    String asked = served + " > front client get /user/{uid}";
    assertThat(tree(spans))
        .containsExactly(call, attempt, served, asked, asked + " > back server " + ROUTE);
    assertThat(spans)
        .extracting(span -> span.get("traceId").textValue())
        .containsOnly(spans.get(0).get("traceId").textValue());
    assertThat(spans).extracting(span -> span.get("id").textValue()).doesNotHaveDuplicates();
    for (JsonNode span : spans) {
      boolean isServer = span.path("kind").asText().equals("SERVER");
      assertThat(span.at("/tags/http.path").asText()).isEqualTo(isServer ? "/user/101" : "");
      assertThat(span.at("/tags/http.status_code").asText()).isEqualTo(isServer ? "200" : "");
      assertThat(span.get("duration").asLong()).isPositive();
    }
  }

  @Test
  void attemptsOfACallAreSiblings() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      startService("faulty", "--registry", registry, "--fail-ratio", "1").port();
      List<String> loop = List.of("loop", "--service", "faulty", "--registry", registry);
      List<String> all = new ArrayList<>(loop);
      all.addAll(List.of("--count", "1", "--attempts", "2"));
      JarProcess client = start("client", all.toArray(String[]::new));
      assertThat(client.exitStatus()).isEqualTo(1);
      assertThat(client.err()).singleElement().asString().contains("failed: 500");

      List<JsonNode> spans = trace("faulty", 5);
      String call = "client local get /user/{uid}";
      String attempt = call + " > client client get /user/{uid}";
      String served = attempt + " > faulty server " + ROUTE;
      assertThat(tree(spans)).containsExactly(call, attempt, attempt, served, served);
      assertThat(spans).allMatch(span -> span.at("/tags/error").isTextual(), "has failed");
    }
  }

  @Test
  void lastTracesAreSentOnASignal() throws Exception {
    int port = startService("left", "--registry", "none").port();
    JarProcess client =
        start("client", "loop", "--interval", "1h", "--target", "http://127.0.0.1:" + port);
    assertThat(client.nextLine()).isEqualTo("jerry" + port);
    client.signal("TERM"); // Spans are batched for a second.
    assertThat(client.exitStatus()).isEqualTo(143);
    assertThat(client.err()).isEmpty();
    assertThat(tree(trace("left", 3))).hasSize(3).contains("client local get /user/{uid}");
  }

  @Test
  void gatewayContinuesTheTraceOfItsCaller() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      int service = startService("behind", "--registry", registry).port();
      JarProcess gateway =
          start("client", "gateway", "--services", "behind", "--port", "0", "--registry", registry);
      String base = gateway.nextLine().replaceFirst("^gateway listening on ", "");
      String traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(base + "/behind/user/101"))
              .header("traceparent", "00-" + traceId + "-00f067aa0ba902b7-01")
              .build();
      HttpClient http = HttpClient.newHttpClient();
      Eventually.within(
          SOON, // The registration may take a moment; until then there is a trace without it.
          () ->
              assertThat(http.send(request, BodyHandlers.ofString()).body())
                  .isEqualTo("{\"result\":\"jerry" + service + "\"}"));

      String served = "gateway server get /{service}/{path...}";
      String asked = served + " > gateway client get /behind";
      Eventually.within(
          SOON,
          () ->
              assertThat(tree(spansOf(zipkin.get("/api/v2/trace/" + traceId))))
                  .contains(served, asked, asked + " > behind server " + ROUTE));
    }
  }

  private static List<JsonNode> spansOf(JsonNode trace) {
    List<JsonNode> spans = new ArrayList<>();
    trace.forEach(spans::add);
    return spans;
  }
}
