// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * Picks candidates in turn, in proportion to their weights (smooth weighted round robin).
 *
 * <p>Use it when candidates have different capacities that are known as numbers. With equal weights it
 * is a slower {@code RoundRobinPicker}.
 *
 * <pre>{@code
 * WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
 * Server server = picker.pick(servers, Server::cpus);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Each candidate has a current value, at first 0. A pick adds to each its weight, takes the highest,
 * and subtracts the sum of all weights from it. With the weights 5, 1 and 1 the order is a a b a c a
 * a: a heavy candidate gets its calls spread, not in a row.
 *
 * <pre>
 *   pick   after adding   picked   after subtracting
 *     1     5   1   1       a       -2   1   1
 *     2     3   2   2       a       -4   2   2
 *     3     1   3   3       b        1  -4   3
 *     4     6  -3   4       a       -1  -3   4
 *     5     4  -2   5       c        4  -2  -2
 *     6     9  -1  -1       a        2  -1  -1
 *     7     7   0   0       a        0   0   0
 * </pre>
 *
 * <p>A candidate of weight 0 is picked only if all weights are 0; they then count as equal. Values are
 * kept by identity while candidates come and go; those of candidates that have gone are dropped.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; all threads share the values, under a lock. A pick takes time in proportion to the
 * number of candidates, and allocates an array of their weights.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: nginx, {@code ngx_http_upstream_round_robin.c}.
 */
public final class WeightedRoundRobinPicker {
  private static final int MAX_GONE = 16; // Values kept beside those of the present candidates.

  final Map<Object, Value> values = new IdentityHashMap<>(); // Guarded by this.

  private static final class Value {
    private double current;
  }

  /** Creates a picker that starts with the heaviest candidate. */
  public WeightedRoundRobinPicker() {}

  /**
   * Returns the next one of {@code candidates}.
   *
   * @param weight the weight of a candidate: 0 or more, and finite
   * @throws IllegalArgumentException if {@code candidates} is empty, or a weight is out of range
   */
  public <T> T pick(List<T> candidates, ToDoubleFunction<? super T> weight) {
    requireNonNull(weight, "weight");
    if (candidates.isEmpty()) {
      throw new IllegalArgumentException("no candidates to pick from");
    }
    return candidates.get(next(candidates, weights(candidates, weight)));
  }

  // Outside the lock: the function is the caller's.
  private static <T> double[] weights(List<T> candidates, ToDoubleFunction<? super T> weight) {
    double[] weights = new double[candidates.size()];
    boolean areZero = true;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = weight.applyAsDouble(candidates.get(i));
      if (!(weights[i] >= 0 && weights[i] < Double.POSITIVE_INFINITY)) { // Rejects NaN, too.
        throw new IllegalArgumentException("weight not 0 or more and finite: " + weights[i]);
      }
      areZero &= weights[i] == 0;
    }
    if (areZero) {
      Arrays.fill(weights, 1);
    }
    return weights;
  }

  private synchronized int next(List<?> candidates, double[] weights) {
    int best = -1;
    Value highest = null;
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      Value value = values.computeIfAbsent(candidates.get(i), candidate -> new Value());
      value.current += weights[i];
      total += weights[i];
      if (weights[i] > 0 && (highest == null || value.current > highest.current)) {
        highest = value;
        best = i;
      }
    }
    highest.current -= total;
    dropGone(candidates);
    return best;
  }

  private void dropGone(List<?> candidates) {
    if (values.size() > 2 * candidates.size() + MAX_GONE) {
      Set<Object> present = Collections.newSetFromMap(new IdentityHashMap<>());
      present.addAll(candidates);
      values.keySet().retainAll(present);
    }
  }
}
