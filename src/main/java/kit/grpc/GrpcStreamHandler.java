// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import kit.Context;

/**
 * Serves a method with a stream of requests: reads them and writes responses, in any order, on the
 * thread that it is called on. Must be thread-safe.
 *
 * <pre>{@code
 * (context, requests, responses) -> {
 *   long sum = 0;
 *   for (Long next = requests.read(); next != null; next = requests.read()) {
 *     sum += next;
 *   }
 *   responses.write(sum);
 * }
 * }</pre>
 *
 * <p>A method that writes exactly one response serves client streaming; nothing checks the number.
 * One more thread may read while this one writes, if it has ended when the handler returns.
 *
 * @param <Q> the requests
 * @param <R> the responses
 */
@FunctionalInterface
public interface GrpcStreamHandler<Q, R> {
  /**
   * Handles a call; it ends when this returns. An exception is its status, as with an {@link
   * kit.Endpoint}.
   */
  void handle(Context context, Reader<Q> requests, Writer<R> responses) throws Exception;

  /** Reads the messages of the peer. Not thread-safe. */
  @FunctionalInterface
  interface Reader<T> {
    /**
     * Waits for the next message and returns it; null after the last one.
     *
     * @throws java.io.InterruptedIOException if the thread was interrupted, that is, the call was
     *     cancelled or its deadline passed
     * @throws GrpcException if the message is malformed or too long
     */
    T read() throws IOException;
  }

  /** Sends messages to the peer. Not thread-safe. */
  @FunctionalInterface
  interface Writer<T> {
    /**
     * Sends a message; waits while the peer does not read.
     *
     * @throws java.io.InterruptedIOException as with {@link Reader#read}
     */
    void write(T message) throws IOException;
  }
}
