// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.StatusException;

/**
 * Puts a limit before an endpoint, a handler or a call to a peer: what exceeds it is turned away,
 * or waits for its turn.
 *
 * <pre>{@code
 * TokenBucket bucket = new TokenBucket(100, 20);
 *
 * RateLimiting.rejecting(bucket::tryAcquireNanos)
 * RateLimiting.delaying(within -> bucket.acquire(1, within))
 * }</pre>
 *
 * <p>A server that is asked too often answers 429, which is what {@link #rejecting} and {@link
 * #delaying} throw. On the client there is nobody to answer, and the peer was not asked: {@link
 * #rejectingCallsTo} and {@link #delayingCallsTo} throw a {@link PeerException} of kind {@code
 * REFUSED}. Put those outside the breaker, so that what our own limit holds back does not count
 * against the peer. And never limit a health check: a busy instance would be taken for a sick one.
 *
 * <pre>
 *   HTTP/1.1 429 Too Many Requests
 *   Retry-After: 3
 *   RateLimit: "default";r=0;t=3
 * </pre>
 *
 * <p>Both fields give whole seconds, rounded up, so that who goes by them does not come too early.
 * They are left out where nobody knows the time: with {@code delaying}, and when there will never
 * be a token. {@code RateLimit-Policy} is always left out. It would state a quota for a window, and
 * a token bucket has none: with a rate of 100 and bursts of 20, neither 20 nor 100 in a second is
 * the truth.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>As safe as the limit that is passed in. Admitting adds nothing to its cost.
 *
 * <p>Go kit's words: {@code ratelimit.NewErroringLimiter}, {@code NewDelayingLimiter}. Source: RFC
 * 6585, section 4 (429), and draft-ietf-httpapi-ratelimit-headers-11, sections 4 and 6.
 */
public final class RateLimiting {
  private static final String EXCEEDED = "rate limit exceeded";
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long UNKNOWN = Long.MAX_VALUE; // When there will be a token, or if ever.

  private RateLimiting() {}

  /** A limit at which one can wait. */
  @FunctionalInterface
  public interface WaitingLimit {
    /**
     * Returns true when it is the caller's turn, or false, at once, if that will not be within this
     * time; less than 0 is a deadline that has passed.
     */
    boolean acquire(Duration within) throws InterruptedException;
  }

  /**
   * Answers 429 when there is no token.
   *
   * @param nanosToWait takes a token and returns 0; or takes nothing and returns in how many
   *     nanoseconds there will be one, {@link Long#MAX_VALUE} for never
   */
  public static <Q, R> Middleware<Q, R> rejecting(LongSupplier nanosToWait) {
    return rejecting(nanosToWait, RateLimiting::tooManyRequests);
  }

  /** Waits for a token until the deadline of the call; answers 429 at once if that is too early. */
  public static <Q, R> Middleware<Q, R> delaying(WaitingLimit limit) {
    return delaying(limit, RateLimiting::tooManyRequests);
  }

  /**
   * As {@link #rejecting}, for calls to a peer.
   *
   * @param instance the peer as {@code host:port}, for messages; or null if it is not one instance
   */
  public static <Q, R> Middleware<Q, R> rejectingCallsTo(
      String instance, LongSupplier nanosToWait) {
    return rejecting(nanosToWait, nanos -> refused(instance, nanos));
  }

  /**
   * As {@link #delaying}, for calls to a peer.
   *
   * @param instance the peer as {@code host:port}, for messages; or null if it is not one instance
   */
  public static <Q, R> Middleware<Q, R> delayingCallsTo(String instance, WaitingLimit limit) {
    return delaying(limit, nanos -> refused(instance, nanos));
  }

  private static <Q, R> Middleware<Q, R> rejecting(
      LongSupplier nanosToWait, LongFunction<RuntimeException> refusal) {
    requireNonNull(nanosToWait, "nanosToWait");
    return next -> (context, request) -> reject(nanosToWait, refusal, next, context, request);
  }

  private static <Q, R> R reject(
      LongSupplier nanosToWait,
      LongFunction<RuntimeException> refusal,
      Endpoint<Q, R> next,
      Context context,
      Q request)
      throws Exception {
    long nanos = nanosToWait.getAsLong();
    if (nanos > 0) {
      throw refusal.apply(nanos);
    }
    return next.call(context, request);
  }

  private static <Q, R> Middleware<Q, R> delaying(
      WaitingLimit limit, LongFunction<RuntimeException> refusal) {
    requireNonNull(limit, "limit");
    return next -> (context, request) -> delay(limit, refusal, next, context, request);
  }

  private static <Q, R> R delay(
      WaitingLimit limit,
      LongFunction<RuntimeException> refusal,
      Endpoint<Q, R> next,
      Context context,
      Q request)
      throws Exception {
    if (!limit.acquire(Duration.ofNanos(context.remainingNanos()))) {
      throw refusal.apply(UNKNOWN);
    }
    return next.call(context, request);
  }

  private static StatusException tooManyRequests(long nanosToWait) {
    StatusException refusal = new StatusException(429, EXCEEDED);
    if (nanosToWait == UNKNOWN) {
      return refusal;
    }
    long seconds = (nanosToWait - 1) / SECOND + 1; // Rounded up.
    return refusal
        .with("Retry-After", Long.toString(seconds))
        .with("RateLimit", "\"default\";r=0;t=" + seconds);
  }

  private static PeerException refused(String instance, long nanosToWait) {
    Duration retryAfter = nanosToWait == UNKNOWN ? null : Duration.ofNanos(nanosToWait);
    return PeerException.refused(instance, EXCEEDED, retryAfter, null);
  }
}
