// SPDX-License-Identifier: Apache-2.0
package testing;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Stands in for {@link System#nanoTime}: time stands still until a test moves it. Safe for any
 * number of threads.
 */
public final class FakeNanoTime implements LongSupplier {
  private final AtomicLong nanos;

  /**
   * Starts one second before zero, so that code that takes 0 for "never" or expects readings above
   * 0 fails.
   */
  public FakeNanoTime() {
    this(-1_000_000_000L);
  }

  /** Starts at the given reading; {@link Long#MAX_VALUE} overflows with the first step. */
  public FakeNanoTime(long startNanos) {
    nanos = new AtomicLong(startNanos);
  }

  @Override
  public long getAsLong() {
    return nanos.get();
  }

  /** Moves time on, or back if the step is negative. */
  public void advance(Duration step) {
    nanos.addAndGet(step.toNanos());
  }
}
