// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

/**
 * The client's side of a call with streams in both directions, of {@link GrpcEndpoint#stream}.
 *
 * <pre>{@code
 * try (GrpcStream<Position, Place> stream = places.call(context, first)) {
 *   Place near = stream.read();
 *   stream.write(second);
 *   stream.endRequests();
 *   for (Place next = stream.read(); next != null; next = stream.read()) { ... }
 * }
 * }</pre>
 *
 * <p>A failure is a {@link kit.PeerException} as listed in {@link GrpcEndpoint}; if it happens while
 * another thread does not read, it is thrown by the next {@link #read}. After one, close the stream.
 *
 * <p>One thread may write while another one reads, and any thread may close.
 *
 * @param <Q> the requests
 * @param <R> the responses
 */
public final class GrpcStream<Q, R> implements AutoCloseable {
  private final ClientCall call;
  private final GrpcCodec<Q> requests;
  private final GrpcCodec<R> responses;
  private boolean hasEndedRequests; // Of the thread that writes.

  GrpcStream(ClientCall call, GrpcCodec<Q> requests, GrpcCodec<R> responses) {
    this.call = call;
    this.requests = requests;
    this.responses = responses;
  }

  /**
   * Sends a request, without waiting for the response; waits while the server does not read.
   *
   * @return false if the server has ended the call, and takes no more: {@link #read} up to its end or
   *     its failure
   * @throws IllegalStateException after {@link #endRequests}
   */
  public boolean write(Q request) throws InterruptedException {
    if (hasEndedRequests) {
      throw new IllegalStateException("the requests have ended");
    }
    return call.send(requests.encode(requireNonNull(request, "request")), false);
  }

  /** Tells the server that there are no more requests. Doing so twice is harmless. */
  public void endRequests() throws InterruptedException {
    if (!hasEndedRequests) {
      hasEndedRequests = true;
      call.endRequests();
    }
  }

  /** Waits for the next response and returns it; null after the last one, if the call succeeded. */
  public R read() throws InterruptedException {
    byte[] message = call.next();
    return message == null ? null : call.decoded(responses, message);
  }

  /** Cancels the call unless it has ended. Closing twice is harmless. */
  @Override
  public void close() {
    call.cancel();
  }
}
