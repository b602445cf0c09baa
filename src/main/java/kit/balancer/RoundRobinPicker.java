// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Picks candidates in turn (round robin), so that each gets the same number of calls.
 *
 * <p>Use it when the candidates are alike and calls cost about the same.
 *
 * <pre>{@code
 * RoundRobinPicker picker = new RoundRobinPicker();
 * String server = picker.pick(List.of("a:80", "b:80", "c:80"));
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A counter is incremented with each pick; the index is the counter modulo the size of the list.
 *
 * <ul>
 *   <li>It starts at random: if a thousand clients started with the first candidate, it would get a
 *       thousand calls at once (grpc/grpc-java#4462).
 *   <li>It continues when the list changes. A counter that is reset with each change favours the
 *       head of the list during deployments.
 *   <li>It is unsigned, so it may overflow: {@code Math.abs(i) % n} fails at the smallest negative
 *       number (spring-cloud-commons#1074).
 * </ul>
 *
 * <p>While the list does not change, any {@code n} consecutive picks from {@code n} candidates
 * return each one once.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; all threads share one counter. A pick is one atomic increment; nothing is
 * allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 */
public final class RoundRobinPicker {
  private final AtomicLong counter;

  /** Creates a picker that starts at a random candidate. */
  public RoundRobinPicker() {
    this(ThreadLocalRandom.current().nextLong());
  }

  /** Creates a picker that starts at {@code start} (unsigned) modulo the number of candidates. */
  public RoundRobinPicker(long start) {
    counter = new AtomicLong(start);
  }

  /**
   * Returns the next one of {@code candidates}.
   *
   * @throws IllegalArgumentException if {@code candidates} is empty
   */
  public <T> T pick(List<T> candidates) {
    int size = candidates.size();
    if (size == 0) {
      throw new IllegalArgumentException("no candidates to pick from");
    }
    return candidates.get((int) Long.remainderUnsigned(counter.getAndIncrement(), size));
  }
}
