// SPDX-License-Identifier: Apache-2.0
package embedding;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import kit.engine.EngineClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A program that knows only the JDK's client runs on the engine's when one line is changed. */
@Timeout(60)
class JdkClientTest {
  @TempDir private Path folder;

  private final CountDownLatch over = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private HttpServer server;

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/echo", JdkClientTest::echo);
    server.createContext(
        "/length", it -> send(it, String.valueOf(it.getRequestBody().readAllBytes().length)));
    server.createContext("/large", it -> send(it, "x".repeat(1_000_000)));
    server.createContext("/lines", JdkClientTest::lines);
    server.createContext("/status", JdkClientTest::status);
    server.createContext("/silent", this::waitForTheEnd);
    server.createContext("/cut", JdkClientTest::cut);
    server.start();
  }

  @AfterEach
  void stop() {
    over.countDown();
    server.stop(0);
    threads.shutdownNow();
  }

  @Test
  void programSeesTheSameOnBothClients() throws Exception {
    HttpClient jdk = HttpClient.newHttpClient();
    List<String> expected = JdkClient.run(jdk, uri(), folder("jdk"));
    HttpClient kit = EngineClient.create();
    assertThat(JdkClient.run(kit, uri(), folder("kit"))).isEqualTo(expected);

    assertThat(expected).hasSizeGreaterThan(60).endsWith("200 GET /echo  ");
    assertThat(expected.get(0)).isEqualTo("200 HTTP_1_1 GET /echo a=%20b x ");
  }

  private URI uri() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  private Path folder(String name) throws IOException {
    return Files.createDirectory(folder.resolve(name));
  }

  private static void echo(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    String test = exchange.getRequestHeaders().getFirst("X-Test");
    String query = exchange.getRequestURI().getRawQuery();
    exchange.getResponseHeaders().set("X-Number", "1");
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", "17");
      exchange.sendResponseHeaders(200, -1);
      return;
    }
    send(
        exchange,
        String.join(
            " ",
            exchange.getRequestMethod(),
            exchange.getRequestURI().getRawPath(),
            query == null ? "" : query,
            test == null ? body : test + " " + body));
  }

  private static void lines(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      for (int i = 0; i < 3; i++) {
        out.write(("line " + i + "\n").getBytes(UTF_8));
        out.flush();
      }
    }
  }

  private static void status(HttpExchange exchange) throws IOException {
    int status = Integer.parseInt(exchange.getRequestURI().getPath().replaceFirst("/status/", ""));
    exchange.getResponseHeaders().set("Location", "/echo");
    exchange.sendResponseHeaders(status, -1);
    exchange.close();
  }

  private void waitForTheEnd(HttpExchange exchange) {
    try {
      over.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    exchange.close();
  }

  /** Closes the connection in the middle of the body. */
  private static void cut(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 100);
    exchange.getResponseBody().write(new byte[10]);
    exchange.getResponseBody().flush();
    exchange.close();
  }

  private static void send(HttpExchange exchange, String text) throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    exchange.sendResponseHeaders(200, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }
}
