// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import kit.Middleware;
import kit.StatusException;

/** Makes a service slow and unreliable on purpose, to show what its callers do about it. */
final class FaultInjecting {
  private FaultInjecting() {}

  /**
   * Waits, then fails some of the calls with a 500.
   *
   * @param failRatio the share of calls that fail, 0 to 1
   * @param random draws from 0 to below 1
   */
  static <Q, R> Middleware<Q, R> around(double failRatio, Delay delay, DoubleSupplier random) {
    requireNonNull(delay, "delay");
    requireNonNull(random, "random");
    return next ->
        (context, request) -> {
          long waitNanos = delay.nanos(random.getAsDouble());
          if (waitNanos > 0) {
            TimeUnit.NANOSECONDS.sleep(waitNanos);
          }
          if (random.getAsDouble() < failRatio) {
            throw new StatusException(500, "failed on purpose: --fail-ratio " + failRatio);
          }
          return next.call(context, request);
        };
  }

  /**
   * How long to wait: the same each time, or anything in a range.
   *
   * @param min at least this long
   * @param max and at most this long
   */
  record Delay(Duration min, Duration max) {
    Delay {
      if (min.compareTo(max) > 0) {
        throw new IllegalArgumentException("range ends before it begins: " + min + ".." + max);
      }
    }

    private long nanos(double share) {
      return min.toNanos() + (long) ((max.toNanos() - min.toNanos()) * share);
    }
  }
}
