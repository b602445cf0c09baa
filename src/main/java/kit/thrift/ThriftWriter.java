// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.ByteArrayOutputStream;

/**
 * Writes the fields of a struct, for codecs that are written by hand.
 *
 * <pre>{@code
 * // struct Work { 1: i32 a, 2: optional string note, 3: list<i64> xs }
 * to.write(1, ThriftType.I32, work.a()).write(3, ThriftType.listOf(ThriftType.I64), work.xs());
 * if (work.note() != null) {
 *   to.write(2, ThriftType.STRING, work.note());
 * }
 * }</pre>
 *
 * <p>Fields may come in any order. Not thread-safe.
 */
public final class ThriftWriter {
  private static final int MAX_FIELD = Short.MAX_VALUE;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  ThriftWriter() {}

  /**
   * Writes a field; returns this.
   *
   * @param field its number in the interface definition, 0 to 32767
   */
  public <T> ThriftWriter write(int field, ThriftType<T> type, T value) {
    if (field < 0 || field > MAX_FIELD) {
      throw new IllegalArgumentException("field not in 0.." + MAX_FIELD + ": " + field);
    }
    requireNonNull(value, "value");
    raw(type.code(), 1);
    raw(field, 2);
    type.write(this, value);
    return this;
  }

  /** Writes the lowest bytes of a number, the highest one first. */
  void raw(long value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      bytes.write((int) (value >> shift));
    }
  }

  /** Writes bytes with their length. */
  void raw(byte[] value) {
    raw(value.length, 4);
    bytes.writeBytes(value);
  }

  /** Writes the end of a struct. */
  void end() {
    bytes.write(0);
  }

  byte[] toBytes() {
    return bytes.toByteArray();
  }
}
