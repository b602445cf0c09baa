// SPDX-License-Identifier: Apache-2.0
package kit.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kit.log.KeyValueLog.Level;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.MarkerFactory;
import testing.LogfmtReader;

class KeyValueLoggerTest {
  private final List<String> lines = new ArrayList<>();

  private Logger logger(Level least) {
    KeyValueLog log = KeyValueLog.logfmt(lines::add).with("ts", "now").allowing(least);
    return KeyValueLogger.factory(log).getLogger("userservice.Main");
  }

  private String line() {
    assertThat(lines).hasSize(1);
    return lines.remove(0);
  }

  @Test
  void eventHasLevelTimeShortNameAndMessage() {
    Logger logger = logger(Level.INFO);
    logger.info("bound");
    assertThat(line()).isEqualTo("level=info ts=now logger=Main msg=bound");
    logger.warn("{} of {} left", 1, 3);
    assertThat(line()).isEqualTo("level=warn ts=now logger=Main msg=\"1 of 3 left\"");
    logger.error("{}", "a", "b");
    assertThat(line()).isEqualTo("level=error ts=now logger=Main msg=a");
    logger.info(MarkerFactory.getMarker("audit"), "with a marker");
    assertThat(line()).isEqualTo("level=info ts=now logger=Main msg=\"with a marker\"");
    logger.info(null);
    assertThat(line()).isEqualTo("level=info ts=now logger=Main msg=null");
  }

  @Test
  void onlyLevelsThatTheLogAllowsAreWritten() {
    Logger logger = logger(Level.DEBUG);
    assertThat(logger.isTraceEnabled()).isFalse();
    assertThat(logger.isDebugEnabled()).isTrue();
    assertThat(logger.isErrorEnabled()).isTrue();
    logger.trace("no");
    logger.debug("yes");
    assertThat(line()).startsWith("level=debug ");

    Logger off = logger(Level.OFF);
    off.error("no");
    assertThat(off.isErrorEnabled()).isFalse();
    assertThat(lines).isEmpty();
  }

  @Test
  void errorIsNamedAndItsStackTraceIsForDebugOnly() {
    IOException error = new IOException("no route");
    logger(Level.INFO).error("{} failed", "GET /", error);
    assertThat(line())
        .isEqualTo(
            "level=error ts=now logger=Main msg=\"GET / failed\""
                + " err=\"java.io.IOException: no route\"");

    logger(Level.DEBUG).error("{} failed", "GET /", error);
    Map<String, String> event = LogfmtReader.read(line());
    assertThat(event).containsEntry("err", "java.io.IOException: no route");
    assertThat(event.get("stack"))
        .startsWith("java.io.IOException: no route")
        .contains("\tat kit.log.KeyValueLoggerTest.");
  }

  @Test
  void pairsOfTheFluentInterfaceAreKeysAndValues() {
    logger(Level.INFO)
        .atInfo()
        .addKeyValue("uid", 7)
        .addKeyValue("name", () -> "guest x")
        .addArgument("user")
        .log("a {} came");
    assertThat(line())
        .isEqualTo("level=info ts=now logger=Main msg=\"a user came\" uid=7 name=\"guest x\"");

    logger(Level.INFO).atDebug().addKeyValue("uid", 7).log("no");
    assertThat(lines).isEmpty();
  }

  @Test
  void messageCannotInjectALine() {
    logger(Level.INFO).info("{}", "x\nlevel=error msg=\"all is lost\"\u001b[0m");

    assertThat(LogfmtReader.read(line()))
        .containsEntry("msg", "x\nlevel=error msg=\"all is lost\"\u001b[0m")
        .hasSize(4);
  }

  @Test
  void factoryReturnsOneLoggerPerName() {
    KeyValueLog log = KeyValueLog.logfmt(lines::add);
    var factory = KeyValueLogger.factory(log);

    assertThat(factory.getLogger("a.B")).isSameAs(factory.getLogger("a.B"));
    assertThat(factory.getLogger("a.B").getName()).isEqualTo("a.B");
    factory.getLogger("root").info("hi");
    assertThat(line()).isEqualTo("level=info logger=root msg=hi");
  }
}
