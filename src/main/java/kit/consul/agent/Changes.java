// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * The indexes of the last changes: what a blocking query compares. Each change has the next index.
 *
 * <p>Not thread-safe: AgentState uses it under its lock.
 */
final class Changes {
  /**
   * What a query waits for: an index above {@code index}, at most {@code nanos}. A
   * closed agent refuses to wait, with 503.
   */
  record Wait(long index, long nanos) {}

  /** What was found, and the index to ask again with. */
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

  /** Returns the index that the next change will have. */
  long next() {
    return last + 1;
  }

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

  /** Records that a check of a service has changed. */
  void health(String name) {
    last++;
    ofHealth.put(key(name), last);
  }

  /** Records that a check of the node has changed. */
  void healthOfAll() {
    last++;
    ofHealth.replaceAll((name, before) -> last);
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
