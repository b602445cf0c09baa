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
import org.junit.jupiter.api.Test;

class ServerFlagsTest {
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
