// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import kit.LogSafe;
import org.slf4j.Logger;

/**
 * Converts the entries that a registry returned into the list of instances that a watch publishes:
 * sorted by address, without duplicates, so that equal content compares equal.
 *
 * <p>An entry that cannot be called (port 0, no address, a host that {@link Instance} rejects) is
 * skipped, with one warning for as long as the registry returns it.
 *
 * <p>Not thread-safe: confined to the thread of the watch.
 */
public final class CallableInstances {
  private final String source;
  private final Logger log;
  private Set<String> leftOut = Set.of(); // Warned of already.

  /**
   * Creates a converter that has warned of nothing yet.
   *
   * @param source names the watch in warnings
   * @param log takes the warnings
   */
  public CallableInstances(String source, Logger log) {
    this.source = requireNonNull(source, "source");
    this.log = requireNonNull(log, "log");
  }

  /**
   * Returns the instances of {@code entries}; of several with the same address, the first.
   *
   * @param name names an entry in a warning; untrusted text is escaped
   * @param parse parses an entry; throws an IllegalArgumentException if it cannot be called
   */
  public <E> List<Instance> of(
      Collection<E> entries, Function<E, String> name, Function<E, Instance> parse) {
    Map<String, Instance> sorted = new TreeMap<>();
    Set<String> problems = new HashSet<>();
    for (E entry : entries) {
      try {
        Instance instance = parse.apply(entry);
        sorted.putIfAbsent(instance.authority(), instance);
      } catch (IllegalArgumentException e) {
        String problem = LogSafe.of(name.apply(entry)) + ": " + LogSafe.of(e.getMessage());
        if (problems.add(problem) && !leftOut.contains(problem)) {
          log.warn("{}: skipped {}", source, problem);
        }
      }
    }
    leftOut = problems;
    return List.copyOf(sorted.values());
  }
}
