// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.util.Optional;
import java.util.function.Supplier;
import kit.Middleware;
import kit.metrics.Instrumenting;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;

/**
 * The flags that limit how often a program may be asked: {@code --rate} and {@code --burst}.
 *
 * <p>Not thread-safe, as {@link Flags} is not; what it returns is.
 */
public final class RateFlags {
  private static final int MOST_AT_ONCE = 1_000_000;

  private final Supplier<Optional<Double>> rate;
  private final Supplier<Optional<Integer>> burst;

  /** Declares them. */
  public RateFlags(Flags flags) {
    rate =
        flags.optional("rate", Flags.NUMBER.or("off"), "off", "requests per second; above it: 429");
    burst =
        flags.optional(
            "burst",
            Flags.integer(1, MOST_AT_ONCE).or("auto"),
            "auto",
            "requests at once; auto = rate, at least 1");
  }

  /**
   * Returns the limit, or what lets everything pass. Goes around many endpoints as one limit for all.
   *
   * @param instrumenting counts refusals, under the name {@code requests}
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
