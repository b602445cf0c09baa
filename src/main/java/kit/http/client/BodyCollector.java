// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.ProtocolException;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Collects the body of a response in memory, with a limit and a deadline. The response of the JDK's
 * client has no body and is returned as soon as its head has arrived; {@link #await} then returns
 * the body.
 *
 * <p>Thread-safe.
 */
public final class BodyCollector implements BodyHandler<Void>, BodySubscriber<Void> {
  // For the client the body is complete as soon as the head has arrived: send() returns, and the
  // caller waits here, with a timeout. HttpRequest.timeout() does not cover the body before JDK 26
  // (JDK-8208693), and a timer per call costs more than this.

  // Allocated at most for a declared length; the rest as it arrives.
  private static final int FIRST_BYTES = 64 * 1024;

  private static final CompletionStage<Void> NOW = CompletableFuture.completedFuture(null);

  private final CompletableFuture<byte[]> whole = new CompletableFuture<>();
  private final int maxBytes;
  private final String method;

  private Subscription subscription; // Guarded by this.
  private boolean cancelled; // Guarded by this.

  // Confined to the client's thread, which calls onNext and onComplete.
  private long declared = -1; // -1: unknown.
  private byte[] bytes = new byte[0];
  private int count;

  /**
   * Creates a collector of at most {@code maxBytes} of the response to a request with {@code
   * method}.
   */
  public BodyCollector(int maxBytes, String method) {
    this.maxBytes = maxBytes;
    this.method = method;
  }

  /** The response is longer than the caller accepts. */
  public static final class TooLongException extends IOException {
    /** Creates an exception for a response longer than {@code maxBytes}. */
    public TooLongException(long maxBytes) {
      super("response longer than " + maxBytes + " bytes");
    }
  }

  /**
   * Waits for the end of the body, after the head has arrived.
   *
   * @throws TimeoutException if it is not complete after {@code nanos}
   * @throws java.net.ProtocolException if the head is malformed
   * @throws IOException if it is incomplete or longer than allowed
   */
  public byte[] await(long nanos) throws InterruptedException, TimeoutException, IOException {
    try {
      return whole.get(nanos, TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    }
  }

  /** Closes the connection, now or when the body begins. No effect after its end. */
  public void cancel() {
    Subscription toCancel;
    synchronized (this) {
      cancelled = true;
      toCancel = subscription; // Null before the body begins.
    }
    if (toCancel != null) {
      toCancel.cancel();
    }
  }

  @Override
  public BodySubscriber<Void> apply(ResponseInfo head) {
    try {
      ResponseFraming.check(head, method);
      declared = ResponseFraming.length(head.headers());
    } catch (ProtocolException e) {
      whole.completeExceptionally(e);
      cancel(); // Cancelling the subscription closes the connection.
    }
    return this;
  }

  @Override
  public CompletionStage<Void> getBody() {
    return NOW;
  }

  @Override
  public void onSubscribe(Subscription subscription) {
    boolean late;
    synchronized (this) {
      this.subscription = requireNonNull(subscription, "subscription");
      late = cancelled;
    }
    if (late) {
      subscription.cancel();
    } else {
      subscription.request(Long.MAX_VALUE);
    }
  }

  @Override
  public void onNext(List<ByteBuffer> pieces) {
    for (ByteBuffer piece : pieces) {
      int more = piece.remaining();
      if (whole.isDone()) {
        return;
      }
      if (declared > maxBytes || more > maxBytes - count) {
        whole.completeExceptionally(new TooLongException(maxBytes));
        cancel();
        return;
      }
      reserve(count + more);
      piece.get(bytes, count, more);
      count += more;
    }
  }

  /** Grows the single array: keeping the pieces would cost a hundred bytes per piece. */
  private void reserve(int needed) {
    if (needed > bytes.length) {
      long promised = Math.min(declared, FIRST_BYTES);
      long doubled = Math.min(2L * bytes.length, maxBytes);
      bytes = Arrays.copyOf(bytes, (int) Math.max(needed, Math.max(promised, doubled)));
    }
  }

  @Override
  public void onError(Throwable failure) {
    whole.completeExceptionally(failure);
  }

  @Override
  public void onComplete() {
    whole.complete(count == bytes.length ? bytes : Arrays.copyOf(bytes, count));
  }
}
