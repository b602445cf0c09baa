// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.TestCertificate;

/** Clients that reset their connection, end it, or send no more, with and without TLS. */
@Timeout(60)
class EngineClientsTest {
  private static final String CLEAR = "clear";
  private static final String TLS = "tls";

  private static TestCertificate certificate;

  private final BlockingQueue<String> handled = new LinkedBlockingQueue<>();
  private final CountDownLatch never = new CountDownLatch(1);
  private final ExecutorService platformThreads = Executors.newFixedThreadPool(2);
  private HttpServer server;
  private Socket connection; // The last, without TLS.

  @BeforeAll
  static void makeCertificate(@TempDir Path folder) throws Exception {
    certificate = TestCertificate.in(folder);
  }

  @AfterEach
  void stop() {
    never.countDown();
    server.stop(0);
    platformThreads.shutdownNow();
  }

  private Socket serve(String transport, HttpHandler handler) throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    EngineProvider provider = new EngineProvider(EngineSettings.defaults());
    if (transport.equals(TLS)) {
      HttpsServer secured = provider.createHttpsServer(anyPort, 0);
      secured.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
      server = secured;
    } else {
      server = provider.createHttpServer(anyPort, 0);
    }
    server.createContext("/", handler);
    server.setExecutor(platformThreads);
    server.start();
    return connect(transport);
  }

  private Socket connect(String transport) throws Exception {
    connection = new Socket(InetAddress.getLoopbackAddress(), server.getAddress().getPort());
    if (transport.equals(CLEAR)) {
      return connection;
    }
    return TestCertificate.trusting(certificate.pem())
        .getSocketFactory()
        .createSocket(connection, "localhost", connection.getPort(), true);
  }

  private static void get(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.UTF_8));
  }

  /** Waits for ever, and says how that ended. */
  private void await() {
    handled.add("waiting");
    try {
      never.await();
      handled.add("woken");
    } catch (InterruptedException e) {
      handled.add("interrupted");
    }
  }

  private static void stream(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    exchange.getResponseBody().write('x');
    exchange.getResponseBody().flush();
  }

  @ParameterizedTest
  @ValueSource(strings = {CLEAR, TLS})
  void handlerIsInterruptedWhenItsClientResetsTheConnection(String transport) throws Exception {
    Socket client = serve(transport, exchange -> await());
    get(client);
    assertThat(handled.take()).isEqualTo("waiting");
    connection.setSoLinger(true, 0); // Without a close_notify of TLS.
    connection.close();
    assertThat(handled.poll(10, TimeUnit.SECONDS)).isEqualTo("interrupted");
  }

  @ParameterizedTest
  @ValueSource(strings = {CLEAR, TLS})
  void handlerIsInterruptedWhenItsClientEndsTheConnectionWithinAResponse(String transport)
      throws Exception {
    Socket client =
        serve(
            transport,
            exchange -> {
              stream(exchange);
              await();
            });
    get(client);
    assertThat(handled.take()).isEqualTo("waiting");
    client.close();
    assertThat(handled.poll(10, TimeUnit.SECONDS)).isEqualTo("interrupted");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void halfClosedClientGetsItsResponse(boolean isStream) throws Exception {
    CountDownLatch sent = new CountDownLatch(1);
    CountDownLatch looked = new CountDownLatch(1);
    Socket client =
        serve(
            CLEAR,
            exchange -> {
              try {
                sent.await();
                if (isStream) {
                  stream(exchange);
                }
                looked.await();
              } catch (InterruptedException e) {
                handled.add("interrupted");
              }
              if (!isStream) {
                exchange.sendResponseHeaders(200, 0);
              }
              exchange.getResponseBody().write("end".getBytes(StandardCharsets.UTF_8));
              exchange.close();
            });
    get(client);
    client.shutdownOutput();
    sent.countDown();
    assertThat(handled.poll(2500, TimeUnit.MILLISECONDS)).isNull(); // It looks each second.
    looked.countDown();
    String response = new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(response).startsWith("HTTP/1.1 200").contains("end").endsWith("0\r\n\r\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {CLEAR, TLS})
  void whatAClientSendsDuringALongRequestIsTheNextRequest(String transport) throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    Socket client =
        serve(
            transport,
            exchange -> {
              handled.add("request");
              try {
                release.await();
              } catch (InterruptedException e) {
                throw new IOException(e);
              }
              exchange.sendResponseHeaders(204, -1);
            });
    get(client);
    assertThat(handled.take()).isEqualTo("request");
    for (int i = 0; i < 100; i++) {
      get(client);
    }
    assertThat(handled.poll(2500, TimeUnit.MILLISECONDS)).isNull(); // It looks each second.
    release.countDown();
    for (int i = 0; i < 100; i++) {
      assertThat(handled.poll(10, TimeUnit.SECONDS)).isEqualTo("request");
    }
    client.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {CLEAR, TLS})
  void idleConnectionsShareTheThreads(String transport) throws Exception {
    Socket[] clients = new Socket[10];
    clients[0] = serve(transport, exchange -> exchange.sendResponseHeaders(204, -1));
    for (int i = 1; i < clients.length; i++) {
      clients[i] = connect(transport);
    }
    for (int round = 0; round < 3; round++) {
      for (Socket client : clients) {
        get(client);
        assertThat(new String(client.getInputStream().readNBytes(12), StandardCharsets.UTF_8))
            .isEqualTo("HTTP/1.1 204");
        while (client.getInputStream().read() != '\n' || client.getInputStream().read() != '\r') {
          // To the end of the head.
        }
        client.getInputStream().read();
      }
    }
    for (Socket client : clients) {
      client.close();
    }
  }
}
