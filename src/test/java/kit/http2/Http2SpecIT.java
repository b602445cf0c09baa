// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.LocalServers;
import testing.TestCertificate;

/** h2spec, which tests each rule of RFC 9113 and of HPACK against a server. */
class Http2SpecIT {
  @TempDir private Path folder;

  @Test
  @Timeout(120)
  void serverPassesAllTests() throws Exception {
    try (EchoServer server = new EchoServer(0, Http2Settings.defaults(), EchoServer::echo)) {
      assertThat(h2spec(server, "--timeout", "10"))
          .contains("145 tests, 145 passed, 0 skipped, 0 failed");
    }
  }

  @Test
  @Timeout(120)
  void serverWithTlsPassesAllTests() throws Exception {
    SSLContext tls = TestCertificate.in(folder).serverTls();
    try (EchoServer server = new EchoServer(EchoServer::echo, tls)) {
      assertThat(h2spec(server, "--timeout", "10", "--tls", "--insecure"))
          .contains("145 tests, 145 passed, 0 skipped, 0 failed");
    }
  }

  private static String h2spec(EchoServer server, String... more) throws Exception {
    List<String> command = new ArrayList<>(List.of(LocalServers.binary("h2spec")));
    command.addAll(List.of("--host", "127.0.0.1", "--port", String.valueOf(server.port())));
    command.addAll(List.of(more));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      byte[] output = process.getInputStream().readAllBytes();
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      return new String(output, StandardCharsets.UTF_8);
    } finally {
      process.destroyForcibly();
    }
  }
}
