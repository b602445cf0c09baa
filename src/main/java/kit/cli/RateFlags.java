// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.Optional;
import java.util.function.Supplier;
import kit.Middleware;
import kit.metrics.Instrumenting;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;

/**
 * The flags of a server's rate limiter: {@code --rate} and {@code --burst}.
 *
 * <p>Not thread-safe, as {@link Flags} is not; its result is.
 */
public final class RateFlags {
  private static final int MOST_AT_ONCE = 1_000_000;

  private final Supplier<Optional<Double>> rate;
  private final Supplier<Optional<Integer>> burst;

  /** Declares the flags. */
  public RateFlags(Flags flags) {
    flags.group("Server");
    rate = flags.optional("rate", Flags.NUMBER.or("off"), "off", "requests per second; above: 429");
    burst =
        flags.optional(
            "burst",
            Flags.integer(1, MOST_AT_ONCE).or("auto"),
            "auto",
            "burst size; unset = the rate, at least 1");
  }

  /**
   * Returns the rate limiter; without {@code --rate} one that admits everything. All endpoints that it is
   * put around share one limit.
   *
   * @param instrumenting counts rejections, under the name {@code requests}
   */
  public <Q, R> Middleware<Q, R> limit(Instrumenting instrumenting) {
    if (rate.get().isEmpty()) {
      return next -> next;
    }
    double perSecond = rate.get().get();
    int atOnce = burst.get().orElse((int) Math.max(1, Math.min(perSecond, MOST_AT_ONCE)));
    return RateLimiting.rejecting(
        instrumenting.limit("requests", new TokenBucket(perSecond, atOnce)::tryAcquireNanos));
  }
}
