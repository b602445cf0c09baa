// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.ForkedJvm;
import testing.RawClient;

/** Clients that vanish, handlers that fail with errors, and a process without resources. */
@Timeout(120)
class EngineFaultsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int MAX_CONNECTIONS = 30;
  private static final String CONVERSATION =
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
          + "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
          + "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
          + "POST /d HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
          + "HEAD /e HTTP/1.1\r\nHost: a\r\n\r\n";

  private final ErrorLog errors = new ErrorLog();
  private final List<RawClient> clients = new ArrayList<>();
  private HttpServer server;

  @AfterEach
  void close() {
    clients.forEach(RawClient::close);
    if (server != null) {
      server.stop(0);
    }
    errors.close();
  }

  private HttpContext bind(int backlog) throws IOException {
    EngineSettings settings = EngineSettings.defaults().withMaxConnections(MAX_CONNECTIONS);
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = new EngineProvider(settings).createHttpServer(anyPort, backlog);
    return server.createContext("/", new EchoHandler());
  }

  private RawClient connect() throws IOException {
    RawClient client = new RawClient(server.getAddress().getPort());
    clients.add(client);
    return client;
  }

  /** Uses all the connections that the server allows: none is lost. */
  private void requireAllConnections() throws IOException {
    clients.forEach(RawClient::close);
    clients.clear();
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
      connect();
    }
    for (RawClient client : clients) {
      assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"end", "reset", "responses unread"})
  void clientMayVanishAtAnyByte(String how) throws Exception {
    bind(0);
    server.start();
    for (int length = 0; length <= CONVERSATION.length(); length++) {
      String sent = CONVERSATION.substring(0, length);
      if (how.equals("end")) {
        int port = server.getAddress().getPort();
        assertThat(RawConversation.answers(port, sent, most -> most))
            .startsWith(
                new Reference(sent, EngineSettings.defaults()).echoes().toArray(String[]::new));
        continue;
      }
      try (RawClient client = new RawClient(server.getAddress().getPort())) {
        client.send(sent);
        if (how.equals("reset")) {
          client.reset();
        }
      }
    }
    Eventually.within(PATIENCE, this::requireAllConnections);
    assertThat(errors.texts()).isEmpty();
  }

  /** Fails as a handler may. */
  private static void fail(String how) throws IOException {
    switch (how) {
      case "memory" -> assertThat(new byte[Integer.MAX_VALUE]).isEmpty();
      case "recursion" -> recurse(0);
      case "linkage" -> throw new NoClassDefFoundError("a/B");
      case "assertion" -> throw new AssertionError("secret");
      default -> throw new IOException("secret");
    }
  }

  private static int recurse(int depth) {
    return recurse(depth + 1) + 1;
  }

  @ParameterizedTest
  @CsvSource({
    "memory,    handler", "recursion, handler", "linkage, handler", "assertion, handler",
    "exception, handler", "linkage,   filter", "memory,  filter", "linkage,   authenticator",
  })
  void errorIsA500AndTheServerGoesOn(String how, String where) throws Exception {
    HttpContext failing = bind(0);
    server.createContext("/ok", new EchoHandler());
    server.removeContext(failing);
    failing = server.createContext("/", exchange -> fail(how));
    if (where.equals("filter")) {
      failing.getFilters().add(Filter.beforeHandler("fails", exchange -> failUnchecked(how)));
    } else if (where.equals("authenticator")) {
      failing.setAuthenticator(new Failing(how));
    }
    server.start();
    for (int i = 0; i < 2 * MAX_CONNECTIONS; i++) {
      RawClient client = connect();
      RawClient.Answer answer = client.request("GET", "/").answer();
      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.body()).doesNotContain("secret");
      assertThat(client.isClosed()).isTrue();
    }
    assertThat(connect().request("GET", "/ok").answer().status()).isEqualTo(200);
  }

  private static void failUnchecked(String how) {
    try {
      fail(how);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static final class Failing extends Authenticator {
    private final String how;

    Failing(String how) {
      this.how = how;
    }

    @Override
    public Result authenticate(HttpExchange exchange) {
      failUnchecked(how);
      return new Failure(401);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"memory", "recursion", "linkage"})
  void errorWithinAResponseClosesTheConnection(String how) throws Exception {
    HttpContext echo = bind(0);
    server.removeContext(echo);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, 100);
          exchange.getResponseBody().write(new byte[10]);
          fail(how);
        });
    server.start();
    for (int i = 0; i < 2 * MAX_CONNECTIONS; i++) {
      RawClient client = connect();
      client.request("GET", "/");
      assertThat(client.rest()).doesNotContain("HTTP/1.1 500");
    }
  }

  @Test
  void clientsBeyondAFullBacklogAreServedOnceTheServerAccepts() throws Exception {
    bind(2);
    AtomicInteger served = new AtomicInteger();
    ExecutorService threads = Executors.newFixedThreadPool(MAX_CONNECTIONS);
    try {
      CountDownLatch sending = new CountDownLatch(2);
      List<CompletableFuture<Void>> calls = new ArrayList<>();
      for (int i = 0; i < MAX_CONNECTIONS; i++) {
        calls.add(CompletableFuture.runAsync(() -> call(sending, served), threads));
      }
      assertThat(sending.await(30, TimeUnit.SECONDS)).isTrue(); // The others do not connect yet.
      server.start();
      for (CompletableFuture<Void> call : calls) {
        call.get(60, TimeUnit.SECONDS);
      }
      assertThat(served).hasValue(MAX_CONNECTIONS);
    } finally {
      threads.shutdownNow();
    }
  }

  private void call(CountDownLatch sending, AtomicInteger served) {
    try (RawClient client = new RawClient(server.getAddress().getPort())) {
      client.request("GET", "/");
      sending.countDown();
      assertThat(client.answer().status()).isEqualTo(200);
      served.incrementAndGet();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A server in a process that may open few files. */
  static final class Poor {
    public static void main(String... args) throws IOException {
      InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
      HttpServer server = new EngineProvider().createHttpServer(anyPort, 0);
      server.createContext("/", new EchoHandler());
      server.start();
      System.out.println(server.getAddress().getPort());
      while (System.in.read() >= 0) {
        // Until the test has seen enough.
      }
      server.stop(0);
    }
  }

  @Test
  void acceptingGoesOnAfterAllFilesWereOpen() throws Exception {
    try (ForkedJvm poor = ForkedJvm.withFiles(100, Poor.class)) {
      int port = Integer.parseInt(poor.line());
      RawClient first = new RawClient(port);
      clients.add(first);
      assertThat(first.request("GET", "/").answer().status()).isEqualTo(200);
      for (int i = 0; i < 150; i++) {
        clients.add(new RawClient(port).request("GET", "/"));
      }

      Duration before = poor.cpuTime();
      assertThat(new CountDownLatch(1).await(1, TimeUnit.SECONDS)).isFalse();
      assertThat(poor.cpuTime().minus(before)).isLessThan(Duration.ofMillis(800)); // Not spinning.

      clients.forEach(RawClient::close);
      Eventually.within(
          PATIENCE,
          () -> {
            try (RawClient client = new RawClient(port)) {
              assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
            }
          });
    }
  }
}
