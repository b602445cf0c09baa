// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HpackTableTest {
  private static HeaderField ofSize(String name, int bytes) {
    return HeaderField.of(name, "x".repeat(bytes - name.length() - 32));
  }

  private static List<String> names(HpackTable table) {
    List<String> names = new ArrayList<>();
    for (int index = 62; table.has(index); index++) {
      names.add(table.get(index).name());
    }
    return names;
  }

  @Test
  void staticFieldsHaveTheIndexesOfTheRfc() {
    HpackTable table = new HpackTable(4096);
    assertThat(table.has(0)).isFalse();
    assertThat(table.get(1)).isEqualTo(HeaderField.of(":authority", ""));
    assertThat(table.get(8)).isEqualTo(HeaderField.of(":status", "200"));
    assertThat(table.get(16)).isEqualTo(HeaderField.of("accept-encoding", "gzip, deflate"));
    assertThat(table.get(32)).isEqualTo(HeaderField.of("cookie", ""));
    assertThat(table.get(61)).isEqualTo(HeaderField.of("www-authenticate", ""));
    assertThat(table.has(62)).isFalse();
  }

  @Test
  void eachStaticFieldIsFound() {
    HpackTable table = new HpackTable(0);
    for (int i = 1; i <= 61; i++) {
      HeaderField field = table.get(i);
      assertThat(table.find(field.name(), field.value())).isEqualTo(i);
    }
    assertThat(table.find(":status", "201")).isZero();
    assertThat(table.find(":status")).isEqualTo(8);
    assertThat(table.find("x")).isZero();
  }

  @Test
  void newestFieldIsFirst() {
    HpackTable table = new HpackTable(4096);
    table.add(HeaderField.of("a", "1"));
    table.add(HeaderField.of("b", "1"));
    table.add(HeaderField.of("a", "2"));
    assertThat(names(table)).containsExactly("a", "b", "a");
    assertThat(table.find("a", "1")).isEqualTo(64);
    assertThat(table.find("a")).isEqualTo(62);
  }

  @Test
  void oldestFieldsMakeRoom() {
    HpackTable table = new HpackTable(100);
    table.add(ofSize("a", 50));
    table.add(ofSize("b", 50)); // Full.
    table.add(ofSize("c", 33));
    assertThat(names(table)).containsExactly("c", "b");
    table.add(ofSize("d", 100));
    assertThat(names(table)).containsExactly("d");
    assertThat(table.bytes()).isEqualTo(100);
  }

  @Test // RFC 7541, section 4.4: this is no error.
  void fieldLargerThanTheTableEmptiesIt() {
    HpackTable table = new HpackTable(100);
    table.add(ofSize("a", 50));
    table.add(ofSize("b", 101));
    assertThat(names(table)).isEmpty();
    assertThat(table.bytes()).isZero();
  }

  @Test
  void smallerTableEvicts() {
    HpackTable table = new HpackTable(100);
    table.add(ofSize("a", 33));
    table.add(ofSize("b", 33));
    table.setMaxBytes(33);
    assertThat(names(table)).containsExactly("b");
    table.setMaxBytes(32);
    assertThat(names(table)).isEmpty();
    table.setMaxBytes(100);
    table.add(ofSize("c", 100));
    assertThat(names(table)).containsExactly("c");
  }

  @Test // RFC 7541, section 4.4: the name is of a field that the new one evicts.
  void fieldMayHaveTheNameOfTheOneThatItEvicts() throws Exception {
    HpackDecoder decoder = new HpackDecoder(40, 1000);
    byte[] block = HexFormat.of().parseHex("4001610162" + "7e03626262" + "be");
    assertThat(decoder.decode(block, 0, block.length).fields())
        .extracting(HeaderField::value)
        .containsExactly("b", "bbb", "bbb");
  }

  @Test
  void sameAsAListThatIsCutAtItsEnd() {
    Random random = new Random(3);
    HpackTable table = new HpackTable(500);
    LinkedList<HeaderField> oracle = new LinkedList<>();
    int max = 500;
    for (int i = 0; i < 20_000; i++) {
      if (random.nextInt(20) == 0) {
        max = random.nextInt(501);
        table.setMaxBytes(max);
      } else {
        HeaderField field = ofSize("" + (char) ('a' + random.nextInt(26)), 33 + random.nextInt(90));
        table.add(field);
        oracle.addFirst(field);
      }
      int limit = max;
      while (oracle.stream().mapToLong(HeaderField::size).sum() > limit) {
        oracle.removeLast();
      }
      List<HeaderField> fields = new ArrayList<>();
      for (int index = 62; table.has(index); index++) {
        fields.add(table.get(index));
      }
      assertThat(fields).isEqualTo(oracle);
    }
  }
}
