// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Map;
import kit.http.server.ServerSettings;
import kit.metrics.Metrics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerFlagsTest {
  private static final String TLS_FILES = "src/test/resources/kit/tls";

  private final Flags flags = new Flags("java -jar hello.jar", "Serves.", "KIT_", Map.of());

  private static ServerSocket listening(String host, int port) throws IOException {
    return new ServerSocket(port, 1, InetAddress.getByName(host));
  }

  @Test
  void portInUseEndsTheProgramWithAMessage() throws Exception {
    try (ServerSocket taken = listening("127.0.0.1", 0)) {
      ServerFlags server = new ServerFlags(flags);
      flags.parse("-p", Integer.toString(taken.getLocalPort()));

      assertThatExceptionOfType(Program.FailedException.class)
          .isThrownBy(() -> server.bind(ServerFlagsTest::listening))
          .withMessageStartingWith(
              "--port: cannot listen on 127.0.0.1:" + taken.getLocalPort() + ": ");
    }
  }

  @Test
  void portIsRequiredUnlessItHasADefault() {
    new ServerFlags(flags);
    assertThatExceptionOfType(Flags.UsageException.class)
        .isThrownBy(() -> flags.parse())
        .withMessageContaining("--port");
  }

  @Test
  void flagThatIsNotDeclaredHasItsDefault() throws Exception {
    ServerFlags server = new ServerFlags(flags, "0");
    flags.parse();

    assertThat(server.host()).isEqualTo("127.0.0.1");
    assertThat(server.timeouts()).isEqualTo(ServerSettings.defaults());
    try (ServerSocket socket = server.bind(ServerFlagsTest::listening)) {
      assertThat(socket.getLocalPort()).isPositive();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --tls-cert=DIR/server.crt                             | --tls-cert and --tls-key: one needs the other
          --tls-key=DIR/server.key                              | --tls-cert and --tls-key: one needs the other
          --tls-client-ca=DIR/ca.crt                            | --tls-client-ca: needs --tls-cert and --tls-key
          --tls-cert=DIR/server.crt --tls-key=DIR/rsa.key       | TLS: DIR/server.crt: the private key in DIR/rsa.key does not belong to the certificate (CN=server)
          --tls-cert=DIR/server.crt --tls-key=DIR/encrypted.key | TLS: DIR/encrypted.key: the private key is encrypted; decrypt it with: openssl pkey -in DIR/encrypted.key -out NEW_FILE
          --tls-cert=DIR --tls-key=DIR/server.key               | TLS: DIR: is a directory
          --tls-cert=DIR/server.crt --tls-key=DIR/server.key --tls-client-ca=DIR/absent | TLS: DIR/absent: no such file
          """)
  void filesOfTlsThatCannotBeUsedAreUsageErrors(String args, String message) {
    ServerFlags server = new ServerFlags(flags, "0").declareTls();
    flags.parse(args.replace("DIR", TLS_FILES).split(" "));

    assertThatExceptionOfType(Flags.UsageException.class)
        .isThrownBy(server::tls)
        .withMessage(message.replace("DIR", TLS_FILES));
  }

  @Test
  void filesOfTlsAreReadOnceForAllPorts() {
    ServerFlags server = new ServerFlags(flags, "0").declareTls();
    flags.parse("--tls-cert=" + TLS_FILES + "/both.pem", "--tls-key=" + TLS_FILES + "/both.pem");
    try {
      assertThat(server.tls()).isPresent().isEqualTo(server.tls());
      Metrics metrics = new Metrics();
      server.show(metrics);
      assertThat(metrics.text()).containsPattern("\ntls_certificate_expiry_seconds [0-9]{9,}\n");
    } finally {
      server.closeTls();
      server.closeTls();
    }
  }

  @Test
  void portIsClearWithoutFlagsOfTls() {
    ServerFlags server = new ServerFlags(flags, "0").declareTls();
    flags.parse();
    assertThat(server.tls()).isEmpty();
    server.closeTls();
  }

  @Test
  void flagsThatAreDeclaredApply() {
    ServerFlags server =
        new ServerFlags(flags, "8080")
            .declareMaxInFlight()
            .declareTimeouts()
            .declareDrain("pause after deregistration")
            .declareAccessLog();
    flags.parse("--port=0", "--bind=::1", "--request-timeout=3s", "--response-timeout=4s");

    assertThat(server.port()).isZero();
    assertThat(server.host()).isEqualTo("::1");
    assertThat(server.timeouts())
        .isEqualTo(new ServerSettings(Duration.ofSeconds(3), Duration.ofSeconds(4)));
    assertThat(flags.effective())
        .contains("max-in-flight=1024 request-timeout=3s response-timeout=4s")
        .endsWith("drain-delay=1s drain-timeout=10s access-log=off");
  }
}
