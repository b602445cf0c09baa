// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MediaTypesTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          application/json                          | true
          Application/JSON                          | true
          */*                                       | true
          application/*                             | true
          application/json; charset=utf-8           | true
          text/html, application/json;q=0.1         | true
          text/html,application/xml;q=0.9,*/*;q=0.8 | true
          text/html; a="x, y" , application/json    | true
          application/json;q=0.001                  | true
          application/json;q=1.000                  | true
          ''                                        | true
          ,                                         | false
          text/html                                 | false
          text/*                                    | false
          application/json2                         | false
          application/problem+json                  | false
          application/json;q=0                      | false
          application/json ; Q=0.000                | false
          */*, application/json;q=0                 | false
          application/json;q=0, */*                 | false
          application/*;q=0, */*;q=1                | false
          application/*;q=0, application/json       | true
          text/html; a="application/json"           | false
          text/html; a="\\", application/json"      | false
          text/html; a="unended, application/json   | false
          *                                         | false
          json                                      | false
          """)
  void mostSpecificRangeDecides(String accept, boolean isAccepted) {
    assertThat(MediaTypes.isAccepted(accept, "application/json")).isEqualTo(isAccepted);
  }
}
