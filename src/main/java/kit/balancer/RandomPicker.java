// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntUnaryOperator;

/**
 * Chooses at random, each candidate with the same chance.
 *
 * <p>Use it when there are so many clients that taking turns within one says nothing about the whole,
 * or when each client makes few calls. With few calls and few candidates taking
 * turns spreads more evenly.
 *
 * <pre>{@code
 * RandomPicker picker = new RandomPicker();
 * String server = picker.pick(List.of("a:80", "b:80", "c:80"));
 * }</pre>
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads: the default source is {@link ThreadLocalRandom}, which they do
 * not share. (A shared generator without a lock was a bug in Go kit's {@code lb.NewRandom}.) Nothing
 * is allocated.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 */
public final class RandomPicker {
  private final IntUnaryOperator random;

  /** Draws from {@link ThreadLocalRandom}. */
  public RandomPicker() {
    this(bound -> ThreadLocalRandom.current().nextInt(bound));
  }

  /**
   * Draws from {@code random}: given a bound, it returns a number from 0 to below the bound, each
   * with the same chance, for instance {@code new Random(seed)::nextInt} in a test.
   */
  public RandomPicker(IntUnaryOperator random) {
    this.random = requireNonNull(random, "random");
  }

  /**
   * Returns one of {@code candidates}.
   *
   * @throws IllegalArgumentException if there is none
   */
  public <T> T pick(List<T> candidates) {
    int size = candidates.size();
    if (size == 0) {
      throw new IllegalArgumentException("no candidates to pick from");
    }
    return candidates.get(random.applyAsInt(size));
  }
}
