// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.Eventually;
import testing.ForkedJvm;
import testing.RawClient;

@Timeout(30)
class ServerSettingsTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final Properties before = (Properties) System.getProperties().clone();

  @AfterEach
  void restoreProperties() {
    System.setProperties(before);
  }

  private static void clear() {
    System.getProperties().keySet().removeIf(ServerSettingsTest::isSetting);
  }

  private static boolean isSetting(Object key) {
    return key.toString().contains("httpserver") || key.toString().startsWith(Engine.NAME);
  }

  @Test
  void setsUnsetProperties() {
    clear();
    Map<String, String> effective =
        new ServerSettings(Duration.ofSeconds(7), Duration.ofMinutes(2))
            .apply(HttpServerProvider.provider());
    assertThat(effective)
        .containsOnly(
            Map.entry(Engine.NAME + ".nodelay", "true"),
            Map.entry(Engine.NAME + ".maxReqTime", "7"),
            Map.entry(Engine.NAME + ".maxRspTime", "120"),
            Map.entry(Engine.NAME + ".drainAmount", "1048576"),
            Map.entry(Engine.NAME + ".maxIdleConnections", "10000"),
            Map.entry("jdk.httpserver.maxConnections", "10000"),
            Map.entry(Engine.NAME + ".idleInterval", "60"),
            Map.entry(Engine.NAME + ".maxReqHeaders", "100"),
            Map.entry(Engine.NAME + ".maxReqHeaderSize", "32768"));
    effective.forEach((name, value) -> assertThat(System.getProperty(name)).isEqualTo(value));
  }

  @Test
  void keepsPropertiesSetByTheOperator() {
    clear();
    System.setProperty(Engine.NAME + ".maxReqTime", "3");
    Map<String, String> effective = ServerSettings.defaults().apply(HttpServerProvider.provider());
    assertThat(effective)
        .containsEntry(Engine.NAME + ".maxReqTime", "3")
        .containsEntry(Engine.NAME + ".maxRspTime", "60");
    assertThat(System.getProperty(Engine.NAME + ".maxReqTime")).isEqualTo("3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT0S", "PT-1S", "PT0.5S", "PT1.5S", "PT1.000000001S"})
  void limitsAreWholeSeconds(Duration timeout) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ServerSettings(timeout, SECOND))
        .withMessageContainingAll("requestTimeout", timeout.toString());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ServerSettings(SECOND, timeout))
        .withMessageContainingAll("responseTimeout", timeout.toString());
  }

  /** In a JVM of its own, because the server reads its limits once: a default and one of -D. */
  @Test
  void limitsReachTheServer() throws Exception {
    List<String> options = List.of("-D" + Engine.NAME + ".maxReqTime=1");
    try (ForkedJvm jvm = new ForkedJvm(ForkedService.class, options)) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient slowToAsk = new RawClient(port);
          RawClient slowToBeAnswered = new RawClient(port)) {
        slowToAsk.send("GET /ok HTTP/1.1\r\nHost:");
        slowToBeAnswered.request("GET", "/never");
        assertThat(slowToAsk.isClosed()).isTrue();
        assertThat(slowToBeAnswered.isClosed()).isTrue();
      }
      Eventually.within(SECOND.multipliedBy(10), () -> assertUsualRequestIsAnswered(port));
    }
  }

  private static void assertUsualRequestIsAnswered(int port) throws IOException {
    try (RawClient usual = new RawClient(port)) {
      assertThat(usual.request("GET", "/ok").answer().body()).isEqualTo("fine");
    }
  }

  /** Closed with bytes unread, a connection is reset, and the response may be lost. */
  @Test
  void clientThatSendsTooMuchGetsTheReason() throws Exception {
    List<String> options = List.of("-D" + Engine.NAME + ".maxRspTime=60");
    try (ForkedJvm jvm = new ForkedJvm(ForkedService.class, options)) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient client = new RawClient(port)) {
        client.request("POST", "/body", "Content-Length: 1048575").send("x".repeat(1_048_575));
        assertThat(client.answer().status()).isEqualTo(413);
        assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");

        client.request("POST", "/body", "Content-Length: 1048576").send("x".repeat(100_000));
        RawClient.Answer last = client.answer();
        assertThat(last.status()).isEqualTo(413);
        assertThat(last.header("Connection")).isEqualTo("close");
      }
    }
  }
}
