// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.HexFormat;
import kit.http2.HeaderField.Indexing;
import kit.http2.HpackDecoder.HeaderList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bounds and invalid blocks. HpackExamplesTest has the valid ones. */
class HpackDecoderTest {
  private static final HeaderField A_B = HeaderField.of("a", "b"); // 34 bytes.
  private static final String ADD_A_B = "4001610162";

  private static HeaderList decode(HpackDecoder decoder, String hex) throws Http2Exception {
    byte[] bytes = HexFormat.of().parseHex(hex);
    return decoder.decode(bytes, 0, bytes.length);
  }

  @ParameterizedTest
  @CsvSource({
    "80, index 0",
    "be, index 62 without dynamic fields",
    "ff00, index 127",
    "4001610162bf, index behind the only dynamic field",
    "7f000161, name of index 63",
    "0f2f0161, name of index 62 without dynamic fields",
    "1f2f0161, name of index 62 of a secret",
    "ff, index cut off",
    "ffff, index cut off within its rest",
    "ffffffffff07, index of 2^31 + 126",
    "ffffffffff7f, index of 35 bits",
    "3f808080808000, table size of 6 bytes behind its prefix",
    "ffffffffffffffffffff00, index of 10 bytes behind its prefix",
    "40, no name",
    "4001, name cut off",
    "400161, no value",
    "4001610262, value cut off",
    "400161ff, length cut off",
    "007fffffffff0761, length above 2^31",
    "007f80ffffff0761, length of 2^31 - 1",
    "0081060161, name with wrong padding",
    "00016184ffffffff, value with EOS",
    "0001618207ff, value with 11 bits of padding",
    "3fe21f, table size of 4097",
    "3fffffffffff0f, table size above 2^31",
    "3f, table size cut off",
    "822001610162, table size behind a field",
    "20823f01, table size before and behind a field",
  })
  void invalidBlocksAreErrorsOfTheConnection(String hex, String why) {
    HpackDecoder decoder = new HpackDecoder(4096, 1000);
    assertThatThrownBy(() -> decode(decoder, hex))
        .as(why)
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.COMPRESSION_ERROR);
              assertThat(e.streamId()).isZero();
            });
  }

  @Test
  void errorsAreFoundBeyondTheBoundOfTheList() {
    HpackDecoder decoder = new HpackDecoder(4096, 0);
    assertThatThrownBy(() -> decode(decoder, ADD_A_B + "80")).isInstanceOf(Http2Exception.class);
  }

  @ParameterizedTest
  @CsvSource({
    "20, 0, false",
    "22, 2, false",
    "3f03, 34, true",
    "3fe11f, 4096, true",
    "203fe11f, 4096, false",
    "3fe11f3f0122, 2, false",
    "3f8080808000, 31, false"
  })
  void tableSizesUpToTheSettingAreTaken(String hex, int size, boolean isKept) throws Exception {
    HpackDecoder decoder = new HpackDecoder(4096, 1000);
    decode(decoder, ADD_A_B);
    assertThat(decode(decoder, hex).fields()).isEmpty();
    assertThat(decoder.table().maxBytes()).isEqualTo(size);
    assertThat(decoder.table().has(62)).isEqualTo(isKept);
  }

  @Test
  void integersMayHaveLeadingZeros() throws Exception {
    String name = "61".repeat(127);
    HeaderList list = decode(new HpackDecoder(4096, 1000), "007f8080808000" + name + "00");
    assertThat(list.fields())
        .containsExactly(new HeaderField("a".repeat(127), "", Indexing.WITHOUT));
  }

  @Test
  void anyByteIsPassedOn() throws Exception {
    HeaderList list = decode(new HpackDecoder(4096, 1000), "000200ff040d0a8041");
    assertThat(list.fields())
        .containsExactly(new HeaderField("\0\u00ff", "\r\n\u0080A", Indexing.WITHOUT));
  }

  @Test // "cookie" by its index, as a literal that is to be added and as one that is not.
  void secretsKeepTheirRepresentation() throws Exception {
    HeaderList list = decode(new HpackDecoder(4096, 1000), "600161" + "1f110161" + "0f110161");
    assertThat(list.fields())
        .extracting(HeaderField::name, HeaderField::indexing)
        .containsExactly(
            tuple("cookie", Indexing.INCREMENTAL),
            tuple("cookie", Indexing.NEVER),
            tuple("cookie", Indexing.WITHOUT));
  }

  @ParameterizedTest // Two fields of 34 bytes.
  @CsvSource({"68, 2, false", "67, 1, true", "34, 1, true", "33, 0, true", "0, 0, true"})
  void listIsBounded(int maxListBytes, int stored, boolean isTooLarge) throws Exception {
    HpackDecoder decoder = new HpackDecoder(4096, maxListBytes);
    HeaderList list = decode(decoder, ADD_A_B + "be");
    assertThat(list.fields()).hasSize(stored);
    assertThat(list.isTooLarge()).isEqualTo(isTooLarge);
  }

  @Test
  void tableStaysRightBeyondTheBound() throws Exception {
    HpackDecoder decoder = new HpackDecoder(4096, 70);
    decode(decoder, "828486" + ADD_A_B); // 42 + 38 + 43 bytes come first.
    HeaderList next = decode(decoder, "be");
    assertThat(next.fields()).containsExactly(A_B);
    assertThat(next.isTooLarge()).isFalse();
  }

  @Test // 4,000 bytes once, and 100,000 references to them: 400 MB if they were stored.
  void smallBlockOfManyReferencesIsNotStored() throws Exception {
    HpackDecoder decoder = new HpackDecoder(4096, 16384);
    decode(decoder, "400161" + "7fa11e" + "62".repeat(4000));
    HeaderList list = decode(decoder, "be".repeat(100_000));
    assertThat(list.isTooLarge()).isTrue();
    assertThat(list.fields()).hasSize(4);
    assertThat(decode(decoder, "be").fields()).hasSize(1);
  }

  @Test
  void blockMayLieWithinAnArray() throws Exception {
    byte[] bytes = HexFormat.of().parseHex("80" + ADD_A_B + "80");
    HeaderList list = new HpackDecoder(4096, 1000).decode(bytes, 1, bytes.length - 2);
    assertThat(list.fields()).containsExactly(A_B);
  }
}
