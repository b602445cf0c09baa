// SPDX-License-Identifier: Apache-2.0
package embedding;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.ForkedJvm;
import testing.RawClient;
import testing.RawClient.Answer;

/** A program that knows only the JDK's server runs unchanged on the engine, by a property. */
@Timeout(120)
class JdkServerTest {
  private static final String ALICE = "Authorization: Basic YWxpY2U6c2VjcmV0";

  @Test
  void programBehavesTheSameOnBothEngines() throws Exception {
    List<String> jdk = run("sun.net.httpserver.DefaultHttpServerProvider");
    List<String> kit = run("kit.engine.EngineProvider");
    assertThat(kit).isEqualTo(jdk);
    assertThat(kit).hasSize(16).endsWith("stopped");
    assertThat(kit.get(0)).contains("hello 1 HTTP/1.1 GET /echo/a null x");
    assertThat(kit.get(9)).contains("alice of staff:alice");
  }

  private static List<String> run(String provider) throws Exception {
    List<String> options = List.of("-Dcom.sun.net.httpserver.HttpServerProvider=" + provider);
    List<String> seen = new ArrayList<>();
    try (ForkedJvm program = new ForkedJvm(JdkServer.class, options)) {
      int port = Integer.parseInt(program.line());
      try (RawClient client = new RawClient(port)) {
        call(client, seen);
      }
      try (RawClient client = new RawClient(port)) {
        client.request("POST", "/echo", "X-Test: x", "Transfer-Encoding: chunked");
        seen.add(shown(client.send("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").answer()));
        seen.add(shown(client.request("GET", "/echo", "X-Test: y", "Connection: close").answer()));
        assertThat(client.isClosed()).isTrue();
      }
      try (RawClient client = new RawClient(port)) {
        seen.add(shown(client.send("GET /echo HTTP/1.0\r\nX-Test: z\r\n\r\n").answer()));
        assertThat(client.isClosed()).isTrue();
      }
      assertThat(program.log()).isEmpty();
      seen.add(program.line());
    }
    return seen;
  }

  /** Makes calls on one connection. */
  private static void call(RawClient client, List<String> seen) throws IOException {
    seen.add(shown(client.request("GET", "/echo/a", "X-Test: x").answer()));
    seen.add(shown(client.request("GET", "/echo?a=%20b", "X-Test: x").answer()));
    client.request("POST", "/echo", "X-Test: x", "Content-Length: 5").send("hello");
    seen.add(shown(client.answer()));
    client.request("POST", "/echo", "X-Test: x", "Content-Length: 2", "Expect: 100-continue");
    seen.add("status " + client.answer().status());
    seen.add(shown(client.send("ab").answer()));
    seen.add(shown(client.request("HEAD", "/echo", "X-Test: x").head()));
    seen.add(shown(client.request("DELETE", "/echo", "X-Test: x").answer()));
    seen.add(shown(client.request("GET", "/private").answer()));
    seen.add(
        shown(client.request("GET", "/private", "Authorization: Basic YWxpY2U6d3Jvbmc=").answer()));
    seen.add(shown(client.request("GET", "/private", ALICE).answer()));
    seen.add(shown(client.request("GET", "/private/stream").answer()));
    seen.add("status " + client.request("GET", "/nowhere").answer().status());
  }

  private static String shown(Answer answer) {
    Map<String, String> fields = new TreeMap<>();
    answer.headers().forEach((name, value) -> fields.put(name.toLowerCase(Locale.ROOT), value));
    fields.remove("date");
    fields.remove("connection"); // The JDK's server closes without it: not as RFC 9112, 9.6, says.
    return answer.status() + " " + fields + " " + answer.body();
  }
}
