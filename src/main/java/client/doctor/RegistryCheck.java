// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kit.registry.Inspection;

/** Checks that the servers of the registry are reachable, and that their clocks agree with this one. */
final class RegistryCheck implements Check {
  // Far above the second to which a Date is exact; synchronized clocks differ by milliseconds.
  private static final Duration TOLERANCE = Duration.ofSeconds(5);

  private final Clock clock;

  RegistryCheck(Clock clock) {
    this.clock = clock;
  }

  @Override
  public List<Finding> run(Examination examination) throws InterruptedException {
    List<Inspection.Server> servers = examination.inspection().servers(clock);
    examination.servers(servers);
    List<Finding> findings = new ArrayList<>();
    if (servers.isEmpty()) {
      findings.add(Finding.skip("registry", examination.registry() + " has no version, no clock"));
    }
    boolean isAnyReachable = servers.stream().anyMatch(server -> server.failure().isEmpty());
    for (Inspection.Server server : servers) {
      findings.add(reachable(server, isAnyReachable));
    }
    servers.forEach(
        server -> server.clockDifference().map(RegistryCheck::clock).ifPresent(findings::add));
    if (isAnyReachable && servers.stream().noneMatch(it -> it.clockDifference().isPresent())) {
      findings.add(Finding.skip("clock", "the registry sends no date"));
    }
    if (!servers.isEmpty() && !isAnyReachable) {
      examination.end();
    }
    return findings;
  }

  private static Finding reachable(Inspection.Server server, boolean isAnyReachable) {
    if (server.failure().isEmpty()) {
      String version = server.version().map(it -> "version " + it).orElse("version not shown");
      return Finding.ok("registry", server.authority() + " responds, " + version);
    }
    String seen = server.authority() + " does not respond: " + server.failure().get();
    return isAnyReachable
        ? Finding.warn("registry", seen, "start it, or take it out of --registry")
        : Finding.fail("registry", seen, "start it, or correct --registry; is it behind TLS?");
  }

  private static Finding clock(Duration difference) {
    if (difference.abs().compareTo(TOLERANCE) < 0) {
      return Finding.ok("clock", "as the registry's, within " + TOLERANCE.toSeconds() + " s");
    }
    String seen =
        "the registry's is %d s %s"
            .formatted(difference.abs().toSeconds(), difference.isNegative() ? "behind" : "ahead");
    return Finding.warn("clock", seen, "synchronize both clocks: tokens expire early or late");
  }
}
