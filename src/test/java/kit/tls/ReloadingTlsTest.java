// SPDX-License-Identifier: Apache-2.0
package kit.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ReloadingTlsTest {
  private static final Path FILES = Path.of("src/test/resources/kit/tls");
  private static final Instant END = Instant.parse("2120-01-01T00:00:00Z");
  private static final Optional<Path> NONE = Optional.empty();

  @TempDir private Path folder;

  private ServerSocket listening; // One port: clients resume sessions with the same one only.

  private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  private final ReloadingTls.Listener listener =
      new ReloadingTls.Listener() {
        @Override
        public void reloaded(Optional<Instant> expiresAt) {
          events.add("reloaded");
        }

        @Override
        public void failed(String reason) {
          events.add(reason);
        }

        @Override
        public void expires(Instant at) {
          events.add("expires " + at);
        }
      };

  @BeforeEach
  void listen() throws IOException {
    listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
  }

  @AfterEach
  void close() throws IOException {
    listening.close();
  }

  private Path copy(String from, String to) throws IOException {
    Path file = folder.resolve(to);
    return Files.copy(FILES.resolve(from), file, StandardCopyOption.REPLACE_EXISTING);
  }

  private ReloadingTls server(Optional<Path> clientCa) throws IOException {
    return ReloadingTls.forServer(
        copy("server.crt", "tls.crt"),
        copy("server.key", "tls.key"),
        clientCa,
        () -> now,
        listener);
  }

  private ReloadingTls client(String ca) throws IOException {
    return client(ca, NONE, NONE);
  }

  private ReloadingTls client(String ca, Optional<Path> certificate, Optional<Path> key)
      throws IOException {
    return ReloadingTls.forClient(
        Optional.of(FILES.resolve(ca)), certificate, key, () -> now, listener);
  }

  private ReloadingTls client(String ca, String name) throws IOException {
    return client(
        ca, Optional.of(FILES.resolve(name + ".crt")), Optional.of(FILES.resolve(name + ".key")));
  }

  private List<String> events() {
    List<String> all = new ArrayList<>();
    events.drainTo(all);
    return all;
  }

  /** Returns the session of a client after it has exchanged a byte with the server. */
  private SSLSession connect(ReloadingTls server, SSLContext client, String... protocols)
      throws Exception {
    SSLParameters parameters = client.getDefaultSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    if (protocols.length > 0) {
      parameters.setProtocols(protocols);
    }
    return connect(server, client, parameters);
  }

  private SSLSession connect(ReloadingTls server, SSLContext client, SSLParameters parameters)
      throws Exception {
    CompletableFuture<Void> served = CompletableFuture.runAsync(() -> serve(server));
    try (SSLSocket socket = socket(client)) {
      socket.setSSLParameters(parameters);
      socket.getOutputStream().write(1);
      if (socket.getInputStream().read() < 0) {
        throw new IOException("closed");
      }
      return socket.getSession();
    } finally {
      served.get(10, TimeUnit.SECONDS);
    }
  }

  private SSLSocket socket(SSLContext client) throws IOException {
    int port = listening.getLocalPort();
    return (SSLSocket) client.getSocketFactory().createSocket("127.0.0.1", port);
  }

  private void serve(ReloadingTls server) {
    try (SSLSocket socket =
        (SSLSocket)
            server.context().getSocketFactory().createSocket(listening.accept(), null, true)) {
      socket.setSSLParameters(server.context().getDefaultSSLParameters());
      socket.setUseClientMode(false);
      socket.getOutputStream().write(socket.getInputStream().read());
    } catch (IOException e) {
      // The client has the error, too.
    }
  }

  private static String subject(SSLSession session) throws Exception {
    X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
    return certificate.getSubjectX500Principal().getName();
  }

  @Test
  void serverHasItsCertificateAndAModernProtocol() throws Exception {
    SSLSession session = connect(server(NONE), client("ca.crt").context());
    assertThat(subject(session)).isEqualTo("CN=server");
    assertThat(session.getProtocol()).isEqualTo("TLSv1.3");
  }

  @Test
  void tls12HasOnlySuitesWithAeadAndForwardSecrecy() throws Exception {
    ReloadingTls server = server(NONE);
    SSLSession session = connect(server, client("ca.crt").context(), "TLSv1.2");
    assertThat(session.getCipherSuite()).startsWith("TLS_ECDHE_").contains("_GCM_");

    SSLParameters parameters = server.context().getDefaultSSLParameters();
    assertThat(parameters.getProtocols()).containsExactly("TLSv1.3", "TLSv1.2");
    assertThat(parameters.getCipherSuites())
        .hasSizeGreaterThan(5)
        .noneMatch(suite -> suite.contains("_CBC_") || suite.startsWith("TLS_RSA_"));
    assertThat(parameters.getNeedClientAuth()).isFalse();
  }

  @Test
  void suiteWithCbcIsRefused() throws Exception {
    ReloadingTls server = server(NONE);
    SSLContext client = client("ca.crt").context();
    SSLParameters old = client.getDefaultSSLParameters();
    old.setProtocols(new String[] {"TLSv1.2"});
    old.setCipherSuites(new String[] {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"});
    assertThatThrownBy(() -> connect(server, client, old))
        .hasMessageContaining("handshake_failure");
  }

  @Test
  void clientTrustsTheGivenAuthorityOnly() throws Exception {
    ReloadingTls server = server(NONE);
    assertThatThrownBy(() -> connect(server, client("other-ca.crt").context()))
        .isInstanceOf(SSLException.class)
        .hasMessageContaining("PKIX path");
  }

  @Test
  void mutualTlsRequiresACertificateOfTheAuthority() throws Exception {
    ReloadingTls server = server(Optional.of(FILES.resolve("ca.crt")));
    assertThat(subject(connect(server, client("ca.crt", "client").context())))
        .isEqualTo("CN=server");
    assertThatThrownBy(() -> connect(server, client("ca.crt").context()))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(() -> connect(server, client("ca.crt", "other-client").context()))
        .isInstanceOf(IOException.class);
  }

  @Test
  void renewedPairIsUsedByNewConnections() throws Exception {
    ReloadingTls server = server(NONE);
    SSLContext client = client("ca.crt").context();
    assertThat(subject(connect(server, client))).isEqualTo("CN=server");
    server.check();
    assertThat(events()).isEmpty();

    copy("rsa.crt", "tls.crt");
    copy("rsa.key", "tls.key");
    server.check();
    assertThat(events()).containsExactly("reloaded");
    assertThat(subject(connect(server, client))).isEqualTo("CN=renewed");
    assertThat(server.expiresAt()).contains(END);
  }

  @Test
  void certificateWithoutItsKeyIsNotUsed() throws Exception {
    ReloadingTls server = server(NONE);
    copy("rsa.crt", "tls.crt");
    server.check();
    server.check();
    assertThat(events()).singleElement().asString().contains("does not belong");
    assertThat(subject(connect(server, client("ca.crt").context()))).isEqualTo("CN=server");

    copy("rsa.key", "tls.key");
    server.check();
    assertThat(events()).containsExactly("reloaded");
    assertThat(subject(connect(server, client("ca.crt").context()))).isEqualTo("CN=renewed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "garbage", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END"})
  void brokenFileKeepsTheOldOneAndIsReportedOnce(String content) throws Exception {
    ReloadingTls server = server(NONE);
    Path file = Files.writeString(folder.resolve("tls.crt"), content);
    server.check();
    server.check();
    assertThat(events()).singleElement().asString().startsWith(file + ": ");
    Files.delete(file);
    server.check();
    server.check();
    assertThat(events()).containsExactly(file + ": no such file");
    assertThat(subject(connect(server, client("ca.crt").context()))).isEqualTo("CN=server");

    copy("server.crt", "tls.crt"); // The same as before.
    server.check();
    assertThat(events()).containsExactly("reloaded");
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
  void clientWhoseAuthorityWasRemovedCannotResume(String protocol) throws Exception {
    ReloadingTls server = server(Optional.of(copy("ca.crt", "clients.crt")));
    SSLContext client = client("ca.crt", "client").context();
    SSLSession first = connect(server, client, protocol);
    assertThat(connect(server, client, protocol).getCreationTime())
        .as("resumed")
        .isEqualTo(first.getCreationTime());

    copy("other-ca.crt", "clients.crt");
    server.check();
    assertThat(events()).containsExactly("reloaded");
    assertThatThrownBy(() -> connect(server, client, protocol)).isInstanceOf(IOException.class);
  }

  @Test
  void endOfTheCertificateIsReportedOnceADay() throws Exception {
    ReloadingTls server = server(NONE);
    now = END.minus(Duration.ofDays(14)).minusSeconds(1);
    server.check();
    assertThat(events()).isEmpty();
    now = now.plusSeconds(1);
    server.check();
    server.check();
    assertThat(events()).containsExactly("expires " + END);
    now = now.plus(Duration.ofDays(1));
    server.check();
    assertThat(events()).containsExactly("expires " + END);
    now = END.plusSeconds(1);
    server.check();
    assertThat(events()).containsExactly("expires " + END);
  }

  @Test
  void renewedCertificateThatIsNotValidIsNotUsedUntilItIs() throws Exception {
    ReloadingTls server = server(NONE);
    copy("rsa.crt", "tls.crt");
    copy("rsa.key", "tls.key");
    Instant before = now;
    now = Instant.parse("2019-01-01T00:00:00Z");
    server.check();
    assertThat(events()).singleElement().asString().contains("not valid before");
    now = before;
    server.check();
    assertThat(events()).containsExactly("reloaded");
  }

  @Test
  void filesAreCheckedAtTheStart() throws Exception {
    assertThatThrownBy(() -> server(Optional.of(folder.resolve("absent"))))
        .hasMessage(folder.resolve("absent") + ": no such file");
    now = END.plusSeconds(1);
    assertThatThrownBy(() -> client("ca.crt"))
        .hasMessage(
            FILES.resolve("ca.crt")
                + ": certificate 1 (CN=Test CA) expired at 2120-01-01T00:00:00Z");
    Optional<Path> certificate = Optional.of(FILES.resolve("client.crt"));
    assertThatThrownBy(() -> client("ca.crt", certificate, NONE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void threadChecksFromTheStartUntilTheEnd() throws Exception {
    ReloadingTls server = server(NONE);
    copy("rsa.crt", "tls.crt");
    copy("rsa.key", "tls.key");
    server.start();
    try {
      assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("reloaded");
    } finally {
      server.close();
      server.close();
    }
  }
}
