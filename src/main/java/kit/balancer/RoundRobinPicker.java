// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Chooses one after the other, so that each gets the same number of calls.
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
 * <p>A counter goes up with each pick; the candidate is the counter modulo the size of the list.
 *
 * <ul>
 *   <li>It starts at random: if a thousand clients started with the first candidate, it would get a
 *       thousand calls at once (grpc/grpc-java#4462).
 *   <li>It goes on when the list changes. A counter that starts again with each change favours the
 *       head of the list whenever somebody deploys.
 *   <li>It is read without sign, so it may overflow: {@code Math.abs(i) % n} fails at the smallest
 *       negative number (spring-cloud-commons#1074).
 * </ul>
 *
 * <p>While the list stays as it is, any {@code n} picks in a row from {@code n} candidates take each
 * one once.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads, which share one turn. A pick is one atomic increment; nothing is
 * allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 */
public final class RoundRobinPicker {
  private final AtomicLong counter;

  /** Starts at a random candidate. */
  public RoundRobinPicker() {
    this(ThreadLocalRandom.current().nextLong());
  }

  /** Starts at {@code start} modulo the number of candidates, read without sign. */
  public RoundRobinPicker(long start) {
    counter = new AtomicLong(start);
  }

  /**
   * Returns the next one of {@code candidates}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public <T> T pick(List<T> candidates) {
    int size = candidates.size();
    if (size == 0) {
      throw new IllegalArgumentException("no candidates to pick from");
    }
    return candidates.get((int) Long.remainderUnsigned(counter.getAndIncrement(), size));
  }
}
