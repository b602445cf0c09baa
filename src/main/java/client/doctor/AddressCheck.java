// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import kit.discovery.Instance;
import kit.registry.Inspection;

/**
 * Checks that the registered addresses can be those of a server elsewhere, and that each is registered
 * once. It judges the text only: the next check connects.
 */
final class AddressCheck implements Check {
  private static final String ADVERTISE = "register with --advertise and an address for callers";
  private static final Set<String> WILDCARDS = Set.of("0.0.0.0", "::", "0:0:0:0:0:0:0:0");
  private static final String LOOPBACK = "127\\..*|localhost|::1|0:0:0:0:0:0:0:1";

  // The first network of Docker's bridge, and the names that it gives to containers.
  private static final String CONTAINER = "172\\.17\\..*|[0-9a-f]{12}";

  @Override
  public List<Finding> run(Examination examination) {
    List<Finding> findings = new ArrayList<>();
    for (Inspection.Entry entry : examination.entries()) {
      addProblem(entry, isRegistryElsewhere(examination), findings);
    }
    if (findings.isEmpty()) {
      findings.add(Finding.ok("addresses", "all can be called by their form"));
    }
    addDuplicates(examination.entries(), findings);
    return findings;
  }

  private static boolean isRegistryElsewhere(Examination examination) {
    return examination.servers().stream()
        .map(server -> Instance.parse(server.authority()).host())
        .anyMatch(host -> !host.matches(LOOPBACK));
  }

  private static void addProblem(
      Inspection.Entry entry, boolean isRegistryElsewhere, List<Finding> findings) {
    String subject = "address of " + entry.id();
    String seen = entry.host() + ":" + entry.port();
    try {
      entry.instance();
    } catch (IllegalArgumentException e) {
      findings.add(Finding.fail(subject, seen + " cannot be called: " + e.getMessage(), ADVERTISE));
      return;
    }
    if (WILDCARDS.contains(entry.host())) {
      findings.add(Finding.fail(subject, seen + " is no address of a server", ADVERTISE));
    } else if (entry.host().matches(LOOPBACK) && isRegistryElsewhere) {
      findings.add(Finding.warn(subject, seen + " is its own machine only", ADVERTISE));
    } else if (entry.host().matches(CONTAINER)) {
      findings.add(Finding.warn(subject, seen + " is that of a container", ADVERTISE));
    }
  }

  private static void addDuplicates(List<Inspection.Entry> entries, List<Finding> findings) {
    Map<String, Set<String>> idsByAddress = new TreeMap<>();
    for (Inspection.Entry entry : entries) {
      String address = entry.host() + ":" + entry.port();
      idsByAddress.computeIfAbsent(address, key -> new TreeSet<>()).add(entry.id());
    }
    idsByAddress.forEach(
        (address, ids) -> {
          if (ids.size() > 1) {
            findings.add(
                Finding.warn(
                    "duplicates",
                    address + " is registered " + ids.size() + " times: " + String.join(", ", ids),
                    "deregister those of instances that have ended"));
          }
        });
  }
}
