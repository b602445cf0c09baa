// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BiConsumer;

/**
 * Writes and reads the fields of one struct: also of the arguments of a method, and of an exception.
 *
 * <pre>{@code
 * // struct User { 1: i32 uid, 2: string name }
 * ThriftCodec<User> users =
 *     new ThriftCodec<>(
 *         (user, to) -> to.write(1, ThriftType.I32, user.uid()).write(2, ThriftType.STRING, user.name()),
 *         from -> user(from));
 * }</pre>
 *
 * @param encoder writes the fields
 * @param decoder reads them
 * @param <T> the struct
 */
public record ThriftCodec<T>(BiConsumer<T, ThriftWriter> encoder, Decoder<T> decoder) {
  /** Checks that both are there. */
  public ThriftCodec {
    requireNonNull(encoder, "encoder");
    requireNonNull(decoder, "decoder");
  }

  /** Reads the fields of a struct. Must be thread-safe. */
  @FunctionalInterface
  public interface Decoder<T> {
    /**
     * Reads the fields; those that are not read are skipped.
     *
     * @return the struct, never null
     * @throws IOException if they are malformed; its text is sent to the peer
     */
    T read(ThriftReader from) throws IOException;
  }

  /** Returns a struct as bytes. */
  public byte[] encode(T struct) {
    ThriftWriter to = new ThriftWriter();
    write(struct, to);
    to.end();
    return to.toBytes();
  }

  /**
   * Returns the struct of these bytes.
   *
   * @throws IOException if they are malformed
   */
  public T decode(byte[] bytes) throws IOException {
    ThriftReader from = new ThriftReader(ByteBuffer.wrap(bytes));
    T struct = read(from);
    from.skipRest();
    return struct;
  }

  void write(T struct, ThriftWriter to) {
    encoder.accept(struct, to);
  }

  T read(ThriftReader from) throws IOException {
    return requireNonNull(decoder.read(from), "struct");
  }
}
