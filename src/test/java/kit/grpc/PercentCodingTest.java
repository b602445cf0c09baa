// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PercentCodingTest {
  @ParameterizedTest
  @CsvSource({
    "'', ''",
    "plain text~, plain text~",
    "'no: ünï %', 'no: %C3%BCn%C3%AF %25'",
    "'\t\r\n\u007f', '%09%0D%0A%7F'",
    "\ud83d\ude08, %F0%9F%98%88"
  })
  void codes(String text, String coded) {
    assertThat(PercentCoding.encode(text)).isEqualTo(coded);
    assertThat(PercentCoding.decode(coded)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "no:%20%c3%bcn, no: \u00fcn",
    "50%, 50%",
    "%2, %2",
    "%zz%41, %zzA",
    "%-1, %-1",
    "%ff, \ufffd",
    "\u00c3\u00bc, \u00fc"
  })
  void decodesWhatIsNotCodedAsItShouldBe(String coded, String text) {
    assertThat(PercentCoding.decode(coded)).isEqualTo(text);
  }
}
