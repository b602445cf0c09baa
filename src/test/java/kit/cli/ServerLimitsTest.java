// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Context;
import kit.http.Request;
import kit.http.Response;
import kit.http.server.HttpService;
import kit.http.server.ServerEngine;
import kit.http.server.ServerSettings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.ForkedJvm;
import testing.RawClient;

/** The limits of docs/http.md on both engines: each is set, and acts. */
@Timeout(60)
class ServerLimitsTest {
  private static final Duration LONG = Duration.ofSeconds(15);
  private static final int MAX_CONNECTIONS = 12;
  private static final int MAX_IN_FLIGHT = 3;

  /** In a JVM of its own, because the JDK's engine reads its limits once. */
  static final class Service {
    public static void main(String... args) throws Exception {
      HttpService.Settings settings =
          HttpService.Settings.of("127.0.0.1", 0)
              .withHeadTimeout(Duration.ofMillis(400))
              .withServer(new ServerSettings(Duration.ofSeconds(1), Duration.ofSeconds(2)))
              .withMaxInFlight(MAX_IN_FLIGHT)
              .withEngine(args[0].equals("kit") ? KitEngine.ENGINE : ServerEngine.INSTALLED);
      HttpService http = HttpService.bind(settings);
      http.start((context, request) -> answer(http, request));
      System.out.println(http.port());
    }

    private static Response answer(HttpService http, Request request) throws Exception {
      switch (request.target().rawPath()) {
        case "/slow" -> new CountDownLatch(1).await(4, TimeUnit.SECONDS); // Over the time limit.
        case "/body" -> request.body(100);
        default -> {}
      }
      return Response.text(200, "fine");
    }
  }

  private static ForkedJvm service(String engine) throws IOException {
    List<String> options = new ArrayList<>();
    options.add(
        "-Dcom.sun.net.httpserver.HttpServerProvider=sun.net.httpserver.DefaultHttpServerProvider");
    options.add("-Djdk.httpserver.maxConnections=" + MAX_CONNECTIONS);
    Map.of("idleInterval", 3, "clockTick", 100, "timerMillis", 100)
        .forEach((name, value) -> options.add("-Dsun.net.httpserver." + name + "=" + value));
    Map.of("maxReqHeaderSize", 20_000, "maxReqHeaders", 20, "drainAmount", 1 << 20)
        .forEach((name, value) -> options.add("-Dsun.net.httpserver." + name + "=" + value));
    return new ForkedJvm(Service.class, options, engine);
  }

  /** Returns its port when it has loaded its classes, which may take longer than its limits. */
  private static int awaitServing(ForkedJvm jvm) throws Exception {
    int port = Integer.parseInt(jvm.line());
    Eventually.within(LONG, () -> assertServes(port));
    return port;
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void timeLimitsCloseConnectionsInTheirOrder(String engine) throws Exception {
    try (ForkedJvm jvm = service(engine)) {
      int port = awaitServing(jvm);

      BlockingQueue<String> closed = new LinkedBlockingQueue<>();
      List<RawClient> clients = new ArrayList<>();
      Map.of(
              "head", "GET / HTTP/1.1\r\nHost:",
              "body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
              "response", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n",
              "idle", "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          .forEach((limit, sent) -> clients.add(watched(port, limit, sent, closed)));
      long startedAtNanos = System.nanoTime();

      assertThat(closed.poll(20, TimeUnit.SECONDS)).isEqualTo("head");
      assertThat(closed.poll(20, TimeUnit.SECONDS)).isEqualTo("body");
      assertThat(closed.poll(20, TimeUnit.SECONDS)).isEqualTo("response");
      assertThat(closed.poll(20, TimeUnit.SECONDS)).isEqualTo("idle");
      assertThat(System.nanoTime() - startedAtNanos).isGreaterThan(2_500_000_000L);
      clients.forEach(RawClient::close);
    }
  }

  /** Sends, and adds {@code limit} to {@code closed} when the server closes the connection. */
  private static RawClient watched(
      int port, String limit, String sent, BlockingQueue<String> closed) {
    try {
      RawClient client = new RawClient(port).send(sent);
      if (limit.equals("idle")) {
        assertThat(client.answer().status()).isEqualTo(200);
      }
      Thread watcher =
          new Thread(
              () -> {
                try {
                  closed.add(client.isClosed() ? limit : limit + " received a byte");
                } catch (IOException e) {
                  closed.add(limit + ": " + e);
                }
              });
      watcher.start();
      return client;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void limitsOfSizeAndNumberAct(String engine) throws Exception {
    try (ForkedJvm jvm = service(engine)) {
      int port = awaitServing(jvm);

      // The JDK's engine closes without a response where ours says why.
      String fields = "";
      for (int i = 0; i < 20; i++) {
        fields += "\r\nX-" + i + ": y";
      }
      assertThat(first(port, "GET / HTTP/1.1\r\nHost: a" + fields + "\r\n\r\n"))
          .isEqualTo(engine.equals("kit") ? 431 : 0);
      String field = "X: " + "y".repeat(20_000);
      assertThat(first(port, "GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n"))
          .isEqualTo(engine.equals("kit") ? 431 : 0);

      String tooLong = "/" + "x".repeat(8_000);
      assertThat(first(port, "GET " + tooLong + " HTTP/1.1\r\nHost: a\r\n\r\n")).isEqualTo(414);
      String tooLongQuery = "/?" + "x".repeat(8_001);
      assertThat(first(port, "GET " + tooLongQuery + " HTTP/1.1\r\nHost: a\r\n\r\n"))
          .isEqualTo(414);

      assertThat(first(port, post("/body", 100) + "x".repeat(100))).isEqualTo(200);
      assertThat(first(port, post("/body", 101) + "x".repeat(101))).isEqualTo(413);
      assertThat(isOpenAfterUnreadBody(port, (1 << 20) - 1)).isTrue();
      assertThat(isOpenAfterUnreadBody(port, (1 << 20) + 1)).isFalse();
    }
  }

  private static String post(String path, int length) {
    return "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n";
  }

  /** Sends a request; returns the status, or 0 if the connection is closed without a response. */
  private static int first(int port, String request) throws IOException {
    try (RawClient client = new RawClient(port)) {
      return client.send(request).answer().status();
    } catch (IOException e) {
      return 0;
    }
  }

  private static boolean isOpenAfterUnreadBody(int port, int length) throws IOException {
    try (RawClient client = new RawClient(port)) {
      client.send(post("/", length));
      client.send("x".repeat(length > 1 << 20 ? 1_000 : length));
      RawClient.Answer answer = client.answer();
      assertThat(answer.status()).isEqualTo(200);
      return answer.header("Connection") == null
          && client.request("GET", "/").answer().status() == 200;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void limitsOfRequestsAndConnectionsAct(String engine) throws Exception {
    List<RawClient> clients = new ArrayList<>();
    try (ForkedJvm jvm = service(engine)) {
      int port = awaitServing(jvm);
      for (int i = 0; i < MAX_IN_FLIGHT; i++) {
        clients.add(new RawClient(port).request("GET", "/slow"));
      }
      Eventually.within(
          LONG, () -> assertThat(first(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).isEqualTo(503));
      assertThat(first(port, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n")).isEqualTo(200);

      while (clients.size() < MAX_CONNECTIONS) {
        clients.add(new RawClient(port));
      }
      try (RawClient tooMuch = new RawClient(port)) {
        assertThat(tooMuch.isClosed()).isTrue();
      }
      clients.forEach(RawClient::close);
      Eventually.within(LONG, () -> assertServes(port));
    }
  }

  private static void assertServes(int port) {
    try (RawClient client = new RawClient(port)) {
      assertThat(client.request("GET", "/").answer().body()).isEqualTo("fine");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void serversOfOneJvmHaveTheirOwnLimitsAndSetNoProperty() throws Exception {
    Properties before = (Properties) System.getProperties().clone();
    HttpService.Settings patient =
        HttpService.Settings.of("127.0.0.1", 0).withEngine(KitEngine.ENGINE);
    try (HttpService one = HttpService.bind(patient);
        HttpService other = HttpService.bind(patient.withHeadTimeout(Duration.ofMillis(300)));
        HttpService never = HttpService.bind(patient)) {
      one.start(ServerLimitsTest::fine);
      other.start(ServerLimitsTest::fine);
      try (RawClient slow = new RawClient(one.port()).send("GET / HTTP/1.1\r\n");
          RawClient late = new RawClient(other.port()).send("GET / HTTP/1.1\r\n")) {
        assertThat(late.isClosed()).isTrue();
        assertThat(slow.send("Host: a\r\n\r\n").answer().status()).isEqualTo(200);
      }
      assertThat(threads()).doesNotContain("http-head-timeout");

      never.close(); // Was not started.
      HttpService.bind(
              HttpService.Settings.of("127.0.0.1", never.port()).withEngine(KitEngine.ENGINE))
          .close();
    }
    assertThat(System.getProperties()).isEqualTo(before);
  }

  private static Response fine(Context context, Request request) {
    return Response.text(200, "fine");
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream().map(Thread::getName).toList();
  }
}
