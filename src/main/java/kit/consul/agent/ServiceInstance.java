// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.TreeSet;

/**
 * A registered service as a query finds it.
 *
 * @param checks in Consul's JSON, those of the node first; never changed
 */
record ServiceInstance(ServiceDefinition service, List<ObjectNode> checks) {
  /** Returns the worst status of the checks, as its place in {@link CheckDefinition#STATUSES}. */
  int worst() {
    return checks.stream()
        .mapToInt(check -> CheckDefinition.STATUSES.indexOf(check.get("Status").textValue()))
        .max()
        .orElse(0);
  }

  /** Returns whether the service has all of {@code tags}, in any case. */
  boolean hasTags(List<String> tags) {
    TreeSet<String> known = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    known.addAll(service.tags());
    return known.containsAll(tags);
  }

  /** Returns the checks without those of the node. */
  List<ObjectNode> ownChecks() {
    return checks.stream()
        .filter(check -> check.get("ServiceID").textValue().equals(service.id()))
        .toList();
  }
}
