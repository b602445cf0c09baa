// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;

/**
 * Calls a method of a Thrift server as an endpoint: the client side of {@link ThriftServer}.
 *
 * <pre>{@code
 * ThriftChannel channel = ThriftChannel.to("10.0.0.5", 9091); // One per server.
 * Endpoint<Integer, String> getName = new ThriftEndpoint<>(channel, getNameMethod);
 * }</pre>
 *
 * <p>The deadline of the {@link Context} ends the call; without one it has 30 seconds. Thrift has no
 * place for it in a message, nor for a request id or a token.
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   exception that the method declares   as it is
 *   other exception of the server        {@link PeerException} of kind STATUS: 501 if the method is
 *                                        unknown, 400 for malformed arguments, otherwise 500; its
 *                                        cause is the {@link ThriftException}
 *   no connection                        NOT_CONNECTED: the request was certainly not processed
 *   deadline passed                      TIMEOUT
 *   connection lost                      BROKEN
 *   malformed; too long a response       MALFORMED; TOO_LARGE
 *   interrupted                          {@link InterruptedException}; the connection is closed
 * </pre>
 *
 * <p>A call runs on the thread of its caller. Immutable; thread-safe.
 *
 * @param <Q> the arguments
 * @param <R> the result; null if the method is oneway, or its result is void
 */
public final class ThriftEndpoint<Q, R> implements Endpoint<Q, R> {
  private static final int MAX_MESSAGE_BYTES = 4 << 20;
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final ThriftChannel channel;
  private final ThriftMethod<Q, R> method;
  private final AtomicInteger sequence = new AtomicInteger();

  /** Creates an endpoint. */
  public ThriftEndpoint(ThriftChannel channel, ThriftMethod<Q, R> method) {
    this.channel = requireNonNull(channel, "channel");
    this.method = requireNonNull(method, "method");
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    int number = sequence.incrementAndGet();
    byte[] frame = method.call(number, request);
    long timeoutNanos = context.hasDeadline() ? context.remainingNanos() : DEFAULT_TIMEOUT_NANOS;
    if (timeoutNanos <= 0) {
      throw PeerException.timeout(channel.instance(), null);
    }
    SocketChannel connection = connect(System.nanoTime() + timeoutNanos);
    // Closes the connection at the deadline: the only limit that holds for writes, too.
    CompletableFuture<Void> deadline =
        new CompletableFuture<Void>().completeOnTimeout(null, timeoutNanos, TimeUnit.NANOSECONDS);
    deadline.thenRun(() -> close(connection));
    boolean isReusable = false;
    try {
      ThriftMethod.Outcome<R> outcome = exchange(connection, frame, number);
      isReusable = true;
      return result(outcome);
    } catch (IOException e) {
      throw failure(e, deadline.isDone());
    } finally {
      boolean isInTime = deadline.cancel(false); // From now on nothing closes it.
      if (isReusable && isInTime) {
        channel.release(connection);
      } else {
        close(connection);
      }
    }
  }

  private SocketChannel connect(long deadlineNanos) throws InterruptedException {
    try {
      return channel.acquire(deadlineNanos);
    } catch (ClosedByInterruptException e) {
      throw interrupted();
    } catch (SocketTimeoutException e) {
      throw System.nanoTime() - deadlineNanos >= 0
          ? PeerException.timeout(channel.instance(), e)
          : PeerException.notConnected(channel.instance(), "connect timed out", e);
    } catch (IOException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw PeerException.notConnected(
          channel.instance(), LogSafe.of(reason.toLowerCase(Locale.ROOT)), e);
    }
  }

  private ThriftMethod.Outcome<R> exchange(SocketChannel connection, byte[] frame, int number)
      throws IOException {
    connection.socket().getOutputStream().write(frame);
    if (method.isOneway()) {
      return ThriftMethod.Outcome.none();
    }
    ThriftMessage response =
        ThriftMessage.read(connection.socket().getInputStream(), MAX_MESSAGE_BYTES);
    boolean isReply =
        response.type() == ThriftMessage.REPLY || response.type() == ThriftMessage.EXCEPTION;
    if (!isReply || response.sequence() != number || !response.name().equals(method.name())) {
      throw new ProtocolException("not the response to this call");
    }
    return method.outcome(response);
  }

  private R result(ThriftMethod.Outcome<R> outcome) throws Exception {
    try {
      return outcome.get();
    } catch (ThriftException e) {
      int status =
          switch (e.type()) {
            case ThriftException.UNKNOWN_METHOD -> 501;
            case ThriftException.PROTOCOL_ERROR -> 400;
            default -> 500;
          };
      String detail = LogSafe.of(e.getMessage());
      throw PeerException.status(channel.instance(), status, detail, null, e);
    }
  }

  private Exception failure(IOException e, boolean isExpired) {
    if (isExpired) {
      return PeerException.timeout(channel.instance(), e);
    }
    if (e instanceof ClosedByInterruptException) {
      return interrupted();
    }
    String problem = LogSafe.of(e.getMessage());
    if (e instanceof ThriftMessage.TooLongException) {
      return PeerException.tooLarge(channel.instance(), problem, e);
    }
    return e instanceof ProtocolException
        ? PeerException.malformed(channel.instance(), "malformed response: " + problem, e)
        : PeerException.broken(channel.instance(), "call broken: " + problem, e);
  }

  private static InterruptedException interrupted() {
    Thread.interrupted(); // The exception says so.
    return new InterruptedException();
  }

  private static void close(SocketChannel connection) {
    try {
      connection.close();
    } catch (IOException e) {
      // It is closed.
    }
  }
}
