// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Collections.frequency;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;
import testing.FakeNanoTime;
import testing.Race;
import testing.RecordingLogger;

class OutageLogTest {
  private final RecordingLogger log = new RecordingLogger();
  private FakeNanoTime time = new FakeNanoTime();
  private OutageLog outages;

  @BeforeEach
  void newOutageLog() {
    outages = new OutageLog(log, "watching userservice", Level.INFO, time);
  }

  private void failed(String cause) {
    outages.failed(new IOException(cause), "retrying");
  }

  @Test
  void outageIsTwoLinesHoweverLongItLasts() {
    for (int second = 0; second < 3_600; second++) {
      failed("503");
      time.advance(Duration.ofSeconds(1));
    }
    outages.worked();
    outages.worked();

    assertThat(log.linesFrom(Level.INFO))
        .containsExactly(
            "WARN watching userservice failed: 503; retrying",
            "INFO watching userservice recovered");
  }

  @Test
  void logsNothingWithoutAnOutage() {
    outages.worked();
    outages.worked();

    assertThat(log.lines()).isEmpty();
  }

  @Test
  void nextOutageIsLoggedAtOnceThoughItsCauseIsTheSame() {
    failed("503");
    outages.worked();
    failed("503");

    assertThat(log.linesFrom(Level.WARN)).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1_000_000_000L, Long.MAX_VALUE - 5_000_000_000L, Long.MAX_VALUE})
  void anotherCauseWaitsForTheQuietPeriod(long startNanos) {
    time = new FakeNanoTime(startNanos);
    newOutageLog();
    failed("503");
    failed("500");
    time.advance(Duration.ofSeconds(20).minusNanos(1));
    failed("500");
    assertThat(log.linesFrom(Level.WARN)).hasSize(1);

    time.advance(Duration.ofNanos(1));
    failed("503");
    assertThat(log.linesFrom(Level.WARN)).as("the cause in the log is still true").hasSize(1);
    failed("500");
    failed("403");

    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN watching userservice failed: 503; retrying",
            "WARN watching userservice failed: 500; retrying");
    time.advance(Duration.ofSeconds(20));
    failed("403");
    assertThat(log.linesFrom(Level.WARN))
        .last()
        .isEqualTo("WARN watching userservice failed: 403; retrying");
  }

  @ParameterizedTest
  @EnumSource(Level.class)
  void recoveryIsLoggedAtTheGivenLevel(Level level) {
    outages = new OutageLog(log, "registration", level, time);
    failed("503");
    outages.worked();

    assertThat(log.linesFrom(Level.TRACE)).last().isEqualTo(level + " registration recovered");
  }

  @Test
  void stackTracesGoToDebugAndNowhereElse() {
    IOException error = new IOException("503");
    outages.failed(error, "retrying");
    outages.failed(error, "retrying");

    assertThat(log.lines())
        .containsExactly(
            new RecordingLogger.Line(Level.DEBUG, "watching userservice failed", error),
            new RecordingLogger.Line(
                Level.WARN, "watching userservice failed: 503; retrying", null),
            new RecordingLogger.Line(Level.DEBUG, "watching userservice failed", error));
  }

  @ParameterizedTest
  @MethodSource("causes")
  void causeIsOneShortLine(Exception error, String expected) {
    outages.failed(error, "retrying");

    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN watching userservice failed: " + expected + "; retrying");
  }

  static Stream<Arguments> causes() {
    // As HttpClient throws them: without messages, the reason two causes down.
    Exception refused = new ConnectException();
    refused.initCause(new ConnectException().initCause(new ClosedChannelException()));
    Exception unknownHost = new ConnectException();
    unknownHost.initCause(new ConnectException().initCause(new UnresolvedAddressException()));
    return Stream.of(
        Arguments.of(new IOException("503 no leader"), "503 no leader"),
        Arguments.of(new IOException(), "IOException"),
        Arguments.of(refused, "connection refused"),
        Arguments.of(unknownHost, "unknown host"),
        Arguments.of(new ConnectException("Network is unreachable"), "Network is unreachable"),
        Arguments.of(new IOException("no\nINFO all is well"), "no\\nINFO all is well"));
  }

  @Test
  void eachOutageIsTwoLinesThoughThreadsRace() throws Exception {
    Race.run(
        4,
        () -> {
          for (int i = 0; i < 10_000; i++) {
            failed("503");
            outages.worked();
          }
          return null;
        });

    // Which threads begin and end an outage is chance; that each has both lines is not.
    List<String> lines = log.linesFrom(Level.INFO);
    int begun = frequency(lines, "WARN watching userservice failed: 503; retrying");
    int ended = frequency(lines, "INFO watching userservice recovered");
    assertThat(begun).isEqualTo(ended).isPositive();
    assertThat(lines).hasSize(begun + ended);
    assertThat(frequency(log.linesFrom(Level.DEBUG), "DEBUG watching userservice failed"))
        .isEqualTo(40_000);
  }
}
