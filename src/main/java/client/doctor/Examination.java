// SPDX-License-Identifier: Apache-2.0
package client.doctor;

import java.util.ArrayList;
import java.util.List;
import kit.discovery.Instance;
import kit.registry.Inspection;

/**
 * A service under examination, and what the checks have read of it so far.
 *
 * <p>Confined to the thread of the checks.
 */
final class Examination {
  private final String service;
  private final String registry;
  private final Inspection inspection;

  private List<Inspection.Server> servers = List.of();
  private List<Inspection.Entry> entries = List.of();
  private boolean isOver;

  /**
   * Begins an examination.
   *
   * @param service as registered
   * @param registry the URI of the registry without secrets
   */
  Examination(String service, String registry, Inspection inspection) {
    this.service = service;
    this.registry = registry;
    this.inspection = inspection;
  }

  String service() {
    return service;
  }

  String registry() {
    return registry;
  }

  Inspection inspection() {
    return inspection;
  }

  /** Returns the servers of the registry; empty before they were read. */
  List<Inspection.Server> servers() {
    return servers;
  }

  void servers(List<Inspection.Server> found) {
    servers = List.copyOf(found);
  }

  /** Returns the registrations; empty before they were read. */
  List<Inspection.Entry> entries() {
    return entries;
  }

  void entries(List<Inspection.Entry> found) {
    entries = List.copyOf(found);
  }

  /** Returns the registered instances that can be called, passing or not, each address once. */
  List<Instance> callable() {
    List<Instance> callable = new ArrayList<>();
    for (Inspection.Entry entry : entries) {
      try {
        Instance instance = entry.instance();
        if (callable.stream().noneMatch(it -> it.authority().equals(instance.authority()))) {
          callable.add(instance);
        }
      } catch (IllegalArgumentException e) {
        continue; // The check of addresses reports it.
      }
    }
    return callable;
  }

  /** Ends the examination, because nothing more can be found out. */
  void end() {
    isOver = true;
  }

  boolean isOver() {
    return isOver;
  }
}
