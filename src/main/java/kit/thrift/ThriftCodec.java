// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
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

  void write(T struct, ThriftWriter to) {
    encoder.accept(struct, to);
  }

  T read(ThriftReader from) throws IOException {
    return requireNonNull(decoder.read(from), "struct");
  }
}
