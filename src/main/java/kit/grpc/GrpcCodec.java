// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.function.Function;

/**
 * Encodes and decodes the messages of one type.
 *
 * <pre>{@code
 * GrpcCodec<Long> uids =
 *     GrpcCodec.of(uid -> new ProtobufWriter().writeInt(1, uid).toBytes(), bytes -> uid(bytes));
 * }</pre>
 *
 * <p>{@link ProtobufWriter} and {@link ProtobufReader} are made for it; any other format will do if
 * both sides use it. Must be thread-safe.
 *
 * @param <T> the type of the messages
 */
public interface GrpcCodec<T> {
  /** Decodes the messages of a {@link GrpcCodec}. */
  @FunctionalInterface
  interface Decoder<T> {
    /** As {@link GrpcCodec#decode}. */
    T decode(byte[] bytes) throws IOException;
  }

  /** Returns the message as bytes, which are not changed afterwards. */
  byte[] encode(T message);

  /**
   * Returns the message of these bytes, never null.
   *
   * @throws IOException if they are malformed; its text is sent to the peer
   */
  T decode(byte[] bytes) throws IOException;

  /** Returns a codec of two functions. */
  static <T> GrpcCodec<T> of(Function<? super T, byte[]> encoder, Decoder<? extends T> decoder) {
    requireNonNull(encoder, "encoder");
    requireNonNull(decoder, "decoder");
    return new GrpcCodec<>() {
      @Override
      public byte[] encode(T message) {
        return encoder.apply(message);
      }

      @Override
      public T decode(byte[] bytes) throws IOException {
        return decoder.decode(bytes);
      }
    };
  }
}
