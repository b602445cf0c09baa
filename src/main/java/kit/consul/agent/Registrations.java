// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.Comparator;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What is registered: services, and their checks and those of the node. Sorted by id, as in Consul.
 *
 * <p>Not thread-safe: AgentState uses it under its lock.
 */
final class Registrations {
  private static final Comparator<String> BY_ID =
      String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.<String>naturalOrder());

  private final Owner node = new Owner(ServiceDefinition.NODE);
  private final Map<String, Owner> services = new TreeMap<>(BY_ID);

  /** A service, or the node, with its checks by id. */
  static final class Owner {
    final Map<String, AgentCheck> checks = new TreeMap<>(BY_ID);
    ServiceDefinition definition;

    Owner(ServiceDefinition definition) {
      this.definition = definition;
    }
  }

  /** Returns the service that had this id before, or null. */
  ServiceDefinition put(ServiceDefinition definition) {
    Owner known = services.putIfAbsent(definition.id(), new Owner(definition));
    ServiceDefinition before = known == null ? null : known.definition;
    services.get(definition.id()).definition = definition;
    return before;
  }

  /** Returns what was removed, or null. */
  Owner remove(String id) {
    return services.remove(id);
  }

  /** Returns a service, the node if the id is empty, or null. */
  Owner owner(String serviceId) {
    return serviceId.isEmpty() ? node : services.get(serviceId);
  }

  Stream<Owner> services() {
    return services.values().stream();
  }

  /** Returns a check, or null. */
  AgentCheck check(String id) {
    return Stream.concat(Stream.of(node), services())
        .map(owner -> owner.checks.get(id))
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  Stream<AgentCheck> checks() {
    return Stream.concat(Stream.of(node), services())
        .flatMap(owner -> owner.checks.values().stream())
        .sorted(Comparator.comparing(check -> check.definition.checkId(), BY_ID));
  }
}
