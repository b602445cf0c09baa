// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import kit.http2.HeaderField.Indexing;

/**
 * Decodes the header blocks of one direction of a connection: RFC 7541.
 *
 * <p>After an {@link Http2Exception}, always COMPRESSION_ERROR of the connection, the decoder and its
 * peer disagree about the table: the connection must end.
 *
 * <p>Used by one thread at a time. Time is linear in the length of the block. Memory: the bound of
 * the list, the table, and up to eight fifths of the block for the text of one field.
 */
final class HpackDecoder {
  private static final int MAX_CONTINUATION_BYTES = 5; // 35 bits: more than an int has.

  private static final byte[] NOTHING = {};

  private final HpackTable table;
  private final int maxListBytes;

  // The block that is being decoded.
  private byte[] bytes = NOTHING;
  private int position;
  private int end;

  /**
   * Creates a decoder.
   *
   * @param maxTableBytes the size that the table begins with, and the bound of the encoder's updates
   * @param maxListBytes the bound of a list of fields: names, values, and 32 bytes for each field
   */
  HpackDecoder(int maxTableBytes, int maxListBytes) {
    this.table = new HpackTable(maxTableBytes);
    this.maxListBytes = maxListBytes;
  }

  /**
   * The fields of a block.
   *
   * @param isTooLarge whether fields that exceed the bound were left out
   */
  record HeaderList(List<HeaderField> fields, boolean isTooLarge) {}

  /**
   * Decodes a whole block. Beyond the bound of the list it goes on without storing fields: later
   * blocks depend on the table.
   */
  HeaderList decode(byte[] block, int offset, int length) throws Http2Exception {
    bytes = block;
    position = offset;
    end = offset + length;
    updateTable();

    List<HeaderField> fields = new ArrayList<>();
    long listBytes = 0;
    while (position < end) {
      HeaderField field = field();
      listBytes += field.size();
      if (listBytes <= maxListBytes) {
        fields.add(field);
      }
    }
    bytes = NOTHING; // A connection may wait for long.
    return new HeaderList(List.copyOf(fields), listBytes > maxListBytes);
  }

  /** Returns the table, for tests. */
  HpackTable table() {
    return table;
  }

  private void updateTable() throws Http2Exception {
    while (position < end && (bytes[position] & 0xe0) == 0x20) {
      int size = integer(5);
      require(size <= table.largestBytes(), "table size update above the setting");
      table.setMaxBytes(size);
    }
  }

  private HeaderField field() throws Http2Exception {
    int first = bytes[position];
    if ((first & 0x80) != 0) {
      return indexed(integer(7));
    }
    if ((first & 0x40) != 0) {
      HeaderField field = literal(integer(6), Indexing.INCREMENTAL);
      table.add(field);
      return field;
    }
    require((first & 0x20) == 0, "table size update behind a field");
    boolean isSecret = (first & 0x10) != 0;
    return literal(integer(4), isSecret ? Indexing.NEVER : Indexing.WITHOUT);
  }

  private HeaderField indexed(int index) throws Http2Exception {
    require(table.has(index), "no field of the index in the table");
    return table.get(index);
  }

  private HeaderField literal(int nameIndex, Indexing indexing) throws Http2Exception {
    String name = nameIndex == 0 ? string() : indexed(nameIndex).name();
    return new HeaderField(name, string(), indexing);
  }

  private String string() throws Http2Exception {
    require(position < end, "block ends before a string");
    boolean isHuffman = (bytes[position] & 0x80) != 0;
    int length = integer(7);
    require(length <= end - position, "string is longer than its block");
    int start = position;
    position += length;
    return isHuffman
        ? Huffman.decode(bytes, start, length)
        : new String(bytes, start, length, StandardCharsets.ISO_8859_1);
  }

  /** Reads an integer that begins in the last bits of the next byte: RFC 7541, section 5.1. */
  private int integer(int prefixBits) throws Http2Exception {
    int max = (1 << prefixBits) - 1;
    long value = bytes[position++] & max;
    if (value < max) {
      return (int) value;
    }
    for (int i = 0; i < MAX_CONTINUATION_BYTES; i++) {
      require(position < end, "block ends within an integer");
      int next = bytes[position++];
      value += (next & 0x7fL) << 7 * i;
      if (next >= 0) {
        require(value <= Integer.MAX_VALUE, "integer above 2^31-1");
        return (int) value;
      }
    }
    throw error("integer of more than 6 bytes");
  }

  private static void require(boolean isValid, String problem) throws Http2Exception {
    if (!isValid) {
      throw error(problem);
    }
  }

  private static Http2Exception error(String problem) {
    return Http2Exception.ofConnection(ErrorCode.COMPRESSION_ERROR, problem);
  }
}
