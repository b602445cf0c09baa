// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import testing.TestCertificate;

class LazyTlsTest {
  @TempDir Path folder;

  private TestCertificate certificate;
  private HttpServer server;
  private SSLContext before;

  @BeforeEach
  void serve() throws Exception {
    before = SSLContext.getDefault();
    certificate = TestCertificate.in(folder);
    HttpsServer https = HttpsServer.create(anyPort(), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
    server = https;
    answer();
  }

  private void answer() {
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.start();
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  @AfterEach
  void end() {
    server.stop(0);
    SSLContext.setDefault(before);
  }

  private int get(String scheme) throws IOException, InterruptedException {
    HttpClient http = HttpClient.newBuilder().sslContext(LazyTls.context()).build();
    URI uri = URI.create(scheme + "://127.0.0.1:" + server.getAddress().getPort() + "/");
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding()).statusCode();
  }

  @Test
  void rejectsCertificatesThatTheJdkRejects() {
    assertThatThrownBy(() -> get("https")).isInstanceOf(SSLHandshakeException.class);
  }

  @Test
  void trustsCertificatesThatTheJdkTrusts() throws Exception {
    SSLContext.setDefault(TestCertificate.trusting(certificate.pem()));
    assertThat(get("https")).isEqualTo(204);
  }

  /** A context that is not initialised throws from every method. */
  @Test
  void doesNotInitialiseTlsBeforeItIsUsed() throws Exception {
    server.stop(0);
    server = HttpServer.create(anyPort(), 0);
    answer();
    SSLContext unusable = SSLContext.getInstance("TLS");
    SSLContext.setDefault(unusable);
    assertThat(get("http")).isEqualTo(204);
    assertThatThrownBy(() -> get("https")).hasRootCauseInstanceOf(IllegalStateException.class);
  }

  @Test
  void offersTheVersionsThatTheClientOffersByDefault() {
    HttpClient lazy = HttpClient.newBuilder().sslContext(LazyTls.context()).build();
    HttpClient plain = HttpClient.newHttpClient();
    assertThat(lazy.sslParameters().getProtocols())
        .containsExactly(plain.sslParameters().getProtocols());
  }
}
