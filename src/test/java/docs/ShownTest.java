// SPDX-License-Identifier: Apache-2.0
package docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShownTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          jerry8081                              | jerry8081                              | true
          jerry8081                              | jerry8082                              | false
          jerry39459                             | jerry40112                             | true
          jerry39459                             | jerry8081                              | false
          HTTP/1.1 200 OK                        | HTTP/1.1 400 OK                        | false
          Date: Thu, 26 Nov 2026 05:22:25 GMT    | Date: Fri, 27 Nov 2026 05:22:26 GMT    | true
          Date: Thu, 26 Nov 2026 05:22:25 GMT    | Date: today                            | false
          id 69650cf91f0e4779                    | id b257703c0e5e4a35                    | true
          id 69650cf91f0e4779                    | id none                                | false
          took_ms=0.412                          | took_ms=10.1                           | true
          Consul v1.8.7                          | Consul v1.20.0                         | true
          2026-11-25T22:48:01.123Z + a           | 2026-11-26T01:02:03Z + a               | true
          2026-11-25T22:48:01.123Z + a           | 2026-11-26T01:02:03Z - a               | false
          a ... z                                | a b c z                                | true
          a ... z                                | a b c y                                | false
          1.5 and (x)                            | 1x5 and (x)                            | false
          """)
  void line(String shown, String printed, boolean matches) {
    assertThat(Shown.matches(List.of(shown), List.of(printed))).isEqualTo(matches);
  }

  @Test
  void dotsStandForAnyLines() {
    List<String> shown = List.of("a", "...", "z");

    assertThat(Shown.matches(shown, List.of("a", "z"))).isTrue();
    assertThat(Shown.matches(shown, List.of("a", "b", "", "c", "z"))).isTrue();
    assertThat(Shown.matches(shown, List.of("a", "b"))).isFalse();
    assertThat(Shown.matches(shown, List.of("a", "z", "b"))).isFalse();
    assertThat(Shown.matches(shown, List.of())).isFalse();
  }

  @Test
  void moreOrLessOutputIsRejected() {
    assertThat(Shown.matches(List.of("a"), List.of("a", "b"))).isFalse();
    assertThat(Shown.matches(List.of("a", "b"), List.of("a"))).isFalse();
    assertThat(Shown.matches(List.of("a", "b"), List.of("b", "a"))).isFalse();
  }

  @Test
  void emptyLinesDoNotCount() {
    assertThat(Shown.matches(List.of("a", "", "b"), List.of("a", "b ", ""))).isTrue();
  }

  @Test
  void partOfTheOutputIsFound() {
    List<String> printed = List.of("HTTP/1.1 200 OK", "", "{\"result\":\"jerry8081\"}");

    assertThat(Shown.contains("{\"result\":\"jerry8081\"}", printed)).isTrue();
    assertThat(Shown.contains("jerry8082", printed)).isFalse();
  }
}
