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

/** Injects faults, latency and errors, so that operators can see how callers handle them. */
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
   * Waits, then fails some of the calls with a 500. Without a delay and with a ratio of 0 it adds
   * nothing to the chain.
   *
   * @param failRatio the share of calls that fail, 0 to 1
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
