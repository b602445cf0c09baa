// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpDateTest {
  private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Sun, 06 Nov 1994 08:49:37 GMT | 1994-11-06T08:49:37Z",
        "Sunday, 06-Nov-94 08:49:37 GMT | 1994-11-06T08:49:37Z",
        "Sun Nov  6 08:49:37 1994 | 1994-11-06T08:49:37Z",
        "Wed Nov 16 08:49:37 1994 | 1994-11-16T08:49:37Z",
        "Sat, 31 Dec 2016 23:59:60 GMT | 2017-01-01T00:00:00Z",
        "Saturday, 31-Dec-16 23:59:60 GMT | 2017-01-01T00:00:00Z",
        "Sat Dec 31 23:59:60 2016 | 2017-01-01T00:00:00Z",
        "Friday, 31-Dec-76 23:59:59 GMT | 2076-12-31T23:59:59Z",
        "Friday, 31-Dec-77 23:59:59 GMT | 1977-12-31T23:59:59Z",
        "Thursday, 01-Jan-70 00:00:00 GMT | 2070-01-01T00:00:00Z",
        "Tue, 29 Feb 2028 00:00:00 GMT | 2028-02-29T00:00:00Z"
      })
  void readsTheThreeFormats(String text, Instant instant) {
    assertThat(HttpDate.parse(text, NOW)).isEqualTo(instant);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "120",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 06 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "1994-11-06T08:49:37Z"
      })
  void otherTextIsNoDate(String text) {
    assertThat(HttpDate.parse(text, NOW)).isNull();
  }
}
