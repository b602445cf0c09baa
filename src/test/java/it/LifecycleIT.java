// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kit.consul.ConsulClient;
import kit.http.Response;
import kit.http.server.HttpService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** Starts, stops and restarts of services without lost calls: the jars, and a real Consul. */
class LifecycleIT {
  private static final Duration SOON = Duration.ofSeconds(10); // On a machine that is busy.

  @RegisterExtension
  static final SharedServer<ConsulAgent> consul =
      new SharedServer<>(ConsulAgent::start, ConsulAgent::deregisterAll);

  private final HttpClient http = HttpClient.newHttpClient();
  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private JarProcess service(int port) {
    return jars.service(consul.get().registry(), port);
  }

  private JarProcess serviceAlone(String... more) {
    return jars.service("none", 0, more);
  }

  private static void awaitRegistered(int port) throws Exception {
    ConsulClient.HealthQuery passing = ConsulClient.HealthQuery.passing("userservice", List.of());
    Eventually.within(
        SOON,
        () ->
            assertThat(consul.get().client().health(passing).entries())
                .extracting(entry -> entry.service().port())
                .contains(port));
  }

  private CompletableFuture<HttpResponse<String>> sendGet(int port, String path) {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return http.sendAsync(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> get(int port, String path) throws Exception {
    return sendGet(port, path).get(20, TimeUnit.SECONDS);
  }

  private static void awaitRefused(int port) throws Exception {
    Eventually.within(
        SOON,
        () -> {
          try (Socket socket = new Socket()) {
            assertThatThrownBy(() -> socket.connect(new InetSocketAddress("127.0.0.1", port), 1000))
                .isInstanceOf(ConnectException.class);
          }
        });
  }

  private static JsonNode json(JarProcess load) throws IOException {
    assertThat(load.out()).as("stderr: %s", load.err()).hasSize(1);
    return new ObjectMapper().readTree(load.out().get(0));
  }

  // Deployments.

  @Test
  void rollingRestartUnderLoadFailsNoCallAndNoAttempt() throws Exception {
    List<JarProcess> services = new ArrayList<>(List.of(service(0), service(0)));
    List<Integer> ports = List.of(services.get(0).port(), services.get(1).port());
    for (int port : ports) {
      awaitRegistered(port);
    }
    // A long timeout, because this test does not measure time.
    JarProcess load =
        jars.client(
            consul.get().registry(),
            "load",
            "--rate",
            "100",
            "--duration",
            "1h",
            "--timeout",
            "20s",
            "--attempt-timeout",
            "15s",
            "--json");
    for (int i = 0; i < 2; i++) {
      int port = ports.get(i);
      services.get(i).signal("TERM");
      assertThat(services.get(i).exitStatus()).isEqualTo(143);
      assertThat(service(port).port()).isEqualTo(port);
      awaitRegistered(port);
    }
    load.signal("TERM");
    assertThat(load.exitStatus()).isEqualTo(143);
    JsonNode report = json(load);
    assertThat(report.get("failed").asInt()).as(report.toString()).isZero();
    assertThat(report.get("calls").asInt()).isGreaterThan(100);
    assertThat(report.get("instances")).hasSize(2);
    for (JsonNode instance : report.get("instances")) {
      assertThat(instance.get("ok").asInt()).isPositive();
      assertThat(instance.get("failedAttempts").asInt()).as(report.toString()).isZero();
    }
  }

  @Test
  void readyAndHealthChangeWhileRequestsAreStillServed() throws Exception {
    JarProcess service = serviceAlone("--drain-delay", "5s");
    int port = service.port();
    assertThat(get(port, "/ready").body()).isEqualTo("{\"status\":\"ready\"}");
    service.signal("TERM");
    Eventually.within(
        SOON, () -> assertThat(get(port, "/ready").body()).isEqualTo("{\"status\":\"draining\"}"));
    assertThat(get(port, "/ready").statusCode()).isEqualTo(503);
    assertThat(get(port, "/health").statusCode()).isEqualTo(503);
    HttpResponse<String> served = get(port, "/user/101");
    assertThat(served.statusCode()).isEqualTo(200);
    assertThat(served.headers().firstValue("Connection")).contains("close");
    assertThat(service.exitStatus()).isEqualTo(143);
  }

  @Test
  void requestInFlightCompletesAndTheProcessExitsSoonAfter() throws Exception {
    JarProcess service = serviceAlone("--delay", "2s", "--drain-delay", "200ms");
    int port = service.port();
    CompletableFuture<HttpResponse<String>> slow = sendGet(port, "/user/101");
    assertThat(get(port, "/health").statusCode()).isEqualTo(200); // Which came after it.
    service.signal("TERM");
    long signalledAtNanos = System.nanoTime();
    awaitRefused(port);
    assertThat(slow).isNotDone();
    assertThat(slow.get(20, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
    assertThat(service.exitStatus()).isEqualTo(143);
    Duration took = Duration.ofNanos(System.nanoTime() - signalledAtNanos);
    assertThat(took).isLessThan(Duration.ofSeconds(9)); // And not the 10 of --drain-timeout.
  }

  @Test
  void endlessRequestIsCutOffAndASecondSignalChangesNothing() throws Exception {
    JarProcess service =
        serviceAlone("--delay", "10m", "--drain-delay", "500ms", "--drain-timeout", "500ms");
    int port = service.port();
    CompletableFuture<HttpResponse<String>> endless = sendGet(port, "/user/101");
    assertThat(get(port, "/health").statusCode()).isEqualTo(200);
    service.signal("INT");
    Eventually.within(SOON, () -> assertThat(get(port, "/health").statusCode()).isEqualTo(503));
    service.signal("INT");
    service.signal("TERM");
    assertThat(service.exitStatus()).isEqualTo(130);
    assertThat(endless).failsWithin(SOON);
    assertThat(service.out()).hasSize(1);
  }

  @Test
  void suspendedInstanceIsCalledAgainAfterItResumes() throws Exception {
    JarProcess hanging = service(0);
    int port = hanging.port();
    awaitRegistered(port);
    awaitRegistered(service(0).port());
    JarProcess loop =
        jars.client(
            consul.get().registry(),
            "loop",
            "--interval",
            "10ms",
            "--attempt-timeout",
            "200ms",
            "--timeout",
            "20s");
    String name = "jerry" + port;
    while (!loop.nextLine().equals(name)) {
      // Until it has been called.
    }
    hanging.signal("STOP");
    for (int others = 0; others < 20; ) {
      others = loop.nextLine().equals(name) ? 0 : others + 1;
    }
    hanging.signal("CONT");
    long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!loop.nextLine().equals(name)) {
      assertThat(System.nanoTime())
          .as("the time until it is called again")
          .isLessThan(deadlineNanos);
    }
    assertThat(loop.err()).isEmpty();
  }

  // load

  @Test
  void loadCountsEachKindOfFailure() throws Exception {
    int port = serviceAlone("--rate", "0.001", "--burst", "5").port();
    String target = "http://127.0.0.1:" + port;
    JarProcess load = jars.start("client", "load", "--target", target, "--count", "20", "--json");
    assertThat(load.exitStatus()).isEqualTo(1);
    assertThat(load.err()).isEmpty();
    JsonNode report = json(load);
    assertThat(report.get("calls").asInt()).isEqualTo(20);
    assertThat(report.get("ok").asInt()).isEqualTo(5);
    assertThat(report.get("failures")).hasSize(1);
    assertThat(report.get("failures").get(0).get("kind").asText()).isEqualTo("429");
    assertThat(report.get("failures").get(0).get("calls").asInt()).isEqualTo(15);
  }

  @Test
  void loadShowsTheShareOfEachInstanceAndNoProgressInAPipe() throws Exception {
    Set<Integer> ports = Set.of(service(0).port(), service(0).port());
    for (int port : ports) {
      awaitRegistered(port);
    }
    JarProcess load =
        jars.client(
            consul.get().registry(),
            "load",
            "--count",
            "40",
            "--concurrency",
            "4",
            "--timeout",
            "20s",
            "--attempt-timeout",
            "15s");
    assertThat(load.exitStatus()).isZero();
    assertThat(load.err()).isEmpty();
    assertThat(load.out().get(0)).startsWith("calls          40   in ");
    assertThat(load.out()).contains("ok             40", "failed          0");
    for (int port : ports) {
      assertThat(load.out())
          .anyMatch(line -> line.matches("127.0.0.1:" + port + " .* 20 .*50.0%.*"));
    }
  }

  @Test
  void loadIsAGateWithAVerdict() throws Exception {
    String slow = "http://127.0.0.1:" + serviceAlone("--delay", "300ms").port();
    String failing = "http://127.0.0.1:" + serviceAlone("--fail-ratio", "1").port();

    verdict(
        0,
        "PASS failed 0 <= 0, p99 .* <= 20000.00 ms, gap .* <= 20000.00 ms",
        slow,
        "--max-failed",
        "0",
        "--max-p99",
        "20s",
        "--max-gap",
        "20s");
    verdict(1, "FAIL no call succeeded, failed 8 > 7", failing, "--max-failed", "7");
    verdict(1, "FAIL p99 .* ms > 200.00 ms", slow, "--max-p99", "200ms");
    verdict(1, "FAIL gap .* ms > 200.00 ms", slow, "--max-gap", "200ms");
  }

  private void verdict(int status, String verdict, String target, String... bounds)
      throws Exception {
    List<String> args = new ArrayList<>(List.of("load", "--target", target, "--count", "8"));
    args.addAll(List.of("--timeout", "20s"));
    args.addAll(List.of(bounds));
    JarProcess load = jars.start("client", args.toArray(String[]::new));
    assertThat(load.exitStatus()).isEqualTo(status);
    assertThat(load.err()).isEmpty();
    List<String> out = load.out();
    assertThat(out.get(out.size() - 1)).matches(verdict);
  }

  @Test
  void signalEndsALoadAtOnceWithItsTable() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    CountDownLatch inFlight = new CountDownLatch(2);
    CountDownLatch never = new CountDownLatch(1);
    try (HttpService fake = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0))) {
      fake.start(
          (context, request) -> {
            if (calls.incrementAndGet() >= 10) { // Which are in flight when the signal comes.
              inFlight.countDown();
              never.await();
            }
            return Response.json(200, "{\"result\":\"x\"}".getBytes());
          });
      JarProcess load =
          jars.start(
              "client",
              "load",
              "--target",
              "http://127.0.0.1:" + fake.port(),
              "--duration",
              "1h",
              "--timeout",
              "1h",
              "--concurrency",
              "2");
      assertThat(inFlight.await(30, TimeUnit.SECONDS)).isTrue();
      load.signal("INT");
      assertThat(load.exitStatus()).isEqualTo(130);
      assertThat(load.err()).isEmpty();
      assertThat(load.out()).contains("ok              9", "failed          0");
      never.countDown();
    }
  }

  // watch

  @Test
  void watchPrintsChangesAndOutagesOfTheRegistry() throws Exception {
    try (ConsulAgent own = ConsulAgent.start()) {
      String registry = own.registry();
      JarProcess watch = jars.client(registry, "watch");
      JarProcess service = jars.service(registry, 0, "--drain-delay", "0s");
      String time = "20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ ";
      String instance = "127\\.0\\.0\\.1:" + service.port() + " \\[primary\\]";
      assertThat(watch.nextLine()).matches(time + "\\+ " + instance);
      service.signal("TERM");
      assertThat(watch.nextLine()).matches(time + "- " + instance);
      own.kill();
      assertThat(watch.nextLine()).matches(time + "! no registry: .*; known: 0");
      own.restart();
      assertThat(watch.nextLine()).matches(time + "! the registry is back");
      watch.signal("TERM");
      assertThat(watch.exitStatus()).isEqualTo(143);
      assertThat(watch.err()).isEmpty();
    }
  }
}
