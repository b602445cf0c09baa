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
 * Rate-limiting middleware for endpoints, handlers and client calls: rejects or delays the calls
 * that exceed a limit.
 *
 * <pre>{@code
 * TokenBucket bucket = new TokenBucket(100, 20);
 *
 * RateLimiting.rejecting(bucket::tryAcquireNanos)
 * RateLimiting.delaying(within -> bucket.acquire(1, within))
 * }</pre>
 *
 * <p>On the server, {@link #rejecting} and {@link #delaying} throw a {@link StatusException} with
 * 429. On the client, {@link #rejectingCallsTo} and {@link #delayingCallsTo} throw a {@link
 * PeerException} of kind {@code REFUSED}: the call was not sent. Put these outside the breaker, so
 * that the client's own limit does not count as a failure of the peer. Do not limit health checks:
 * a busy instance would be reported as critical.
 *
 * <pre>
 *   HTTP/1.1 429 Too Many Requests
 *   Retry-After: 3
 *   RateLimit: "default";r=0;t=3
 * </pre>
 *
 * <p>Both fields are in whole seconds, rounded up, so that a client that waits that long is not too
 * early. They are omitted if the time is unknown: with {@code delaying}, and if there will never be
 * a token. {@code RateLimit-Policy} is never sent: it would state a quota for a window, and a token
 * bucket has none.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe if the limit is. It adds nothing to the cost of the limit.
 *
 * <p>Equivalent in Go kit: {@code ratelimit.NewErroringLimiter}, {@code NewDelayingLimiter}.
 * Source: RFC 6585, section 4 (429), and draft-ietf-httpapi-ratelimit-headers-11, sections 4 and 6.
 */
public final class RateLimiting {
  private static final String EXCEEDED = "rate limit exceeded";
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long UNKNOWN = Long.MAX_VALUE; // The wait for a token is not known.

  private RateLimiting() {}

  /** A rate limiter whose callers can wait. */
  @FunctionalInterface
  public interface WaitingLimit {
    /**
     * Waits and returns true when the call is admitted; returns false at once if that would take
     * longer than {@code within}. A negative time is a deadline in the past.
     */
    boolean acquire(Duration within) throws InterruptedException;
  }

  /**
   * Rejects calls with 429 when there is no token.
   *
   * @param nanosToWait takes a token and returns 0; or takes none and returns the nanoseconds until
   *     the next one, {@link Long#MAX_VALUE} for never
   */
  public static <Q, R> Middleware<Q, R> rejecting(LongSupplier nanosToWait) {
    return rejecting(nanosToWait, RateLimiting::tooManyRequests);
  }

  /**
   * Delays calls until there is a token; rejects with 429 at once if that is after the deadline.
   */
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
    return next ->
        (context, request) -> call(nanosToWait.getAsLong(), refusal, next, context, request);
  }

  private static <Q, R> Middleware<Q, R> delaying(
      WaitingLimit limit, LongFunction<RuntimeException> refusal) {
    requireNonNull(limit, "limit");
    return next ->
        (context, request) -> {
          boolean isAdmitted = limit.acquire(Duration.ofNanos(context.remainingNanos()));
          return call(isAdmitted ? 0 : UNKNOWN, refusal, next, context, request);
        };
  }

  private static <Q, R> R call(
      long nanosToWait,
      LongFunction<RuntimeException> refusal,
      Endpoint<Q, R> next,
      Context context,
      Q request)
      throws Exception {
    if (nanosToWait > 0) {
      throw refusal.apply(nanosToWait);
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
