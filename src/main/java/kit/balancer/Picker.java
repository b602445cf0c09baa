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

  /**
   * Returns a picker that takes nodes in turn; if the weights of their instances differ, in proportion
   * to these.
   */
  static <Q, R> Picker<Node<Q, R>> roundRobin() {
    RoundRobinPicker equal = new RoundRobinPicker();
    WeightedRoundRobinPicker weighted = new WeightedRoundRobinPicker();
    return nodes ->
        haveEqualWeights(nodes)
            ? equal.pick(nodes)
            : weighted.pick(nodes, node -> node.instance().weight());
  }

  private static <Q, R> boolean haveEqualWeights(List<Node<Q, R>> nodes) {
    double first = nodes.get(0).instance().weight();
    for (int i = 1; i < nodes.size(); i++) {
      if (nodes.get(i).instance().weight() != first) {
        return false;
      }
    }
    return true;
  }
}
