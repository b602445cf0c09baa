// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A type of values, as the interface definition names it, with the Java type that stands for it.
 *
 * <pre>
 *   bool, byte, i16, i32, i64, double   BOOL, BYTE, I16, I32, I64, DOUBLE
 *   string, binary                      STRING, BINARY
 *   enum                                I32
 *   list, set, map                      listOf(I64), setOf(STRING), mapOf(STRING, DOUBLE)
 *   struct, exception                   struct(codec)
 *   void                                VOID, only as the result of a method; its value is null
 * </pre>
 *
 * <p>Lists, sets and maps keep their order and cannot be changed. Immutable; thread-safe.
 *
 * @param <T> the Java type
 */
public final class ThriftType<T> {
  /** No value. */
  public static final ThriftType<Void> VOID = new ThriftType<>(1, (to, value) -> {}, from -> null);

  /** True or false. */
  public static final ThriftType<Boolean> BOOL =
      new ThriftType<>(2, (to, value) -> to.raw(value ? 1 : 0, 1), from -> from.raw(1) != 0);

  /** A signed number of 8 bits. */
  public static final ThriftType<Byte> BYTE =
      new ThriftType<>(3, (to, value) -> to.raw(value, 1), from -> (byte) from.raw(1));

  /** A number of floating point of 64 bits. */
  public static final ThriftType<Double> DOUBLE =
      new ThriftType<>(
          4,
          (to, value) -> to.raw(Double.doubleToRawLongBits(value), 8),
          from -> Double.longBitsToDouble(from.raw(8)));

  /** A signed number of 16 bits. */
  public static final ThriftType<Short> I16 =
      new ThriftType<>(6, (to, value) -> to.raw(value, 2), from -> (short) from.raw(2));

  /** A signed number of 32 bits. */
  public static final ThriftType<Integer> I32 =
      new ThriftType<>(8, (to, value) -> to.raw(value, 4), from -> (int) from.raw(4));

  /** A signed number of 64 bits. */
  public static final ThriftType<Long> I64 =
      new ThriftType<>(10, (to, value) -> to.raw(value, 8), from -> from.raw(8));

  /** Bytes. */
  public static final ThriftType<byte[]> BINARY =
      new ThriftType<>(11, ThriftWriter::raw, ThriftReader::rawBytes);

  /** A text: half a character becomes a question mark when written, other bytes are malformed. */
  public static final ThriftType<String> STRING =
      new ThriftType<>(11, (to, value) -> to.raw(value.getBytes(UTF_8)), ThriftType::text);

  static final int STRUCT = 12;
  static final int MAP = 13;
  static final int SET = 14;
  static final int LIST = 15;

  private final int code;
  private final Encoder<T> encoder;
  private final Decoder<T> decoder;

  private ThriftType(int code, Encoder<T> encoder, Decoder<T> decoder) {
    this.code = code;
    this.encoder = encoder;
    this.decoder = decoder;
  }

  private interface Encoder<T> {
    void write(ThriftWriter to, T value);
  }

  private interface Decoder<T> {
    T read(ThriftReader from) throws IOException;
  }

  /** Returns the type of a struct or an exception. */
  public static <T> ThriftType<T> struct(ThriftCodec<T> codec) {
    requireNonNull(codec, "codec");
    return new ThriftType<>(
        STRUCT,
        (to, value) -> {
          codec.write(value, to);
          to.end();
        },
        from -> {
          ThriftReader fields = from.inner();
          T value = codec.read(fields);
          fields.skipRest();
          return value;
        });
  }

  /** Returns the type of lists. */
  public static <T> ThriftType<List<T>> listOf(ThriftType<T> element) {
    return new ThriftType<>(
        LIST,
        (to, values) -> writeAll(to, element, values),
        from -> List.copyOf(readAll(from, element, new ArrayList<>())));
  }

  /** Returns the type of sets. */
  public static <T> ThriftType<Set<T>> setOf(ThriftType<T> element) {
    return new ThriftType<>(
        SET,
        (to, values) -> writeAll(to, element, values),
        from -> Collections.unmodifiableSet(readAll(from, element, new LinkedHashSet<>())));
  }

  /** Returns the type of maps. */
  public static <K, V> ThriftType<Map<K, V>> mapOf(ThriftType<K> key, ThriftType<V> value) {
    return new ThriftType<>(
        MAP,
        (to, map) -> {
          to.raw(key.code, 1);
          to.raw(value.code, 1);
          to.raw(map.size(), 4);
          map.forEach(
              (k, v) -> {
                key.write(to, k);
                value.write(to, v);
              });
        },
        from -> readMap(from.inner(), key, value));
  }

  /** Returns the number of the type in the protocol. */
  int code() {
    return code;
  }

  void write(ThriftWriter to, T value) {
    encoder.write(to, value);
  }

  T read(ThriftReader from) throws IOException {
    return decoder.read(from);
  }

  private static <T> void writeAll(ThriftWriter to, ThriftType<T> type, Collection<T> values) {
    to.raw(type.code, 1);
    to.raw(values.size(), 4);
    values.forEach(value -> type.write(to, value));
  }

  private static <T, C extends Collection<T>> C readAll(ThriftReader from, ThriftType<T> type, C to)
      throws IOException {
    ThriftReader elements = from.inner();
    int code = (int) elements.raw(1);
    int size = elements.size(1);
    elements.requireType(size == 0 ? type.code : code, type.code);
    for (int i = 0; i < size; i++) {
      to.add(type.read(elements));
    }
    return to;
  }

  private static <K, V> Map<K, V> readMap(ThriftReader from, ThriftType<K> key, ThriftType<V> value)
      throws IOException {
    int keyCode = (int) from.raw(1);
    int valueCode = (int) from.raw(1);
    int size = from.size(2);
    Map<K, V> map = new LinkedHashMap<>();
    if (size > 0) { // Writers may not know the types of an empty one.
      from.requireType(keyCode, key.code);
      from.requireType(valueCode, value.code);
    }
    for (int i = 0; i < size; i++) {
      map.put(key.read(from), value.read(from));
    }
    return Collections.unmodifiableMap(map);
  }

  private static String text(ThriftReader from) throws IOException {
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(from.rawBytes())).toString();
    } catch (CharacterCodingException e) {
      throw from.malformed("a text that is not UTF-8");
    }
  }
}
