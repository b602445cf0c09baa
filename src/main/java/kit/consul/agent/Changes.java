// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * The indexes of the last changes, which blocking queries compare. Each change takes the next index.
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

  private final Map<String, Long> ofInstances = new HashMap<>(); // By service name in lower case.
  private final Map<String, Long> ofHealth = new HashMap<>(); // Includes results of checks.
  private long ofNames = 1; // The list of services and their tags.
  private long ofAbsent = 1; // All names without instances: the last disappearance, as in Consul.
  private long last = 1;

  /** Records that the instances of a name have changed, and whether there are any left. */
  void instances(String name, boolean isPresent) {
    last++;
    ofNames = last;
    if (isPresent) {
      ofInstances.put(key(name), last);
      ofHealth.put(key(name), last);
    } else {
      ofInstances.remove(key(name));
      ofHealth.remove(key(name));
      ofAbsent = last;
    }
  }

  /** Records that a check of a service has changed; an empty name stands for a check of the node. */
  void health(String name) {
    last++;
    if (name.isEmpty()) {
      ofHealth.replaceAll((any, before) -> last);
    } else {
      ofHealth.put(key(name), last);
    }
  }

  long last() {
    return last;
  }

  long ofNames() {
    return ofNames;
  }

  long ofInstances(String name) {
    return ofInstances.getOrDefault(key(name), ofAbsent);
  }

  long ofHealth(String name) {
    return ofHealth.getOrDefault(key(name), ofAbsent);
  }

  private static String key(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
