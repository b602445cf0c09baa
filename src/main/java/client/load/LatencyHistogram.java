// SPDX-License-Identifier: Apache-2.0
package client.load;

/**
 * Latency histogram with percentiles, in constant memory.
 *
 * <h2>How it works</h2>
 *
 * <p>Values are counted in buckets that grow with the values (log-linear): each power of two is
 * divided into 128 buckets of one width. Below 256 ns a bucket is one nanosecond wide.
 *
 * <pre>
 *   128 ns        256 ns                512 ns                            1024 ns
 *    |.|.|.|.|.|.|.|...|...|...|...|...|.......|.......|.......|.......|.|
 *      128 buckets      128 buckets              128 buckets
 *      of 1 ns          of 2 ns                  of 4 ns
 * </pre>
 *
 * <p>So a bucket is at most 1/128 as wide as the values in it. A percentile is the upper end of its
 * bucket: never less than the true one, and at most 0.8 % more. The maximum is exact. 7,296 buckets
 * (57 KiB) reach from 1 ns to 292 years.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; one lock, held for a few instructions.
 *
 * <p>The idea is that of HdrHistogram, which can do much more.
 */
final class LatencyHistogram {
  private static final int BITS = 7; // 2 to the 7 = 128 buckets for each power of two.
  private static final int BUCKETS_PER_DOUBLING = 1 << BITS;

  // Guarded by this.
  private final long[] counts = new long[(Long.SIZE - BITS) * BUCKETS_PER_DOUBLING];
  private long total;
  private long maxNanos;

  /** Records a duration; a negative one counts as 0. */
  synchronized void record(long nanos) {
    long value = Math.max(0, nanos);
    counts[bucketOf(value)]++;
    total++;
    maxNanos = Math.max(maxNanos, value);
  }

  /** The longest of all; 0 if there is none. */
  synchronized long maxNanos() {
    return maxNanos;
  }

  /**
   * Returns a duration that the given share of all durations do not exceed: 0.99 is the 99th
   * percentile. 0 if nothing has been recorded.
   *
   * @param share from 0 (the shortest) to 1 (the longest)
   */
  synchronized long percentileNanos(double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("share not in 0..1: " + share);
    }
    long wanted = Math.max(1, (long) Math.ceil(share * total)); // The nearest rank, from 1.
    long seen = 0;
    for (int bucket = 0; bucket < counts.length; bucket++) {
      seen += counts[bucket];
      if (seen >= wanted) {
        return Math.min(upperEnd(bucket), maxNanos);
      }
    }
    return maxNanos;
  }

  private static int bucketOf(long value) {
    // How often to halve the value until it has 8 bits, of which the highest is 1 and the other 7
    // are the number of the bucket within its power of two.
    int halvings = Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(value) - (BITS + 1));
    return halvings * BUCKETS_PER_DOUBLING + (int) (value >>> halvings);
  }

  private static long upperEnd(int bucket) {
    int halvings = Math.max(0, bucket / BUCKETS_PER_DOUBLING - 1);
    long first = (long) bucket - (long) halvings * BUCKETS_PER_DOUBLING;
    return ((first + 1) << halvings) - 1;
  }
}
