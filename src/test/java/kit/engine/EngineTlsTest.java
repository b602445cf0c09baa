// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
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
        EngineSettings.defaults().withTimeouts(LONG, LONG, LONG).withIdle(handshake, LONG);
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
  void clientWithoutTlsIsDisconnected() throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()));
    try (RawClient clear = new RawClient(server.getAddress().getPort())) {
      clear.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertThat(clear.rest()).doesNotContain("HTTP/1.1 200");
    }
  }

  @Test
  void handshakeThatIsNotFinishedEndsInTime() throws Exception {
    serve(new HttpsConfigurator(certificate.serverTls()), SHORT);
    try (RawClient silent = new RawClient(server.getAddress().getPort())) {
      silent.send("\u0016\u0003\u0001\u0002\u0000");
      assertThat(silent.isClosed()).isTrue();
    }
  }

  @Test
  void clientWithTlsOnAClearPortIsRejected() throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer clear = new EngineProvider().createHttpServer(anyPort, 0);
    clear.start();
    try (Socket socket =
        TestCertificate.trusting(certificate.pem())
            .getSocketFactory()
            .createSocket("localhost", clear.getAddress().getPort())) {
      assertThatThrownBy(() -> socket.getOutputStream().write(1)).isInstanceOf(SSLException.class);
    } finally {
      clear.stop(0);
    }
  }
}
