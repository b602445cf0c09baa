// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.http.RequestId;
import kit.log.KeyValueLog.Level;
import org.junit.jupiter.api.Test;
import testing.LogfmtReader;

class LoggingTest {
  private final List<String> lines = new ArrayList<>();
  private final KeyValueLog log = KeyValueLog.logfmt(lines::add).at(Level.DEBUG);

  @Test
  void callThatSucceedsIsOneLine() throws Exception {
    Endpoint<Integer, String> endpoint =
        Logging.<Integer, String>calls(log, "getName").around((context, uid) -> "guest " + uid);

    assertThat(endpoint.call(Context.background(), 7)).isEqualTo("guest 7");
    assertThat(lines)
        .singleElement()
        .asString()
        .matches(
            "level=debug method=getName input=7 output=\"guest 7\" err=null"
                + " took=\\d+\\.\\d{3}ms");
  }

  @Test
  void callThatFailsIsOneLineToo() {
    Endpoint<Integer, String> endpoint =
        Logging.<Integer, String>calls(log, "getName")
            .around(
                (context, uid) -> {
                  throw new StatusException(403, "permission denied");
                });

    assertThatThrownBy(() -> endpoint.call(Context.background(), 7))
        .isInstanceOf(StatusException.class);
    assertThat(lines)
        .singleElement()
        .asString()
        .contains(" output=null ", "permission denied", " took=");
  }

  @Test
  void idsOfTheContextAreLoggedIfPresent() throws Exception {
    Endpoint<Integer, String> endpoint =
        Logging.<Integer, String>calls(log, "getName").around((context, uid) -> "x");
    endpoint.call(Context.background().with(RequestId.KEY, "r1"), 7);
    endpoint.call(Context.background().with(RequestId.TRACE_ID, "t1").with(RequestId.KEY, "r2"), 7);

    assertThat(lines.get(0)).endsWith(" request_id=r1");
    assertThat(lines.get(1)).endsWith(" request_id=r2 trace_id=t1");
  }

  @Test
  void requestCannotInjectALine() throws Exception {
    String hostile = "x\r\nlevel=info msg=\"\u001b[2J\"";
    Endpoint<String, String> endpoint =
        Logging.<String, String>calls(log, "echo").around((context, text) -> text);
    endpoint.call(Context.background(), hostile);

    assertThat(lines).singleElement().asString().doesNotContain("\r", "\n", "\u001b");
    assertThat(LogfmtReader.read(lines.get(0)))
        .containsEntry("input", hostile)
        .containsEntry("output", hostile);
  }
}
