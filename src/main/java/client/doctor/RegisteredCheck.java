// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import kit.cli.Flags;
import kit.discovery.OutageLog;
import kit.registry.Inspection;

/** Checks that the service may be read, and that it has instances that pass. */
final class RegisteredCheck implements Check {
  @Override
  public List<Finding> run(Examination examination) throws InterruptedException {
    String service = examination.service();
    Inspection.Entries entries;
    try {
      entries = examination.inspection().entries(service);
    } catch (Inspection.DeniedException e) {
      examination.end();
      String advice = "give a token or user that may read " + service;
      return List.of(Finding.fail("rights", OutageLog.cause(e), advice));
    } catch (IOException e) {
      examination.end();
      String advice = "check --registry and what it names";
      return List.of(Finding.fail("registry", OutageLog.cause(e), advice));
    }
    examination.entries(entries.list());
    List<Finding> findings = new ArrayList<>();
    if (!examination.servers().isEmpty()) { // A file has no rights that the registry knows.
      findings.add(rights(service, entries.isFiltered()));
    }
    if (entries.list().isEmpty()) {
      examination.end();
      findings.add(missing(examination));
    } else {
      findings.add(passing(examination));
      addHealth(examination, findings);
    }
    return findings;
  }

  private static Finding rights(String service, boolean isFiltered) {
    return isFiltered
        ? Finding.warn("rights", "the registry hides entries", "give a token that reads all")
        : Finding.ok("rights", service + " may be read");
  }

  private static Finding missing(Examination examination) throws InterruptedException {
    String service = examination.service();
    Optional<Set<String>> names = names(examination.inspection());
    String advice =
        names
            .flatMap(all -> near(service, all))
            .map(name -> "did you mean " + name + "?")
            .orElse(
                names.map(Set::isEmpty).orElse(false)
                    ? "no service is shown at all: may the token or user read any?"
                    : "is the service running, with this --registry and this name?");
    String seen = "nothing is registered as " + service;
    return Finding.fail(
        "instances", names.isPresent() ? seen : seen + " (names are not listed)", advice);
  }

  /** The list is a help only: without rights to it there is none. */
  private static Optional<Set<String>> names(Inspection inspection) throws InterruptedException {
    try {
      return inspection.names();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static Optional<String> near(String service, Set<String> names) {
    return names.stream()
        .filter(name -> name.equalsIgnoreCase(service))
        .findFirst()
        .or(() -> Flags.nearest(service, names));
  }

  private static Finding passing(Examination examination) {
    int all = examination.entries().size();
    long passing = examination.entries().stream().filter(Inspection.Entry::isPassing).count();
    String seen = passing + " of " + all + " registered are passing";
    if (passing == 0) {
      return Finding.fail("instances", seen, "clients get none: see the checks");
    }
    return passing == all
        ? Finding.ok("instances", seen)
        : Finding.warn("instances", seen, "the others get no calls: see the checks");
  }

  private static void addHealth(Examination examination, List<Finding> findings) {
    if (!examination.inspection().hasHealth()) {
      findings.add(Finding.skip("check", "this kind of registry has no health checks"));
    }
    for (Inspection.Entry entry : examination.entries()) {
      if (!entry.isPassing()) {
        findings.add(
            Finding.fail(
                "check of " + entry.id(),
                failing(entry),
                "repair the instance, or what the check requests"));
      }
    }
  }

  private static String failing(Inspection.Entry entry) {
    return entry.checks().stream()
        .filter(check -> !check.isPassing())
        .map(Inspection.Check::text)
        .collect(Collectors.joining(", "));
  }
}
