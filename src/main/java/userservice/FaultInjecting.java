// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import kit.Middleware;
import kit.StatusException;

/** Fault injection: added latency and errors, to test how clients handle them. */
final class FaultInjecting {
  private FaultInjecting() {}

  /**
   * Returns the middleware that delays requests and fails a fraction of them with a 500. Without a
   * delay and with a ratio of 0 it adds nothing to the chain.
   *
   * @param failRatio the fraction of requests that fail, 0 to 1
   * @param random draws from 0 to below 1
   */
  static <Q, R> Middleware<Q, R> around(double failRatio, Delay delay, DoubleSupplier random) {
    requireNonNull(random, "random");
    if (failRatio == 0 && delay.max().isZero()) {
      return next -> next;
    }
    return next ->
        (context, request) -> {
          TimeUnit.NANOSECONDS.sleep(delay.nanos(random.getAsDouble())); // 0: at once.
          if (random.getAsDouble() < failRatio) {
            throw new StatusException(500, "failed on purpose: --fail-ratio " + failRatio);
          }
          return next.call(context, request);
        };
  }

  /**
   * Added latency, uniformly distributed in a range.
   *
   * @param min the shortest delay
   * @param max the longest delay
   */
  record Delay(Duration min, Duration max) {
    Delay {
      if (min.compareTo(max) > 0) {
        throw new IllegalArgumentException(
            "the range must not end before it begins: " + min + ".." + max);
      }
    }

    private long nanos(double share) {
      return min.toNanos() + (long) ((max.toNanos() - min.toNanos()) * share);
    }
  }
}
