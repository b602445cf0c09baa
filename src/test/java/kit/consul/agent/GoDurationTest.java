// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GoDurationTest {
  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          0,                       0
          0s,                      0
          1ns,                     1
          2us,                  2000
          2µs,                  2000
          2μs,                  2000
          300ms,           300000000
          1.5s,           1500000000
          .5s,             500000000
          1.s,            1000000000
          1h30m,       5400000000000
          2m3s4ms,      123004000000
          -1s,           -1000000000
          +1s,            1000000000
          0.9ns,                   0
          2562047h47m16.854775807s, 9223372036854775807
          """)
  void parsesWhatGoParses(String text, long nanos) {
    assertThat(GoDuration.nanos(text)).isEqualTo(nanos);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "5",
        "s",
        ".s",
        "1 s",
        "1S",
        "1d",
        "1e3s",
        "1s ",
        "--1s",
        "1s-1s",
        "٣s",
        "1,5s",
        "2562047h47m16.854775808s",
        "999999999h"
      })
  void rejectsWhatGoRejects(String text) {
    assertThatThrownBy(() -> GoDuration.nanos(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("time: invalid duration \"" + text + "\"");
  }

  @Test
  void rejectsLongTextAtOnceAndQuotesItsBeginning() {
    assertThatThrownBy(() -> GoDuration.nanos("1".repeat(1_000_000)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("time: invalid duration \"" + "1".repeat(64) + "...\"");
  }
}
