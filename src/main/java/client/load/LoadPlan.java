// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.time.Duration;

/**
 * How much to call.
 *
 * @param concurrency calls at a time, at most
 * @param rate calls a second, whatever becomes of them (open model); 0 = each call follows the one
 *     before at once (closed model)
 * @param duration for how long calls begin
 * @param count how many calls at most; 0 = as many as begin within the duration
 * @param timeout how long a caller waits for an answer, and so how late a call may begin
 */
record LoadPlan(int concurrency, double rate, Duration duration, int count, Duration timeout) {
  private static final long LONGEST_NANOS = Long.MAX_VALUE / 4; // 73 years; sums do not overflow.

  boolean isOpen() {
    return rate > 0;
  }

  long durationNanos() {
    return nanos(duration);
  }

  long timeoutNanos() {
    return nanos(timeout);
  }

  private static long nanos(Duration duration) {
    Duration longest = Duration.ofNanos(LONGEST_NANOS);
    return duration.compareTo(longest) < 0 ? duration.toNanos() : LONGEST_NANOS;
  }

  /** When a call of an open model is due, counted from the start; {@code call} counts from 0. */
  long dueNanos(long call) {
    return (long) Math.min(LONGEST_NANOS, call * (1e9 / rate));
  }

  /** Whether the plan has that many calls, and one that is due so long after the start. */
  boolean includes(long call, long dueNanos) {
    return (count == 0 || call < count) && dueNanos < durationNanos();
  }
}
