// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProtobufReaderTest {
  private static final int INPUTS = Integer.getInteger("fuzz.protobuf", 50_000);

  private static ProtobufReader at(String hex) throws Exception {
    ProtobufReader message = new ProtobufReader(HexFormat.of().parseHex(hex));
    assertThat(message.next()).isTrue();
    return message;
  }

  @Test
  void examplesOfTheEncodingGuide() throws Exception {
    assertThat(at("089601").readInt32()).isEqualTo(150);
    assertThat(at("120774657374696e67").readString()).isEqualTo("testing");
    ProtobufReader inner = at("1a03089601").readMessage();
    assertThat(inner.next()).isTrue();
    assertThat(inner.field()).isEqualTo(1);
    assertThat(inner.readInt64()).isEqualTo(150);
    assertThat(inner.next()).isFalse();
    assertThat(inner.next()).isFalse();
    assertThat(at("08feffffffffffffffff01").readInt32()).isEqualTo(-2);
  }

  private static List<Long> ints(ProtobufReader message) throws Exception {
    List<Long> all = new ArrayList<>();
    while (message.next()) {
      message.readInts(all::add);
    }
    return all;
  }

  @Test
  void repeatedNumbersArePackedOrNotOrBoth() throws Exception {
    byte[] bytes = HexFormat.of().parseHex("3206038e029ea705" + "3007" + "3200" + "320108");

    assertThat(ints(new ProtobufReader(bytes))).containsExactly(3L, 270L, 86942L, 7L, 8L);
  }

  @Test
  void whatIsWrittenIsRead() throws Exception {
    byte[] bytes =
        new ProtobufWriter()
            .writeInt(1, Long.MIN_VALUE)
            .writeInt(2, Integer.toUnsignedLong(-1))
            .writeSint(3, Long.MIN_VALUE)
            .writeSint(4, Integer.MAX_VALUE)
            .writeBool(5, true)
            .writeFixed32(6, Integer.MIN_VALUE)
            .writeFixed64(7, Long.MIN_VALUE + 1)
            .writeFloat(8, Float.MIN_VALUE)
            .writeDouble(9, Double.MAX_VALUE)
            .writeString(10, "\u00fc\ud83d\ude00")
            .writeBytes(11, new byte[] {1, 2})
            .toBytes();
    ProtobufReader message = new ProtobufReader(bytes);
    List<Object> values = new ArrayList<>();
    while (message.next()) {
      values.add(
          switch (message.field()) {
            case 1 -> message.readInt64();
            case 2 -> message.readInt32();
            case 3, 4 -> message.readSint();
            case 5 -> message.readBool();
            case 6 -> message.readFixed32();
            case 7 -> message.readFixed64();
            case 8 -> message.readFloat();
            case 9 -> message.readDouble();
            case 10 -> message.readString();
            default -> HexFormat.of().formatHex(message.readBytes());
          });
    }
    assertThat(values)
        .containsExactly(
            Long.MIN_VALUE,
            -1,
            Long.MIN_VALUE,
            (long) Integer.MAX_VALUE,
            true,
            Integer.MIN_VALUE,
            Long.MIN_VALUE + 1,
            Float.MIN_VALUE,
            Double.MAX_VALUE,
            "\u00fc\ud83d\ude00",
            "0102");
  }

  @Test
  void fieldsThatAreNotReadAreSkipped() throws Exception {
    ProtobufWriter all =
        new ProtobufWriter()
            .writeInt(10, -1)
            .writeFixed32(11, 1)
            .writeFixed64(12, 1)
            .writeString(13, "unknown");
    byte[] known = new ProtobufWriter().writeInt(1, 5).toBytes();
    String group = "a306" + "0801" + "a306" + "a406" + "0d01000000" + "a406"; // 100, in it 100.
    byte[] bytes =
        HexFormat.of()
            .parseHex(
                HexFormat.of().formatHex(all.toBytes()) + group + HexFormat.of().formatHex(known));
    ProtobufReader message = new ProtobufReader(bytes);
    List<Integer> fields = new ArrayList<>();
    while (message.next()) {
      fields.add(message.field());
      if (message.field() == 1) {
        assertThat(message.readInt32()).isEqualTo(5);
      }
    }
    assertThat(fields).containsExactly(10, 11, 12, 13, 100, 1);
  }

  @ParameterizedTest
  @CsvSource({
    "08, 'cut off: needs 1 bytes, has 0 in field 1 at byte 1'",
    "0880, 'cut off: needs 1 bytes, has 0 in field 1 at byte 2'",
    "0d010000, 'cut off: needs 4 bytes, has 3 in field 1 at byte 1'",
    "0901, 'cut off: needs 8 bytes, has 1 in field 1 at byte 1'",
    "0a02ff, 'cut off: needs 2 bytes, has 1 in field 1 at byte 2'",
    "0affffffffffffffffff01, 'cut off: needs 18446744073709551615 bytes, has 0 in field 1 at byte"
        + " 11'",
    "08ffffffffffffffffff02, 'a number of more than 64 bits in field 1 at byte 11'",
    "08ffffffffffffffffffff01, 'a number of more than 64 bits in field 1 at byte 11'",
    "00, 'a field number not in 1..536870911 at byte 1'",
    "888080808001, 'a field number not in 1..536870911 at byte 6'",
    "0c, 'end of a group without its start in field 1 at byte 1'",
    "0e, 'unknown wire type 6 in field 1 at byte 1'",
    "0b, 'cut off: needs 1 bytes, has 0 at byte 1'",
    "0b14, 'the end of another group than that of field 1 in field 2 at byte 2'"
  })
  void malformedInputIsRejectedWithItsPlace(String hex, String problem) {
    ProtobufReader message = new ProtobufReader(HexFormat.of().parseHex(hex));

    assertThatThrownBy(() -> skipAll(message))
        .isInstanceOf(ProtobufReader.MalformedException.class)
        .hasMessage(problem);
  }

  private static void skipAll(ProtobufReader message) throws Exception {
    while (message.next()) {
      assertThat(message.field()).isPositive();
    }
  }

  @Test
  void valueOfAnotherTypeIsRejected() throws Exception {
    ProtobufReader number = at("0801");
    assertThatThrownBy(number::readString)
        .hasMessage("wire type 0 instead of 2 in field 1 at byte 1");
    ProtobufReader text = at("0a0141");
    assertThatThrownBy(text::readInt64).hasMessage("wire type 2 instead of 0 in field 1 at byte 1");
    ProtobufReader cutOff = at("0a0180");
    assertThatThrownBy(() -> cutOff.readInts(value -> {}))
        .hasMessage("cut off: needs 1 bytes, has 0 in field 1 at byte 3");
  }

  @Test
  void textThatIsNotUtf8IsRejected() throws Exception {
    ProtobufReader overlong = at("0a02c080");
    assertThatThrownBy(overlong::readString)
        .hasMessage("a text that is not UTF-8 in field 1 at byte 2");
    ProtobufReader surrogate = at("0a03eda080");
    assertThatThrownBy(surrogate::readString).isInstanceOf(ProtobufReader.MalformedException.class);
  }

  @Test
  void valueIsReadOnce() throws Exception {
    ProtobufReader message = at("0801");
    message.readInt32();

    assertThatThrownBy(message::readInt32).isInstanceOf(IllegalStateException.class);
  }

  private static ProtobufWriter nested(int depth) {
    ProtobufWriter message = new ProtobufWriter();
    for (int i = 1; i < depth; i++) {
      message = new ProtobufWriter().writeMessage(1, message);
    }
    return message;
  }

  private static int depth(ProtobufReader message) throws Exception {
    return message.next() ? 1 + depth(message.readMessage()) : 1;
  }

  @Test
  void depthIsBounded() throws Exception {
    assertThat(depth(new ProtobufReader(nested(100).toBytes()))).isEqualTo(100);
    assertThatThrownBy(() -> depth(new ProtobufReader(nested(101).toBytes())))
        .isInstanceOf(ProtobufReader.MalformedException.class)
        .hasMessageStartingWith("messages nested more than 100 deep");
    byte[] groups = new byte[100_000];
    Arrays.fill(groups, (byte) 0x0b);
    assertThatThrownBy(() -> skipAll(new ProtobufReader(groups)))
        .isInstanceOf(ProtobufReader.MalformedException.class)
        .hasMessageStartingWith("messages nested more than 100 deep");
  }

  /** Reads all it finds with the method that fits best; tries texts as messages, too. */
  private static int readAnything(ProtobufReader message, Random random) throws Exception {
    int count = 0;
    LongConsumer ignored = value -> {};
    for (; message.next(); count++) {
      switch (random.nextInt(20)) {
        case 0 -> message.readInt64();
        case 1 -> message.readString();
        case 2 -> count += readAnything(message.readMessage(), random);
        case 3 -> message.readInts(ignored);
        case 4 -> message.readBytes();
        case 5 -> message.readFixed32();
        case 6 -> message.readDouble();
        default -> {}
      }
    }
    return count;
  }

  @Test
  void damagedMessagesAreReadOrMalformed() throws Exception {
    Random random = new Random(7);
    byte[] valid =
        new ProtobufWriter()
            .writeInt(1, 300)
            .writeString(2, "text \u00fc")
            .writeMessage(3, nested(4))
            .writePacked(4, 1, 1000, -1)
            .writeFixed32(5, 7)
            .writeDouble(6, 0.1)
            .toBytes();
    int read = 0;
    int rejected = 0;
    for (int i = 0; i < INPUTS; i++) {
      byte[] input = Arrays.copyOf(valid, 1 + random.nextInt(valid.length));
      for (int changes = random.nextInt(4); changes > 0; changes--) {
        input[random.nextInt(input.length)] = (byte) random.nextInt();
      }
      try {
        readAnything(new ProtobufReader(input), random);
        read++;
      } catch (ProtobufReader.MalformedException e) {
        rejected++;
      }
    }
    assertThat(read).isGreaterThan(INPUTS / 100);
    assertThat(rejected).isGreaterThan(INPUTS / 100);
  }
}
