// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.io.ByteArrayOutputStream;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The instances of one service at one moment: all that is said of the service until it changes. */
final class ServiceListing extends AgentCatalog.Snapshot {
  // In Consul's order.
  private static final Comparator<String> BY_ID =
      String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.<String>naturalOrder());

  private final SortedMap<String, Instance> instances; // By id; never changed.

  /** The index of the last change, results of checks aside. */
  final long definitionIndex;

  /** The index of the last change. */
  final long healthIndex;

  // Guarded by this. One change wakes all who watch the service: the first of them writes the
  // answer, the others wait for it and send the same bytes.
  private byte[] all;
  private byte[] passing;

  private ServiceListing(
      SortedMap<String, Instance> instances, long definitionIndex, long healthIndex) {
    this.instances = instances;
    this.definitionIndex = definitionIndex;
    this.healthIndex = healthIndex;
  }

  static ServiceListing empty(long index) {
    return new ServiceListing(new TreeMap<>(BY_ID), index, index);
  }

  /** Returns this listing with the instance in it, in the place of an older one. */
  ServiceListing with(Instance instance, long definitionIndex, long healthIndex) {
    SortedMap<String, Instance> more = new TreeMap<>(instances);
    more.put(instance.definition.id(), instance);
    return new ServiceListing(more, definitionIndex, healthIndex);
  }

  ServiceListing without(String id, long index) {
    SortedMap<String, Instance> fewer = new TreeMap<>(instances);
    fewer.remove(id);
    return new ServiceListing(fewer, index, index);
  }

  Collection<Instance> instances() {
    return instances.values();
  }

  List<Instance> withTags(List<String> tags) {
    return instances.values().stream().filter(instance -> instance.hasTags(tags)).toList();
  }

  /** Returns the answer to a health query as JSON; not to be changed. */
  byte[] health(boolean onlyPassing, List<String> tags, AgentJson json) {
    if (!tags.isEmpty()) {
      return render(onlyPassing, tags, json);
    }
    synchronized (this) {
      if (onlyPassing) {
        passing = passing == null ? render(true, tags, json) : passing;
        return passing;
      }
      all = all == null ? render(false, tags, json) : all;
      return all;
    }
  }

  private byte[] render(boolean onlyPassing, List<String> tags, AgentJson json) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    char separator = '[';
    for (Instance instance : withTags(tags)) {
      if (!onlyPassing || instance.isPassing()) {
        body.write(separator);
        body.writeBytes(instance.health(json));
        separator = ',';
      }
    }
    if (separator == '[') {
      body.write('[');
    }
    body.write(']');
    return body.toByteArray();
  }

  /** One instance of a service with its checks at one moment. */
  static final class Instance {
    final ServiceDefinition definition;
    final List<Check> checks;
    final long createIndex;
    final long modifyIndex;

    // Made when first asked for, and kept: a change of one instance renders no other one again.
    private volatile byte[] health;

    Instance(ServiceDefinition definition, List<Check> checks, long createIndex, long modifyIndex) {
      this.definition = definition;
      this.checks = List.copyOf(checks);
      this.createIndex = createIndex;
      this.modifyIndex = modifyIndex;
    }

    boolean isPassing() {
      return status() == CheckDefinition.Status.PASSING;
    }

    /** The worst status of its checks. */
    CheckDefinition.Status status() {
      return checks.stream()
          .map(Check::status)
          .max(CheckDefinition.Status::compareTo)
          .orElse(CheckDefinition.Status.PASSING);
    }

    private boolean hasTags(List<String> wanted) {
      return wanted.stream()
          .allMatch(tag -> definition.tags().stream().anyMatch(tag::equalsIgnoreCase));
    }

    private byte[] health(AgentJson json) {
      byte[] bytes = health;
      if (bytes == null) {
        bytes = json.healthEntry(this);
        health = bytes;
      }
      return bytes;
    }
  }

  /**
   * One check at one moment.
   *
   * @param serviceName that of the service when it registered the check, as in Consul
   */
  record Check(
      String id,
      String name,
      String notes,
      CheckDefinition.Type type,
      String serviceId,
      String serviceName,
      List<String> serviceTags,
      CheckDefinition.Status status,
      String output,
      long createIndex,
      long modifyIndex) {
    /** A check as registered; it takes over what is known of the one {@code before}, or null. */
    static Check registered(
        CheckDefinition definition, ServiceDefinition service, Check before, long index) {
      Check check =
          new Check(
              definition.id(),
              definition.name(),
              definition.notes(),
              definition.type(),
              service.id(),
              service.name(),
              service.tags(),
              before == null ? definition.status() : before.status,
              before == null ? "" : before.output,
              before == null ? index : before.createIndex,
              before == null ? index : before.modifyIndex);
      boolean isNews = !check.equals(before);
      return isNews ? check.with(check.status, check.output, index) : check;
    }

    Check with(CheckDefinition.Status status, String output, long modifyIndex) {
      return new Check(
          id,
          name,
          notes,
          type,
          serviceId,
          serviceName,
          serviceTags,
          status,
          output,
          createIndex,
          modifyIndex);
    }
  }
}
