// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/**
 * Paces the requests of a loop to a registry: exponential backoff after failures, and a rate limit
 * on successes.
 *
 * <p>The backoff after the n-th consecutive failure is 0.25 s times 2 to the n, at most 5 s, of
 * which a random share between a half and the whole is used, so that the clients of a recovering
 * registry do not all send at once. Successful requests are limited to a burst of 10, then one a
 * second: a registry that reports a change in every response would otherwise be queried in a busy
 * loop (go-kit/kit#1214: hundreds a second).
 *
 * <p>Not thread-safe: confined to the thread of the loop.
 */
public final class RequestPacer {
  private static final long MIN_BACKOFF_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
  private static final long MAX_BACKOFF_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final int DOUBLINGS = 5; // From 0.25 s, more than enough to reach the most.
  private static final long SPACING_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int BURST = 10;

  private final LongSupplier nanoTime;
  private final DoubleSupplier random;
  private int failures;
  private long spentUntilNanos; // Token bucket: fully refilled at this time.

  /** Creates a pacer with the system's clock and randomness. */
  public RequestPacer() {
    this(System::nanoTime, () -> ThreadLocalRandom.current().nextDouble());
  }

  /** Creates a pacer with a clock in nanoseconds and a source of random numbers from 0 to 1. */
  public RequestPacer(LongSupplier nanoTime, DoubleSupplier random) {
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.random = requireNonNull(random, "random");
    this.spentUntilNanos = nanoTime.getAsLong();
  }

  /** Records a request and returns the nanoseconds to wait before sending it. */
  public long nanosBeforeRequest() {
    long now = nanoTime.getAsLong();
    if (spentUntilNanos - now < 0) {
      spentUntilNanos = now;
    }
    spentUntilNanos += SPACING_NANOS;
    return Math.max(0, spentUntilNanos - now - BURST * SPACING_NANOS);
  }

  /** Records a success. */
  public void succeeded() {
    failures = 0;
  }

  /** Records a failure and returns the nanoseconds to wait before the next request. */
  public long nanosAfterFailure() {
    long ceiling =
        Math.min(MIN_BACKOFF_NANOS << Math.min(failures++, DOUBLINGS), MAX_BACKOFF_NANOS);
    return (long) (ceiling * (0.5 + random.getAsDouble() / 2));
  }
}
