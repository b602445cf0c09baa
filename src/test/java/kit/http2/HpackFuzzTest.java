// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import kit.http2.HeaderField.Indexing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Random lists of fields survive, and damaged blocks end in a list or an error. */
@Timeout(600)
class HpackFuzzTest {
  private static final int BLOCKS = Integer.getInteger("fuzz.blocks", 100_000);
  private static final String[] NAMES = {
    ":path", ":status", "content-type", "grpc-timeout", "cookie", "x-a", "x-b", "te", ""
  };

  private final Random random = new Random(11);

  private HeaderField field() {
    String name = NAMES[random.nextInt(NAMES.length)];
    StringBuilder value = new StringBuilder();
    int range = random.nextInt(8) == 0 ? 256 : 4;
    for (int length = random.nextInt(random.nextInt(10) == 0 ? 600 : 12); length > 0; length--) {
      value.append((char) ('0' + random.nextInt(range) & 0xff));
    }
    Indexing[] all = Indexing.values();
    return random.nextBoolean()
        ? HeaderField.of(name, value.toString())
        : new HeaderField(name, value.toString(), all[random.nextInt(all.length)]);
  }

  private List<HeaderField> fields() {
    List<HeaderField> fields = new ArrayList<>();
    for (int count = random.nextInt(12); count > 0; count--) {
      fields.add(field());
    }
    return fields;
  }

  private static List<String> texts(List<HeaderField> fields) {
    return fields.stream().map(field -> field.name() + ": " + field.value()).toList();
  }

  @Test
  void listsOfAConnectionSurvive() throws Exception {
    for (int connection = 0; connection < 100; connection++) {
      HpackEncoder encoder = new HpackEncoder(random.nextBoolean());
      HpackDecoder decoder = new HpackDecoder(4096, 1 << 20);
      for (int i = 0; i < 100; i++) {
        for (int changes = random.nextInt(10) - 7; changes > 0; changes--) {
          encoder.setPeerTableBytes(random.nextInt(5000));
        }
        List<HeaderField> fields = fields();
        byte[] block = encoder.encode(fields);
        HpackDecoder.HeaderList list = decoder.decode(block, 0, block.length);
        assertThat(texts(list.fields())).isEqualTo(texts(fields));
        assertThat(decoder.table().bytes()).isEqualTo(encoder.table().bytes());
      }
    }
  }

  @Test
  void damagedBlocksEndInAListOrAnError() {
    List<List<HeaderField>> lists = Stream.generate(this::fields).limit(500).toList();
    int valid = 0;
    for (int i = 0; i < BLOCKS; i++) {
      HpackEncoder encoder = new HpackEncoder(random.nextBoolean());
      HpackDecoder decoder = new HpackDecoder(random.nextInt(4097), random.nextInt(2000));
      try {
        for (int blocks = 1 + random.nextInt(2); blocks > 0; blocks--) {
          byte[] block = damaged(encoder.encode(lists.get(random.nextInt(lists.size()))));
          HpackDecoder.HeaderList list = decoder.decode(block, 0, block.length);
          valid++;
          assertTrue(list.fields().size() <= 2000 / 32); // Of JUnit, as it is fast.
        }
      } catch (Http2Exception e) {
        assertSame(ErrorCode.COMPRESSION_ERROR, e.code());
        assertEquals(0, e.streamId());
      }
      HpackTable table = decoder.table();
      assertTrue(table.bytes() >= 0 && table.bytes() <= table.maxBytes());
    }
    assertThat(valid).isGreaterThan(BLOCKS / 10);
  }

  private byte[] damaged(byte[] block) {
    byte[] damaged = block;
    for (int changes = random.nextInt(4); changes > 0 && damaged.length > 0; changes--) {
      int at = random.nextInt(damaged.length);
      switch (random.nextInt(5)) {
        case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> damaged[at] = (byte) random.nextInt(256);
        case 2 -> damaged[at] = (byte) 0xff;
        case 3 -> damaged = Arrays.copyOf(damaged, at);
        default -> damaged = Arrays.copyOf(damaged, damaged.length + 1 + random.nextInt(8));
      }
    }
    return damaged;
  }
}
