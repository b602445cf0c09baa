// SPDX-License-Identifier: Apache-2.0
package client.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import kit.PeerException;
import kit.cli.Flags;
import kit.http.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateTest {
  private static Gate gate(String... args) {
    Flags flags = new Flags("load", "Test.", "KIT_", Map.of());
    Supplier<Gate> gate = Gate.declare(flags);
    flags.parse(args);
    return gate.get();
  }

  /** Two calls succeed, after 300 and 500 ms; two fail; the longest takes 40 ms. */
  private static LoadTally.Report report() {
    LoadTally tally = new LoadTally();
    tally.ended(millis(300), millis(10), null);
    tally.ended(millis(400), millis(40), PeerException.timeout("a:1", null));
    tally.ended(millis(450), millis(20), PeerException.timeout("a:1", null));
    tally.ended(millis(500), millis(10), null);
    return tally.report(millis(600));
  }

  private static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --max-failed 2                             | PASS failed 2 <= 2
          --max-failed 1                             | FAIL failed 2 > 1
          --max-failed 2 --max-p99 40ms              | PASS failed 2 <= 2, p99 40.00 ms <= 40.00 ms
          --max-failed 2 --max-p99 39ms              | FAIL p99 40.00 ms > 39.00 ms
          --max-failed 2 --max-gap 300ms             | PASS failed 2 <= 2, gap 300.00 ms <= 300.00 ms
          --max-failed 2 --max-gap 299ms             | FAIL gap 300.00 ms > 299.00 ms
          --max-p99 1s                               | FAIL failed 2 > 0
          --max-failed 0 --max-p99 1ms --max-gap 1ms | FAIL failed 2 > 0, p99 40.00 ms > 1.00 ms, gap 300.00 ms > 1.00 ms
          """)
  void verdictHasValuesAndBounds(String flags, String line) {
    assertThat(gate(flags.split(" +")).judge(report()).line()).isEqualTo(line);
  }

  @Test
  void testWithoutASuccessfulCallFails() {
    Gate.Verdict verdict = gate("--max-failed", "9").judge(new LoadTally().report(millis(1)));

    assertThat(verdict.line()).isEqualTo("FAIL no call succeeded");
  }

  @Test
  void withoutFlagsThereIsNoVerdictAndAnyFailedCallFailsTheTest() {
    assertThat(gate().isOn()).isFalse();
    assertThat(gate().judge(report()).passed()).isFalse();
    assertThat(gate().judge(new LoadTally().report(1)).passed()).isTrue();
  }

  @Test
  void gapShorterThanTheIntervalOfCallsIsAUsageError() {
    assertThatThrownBy(() -> gate("--max-gap", "499ms").check(2))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--max-gap", "--rate");
    assertThatCode(() -> gate("--max-gap", "500ms").check(2)).doesNotThrowAnyException();
    assertThatCode(() -> gate("--max-gap", "1ms").check(0)).doesNotThrowAnyException();
  }

  @Test
  void jsonHasTheReportAndTheVerdict() throws Exception {
    Load.Judged judged =
        new Load.Judged(report(), new Gate.Verdict(false, List.of("failed 2 > 1")));
    String json = new String(Json.write(judged), StandardCharsets.UTF_8);

    assertThat(json)
        .startsWith("{\"calls\":4,\"ok\":2,\"failed\":2,")
        .contains("\"gapMillis\":300.0")
        .endsWith("\"verdict\":{\"passed\":false,\"reasons\":[\"failed 2 > 1\"]}}");
  }
}
