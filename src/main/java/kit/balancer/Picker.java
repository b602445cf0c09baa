// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import java.util.List;

/**
 * Load-balancing policy: picks the candidate for the next call.
 *
 * <p>The pickers of this package are parts and do not implement it; pass their method:
 *
 * <pre>{@code
 * Picker<Node<Q, R>> turns = new RoundRobinPicker()::pick;
 * LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
 * Picker<Node<Q, R>> byLoad = nodes -> leastLoaded.pick(nodes, Node::inFlight);
 * }</pre>
 *
 * <p>Called by many threads at once. Equivalent in Go kit: {@code lb.Balancer}.
 */
@FunctionalInterface
public interface Picker<T> {
  /** Returns one of {@code candidates}, of which there is at least one. */
  T pick(List<T> candidates);
}
