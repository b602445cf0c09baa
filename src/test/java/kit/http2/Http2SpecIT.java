// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.LocalServers;

/** h2spec, which tests each rule of RFC 9113 and of HPACK against a server. */
class Http2SpecIT {
  @Test
  @Timeout(120)
  void serverPassesAllTests() throws Exception {
    String h2spec = LocalServers.binary("h2spec");
    try (EchoServer server = new EchoServer(0, Http2Settings.defaults(), EchoServer::echo)) {
      String port = String.valueOf(server.port());
      Process process =
          new ProcessBuilder(h2spec, "--host", "127.0.0.1", "--port", port, "--timeout", "10")
              .redirectErrorStream(true)
              .start();
      try {
        byte[] output = process.getInputStream().readAllBytes();
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(new String(output, StandardCharsets.UTF_8))
            .contains("145 tests, 145 passed, 0 skipped, 0 failed");
      } finally {
        process.destroyForcibly();
      }
    }
  }
}
