// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.JarProcess;
import testing.JarProcesses;
import testing.TlsFiles;

/** TLS of the programs, as processes. */
@Timeout(90)
class TlsIT {

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private JarProcess service(String engine, String key, String... more) {
    String[] tls = {
      "--engine", engine, "--tls-cert", TlsFiles.file("server.crt"), "--tls-key", TlsFiles.file(key)
    };
    String[] all = new String[tls.length + more.length];
    System.arraycopy(tls, 0, all, 0, tls.length);
    System.arraycopy(more, 0, all, tls.length, more.length);
    return jars.service("none", 0, all);
  }

  private static SSLContext client() throws IOException {
    return TlsFiles.client("ca.crt", Optional.of("client"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void serviceServesWithMutualTlsUntilASignal(String engine) throws Exception {
    JarProcess service = service(engine, "server.key", "--tls-client-ca", TlsFiles.file("ca.crt"));
    int port = service.port();
    URI uri = URI.create("https://localhost:" + port + "/user/101");
    HttpClient client = HttpClient.newBuilder().sslContext(client()).build();
    String body = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
    assertThat(body).isEqualTo("{\"result\":\"jerry" + port + "\"}");
    assertThatThrownBy(() -> renegotiate(port)).isInstanceOf(IOException.class);
    service.signal("TERM");
    assertThat(service.exitStatus()).isEqualTo(143);
  }

  /** Asks for a second handshake on a connection of TLS 1.2, and for a response after it. */
  private static void renegotiate(int port) throws IOException {
    byte[] request = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
    try (SSLSocket socket =
        (SSLSocket) client().getSocketFactory().createSocket("127.0.0.1", port)) {
      socket.setEnabledProtocols(new String[] {"TLSv1.2"});
      socket.getOutputStream().write(request);
      assertThat(socket.getInputStream().readNBytes(12)).asString().isEqualTo("HTTP/1.1 200");
      socket.startHandshake();
      while (socket.getInputStream().read() >= 0) {
        // The rest of the first response, then the refusal or the end.
      }
      throw new IOException("closed");
    }
  }

  @Test
  void keyOfAnotherCertificateEndsTheStart() throws Exception {
    JarProcess service = service("jdk", "rsa.key");
    assertThat(service.exitStatus()).isEqualTo(2);
    assertThat(service.out()).isEmpty();
    assertThat(String.join("\n", service.err()))
        .endsWith(
            "TLS: "
                + TlsFiles.file("server.crt")
                + ": the private key in "
                + TlsFiles.file("rsa.key")
                + " does not belong to the certificate (CN=server)");
  }
}
