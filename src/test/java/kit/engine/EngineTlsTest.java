// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.RawClient;
import testing.TestCertificate;

/** HTTPS on the engine. */
@Timeout(60)
class EngineTlsTest {
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir private Path folder;
  private TestCertificate certificate;
  private HttpClient client;
  private HttpsServer server;
  private int mostHandshakes = 100;
  private Executor threads; // Null: the engine's own.

  @BeforeEach
  void makeCertificate() throws Exception {
    certificate = TestCertificate.in(folder);
    client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(TestCertificate.trusting(certificate.pem()))
            .build();
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  private void serve(HttpsConfigurator configurator) throws IOException {
    serve(configurator, LONG);
  }

  private void serve(HttpsConfigurator configurator, Duration handshake) throws IOException {
    EngineSettings settings =
        EngineSettings.defaults()
            .withMaxHandshakes(mostHandshakes)
            .withTimeouts(LONG, LONG, LONG)
            .withIdle(handshake, LONG);
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server = new EngineProvider(settings).createHttpsServer(anyPort, 0);
    server.setHttpsConfigurator(configurator);
    server.createContext(
        "/",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          String protocol = ((HttpsExchange) exchange).getSSLSession().getProtocol();
          byte[] text = (protocol + " " + body.length).getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, text.length);
          exchange.getResponseBody().write(text);
          exchange.close();
        });
    server.setExecutor(threads);
    server.start();
  }

  private String post(int length) throws Exception {
    URI uri = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/");
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[length]))
            .build();
    return client.send(request, BodyHandlers.ofString()).body();
  }

  @Test
  void requestsOverTlsAreServedOnOneConnection() throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()));
    assertThat(post(0)).isEqualTo("TLSv1.3 0");
    assertThat(post(100_000)).isEqualTo("TLSv1.3 100000");
    assertThat(server.getHttpsConfigurator()).isNotNull();
  }

  @Test
  void configuratorSetsTheParametersOfEachConnection() throws Exception {
    serve(
        new HttpsConfigurator(certificate.serverTls()) {
          @Override
          public void configure(HttpsParameters parameters) {
            assertThat(parameters.getClientAddress()).isNotNull();
            SSLParameters old = getSSLContext().getDefaultSSLParameters();
            old.setProtocols(new String[] {"TLSv1.2"});
            parameters.setSSLParameters(old);
          }
        });
    assertThat(post(1)).isEqualTo("TLSv1.2 1");
  }

  @Test
  void incompleteHeadsNeedNoPlatformThread() throws Exception {
    ExecutorService two = Executors.newFixedThreadPool(2);
    threads = two;
    serve(new HttpsConfigurator(certificate.serverTls()));
    List<Socket> clients = new ArrayList<>();
    try {
      for (int i = 0; i < 5; i++) {
        Socket socket =
            TestCertificate.trusting(certificate.pem())
                .getSocketFactory()
                .createSocket("localhost", server.getAddress().getPort());
        clients.add(0, socket);
        socket.getOutputStream().write("GET / HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII));
      }
      for (Socket socket : clients) {
        socket.getOutputStream().write("Host: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        assertThat(socket.getInputStream().readNBytes(12)).asString().isEqualTo("HTTP/1.1 200");
      }
    } finally {
      for (Socket socket : clients) {
        socket.close();
      }
      two.shutdownNow();
    }
  }

  @Test
  void lookingForTheClientDisturbsNoResponse() throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()));
    server.removeContext("/");
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          for (int i = 0; i < 1000; i++) {
            exchange.getResponseBody().write(new byte[100]);
            exchange.getResponseBody().flush();
          }
          exchange.close();
        });
    CompletableFuture<String> response = CompletableFuture.supplyAsync(this::get);
    while (!response.isDone()) {
      ((EngineHttpsServer) server).engine().check(true);
    }
    assertThat(response.join()).hasSize(100_000);
  }

  private String get() {
    try {
      return post(0);
    } catch (Exception e) {
      throw new CompletionException(e);
    }
  }

  @Test
  void clientWithoutTlsIsRejectedAtOnce() throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()));
    try (RawClient clear = new RawClient(server.getAddress().getPort())) {
      clear.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertThat(clear.rest())
          .startsWith("HTTP/1.1 400 ")
          .endsWith("\r\n\r\nthis port requires TLS: use https\n");
    }
  }

  @Test
  void handshakesThatDoNotEndMakeRoomForOthers() throws Exception {
    mostHandshakes = 3;
    serve(new HttpsConfigurator(certificate.serverTls()));
    String hello = clientHello();
    List<RawClient> slow = new ArrayList<>();
    AtomicInteger closed = new AtomicInteger();
    try {
      for (int i = 0; i < 10; i++) {
        RawClient one = new RawClient(server.getAddress().getPort()).send(hello.substring(0, 9));
        slow.add(one);
        new Thread(() -> countIfClosed(one, closed)).start();
      }
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(closed).hasValue(7));
      assertThat(post(1)).isEqualTo("TLSv1.3 1");
      assertThat(closed).hasValueLessThanOrEqualTo(8);
    } finally {
      for (RawClient client : slow) {
        client.close();
      }
    }
  }

  private static void countIfClosed(RawClient client, AtomicInteger closed) {
    try {
      if (client.isClosed()) {
        closed.incrementAndGet();
      }
    } catch (IOException e) {
      // The test has closed it.
    }
  }

  @ParameterizedTest
  @CsvSource({"h2;http/1.1, http/1.1", "http/1.1, http/1.1", "'', ''"})
  void http1IsAgreedByAlpn(String offered, String agreed) throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()));
    int port = server.getAddress().getPort();
    SSLContext trusting = TestCertificate.trusting(certificate.pem());
    try (SSLSocket socket =
        (SSLSocket) trusting.getSocketFactory().createSocket("127.0.0.1", port)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setApplicationProtocols(offered.isEmpty() ? new String[0] : offered.split(";"));
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      assertThat(socket.getApplicationProtocol()).isEqualTo(agreed);
    }
  }

  /** The client is silent, or sends a part of its first message, or all of it and nothing then. */
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.01, 0.5, 0.99, 1})
  void handshakeThatIsNotFinishedEndsInTime(double part) throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()), SHORT);
    String hello = clientHello();
    try (RawClient silent = new RawClient(server.getAddress().getPort())) {
      silent.send(hello.substring(0, (int) (part * hello.length()))).rest();
      assertThat(silent.isClosed()).isTrue();
    }
  }

  /** Returns the first message of a client. */
  private String clientHello() throws Exception {
    SSLEngine engine = TestCertificate.trusting(certificate.pem()).createSSLEngine();
    engine.setUseClientMode(true);
    ByteBuffer message = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
    engine.wrap(ByteBuffer.allocate(0), message);
    return new String(message.array(), 0, message.position(), StandardCharsets.ISO_8859_1);
  }

  @Test
  void clientWithTlsOnAClearPortIsRejectedAtOnce() throws Exception {
    AtomicInteger handled = new AtomicInteger();
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    EngineSettings patient =
        EngineSettings.defaults().withTimeouts(LONG, LONG, LONG).withIdle(LONG, LONG);
    HttpServer clear = new EngineProvider(patient).createHttpServer(anyPort, 0);
    clear.createContext("/", exchange -> handled.incrementAndGet());
    clear.start();
    try (RawClient tls = new RawClient(clear.getAddress().getPort())) {
      tls.send(clientHello());
      assertThat(tls.answer().status()).isEqualTo(400);
      assertThat(tls.isClosed()).isTrue();
      assertThat(handled).hasValue(0);
    } finally {
      clear.stop(0);
    }
  }
}
