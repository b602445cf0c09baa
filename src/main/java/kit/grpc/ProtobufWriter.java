// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes a Protocol Buffers message, field by field, for codecs that are written by hand.
 *
 * <pre>{@code
 * // message User { int64 uid = 1; string name = 2; repeated Address addresses = 3; }
 * ProtobufWriter message = new ProtobufWriter().writeInt(1, user.uid()).writeString(2, user.name());
 * for (Address address : user.addresses()) {
 *   message.writeMessage(3, new ProtobufWriter().writeString(1, address.city()));
 * }
 * byte[] bytes = message.toBytes();
 * }</pre>
 *
 * <p>Every call writes a field. In proto3, a field without presence need not be written when it has
 * its default value (0, false, empty); readers accept both. A {@code repeated} field is written once
 * for each element; numbers may be packed instead.
 *
 * <pre>
 *   type in the .proto file                  method
 *   int32, int64, uint64, enum               writeInt
 *   uint32                                   writeInt with Integer.toUnsignedLong(value)
 *   sint32, sint64                           writeSint
 *   bool                                     writeBool
 *   fixed32, sfixed32; fixed64, sfixed64     writeFixed32; writeFixed64
 *   float; double                            writeFloat; writeDouble
 *   string; bytes; a message                 writeString; writeBytes; writeMessage
 *   repeated int32, int64, uint64, enum      writePacked
 * </pre>
 *
 * <h2>Errors</h2>
 *
 * <p>{@link IllegalArgumentException} for a field number outside 1 to 536870911.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Not thread-safe. The bytes are copied when the buffer grows, into the outer message and by {@link
 * #toBytes}.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">Protocol Buffers: encoding</a>
 */
public final class ProtobufWriter {
  private static final int MAX_FIELD = (1 << 29) - 1; // Three bits of a tag are the wire type.
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FIXED32 = 5;

  private byte[] buffer = new byte[64];
  private int size;

  /** Creates a message without fields. */
  public ProtobufWriter() {}

  /** Writes an {@code int32}, {@code int64}, {@code uint64} or {@code enum}; returns this. */
  public ProtobufWriter writeInt(int field, long value) {
    tag(field, VARINT);
    varint(value);
    return this;
  }

  /** Writes a {@code sint32} or {@code sint64}, which is short if close to zero; returns this. */
  public ProtobufWriter writeSint(int field, long value) {
    return writeInt(field, value << 1 ^ value >> 63); // Zigzag: 0, -1, 1, -2 are 0, 1, 2, 3.
  }

  /** Writes a {@code bool}; returns this. */
  public ProtobufWriter writeBool(int field, boolean value) {
    return writeInt(field, value ? 1 : 0);
  }

  /** Writes a {@code fixed32} or {@code sfixed32}; returns this. */
  public ProtobufWriter writeFixed32(int field, int value) {
    tag(field, FIXED32);
    littleEndian(value, Integer.BYTES);
    return this;
  }

  /** Writes a {@code fixed64} or {@code sfixed64}; returns this. */
  public ProtobufWriter writeFixed64(int field, long value) {
    tag(field, FIXED64);
    littleEndian(value, Long.BYTES);
    return this;
  }

  /** Writes a {@code float}; returns this. */
  public ProtobufWriter writeFloat(int field, float value) {
    return writeFixed32(field, Float.floatToRawIntBits(value));
  }

  /** Writes a {@code double}; returns this. */
  public ProtobufWriter writeDouble(int field, double value) {
    return writeFixed64(field, Double.doubleToRawLongBits(value));
  }

  /** Writes a {@code string}; half a character becomes a question mark; returns this. */
  public ProtobufWriter writeString(int field, String value) {
    return writeBytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes {@code bytes}; returns this. */
  public ProtobufWriter writeBytes(int field, byte[] value) {
    return delimited(field, value, value.length);
  }

  /** Writes a nested message as it is now; returns this. */
  public ProtobufWriter writeMessage(int field, ProtobufWriter message) {
    return delimited(field, message.buffer, message.size);
  }

  /**
   * Writes a {@code repeated} field of {@code int32}, {@code int64}, {@code uint64} or {@code enum} in
   * the packed form, which is the default of proto3; nothing without elements. Returns this.
   */
  public ProtobufWriter writePacked(int field, long... values) {
    ProtobufWriter packed = new ProtobufWriter();
    for (long value : values) {
      packed.varint(value);
    }
    return values.length == 0 ? this : writeMessage(field, packed);
  }

  /** Returns the message. */
  public byte[] toBytes() {
    return Arrays.copyOf(buffer, size);
  }

  private ProtobufWriter delimited(int field, byte[] value, int length) {
    tag(field, LENGTH_DELIMITED);
    varint(length);
    reserve(length);
    System.arraycopy(value, 0, buffer, size, length);
    size += length;
    return this;
  }

  private void tag(int field, int wireType) {
    if (field < 1 || field > MAX_FIELD) {
      throw new IllegalArgumentException("field not in 1.." + MAX_FIELD + ": " + field);
    }
    varint(Integer.toUnsignedLong(field << 3 | wireType));
  }

  /** Seven bits a byte, the lowest ones first; the highest bit of a byte is set if more follow. */
  private void varint(long value) {
    reserve(10);
    long rest = value;
    while ((rest & ~0x7fL) != 0) {
      buffer[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    buffer[size++] = (byte) rest;
  }

  private void littleEndian(long value, int bytes) {
    reserve(bytes);
    for (int i = 0; i < bytes; i++) {
      buffer[size++] = (byte) (value >>> 8 * i);
    }
  }

  private void reserve(int more) {
    int needed = Math.addExact(size, more);
    if (needed > buffer.length) {
      int doubled = (int) Math.min(2L * buffer.length, Integer.MAX_VALUE - 8); // As ArrayList.
      buffer = Arrays.copyOf(buffer, Math.max(needed, doubled));
    }
  }
}
