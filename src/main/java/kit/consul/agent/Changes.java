// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The indexes of the last changes, which blocking queries compare. Each change takes the next
 * index.
 *
 * <p>Not thread-safe: AgentState uses it under its lock.
 */
final class Changes {
  /** A query for an index above {@code index} that waits at most {@code nanos}. */
  record Wait(long index, long nanos) {}

  /** What a query found, and the index to pass to the next one. */
  record Found<T>(T value, long index) {
    <U> Found<U> map(Function<T, U> to) {
      return new Found<>(to.apply(value), index);
    }
  }

  // By the name of a service, in any case; that of health includes the results of checks.
  private final Map<String, Long> ofInstances = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
  private final Map<String, Long> ofHealth = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
  private long ofNames = 1; // The list of services and their tags.
  private long ofAbsent = 1; // All names without instances: the last disappearance, as in Consul.
  private long last = 1;

  /** Records that the instances of a name have changed, and whether there are any left. */
  void instances(String name, boolean isPresent) {
    last++;
    ofNames = last;
    if (isPresent) {
      ofInstances.put(name, last);
      ofHealth.put(name, last);
    } else {
      ofInstances.remove(name);
      ofHealth.remove(name);
      ofAbsent = last;
    }
  }

  /**
   * Records that a check of a service has changed; an empty name stands for a check of the node.
   */
  void health(String name) {
    last++;
    if (name.isEmpty()) {
      ofHealth.replaceAll((any, before) -> last);
    } else {
      ofHealth.put(name, last);
    }
  }

  long last() {
    return last;
  }

  long ofNames() {
    return ofNames;
  }

  long ofInstances(String name) {
    return ofInstances.getOrDefault(name, ofAbsent);
  }

  long ofHealth(String name) {
    return ofHealth.getOrDefault(name, ofAbsent);
  }
}
