// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProtobufWriterTest {
  private static String hex(Consumer<ProtobufWriter> fields) {
    ProtobufWriter message = new ProtobufWriter();
    fields.accept(message);
    return HexFormat.of().formatHex(message.toBytes());
  }

  @Test
  void examplesOfTheEncodingGuide() {
    assertThat(hex(message -> message.writeInt(1, 150))).isEqualTo("089601");
    assertThat(hex(message -> message.writeString(2, "testing"))).isEqualTo("120774657374696e67");
    assertThat(hex(message -> message.writeMessage(3, new ProtobufWriter().writeInt(1, 150))))
        .isEqualTo("1a03089601");
    assertThat(hex(message -> message.writePacked(6, 3, 270, 86942))).isEqualTo("3206038e029ea705");
    assertThat(hex(message -> message.writeInt(1, -2))).isEqualTo("08feffffffffffffffff01");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0800",
    "-1, 0801",
    "1, 0802",
    "-2, 0803",
    "2147483647, 08feffffff0f",
    "-2147483648, 08ffffffff0f",
    "-9223372036854775808, 08ffffffffffffffffff01"
  })
  void zigzag(long value, String expected) {
    assertThat(hex(message -> message.writeSint(1, value))).isEqualTo(expected);
  }

  @Test
  void otherTypes() {
    assertThat(hex(message -> message.writeBool(1, true).writeBool(2, false)))
        .isEqualTo("08011000");
    assertThat(hex(message -> message.writeFixed32(1, 1).writeFixed64(2, -2)))
        .isEqualTo("0d0100000011feffffffffffffff");
    assertThat(hex(message -> message.writeFloat(1, 1.5f).writeDouble(2, -0.5)))
        .isEqualTo("0d0000c03f11000000000000e0bf");
    assertThat(hex(message -> message.writeBytes(1, new byte[] {0, -1}))).isEqualTo("0a0200ff");
    assertThat(hex(message -> message.writeString(1, "\u00fc\ud83d\ude00\ud83d")))
        .isEqualTo("0a07c3bcf09f98803f");
    assertThat(hex(message -> message.writePacked(1))).isEmpty();
    assertThat(hex(message -> message.writeInt(536870911, 0))).isEqualTo("f8ffffff0f00");
  }

  @Test
  void longMessagesGrow() {
    byte[] text = new byte[1_000_000];
    Arrays.fill(text, (byte) 'x');
    ProtobufWriter inner = new ProtobufWriter().writeBytes(1, text);

    assertThat(new ProtobufWriter().writeMessage(2, inner).toBytes()).hasSize(1_000_008);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, 536870912})
  void fieldNumberOutOfRangeIsRejected(int field) {
    assertThatThrownBy(() -> new ProtobufWriter().writeInt(field, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("field not in 1..536870911: " + field);
  }
}
