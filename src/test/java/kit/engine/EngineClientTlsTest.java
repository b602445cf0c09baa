// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.TestCertificate;

/** The client with TLS: the certificate of the server is for 127.0.0.1 alone. */
@Timeout(60)
class EngineClientTlsTest {
  private static final Duration SHORT = Duration.ofMillis(200);

  private static TestCertificate certificate;

  private final Set<Integer> ports = ConcurrentHashMap.newKeySet();
  private final CountDownLatch end = new CountDownLatch(1);
  private EngineClient client;
  private HttpsServer server;

  @BeforeAll
  static void makeCertificate(@TempDir Path folder) throws Exception {
    certificate = TestCertificate.in(folder);
  }

  @BeforeEach
  void serve() throws Exception {
    server =
        new EngineProvider()
            .createHttpsServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
    server.createContext(
        "/",
        exchange -> {
          ports.add(exchange.getRemoteAddress().getPort());
          exchange.sendResponseHeaders(200, 0);
          exchange.getRequestBody().transferTo(exchange.getResponseBody());
          exchange.close();
        });
    server.createContext(
        "/stall",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('x');
          exchange.getResponseBody().flush();
          await();
        });
    server.start();
    client = new EngineClient(settings());
  }

  private static EngineClientSettings settings() throws Exception {
    return EngineClientSettings.defaults()
        .withSslContext(TestCertificate.trusting(certificate.pem()));
  }

  private void await() throws IOException {
    try {
      end.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @AfterEach
  void stop() {
    end.countDown();
    client.close();
    server.stop(0);
  }

  private HttpRequest.Builder to(String host, String path) {
    URI uri = URI.create("https://" + host + ":" + server.getAddress().getPort() + path);
    return HttpRequest.newBuilder(uri);
  }

  @Test
  void bodiesAreSentAndReceived() throws Exception {
    for (int length : new int[] {3, 20_000, 3 << 20}) {
      HttpRequest request =
          to("127.0.0.1", "/").POST(BodyPublishers.ofByteArray(new byte[length])).build();
      HttpResponse<byte[]> response = client.send(request, BodyHandlers.ofByteArray());
      assertThat(response.body()).hasSize(length);
      assertThat(response.sslSession().orElseThrow().getProtocol()).startsWith("TLS");
      try (InputStream in = client.send(request, BodyHandlers.ofInputStream()).body()) {
        assertThat(in.readAllBytes()).hasSize(length);
      }
    }
  }

  @Test
  void connectionIsUsedAgain() throws Exception {
    for (int i = 0; i < 5; i++) {
      client.send(to("127.0.0.1", "/").build(), BodyHandlers.discarding());
    }
    assertThat(ports).hasSize(1);
  }

  @Test
  void nameOfTheServerIsVerified() {
    assertThatThrownBy(() -> client.send(to("localhost", "/").build(), BodyHandlers.discarding()))
        .isInstanceOf(SSLException.class);
  }

  /** Parameters of a caller cannot turn the verification off. */
  @Test
  void nameIsVerifiedWithParametersToo() throws Exception {
    EngineClientSettings settings =
        settings().withSslParameters(new SSLParameters(null, new String[] {"TLSv1.2"}));
    EngineClient other = new EngineClient(settings);
    assertThatThrownBy(() -> other.send(to("localhost", "/").build(), BodyHandlers.discarding()))
        .isInstanceOf(SSLException.class);
    HttpResponse<Void> response =
        other.send(to("127.0.0.1", "/").build(), BodyHandlers.discarding());
    assertThat(response.sslSession().orElseThrow().getProtocol()).isEqualTo("TLSv1.2");
    other.close();
  }

  @Test
  void unknownAuthorityIsRefused() {
    EngineClient other = EngineClient.create();
    assertThatThrownBy(() -> other.send(to("127.0.0.1", "/").build(), BodyHandlers.discarding()))
        .isInstanceOf(SSLException.class);
    other.close();
  }

  @Test
  void handshakeIsAPartOfConnecting() throws Exception {
    EngineClient other = new EngineClient(settings().withConnectTimeout(SHORT));
    try (ScriptedServer silent = new ScriptedServer(ScriptedServer.Peer::awaitEnd)) {
      URI uri = URI.create("https://" + silent.uri().getAuthority());
      assertThatThrownBy(
              () -> other.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding()))
          .isInstanceOf(HttpConnectTimeoutException.class);
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(silent.open()).isZero());
    }
    other.close();
  }

  @Test
  void timeoutClosesTheConnection() {
    HttpRequest request = to("127.0.0.1", "/stall").timeout(SHORT).build();
    assertThatThrownBy(() -> client.send(request, BodyHandlers.ofString()))
        .isInstanceOf(HttpTimeoutException.class);
  }

  @Test
  void interruptionEndsARead() throws Exception {
    Thread caller = Thread.currentThread();
    Thread interrupter =
        new Thread(
            () -> {
              if (!caller.isInterrupted()) {
                caller.interrupt();
              }
            });
    assertThatThrownBy(
            () ->
                client.send(
                    to("127.0.0.1", "/stall").build(),
                    BodyHandlers.ofByteArrayConsumer(piece -> interrupter.start())))
        .isInstanceOf(InterruptedException.class);
    interrupter.join();
  }
}
