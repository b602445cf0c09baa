// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import java.util.List;
import kit.http2.HeaderField.Indexing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the examples of the RFC do not have: secrets, large fields, changes of the table. */
class HpackEncoderTest {
  private static final HeaderField A_B = HeaderField.of("a", "b");

  private static String hex(HpackEncoder encoder, HeaderField... fields) {
    return HexFormat.of().formatHex(encoder.encode(List.of(fields)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorization", "cookie", "proxy-authorization", "set-cookie"})
  void secretsAreNeverIndexed(String name) throws Exception {
    HpackEncoder encoder = new HpackEncoder(true);
    HeaderField secret = HeaderField.of(name, "secret");
    HpackDecoder decoder = new HpackDecoder(4096, 1000);
    for (int i = 0; i < 2; i++) {
      byte[] block = encoder.encode(List.of(secret));
      assertThat(block[0] & 0xf0).isEqualTo(0x10);
      assertThat(decoder.decode(block, 0, block.length).fields()).containsExactly(secret);
    }
    assertThat(encoder.table().bytes()).isZero();
    assertThat(secret.toString()).doesNotContain("secret");
  }

  @Test // An index would lose the representation, which the next encoder has to keep.
  void secretThatATableHasIsWrittenOut() {
    HpackEncoder encoder = new HpackEncoder(false);
    hex(encoder, A_B);
    assertThat(hex(encoder, new HeaderField(":method", "GET", Indexing.NEVER)))
        .isEqualTo("1203474554");
    assertThat(hex(encoder, new HeaderField("a", "b", Indexing.NEVER))).isEqualTo("1f2f0162");
  }

  @Test
  void repeatedFieldIsOneByte() {
    HpackEncoder encoder = new HpackEncoder(false);
    assertThat(hex(encoder, A_B, A_B)).isEqualTo("4001610162" + "be");
    assertThat(hex(encoder, A_B)).isEqualTo("be");
  }

  @Test // Above half of the table.
  void largeFieldIsNotIndexed() {
    HpackEncoder encoder = new HpackEncoder(false);
    encoder.encode(List.of(HeaderField.of("a", "b".repeat(2016))));
    assertThat(encoder.table().bytes()).isZero();
    encoder.encode(List.of(HeaderField.of("a", "b".repeat(2015))));
    assertThat(encoder.table().bytes()).isEqualTo(2048);
  }

  @Test
  void huffmanIsUsedIfItIsNotLonger() {
    assertThat(hex(new HpackEncoder(true), new HeaderField("\0\0", "00", Indexing.WITHOUT)))
        .isEqualTo("00" + "020000" + "82003f");
  }

  @Test
  void changeOfTheTableIsAnnouncedOnce() {
    HpackEncoder encoder = new HpackEncoder(false);
    hex(encoder, A_B);
    encoder.setPeerTableBytes(100);
    assertThat(hex(encoder, A_B)).isEqualTo("3f45" + "be");
    assertThat(hex(encoder, A_B)).isEqualTo("be");
  }

  @Test // RFC 7541, section 4.2: the smallest size evicts, so the peer must know of it.
  void smallestSizeInBetweenIsAnnounced() {
    HpackEncoder encoder = new HpackEncoder(false);
    hex(encoder, A_B);
    encoder.setPeerTableBytes(0);
    encoder.setPeerTableBytes(50);
    encoder.setPeerTableBytes(4096);
    assertThat(hex(encoder, A_B)).isEqualTo("20" + "3fe11f" + "4001610162");
    encoder.setPeerTableBytes(100);
    assertThat(hex(encoder, A_B)).isEqualTo("3f45" + "be");
  }

  @Test
  void sizeThatCameBackIsAnnouncedIfItEvicts() {
    HpackEncoder encoder = new HpackEncoder(false);
    encoder.setPeerTableBytes(100);
    hex(encoder);
    encoder.setPeerTableBytes(200);
    assertThat(hex(encoder)).isEqualTo("3fa901");
  }

  @Test
  void tableIsNotLargerThanItsBound() {
    HpackEncoder encoder = new HpackEncoder(false);
    encoder.setPeerTableBytes(0xffffffffL);
    assertThat(hex(encoder)).isEmpty();
    assertThat(encoder.table().maxBytes()).isEqualTo(4096);
  }

  @Test
  void peerMayForbidTheTable() {
    HpackEncoder encoder = new HpackEncoder(false);
    encoder.setPeerTableBytes(0);
    assertThat(hex(encoder, A_B)).isEqualTo("20" + "0001610162");
    assertThat(hex(encoder, A_B)).isEqualTo("0001610162");
  }

  @Test
  void charactersThatAreNoBytesAreRejected() {
    assertThatThrownBy(() -> HeaderField.of("a", "b\u0100"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("character above U+00FF at index 1");
  }
}
