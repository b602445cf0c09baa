// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/**
 * Says how long a loop that talks to a registry must wait: not at all as a rule, longer and longer
 * while requests fail, and a little when too many succeed.
 *
 * <p>After the n-th failure in a row it is 0.25 s times 2 to the n, at most 5 s, and of that at random
 * between a half and the whole, so that a thousand clients of a registry that comes back do not all
 * ask at once. Requests that succeed may come 10 at once, then one a second: a registry that answers
 * "news" without end would otherwise be asked without end (go-kit/kit#1214: hundreds a second).
 *
 * <p>Not thread-safe: it belongs to the loop.
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
  private long spentUntilNanos; // What has been asked is paid for at one a second, until then.

  /** Goes by the real time. */
  public RequestPacer() {
    this(System::nanoTime, () -> ThreadLocalRandom.current().nextDouble());
  }

  /** Goes by {@code nanoTime}; {@code random} draws from 0 to 1. */
  public RequestPacer(LongSupplier nanoTime, DoubleSupplier random) {
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.random = requireNonNull(random, "random");
    this.spentUntilNanos = nanoTime.getAsLong();
  }

  /** Takes note of a request, and returns the nanoseconds to wait before it is sent. */
  public long nanosBeforeRequest() {
    long now = nanoTime.getAsLong();
    if (spentUntilNanos - now < 0) {
      spentUntilNanos = now;
    }
    spentUntilNanos += SPACING_NANOS;
    return Math.max(0, spentUntilNanos - now - BURST * SPACING_NANOS);
  }

  /** Takes note of a success. */
  public void succeeded() {
    failures = 0;
  }

  /** Takes note of a failure, and returns the nanoseconds to wait before the next request. */
  public long nanosAfterFailure() {
    long ceiling =
        Math.min(MIN_BACKOFF_NANOS << Math.min(failures++, DOUBLINGS), MAX_BACKOFF_NANOS);
    return (long) (ceiling * (0.5 + random.getAsDouble() / 2));
  }
}
