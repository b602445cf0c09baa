// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * Reads a Protocol Buffers message, field by field, for codecs that are written by hand.
 *
 * <pre>{@code
 * // message User { int64 uid = 1; string name = 2; repeated Address addresses = 3; }
 * ProtobufReader message = new ProtobufReader(bytes);
 * while (message.next()) {
 *   switch (message.field()) {
 *     case 1 -> uid = message.readInt64();
 *     case 2 -> name = message.readString();
 *     case 3 -> addresses.add(address(message.readMessage()));
 *     default -> {} // A field that this program does not know: skipped.
 *   }
 * }
 * }</pre>
 *
 * <p>Fields come in any order, and a field may come more than once: the last value of a field that is
 * not {@code repeated} counts, as the assignments above do it. A field that is absent has its default
 * value. A value that was not read is skipped by {@link #next}.
 *
 * <pre>
 *   type in the .proto file                  method
 *   int32, uint32, enum; int64, uint64       readInt32; readInt64
 *   sint32, sint64                           readSint
 *   bool                                     readBool
 *   fixed32, sfixed32; fixed64, sfixed64     readFixed32; readFixed64
 *   float; double                            readFloat; readDouble
 *   string; bytes; a message                 readString; readBytes; readMessage
 *   repeated int32, int64, uint64, enum      readInts, packed or not
 * </pre>
 *
 * <h2>Errors</h2>
 *
 * <p>{@link MalformedException}, with the position in bytes, for input that is cut off, for a value of
 * another type than the method reads, and for messages in messages more than {@value #MAX_DEPTH}
 * deep. A reader that has thrown is not to be used again. A text must be UTF-8. Unlike the official
 * readers, this one rejects a field of the wrong type instead of ignoring it, and a number of more
 * than 64 bits.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Not thread-safe. It reads the given array in place; {@code bytes} and texts are copied, so what it
 * allocates is bounded by the length of the input.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * @see <a href="https://protobuf.dev/programming-guides/encoding/">Protocol Buffers: encoding</a>
 */
public final class ProtobufReader {
  /** How deep messages (and groups) may be nested: the limit of the official readers, too. */
  public static final int MAX_DEPTH = 100;

  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int GROUP_START = 3;
  private static final int GROUP_END = 4;
  private static final int FIXED32 = 5;
  private static final int MAX_VARINT_BYTES = 10;

  private final byte[] bytes;
  private final int end;
  private final int depth;

  private int position;
  private int field;
  private int wireType;
  private boolean isUnread; // Whether the value of the field is still to be read or skipped.

  /** Reads a whole message. */
  public ProtobufReader(byte[] message) {
    this(message, 0, message.length, 1);
  }

  private ProtobufReader(byte[] bytes, int begin, int end, int depth) {
    this.bytes = bytes;
    this.position = begin;
    this.end = end;
    this.depth = depth;
  }

  /** Goes to the next field; returns whether there is one. */
  public boolean next() throws MalformedException {
    if (isUnread) {
      skip(depth);
    }
    if (position == end) {
      return false;
    }
    tag();
    if (wireType == GROUP_END) {
      throw malformed("end of a group without its start");
    }
    isUnread = true;
    return true;
  }

  /** Returns the number of the current field. */
  public int field() {
    return field;
  }

  /** Reads an {@code int32}, {@code uint32} or {@code enum}: the lowest 32 bits. */
  public int readInt32() throws MalformedException {
    return (int) readInt64();
  }

  /** Reads an {@code int64} or {@code uint64}, or any smaller whole number. */
  public long readInt64() throws MalformedException {
    expect(VARINT);
    return varint();
  }

  /** Reads a {@code sint32} or {@code sint64}. */
  public long readSint() throws MalformedException {
    long zigzag = readInt64();
    return zigzag >>> 1 ^ -(zigzag & 1);
  }

  /** Reads a {@code bool}. */
  public boolean readBool() throws MalformedException {
    return readInt64() != 0;
  }

  /** Reads a {@code fixed32} or {@code sfixed32}. */
  public int readFixed32() throws MalformedException {
    expect(FIXED32);
    return (int) littleEndian(Integer.BYTES);
  }

  /** Reads a {@code fixed64} or {@code sfixed64}. */
  public long readFixed64() throws MalformedException {
    expect(FIXED64);
    return littleEndian(Long.BYTES);
  }

  /** Reads a {@code float}. */
  public float readFloat() throws MalformedException {
    return Float.intBitsToFloat(readFixed32());
  }

  /** Reads a {@code double}. */
  public double readDouble() throws MalformedException {
    return Double.longBitsToDouble(readFixed64());
  }

  /** Reads a {@code string}. */
  public String readString() throws MalformedException {
    expect(LENGTH_DELIMITED);
    int length = length();
    try {
      ByteBuffer text = ByteBuffer.wrap(bytes, position, length);
      String value = StandardCharsets.UTF_8.newDecoder().decode(text).toString();
      position += length;
      return value;
    } catch (CharacterCodingException e) {
      throw malformed("a text that is not UTF-8");
    }
  }

  /** Reads {@code bytes}, as a copy. */
  public byte[] readBytes() throws MalformedException {
    expect(LENGTH_DELIMITED);
    int begin = delimited();
    return Arrays.copyOfRange(bytes, begin, position);
  }

  /** Returns a reader of a nested message. This one is then behind it, whether it is read or not. */
  public ProtobufReader readMessage() throws MalformedException {
    expect(LENGTH_DELIMITED);
    checkDepth(depth + 1);
    int begin = delimited();
    return new ProtobufReader(bytes, begin, position, depth + 1);
  }

  /**
   * Passes the numbers of a {@code repeated} field of {@code int32}, {@code int64}, {@code uint64} or
   * {@code enum} to {@code each}: all of a packed field, otherwise one.
   */
  public void readInts(LongConsumer each) throws MalformedException {
    if (isUnread && wireType == VARINT) {
      each.accept(readInt64());
      return;
    }
    expect(LENGTH_DELIMITED);
    int begin = delimited();
    ProtobufReader packed = new ProtobufReader(bytes, begin, position, depth);
    packed.field = field; // For messages.
    while (packed.position < packed.end) {
      each.accept(packed.varint());
    }
  }

  private void expect(int wanted) throws MalformedException {
    if (!isUnread) {
      throw new IllegalStateException("no value to read: call next() before each value");
    }
    if (wireType != wanted) {
      throw malformed("wire type " + wireType + " instead of " + wanted);
    }
    isUnread = false;
  }

  private void tag() throws MalformedException {
    field = 0; // There is none, should the tag be malformed.
    long tag = varint();
    if (tag >>> 3 == 0 || tag >>> Integer.SIZE != 0) {
      throw malformed("a field number not in 1..536870911");
    }
    field = (int) (tag >>> 3);
    wireType = (int) (tag & 7);
  }

  private long varint() throws MalformedException {
    long value = 0;
    for (int i = 0; i < MAX_VARINT_BYTES; i++) {
      require(1);
      byte next = bytes[position++];
      value |= (next & 0x7fL) << 7 * i;
      if (next >= 0) {
        if (i == MAX_VARINT_BYTES - 1 && next > 1) {
          break; // Bit 64 and above.
        }
        return value;
      }
    }
    throw malformed("a number of more than 64 bits");
  }

  private long littleEndian(int count) throws MalformedException {
    require(count);
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (bytes[position++] & 0xffL) << 8 * i;
    }
    return value;
  }

  /** Reads a length, of which all bytes are there. */
  private int length() throws MalformedException {
    long length = varint();
    require(length);
    return (int) length;
  }

  /** Goes behind a value with a length; returns where it begins. */
  private int delimited() throws MalformedException {
    int length = length();
    int begin = position;
    position += length;
    return begin;
  }

  private void require(long count) throws MalformedException {
    if (count < 0 || count > end - position) {
      String needed = Long.toUnsignedString(count);
      throw malformed("cut off: needs " + needed + " bytes, has " + (end - position));
    }
  }

  private void skip(int deep) throws MalformedException {
    isUnread = false;
    switch (wireType) {
      case VARINT -> varint();
      case FIXED64 -> littleEndian(Long.BYTES);
      case LENGTH_DELIMITED -> delimited();
      case GROUP_START -> skipGroup(deep + 1);
      case FIXED32 -> littleEndian(Integer.BYTES);
      default -> throw malformed("unknown wire type " + wireType);
    }
  }

  /** Skips a group, the form that nested messages had before they had a length. */
  private void skipGroup(int deep) throws MalformedException {
    checkDepth(deep);
    int group = field;
    for (tag(); wireType != GROUP_END; tag()) {
      skip(deep);
    }
    if (field != group) {
      throw malformed("the end of another group than that of field " + group);
    }
  }

  private void checkDepth(int deep) throws MalformedException {
    if (deep > MAX_DEPTH) {
      throw malformed("messages nested more than " + MAX_DEPTH + " deep");
    }
  }

  private MalformedException malformed(String problem) {
    String where = field == 0 ? "" : " in field " + field;
    return new MalformedException(problem + where + " at byte " + position);
  }

  /** The input is no message; the text has no bytes of it and is safe to log and to send. */
  public static final class MalformedException extends IOException {
    private MalformedException(String problem) {
      super(problem);
    }
  }
}
