// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;

/**
 * Reads the fields of a struct, for codecs that are written by hand.
 *
 * <pre>{@code
 * // struct User { 1: i32 uid, 2: string name }
 * while (from.next()) {
 *   switch (from.field()) {
 *     case 1 -> uid = from.read(ThriftType.I32);
 *     case 2 -> name = from.read(ThriftType.STRING);
 *     default -> {} // A field that this program does not know: skipped.
 *   }
 * }
 * }</pre>
 *
 * <p>Fields come in any order; the last value counts if one comes more than once. A value that was not
 * read is skipped by {@link #next}.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link ProtocolException}, with the position in bytes, for input that is cut off, for a value of
 * another type than is read, and for structs, lists, sets and maps more than {@value #MAX_DEPTH} deep.
 * A reader that has thrown is not to be used again.
 *
 * <p>Not thread-safe. What it allocates is bounded by the length of the input.
 */
public final class ThriftReader {
  /** How deep values may be nested: the limit of the official readers, too. */
  public static final int MAX_DEPTH = 64;

  private static final int STOP = 0;

  private final ByteBuffer bytes;
  private final int depth;
  private int field;
  private int type = STOP; // Of a value that is unread.

  ThriftReader(ByteBuffer bytes) {
    this(bytes, 1);
  }

  private ThriftReader(ByteBuffer bytes, int depth) {
    this.bytes = bytes;
    this.depth = depth;
  }

  /** Goes to the next field; returns whether there is one. */
  public boolean next() throws IOException {
    if (type != STOP) {
      skip(type);
    }
    type = (int) raw(1);
    if (type == STOP) {
      bytes.position(bytes.position() - 1); // Stays at the end.
      return false;
    }
    field = (short) raw(2);
    return true;
  }

  /** Returns the number of the current field. */
  public int field() {
    return field;
  }

  /** Reads the value of the current field. */
  public <T> T read(ThriftType<T> wanted) throws IOException {
    if (type == STOP) {
      throw new IllegalStateException("no value to read: call next() before each value");
    }
    requireType(type, wanted.code());
    type = STOP;
    return wanted.read(this);
  }

  /** Goes behind the end of the struct. */
  void skipRest() throws IOException {
    while (next()) {
      // The condition skips.
    }
    raw(1);
  }

  /** Returns a reader of a value in a value, which goes on where this one is. */
  ThriftReader inner() throws IOException {
    if (depth == MAX_DEPTH) {
      throw malformed("values more than " + MAX_DEPTH + " deep");
    }
    return new ThriftReader(bytes, depth + 1);
  }

  /** Reads a number, the highest byte first; the result is signed. */
  long raw(int count) throws IOException {
    require(count);
    long value = bytes.get();
    for (int i = 1; i < count; i++) {
      value = value << 8 | bytes.get() & 0xff;
    }
    return value;
  }

  /** Reads bytes with their length. */
  byte[] rawBytes() throws IOException {
    byte[] value = new byte[size(1)];
    bytes.get(value);
    return value;
  }

  /** Reads a size, of which all elements are there if each has so many bytes at least. */
  int size(int elementBytes) throws IOException {
    int size = (int) raw(4);
    if (size < 0) {
      throw malformed("a negative size");
    }
    require((long) size * elementBytes);
    return size;
  }

  void requireType(int found, int wanted) throws IOException {
    if (found != wanted) {
      throw malformed("type " + found + " instead of " + wanted);
    }
  }

  private void require(long count) throws IOException {
    if (count > bytes.remaining()) {
      throw malformed("cut off: needs " + count + " bytes, has " + bytes.remaining());
    }
  }

  private void skip(int code) throws IOException {
    type = STOP;
    switch (code) {
      case ThriftType.STRUCT -> inner().skipRest();
      case ThriftType.LIST, ThriftType.SET -> inner().skipAll((int) raw(1), STOP);
      case ThriftType.MAP -> inner().skipAll((int) raw(1), (int) raw(1));
      case 11 -> rawBytes(); // A string.
      case 2, 3 -> raw(1);
      case 6 -> raw(2);
      case 8 -> raw(4);
      case 4, 10 -> raw(8);
      case 16 -> { // A UUID.
        raw(8);
        raw(8);
      }
      default -> throw malformed("unknown type " + code);
    }
  }

  private void skipAll(int first, int second) throws IOException {
    int size = size(second == STOP ? 1 : 2);
    for (int i = 0; i < size; i++) {
      skip(first);
      if (second != STOP) {
        skip(second);
      }
    }
  }

  ProtocolException malformed(String problem) {
    return new ProtocolException(
        "malformed value: " + problem + ", field " + field + ", byte " + bytes.position());
  }
}
