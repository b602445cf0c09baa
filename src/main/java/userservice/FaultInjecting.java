// SPDX-License-Identifier: Apache-2.0
package userservice;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.StatusException;

/** Fault injection: added latency and errors, to test how clients handle them. */
final class FaultInjecting {
  private final double failRatio;
  private final Delay delay;
  private final DoubleSupplier random;

  private FaultInjecting(double failRatio, Delay delay, DoubleSupplier random) {
    this.failRatio = failRatio;
    this.delay = requireNonNull(delay, "delay");
    this.random = requireNonNull(random, "random");
  }

  /**
   * Returns the middleware that delays requests and fails a fraction of them with a 500. Without a delay and
   * with a ratio of 0 it adds nothing to the chain.
   *
   * @param failRatio the fraction of requests that fail, 0 to 1
   * @param random draws from 0 to below 1
   */
  static <Q, R> Middleware<Q, R> around(double failRatio, Delay delay, DoubleSupplier random) {
    FaultInjecting faults = new FaultInjecting(failRatio, delay, random);
    return failRatio == 0 && delay.max().isZero()
        ? next -> next
        : next -> (context, request) -> faults.call(next, context, request);
  }

  private <Q, R> R call(Endpoint<Q, R> next, Context context, Q request) throws Exception {
    long waitNanos = delay.nanos(random.getAsDouble());
    if (waitNanos > 0) {
      TimeUnit.NANOSECONDS.sleep(waitNanos);
    }
    if (random.getAsDouble() < failRatio) {
      throw new StatusException(500, "failed on purpose: --fail-ratio " + failRatio);
    }
    return next.call(context, request);
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
