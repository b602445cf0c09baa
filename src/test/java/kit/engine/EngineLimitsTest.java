// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.RawClient;

/** The limits of a server: each is set, and acts. */
@Timeout(60)
class EngineLimitsTest {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration SHORT = Duration.ofMillis(200);

  private final List<RawClient> clients = new ArrayList<>();
  private HttpServer server;

  @AfterEach
  void close() {
    clients.forEach(RawClient::close);
    if (server != null) {
      server.stop(0);
    }
  }

  private RawClient serve(EngineSettings settings, Executor executor, HttpHandler handler)
      throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = new EngineProvider(settings).createHttpServer(anyPort, 0);
    server.createContext("/", handler);
    server.setExecutor(executor);
    server.start();
    return connect();
  }

  private RawClient serve(EngineSettings settings, HttpHandler handler) throws IOException {
    return serve(settings, null, handler);
  }

  private RawClient connect() throws IOException {
    RawClient client = new RawClient(server.getAddress().getPort());
    clients.add(client);
    return client;
  }

  private static EngineSettings patient() {
    return EngineSettings.defaults().withTimeouts(LONG, LONG, LONG).withIdle(LONG, LONG);
  }

  private static void ok(HttpExchange exchange) throws IOException {
    exchange.getRequestBody().readAllBytes();
    exchange.sendResponseHeaders(200, 2);
    exchange.getResponseBody().write(new byte[] {'o', 'k'});
    exchange.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "first byte | ''",
        "head       | GET / HTTP/1.1~Host:",
        "body       | POST / HTTP/1.1~Host: a~Content-Length: 3~~a",
        "response   | GET /never HTTP/1.1~Host: a~~",
        "idle       | GET / HTTP/1.1~Host: a~~",
      })
  void connectionIsClosedWhenATimeHasPassed(String limit, String sent) throws Exception {
    Duration first = limit.equals("first byte") ? SHORT : LONG;
    Duration head = limit.equals("head") ? SHORT : LONG;
    Duration request = limit.equals("body") ? SHORT : LONG;
    Duration response = limit.equals("response") ? SHORT : LONG;
    Duration idle = limit.equals("idle") ? SHORT : LONG;
    EngineSettings settings =
        EngineSettings.defaults().withTimeouts(head, request, response).withIdle(first, idle);
    RawClient client =
        serve(
            settings,
            exchange -> {
              if (!exchange.getRequestURI().getPath().equals("/never")) {
                ok(exchange);
              }
            });
    client.send(sent.replace("~", "\r\n"));
    if (limit.equals("idle")) {
      assertThat(client.answer().body()).isEqualTo("ok");
    }
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void connectionAboveTheLimitIsClosedAtOnce() throws Exception {
    RawClient first = serve(patient().withMaxConnections(2), EngineLimitsTest::ok);
    RawClient second = connect();
    assertThat(first.request("GET", "/").answer().body()).isEqualTo("ok");
    assertThat(second.request("GET", "/").answer().body()).isEqualTo("ok");
    assertThat(connect().isClosed()).isTrue();
    first.close();
    Eventually.within(
        Duration.ofSeconds(10),
        () -> assertThat(connect().request("GET", "/").answer().body()).isEqualTo("ok"));
  }

  @ParameterizedTest
  @CsvSource({"8, 0, 200", "9, 0, 431", "1, 1800, 200", "1, 2100, 431"})
  void headHasALimitOfFieldsAndBytes(int fields, int bytes, int status) throws Exception {
    RawClient client = serve(patient().withHead(2048, 9), EngineLimitsTest::ok); // Host is one.
    StringBuilder head = new StringBuilder("GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < fields; i++) {
      head.append("X-").append(i).append(": ").append("y".repeat(bytes)).append("\r\n");
    }
    assertThat(client.send(head + "\r\n").answer().status()).isEqualTo(status);
  }

  @Test
  void requestLineThatIsTooLongIsA414AndTrailersHaveTheSameLimits() throws Exception {
    RawClient client = serve(patient().withHead(2048, 9), EngineLimitsTest::ok);
    assertThat(client.request("GET", "/" + "x".repeat(3000)).answer().status()).isEqualTo(414);

    RawClient other = connect();
    other.request("POST", "/", "Transfer-Encoding: chunked");
    other.send("0\r\nX: " + "y".repeat(3000) + "\r\n\r\n");
    assertThat(other.answer().status()).isEqualTo(500); // The handler did not expect it.
  }

  @Test
  void idleConnectionsNeedNoPlatformThread() throws Exception {
    ExecutorService two = Executors.newFixedThreadPool(2);
    try {
      serve(patient(), two, EngineLimitsTest::ok);
      for (int i = 0; i < 20; i++) {
        connect();
      }
      for (int round = 0; round < 3; round++) {
        for (RawClient client : clients) {
          assertThat(client.request("GET", "/").answer().body()).isEqualTo("ok");
        }
      }
    } finally {
      two.shutdownNow();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 20, 28})
  void incompleteHeadsNeedNoPlatformThread(int sentBytes) throws Exception {
    String request = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    ExecutorService two = Executors.newFixedThreadPool(2);
    try {
      serve(patient(), two, EngineLimitsTest::ok);
      for (int i = 0; i < 20; i++) {
        connect();
      }
      for (RawClient client : clients) {
        client.send(request.substring(0, sentBytes));
      }
      assertThat(connect().request("GET", "/").answer().body()).isEqualTo("ok");
      for (RawClient client : clients.subList(0, 20)) {
        client.send(request.substring(sentBytes));
        assertThat(client.answer().body()).isEqualTo("ok");
        assertThat(client.request("GET", "/").answer().body()).isEqualTo("ok");
      }
    } finally {
      two.shutdownNow();
    }
  }

  @Test
  void headThatArrivesInPiecesIsLimitedFromItsFirstByteOn() throws Exception {
    ExecutorService two = Executors.newFixedThreadPool(2);
    ScheduledExecutorService sender = Executors.newSingleThreadScheduledExecutor();
    try {
      EngineSettings settings = patient().withTimeouts(Duration.ofMillis(500), LONG, LONG);
      RawClient client = serve(settings, two, EngineLimitsTest::ok);
      client.send("GET / HTTP/1.1\r\n");
      sender.scheduleAtFixedRate(() -> sendOrEnd(client), 120, 120, TimeUnit.MILLISECONDS);
      assertThat(client.isClosed()).isTrue();
    } finally {
      sender.shutdownNow();
      two.shutdownNow();
    }
  }

  private static void sendOrEnd(RawClient client) {
    try {
      client.send("A");
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Ends the schedule.
    }
  }

  @Test
  void parkedConnectionIsClosedInTime() throws Exception {
    ExecutorService two = Executors.newFixedThreadPool(2);
    try {
      RawClient client =
          serve(patient().withIdle(LONG, Duration.ofMillis(500)), two, EngineLimitsTest::ok);
      assertThat(client.request("GET", "/").answer().body()).isEqualTo("ok");
      assertThat(client.isClosed()).isTrue();
    } finally {
      two.shutdownNow();
    }
  }

  @Test
  void connectionThatTheExecutorRejectsIsClosed() throws Exception {
    RawClient client =
        serve(
            patient(),
            task -> {
              throw new RejectedExecutionException();
            },
            EngineLimitsTest::ok);
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void settingsHaveBounds() {
    EngineSettings defaults = EngineSettings.defaults();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> defaults.withMaxConnections(0))
        .withMessageContaining("maxConnections < 1: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> defaults.withHead(1023, 1))
        .withMessageContaining("maxHeadBytes < 1024: 1023");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> defaults.withIdle(Duration.ZERO, LONG))
        .withMessageContaining("firstByte not in 1 ms to 365 days");
  }
}
