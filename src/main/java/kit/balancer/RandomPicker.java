// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntUnaryOperator;

/**
 * Picks at random, each candidate with the same probability.
 *
 * <p>Use it with many clients, or with clients that make few calls each. With one client and few
 * candidates, round robin distributes more evenly.
 *
 * <pre>{@code
 * RandomPicker picker = new RandomPicker();
 * String server = picker.pick(List.of("a:80", "b:80", "c:80"));
 * }</pre>
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe: the default source is {@link ThreadLocalRandom}, which threads do not share. (A
 * shared generator without a lock was a bug in Go kit's {@code lb.NewRandom}.) Nothing is
 * allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 */
public final class RandomPicker {
  private final IntUnaryOperator random;

  /** Creates a picker that draws from {@link ThreadLocalRandom}. */
  public RandomPicker() {
    this(bound -> ThreadLocalRandom.current().nextInt(bound));
  }

  /**
   * Creates a picker that draws from {@code random}: given a bound, it returns a uniform number
   * from 0 (inclusive) to the bound (exclusive), such as {@code new Random(seed)::nextInt} in a
   * test.
   */
  public RandomPicker(IntUnaryOperator random) {
    this.random = requireNonNull(random, "random");
  }

  /**
   * Returns one of {@code candidates}.
   *
   * @throws IllegalArgumentException if {@code candidates} is empty
   */
  public <T> T pick(List<T> candidates) {
    int size = candidates.size();
    if (size == 0) {
      throw new IllegalArgumentException("no candidates to pick from");
    }
    return candidates.get(random.applyAsInt(size));
  }
}
