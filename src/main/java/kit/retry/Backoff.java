// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongUnaryOperator;

/**
 * Exponential backoff with full jitter: computes the random pause before the next attempt, so that
 * clients that failed together do not retry together.
 *
 * <pre>{@code
 * Backoff backoff = new Backoff(Duration.ofMillis(10), Duration.ofSeconds(1));
 * for (int attempt = 1; !succeeds(); attempt++) {
 *   TimeUnit.NANOSECONDS.sleep(backoff.nanos(attempt));
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The ceiling doubles with each failure, from {@code base} up to {@code cap}. The pause is drawn
 * uniformly between zero and the ceiling ("full jitter").
 *
 * <pre>
 *   pause
 *     cap +                        ._________________   ceiling
 *         |                        |#################
 *  4 base +               .________|#################
 *         |               |##########################
 *  2 base +      .________|##########################   #: drawn from here
 *    base +______|###################################
 *       0 +------+--------+--------+--------+-------->  attempt that failed
 *            1       2        3        4       5
 * </pre>
 *
 * <p>The lower bound is zero because a pause of fixed length delays a crowd of clients without
 * spreading it, and a half-fixed pause takes more calls and more time for the same work than a
 * fully random one (the AWS article below has the curves). A single client that retries at once by
 * chance does no harm.
 *
 * <h2>Units</h2>
 *
 * <p>The defaults suit calls between services in the path of a user request. Base 10 ms: several
 * round trips within a data center, and the next attempt usually goes to another instance, which
 * needs no pause. Cap 1 s, as in the example of gRPC's retry policy: users do not wait longer.
 * Background work needs higher values of both.
 *
 * <p>Any number of attempts is valid: nothing overflows. Durations above 146 years count as 146
 * years, so that a pause can be added to a time.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable, and thread-safe if {@code random} is. It has no state per call: the caller counts
 * the attempts. Nothing is allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * @see <a
 *     href="https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/">Exponential
 *     Backoff And Jitter (AWS Architecture Blog)</a>
 * @see <a href="https://github.com/grpc/proposal/blob/master/A6-client-retries.md">gRFC A6: the
 *     same formula, random(0, min(base * 2^(n-1), cap)), and the example with 1 s</a>
 */
public final class Backoff {
  private static final Duration DEFAULT_BASE = Duration.ofMillis(10);
  private static final Duration DEFAULT_CAP = Duration.ofSeconds(1);
  private static final long LONGEST_NANOS = Long.MAX_VALUE / 2; // about 146 years

  private final long baseNanos;
  private final long capNanos;
  private final LongUnaryOperator random;

  /** Creates a backoff with base 10 ms and cap 1 s. */
  public Backoff() {
    this(DEFAULT_BASE, DEFAULT_CAP);
  }

  /**
   * Creates a backoff with {@code base} and {@code cap} that draws from {@link ThreadLocalRandom}.
   */
  public Backoff(Duration base, Duration cap) {
    this(base, cap, bound -> ThreadLocalRandom.current().nextLong(bound));
  }

  /**
   * Creates a backoff that draws from {@code random}: given a bound, it returns a uniform number
   * from 0 (inclusive) to the bound (exclusive), such as {@code new
   * SplittableRandom(seed)::nextLong} in a test.
   *
   * @param base the longest pause after the first failure
   * @param cap the longest pause of all
   * @throws IllegalArgumentException if {@code base} is not positive or longer than {@code cap}
   */
  public Backoff(Duration base, Duration cap, LongUnaryOperator random) {
    if (base.isNegative() || base.isZero()) {
      throw new IllegalArgumentException("base <= 0: " + base);
    }
    if (cap.compareTo(base) < 0) {
      throw new IllegalArgumentException("cap < base " + base + ": " + cap);
    }
    this.baseNanos = nanos(base);
    this.capNanos = nanos(cap);
    this.random = requireNonNull(random, "random");
  }

  private static long nanos(Duration duration) {
    return Math.min(TimeUnit.NANOSECONDS.convert(duration), LONGEST_NANOS);
  }

  /**
   * Returns how many nanoseconds to wait after attempt number {@code attempt} has failed: from 0 to
   * {@link #ceilingNanos}, both included.
   *
   * @param attempt 1 for the first one
   * @throws IllegalArgumentException if {@code attempt} is below 1
   */
  public long nanos(int attempt) {
    return random.applyAsLong(ceilingNanos(attempt) + 1);
  }

  /**
   * Returns the longest pause after that attempt, in nanoseconds: {@code base} times 2 to the
   * {@code attempt - 1}, at most {@code cap}.
   *
   * @param attempt 1 for the first one
   * @throws IllegalArgumentException if {@code attempt} is below 1
   */
  public long ceilingNanos(int attempt) {
    if (attempt < 1) {
      throw new IllegalArgumentException("attempt < 1: " + attempt);
    }
    int doublings = attempt - 1;
    // Compared by halving the cap, because doubling the base may overflow. Java shifts by the
    // distance modulo 64, so 64 doublings would be none.
    boolean fits = doublings < Long.SIZE && baseNanos <= capNanos >> doublings;
    return fits ? baseNanos << doublings : capNanos;
  }

  /** Returns the settings, such as {@code Backoff[base PT0.01S, cap PT1S]}. */
  @Override
  public String toString() {
    return "Backoff[base "
        + Duration.ofNanos(baseNanos)
        + ", cap "
        + Duration.ofNanos(capNanos)
        + "]";
  }
}
