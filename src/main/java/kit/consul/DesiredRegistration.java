// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What an agent should know of an instance; to be compared with what it knows. */
record DesiredRegistration(ConsulClient.Service service, List<ConsulCheck> checks) {
  DesiredRegistration {
    requireNonNull(service, "service");
    checks = List.copyOf(checks);
  }

  String id() {
    return service.id();
  }

  List<Map<String, String>> definitions() {
    return checks.stream().map(ConsulCheck::definition).toList();
  }

  /** Whether nothing is missing or different; more checks are somebody else's business. */
  boolean matches(ConsulClient.Entry known) {
    return isSame(known.service()) && hasAllChecks(known);
  }

  private boolean isSame(ConsulClient.Service known) {
    return known.name().equals(service.name())
        && (service.host().isEmpty() || known.host().equals(service.host()))
        && known.port() == service.port()
        && Set.copyOf(known.tags()).equals(Set.copyOf(service.tags()))
        && known.meta().equals(service.meta())
        && known.weights().equals(service.weights());
  }

  /** Without its check, an instance that has died would pass for ever. */
  private boolean hasAllChecks(ConsulClient.Entry known) {
    Set<String> missing = new HashSet<>();
    checks.forEach(check -> missing.add(check.id()));
    known.checks().forEach(check -> missing.remove(check.checkId()));
    return missing.isEmpty();
  }
}
