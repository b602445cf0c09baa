// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HuffmanTest {
  private static byte[] encoded(String text) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Huffman.encode(text, bytes);
    assertThat(bytes.size()).isEqualTo(Huffman.encodedLength(text));
    return bytes.toByteArray();
  }

  @ParameterizedTest // The shortest and the longest code, and one of each kind of padding.
  @CsvSource({"0, 07", "000, 0001", "00000000, 0000000000", "&, f8", "'\n', fffffff3", "'', ''"})
  void textsHaveTheCodesOfTheRfc(String text, String hex) throws Exception {
    byte[] bytes = HexFormat.of().parseHex(hex);
    assertThat(encoded(text)).isEqualTo(bytes);
    assertThat(Huffman.decode(bytes, 0, bytes.length)).isEqualTo(text);
  }

  @Test
  void eachPairOfBytesSurvives() throws Exception {
    for (int first = 0; first < 256; first++) {
      for (int second = 0; second < 256; second++) {
        String text = "" + (char) first + (char) second;
        byte[] bytes = encoded(text);
        assertThat(Huffman.decode(bytes, 0, bytes.length)).isEqualTo(text);
      }
    }
  }

  @Test
  void textsOfAnyLengthSurvive() throws Exception {
    Random random = new Random(7);
    for (int i = 0; i < 2000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(60); length > 0; length--) {
        text.append((char) random.nextInt(random.nextBoolean() ? 256 : 128));
      }
      byte[] bytes = encoded(text.toString());
      assertThat(Huffman.decode(bytes, 0, bytes.length)).isEqualTo(text.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "06, padding with a zero",
    "00, padding of zeros",
    "07ff, padding of 11 bits",
    "ff, padding of 8 bits",
    "ffff, padding of 16 bits",
    "fffffff0, the beginning of a long code",
    "fffffffc, EOS without padding bits of ones",
    "ffffffff, EOS",
    "07fffffffc, EOS behind a symbol",
    "fe, the beginning of a code that is no padding"
  })
  void invalidTextsAreErrors(String hex, String why) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    assertThatThrownBy(() -> Huffman.decode(bytes, 0, bytes.length))
        .as(why)
        .isInstanceOfSatisfying(
            Http2Exception.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.COMPRESSION_ERROR));
  }
}
