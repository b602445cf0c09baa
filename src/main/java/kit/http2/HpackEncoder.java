// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import kit.http2.HeaderField.Indexing;

/**
 * Encodes header blocks for one direction of a connection: RFC 7541. Each field is represented as its
 * {@link Indexing} says, by an index alone where a table has it and it is no secret.
 *
 * <p>Used by one thread at a time, in the order in which the blocks are sent. Time: each field that
 * the static table does not have is compared with the dynamic one, 128 fields at most.
 */
final class HpackEncoder {
  private final boolean usesHuffman;
  private final HpackTable table;

  // Of the settings since the last block; the peer must hear of the smallest and the last one.
  private int smallestBytes;
  private int nextBytes;

  /** Creates an encoder with a table of 4,096 bytes, whatever more the peer may offer. */
  HpackEncoder(boolean usesHuffman) {
    this(usesHuffman, HpackTable.DEFAULT_BYTES);
  }

  HpackEncoder(boolean usesHuffman, int maxTableBytes) {
    this.usesHuffman = usesHuffman;
    this.table = new HpackTable(maxTableBytes);
    this.smallestBytes = maxTableBytes;
    this.nextBytes = maxTableBytes;
  }

  /** Applies the peer's setting HEADER_TABLE_SIZE; the next block announces a change. */
  void setPeerTableBytes(long bytes) {
    nextBytes = (int) Math.min(bytes, table.largestBytes());
    smallestBytes = Math.min(smallestBytes, nextBytes);
  }

  /** Returns the block of a list of fields. */
  byte[] encode(List<HeaderField> fields) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    updateTable(block);
    for (HeaderField field : fields) {
      field(field, block);
    }
    return block.toByteArray();
  }

  /** Returns the table, for tests. */
  HpackTable table() {
    return table;
  }

  private void updateTable(ByteArrayOutputStream block) {
    if (smallestBytes < table.maxBytes() && smallestBytes < nextBytes) {
      resize(smallestBytes, block);
    }
    if (nextBytes != table.maxBytes()) {
      resize(nextBytes, block);
    }
    smallestBytes = nextBytes;
  }

  private void resize(int bytes, ByteArrayOutputStream block) {
    table.setMaxBytes(bytes);
    integer(0x20, 5, bytes, block);
  }

  private void field(HeaderField field, ByteArrayOutputStream block) {
    int index = field.indexing() == Indexing.NEVER ? 0 : table.find(field.name(), field.value());
    if (index > 0) {
      integer(0x80, 7, index, block);
      return;
    }
    int nameIndex = table.find(field.name());
    if (field.indexing() == Indexing.NEVER) {
      integer(0x10, 4, nameIndex, block);
    } else if (field.indexing() == Indexing.WITHOUT || field.size() > table.maxBytes() / 2) {
      integer(0, 4, nameIndex, block); // A large field would evict many small ones.
    } else {
      integer(0x40, 6, nameIndex, block);
      table.add(field);
    }
    if (nameIndex == 0) {
      string(field.name(), block);
    }
    string(field.value(), block);
  }

  private void string(String text, ByteArrayOutputStream block) {
    int huffmanLength = usesHuffman ? Huffman.encodedLength(text) : Integer.MAX_VALUE;
    if (huffmanLength <= text.length()) {
      integer(0x80, 7, huffmanLength, block);
      Huffman.encode(text, block);
    } else {
      integer(0, 7, text.length(), block);
      block.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
    }
  }

  static void integer(int pattern, int prefixBits, int value, ByteArrayOutputStream block) {
    int max = (1 << prefixBits) - 1;
    if (value < max) {
      block.write(pattern | value);
      return;
    }
    block.write(pattern | max);
    int rest = value - max;
    for (; rest >= 0x80; rest >>>= 7) {
      block.write(rest & 0x7f | 0x80);
    }
    block.write(rest);
  }
}
