// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ThriftTypeTest {
  private static <T> byte[] written(ThriftType<T> type, T value) {
    ThriftWriter writer = new ThriftWriter().write(1, type, value);
    writer.end();
    return writer.toBytes();
  }

  private static ThriftReader reader(String hex) {
    return new ThriftReader(ByteBuffer.wrap(HexFormat.of().parseHex(hex.replace(" ", ""))));
  }

  static Stream<Arguments> values() {
    Map<String, Double> map = new LinkedHashMap<>();
    map.put("b", 1.5);
    map.put("a", -0.0);
    return Stream.of(
        Arguments.of(ThriftType.BOOL, true, "02 0001 01 00"),
        Arguments.of(ThriftType.BYTE, (byte) -2, "03 0001 fe 00"),
        Arguments.of(ThriftType.DOUBLE, 1.5, "04 0001 3ff8000000000000 00"),
        Arguments.of(ThriftType.I16, (short) -2, "06 0001 fffe 00"),
        Arguments.of(ThriftType.I32, Integer.MIN_VALUE, "08 0001 80000000 00"),
        Arguments.of(ThriftType.I64, -2L, "0a 0001 fffffffffffffffe 00"),
        Arguments.of(ThriftType.STRING, "\u00fc\ud83d\ude00", "0b 0001 00000006 c3bcf09f9880 00"),
        Arguments.of(ThriftType.STRING, "", "0b 0001 00000000 00"),
        Arguments.of(
            ThriftType.listOf(ThriftType.I16),
            List.of((short) 1, (short) 2),
            "0f 0001 06 00000002 0001 0002 00"),
        Arguments.of(
            ThriftType.listOf(ThriftType.listOf(ThriftType.BOOL)),
            List.of(List.of(), List.of(true)),
            "0f 0001 0f 00000002 02 00000000 02 00000001 01 00"),
        Arguments.of(
            ThriftType.setOf(ThriftType.STRING), Set.of("a"), "0e 0001 0b 00000001 00000001 61 00"),
        Arguments.of(
            ThriftType.mapOf(ThriftType.STRING, ThriftType.DOUBLE),
            map,
            "0d 0001 0b 04 00000002 00000001 62 3ff8000000000000 00000001 61 8000000000000000 00"),
        Arguments.of(
            ThriftType.struct(Calculator.WORK),
            new Calculator.Work(1, 2, null, List.of(), Map.of(), true),
            "0c 0001 08 0001 00000001 08 0002 00000002 0f 0004 0a 00000000"
                + " 0d 0005 0b 04 00000000 02 0006 01 00 00"));
  }

  @ParameterizedTest
  @MethodSource("values")
  <T> void valuesAreWrittenAndRead(ThriftType<T> type, T value, String hex) throws Exception {
    byte[] bytes = written(type, value);
    assertThat(HexFormat.of().formatHex(bytes)).isEqualTo(hex.replace(" ", ""));

    ThriftReader reader = reader(hex);
    assertThat(reader.next()).isTrue();
    assertThat(reader.field()).isEqualTo(1);
    assertThat(reader.read(type)).isEqualTo(value);
    assertThat(reader.next()).isFalse();
    assertThat(reader.next()).isFalse();
  }

  @ParameterizedTest
  @MethodSource("values")
  <T> void valuesAreSkipped(ThriftType<T> type, T value, String hex) throws Exception {
    ThriftReader reader = reader(hex.substring(0, hex.length() - 2) + "02 0007 01 00");
    assertThat(reader.next()).isTrue();
    assertThat(reader.next()).isTrue();
    assertThat(reader.field()).isEqualTo(7);
    assertThat(reader.read(ThriftType.BOOL)).isTrue();
  }

  @ParameterizedTest
  @MethodSource("values")
  <T> void valueCutAnywhereIsMalformed(ThriftType<T> type, T value, String hex) {
    byte[] whole = HexFormat.of().parseHex(hex.replace(" ", ""));
    for (int length = 0; length < whole.length; length++) {
      ByteBuffer cut = ByteBuffer.wrap(whole, 0, length);
      ByteBuffer skipped = ByteBuffer.wrap(whole, 0, length);
      assertThatThrownBy(() -> new ThriftReader(skipped).skipRest())
          .isInstanceOf(ProtocolException.class);
      assertThatThrownBy(
              () -> {
                ThriftReader reader = new ThriftReader(cut);
                reader.next();
                reader.read(type);
                reader.skipRest();
              })
          .isInstanceOf(ProtocolException.class)
          .hasMessageContaining("cut off");
    }
  }

  @Test
  void uuidIsSkipped() throws Exception {
    reader("10 0001 00112233445566778899aabbccddeeff 00").skipRest();
  }

  @ParameterizedTest
  @CsvSource({
    "08 0001 00000001 00, type 8 instead of 11",
    "0b 0001 ffffffff 00, a negative size",
    "0b 0001 7fffffff 00, cut off: needs 2147483647 bytes",
    "0b 0001 00000002 c328 00, a text that is not UTF-8"
  })
  void malformedTexts(String hex, String problem) throws Exception {
    ThriftReader reader = reader(hex);
    reader.next();
    assertThatThrownBy(() -> reader.read(ThriftType.STRING))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @CsvSource({
    "0f 0001 08 00000001 00000001 00, type 8 instead of 10",
    "0f 0001 0a 7fffffff 00, cut off",
    "0f 0001 0a ffffffff 00, a negative size",
    "0f 0001 63 00000001 00 00, type 99 instead of 10"
  })
  void malformedLists(String hex, String problem) throws Exception {
    ThriftReader reader = reader(hex);
    reader.next();
    assertThatThrownBy(() -> reader.read(ThriftType.listOf(ThriftType.I64)))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining(problem);
  }

  @Test
  void emptyCollectionsOfUnknownElementsAreRead() throws Exception {
    ThriftReader list = reader("0f 0001 00 00000000 00");
    list.next();
    assertThat(list.read(ThriftType.listOf(ThriftType.I64))).isEmpty();
    ThriftReader map = reader("0d 0001 00 00 00000000 00");
    map.next();
    assertThat(map.read(ThriftType.mapOf(ThriftType.I64, ThriftType.I64))).isEmpty();
  }

  @Test
  void unknownTypeCannotBeSkipped() {
    assertThatThrownBy(() -> reader("05 0001 00 00").skipRest())
        .hasMessageContaining("unknown type 5");
  }

  @Test
  void depthIsBounded() throws Exception {
    String struct = "0c 0001";
    reader(struct.repeat(63) + "00".repeat(64)).skipRest();
    assertThatThrownBy(() -> reader(struct.repeat(64) + "00".repeat(65)).skipRest())
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("values more than 64 deep");
    String list = "0f 0001" + "0f 00000001".repeat(100_000);
    assertThatThrownBy(() -> reader(list).skipRest()).hasMessageContaining("64 deep");
  }

  @Test
  void misuse() throws IOException {
    ThriftWriter writer = new ThriftWriter();
    for (int field : new int[] {-1, 32_768}) {
      assertThatThrownBy(() -> writer.write(field, ThriftType.BOOL, true))
          .hasMessage("field not in 0..32767: " + field);
    }
    assertThatThrownBy(() -> writer.write(1, ThriftType.STRING, null))
        .isInstanceOf(NullPointerException.class);
    ThriftReader reader = reader("02 0001 01 00");
    assertThatThrownBy(() -> reader.read(ThriftType.BOOL))
        .isInstanceOf(IllegalStateException.class);
    reader.next();
    reader.read(ThriftType.BOOL);
    assertThatThrownBy(() -> reader.read(ThriftType.BOOL))
        .isInstanceOf(IllegalStateException.class);
  }
}
