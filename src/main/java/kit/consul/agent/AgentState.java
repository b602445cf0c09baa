// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import kit.LogSafe;
import kit.StatusException;
import kit.consul.agent.CheckDefinition.Status;
import kit.consul.agent.CheckDefinition.Type;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the agent knows: services, their checks, and when each check is due. */
final class AgentState {
  // One lock, held for operations on maps only: checks are run, JSON is written and queries are
  // answered elsewhere. What others see is in the catalog, as snapshots that never change; the lock
  // makes the changes one sequence with rising indexes.
  //
  // A check that is registered again is a new Check object. A run that ends late finds that its
  // object is no longer the one under that id, and its result is dropped.

  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final long REAP_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(30); // As Consul.
  private static final int MAX_OUTPUT = 4096; // In characters; Consul keeps as many bytes.

  private final AgentCatalog catalog;
  private final LongSupplier nanoTime;
  private final DoubleSupplier random;

  // Guarded by this. Sorted by id, as Go sorts maps.
  private final Map<String, Service> services = new TreeMap<>();
  private final Map<String, Check> checks = new TreeMap<>();
  private long index = 1;
  private long reapAtNanos;
  private boolean closed;

  /** Publishes in {@code catalog}; {@code random}, from 0 to below 1, spreads the first runs. */
  AgentState(AgentCatalog catalog, LongSupplier nanoTime, DoubleSupplier random) {
    this.catalog = catalog;
    this.nanoTime = nanoTime;
    this.random = random;
    this.reapAtNanos = nanoTime.getAsLong() + REAP_INTERVAL_NANOS;
  }

  /** A registered service; guarded by the lock of its AgentState. */
  private static final class Service {
    private ServiceDefinition definition; // Null until registered.
    private long createIndex;
    private long modifyIndex;
    private final Map<String, Check> checks = new TreeMap<>();
  }

  /** A registered check; all but its definition is guarded by the lock of its AgentState. */
  static final class Check {
    final CheckDefinition definition;
    private final Service service;
    private ServiceListing.Check result;
    private boolean scheduled;
    private long dueAtNanos; // If scheduled.
    private boolean foundCritical; // By a run: the initial status does not count.
    private long criticalAtNanos; // If foundCritical.

    private Check(CheckDefinition definition, Service service, ServiceListing.Check result) {
      this.definition = definition;
      this.service = service;
      this.result = result;
    }
  }

  /**
   * Adds or replaces a service and its checks. A check that exists keeps its status. One that the
   * service has, but not among {@code definitions}, stays unless {@code replaceChecks}.
   */
  synchronized void register(
      ServiceDefinition definition, List<CheckDefinition> definitions, boolean replaceChecks) {
    if (closed) {
      throw new StatusException(503, "the agent is shutting down");
    }
    long next = index + 1;
    Service service = services.computeIfAbsent(definition.id(), id -> new Service());
    boolean redefined = !definition.equals(service.definition);
    if (redefined) {
      redefine(service, definition, next);
    }
    boolean changed = redefined;
    for (CheckDefinition check : definitions) {
      changed |= register(check, service, next);
    }
    if (replaceChecks) {
      Set<String> ids = definitions.stream().map(CheckDefinition::id).collect(Collectors.toSet());
      changed |= service.checks.keySet().retainAll(ids);
      checks.values().removeIf(it -> it.service == service && !ids.contains(it.definition.id()));
    }
    if (changed) {
      index = next;
      publish(service, redefined);
    }
    notifyAll(); // Something may be due earlier than the timer thinks.
  }

  private void redefine(Service service, ServiceDefinition definition, long next) {
    if (service.definition == null) {
      service.createIndex = next;
    } else if (!service.definition.name().equalsIgnoreCase(definition.name())) {
      catalog.remove(service.definition, next);
    }
    service.definition = definition;
    service.modifyIndex = next;
  }

  /** Returns whether this is news. */
  private boolean register(CheckDefinition definition, Service service, long next) {
    Check before = checks.get(definition.id());
    ServiceListing.Check result =
        ServiceListing.Check.registered(
            definition, service.definition, before == null ? null : before.result, next);
    Check check = new Check(definition, service, result);
    checks.put(definition.id(), check);
    service.checks.put(definition.id(), check);
    if (before != null && before.service != service) {
      before.service.checks.remove(definition.id());
      index = next;
      publish(before.service, false);
    }
    switch (definition.type()) {
      case HTTP, TCP -> schedule(check, (long) (random.getAsDouble() * definition.intervalNanos()));
      case TTL -> schedule(check, definition.intervalNanos());
      case GRPC -> {} // Known, but not run.
    }
    return before == null || !before.result.equals(result);
  }

  private void schedule(Check check, long nanosFromNow) {
    check.scheduled = true;
    check.dueAtNanos = nanoTime.getAsLong() + nanosFromNow;
  }

  private void publish(Service service, boolean redefined) {
    catalog.put(instance(service), index, redefined);
  }

  private static ServiceListing.Instance instance(Service service) {
    List<ServiceListing.Check> results =
        service.checks.values().stream().map(check -> check.result).toList();
    return new ServiceListing.Instance(
        service.definition, results, service.createIndex, service.modifyIndex);
  }

  /** Removes a service and its checks; an unknown id is no error. */
  synchronized void deregister(String id) {
    Service service = services.remove(id);
    if (service != null) {
      checks.values().removeIf(check -> check.service == service);
      catalog.remove(service.definition, ++index);
    }
  }

  /**
   * Takes note of what a service says of itself.
   *
   * @throws StatusException 500, as from Consul, if there is no such TTL check
   */
  synchronized void updateTtl(String checkId, Status status, String output) {
    Check check = checks.get(checkId);
    if (check == null || check.definition.type() != Type.TTL) {
      throw new StatusException(500, "CheckID \"" + checkId + "\" does not have associated TTL");
    }
    update(check, status, output);
    schedule(check, check.definition.intervalNanos());
    notifyAll();
  }

  /** Takes note of what a run of {@code check} has found, unless the check has been replaced. */
  synchronized void report(Check check, Status status, String output) {
    if (checks.get(check.definition.id()) == check) {
      update(check, status, output);
      schedule(check, check.definition.intervalNanos());
      notifyAll();
    }
  }

  private void update(Check check, Status status, String output) {
    boolean isCritical = status == Status.CRITICAL;
    if (isCritical && !check.foundCritical) {
      check.criticalAtNanos = nanoTime.getAsLong();
    }
    check.foundCritical = isCritical;
    String kept = beginning(output);
    if (status == check.result.status()) {
      // A new text alone is seen at the agent, but not news to wake anybody for, as in Consul.
      check.result = check.result.with(status, kept, check.result.modifyIndex());
    } else {
      check.result = check.result.with(status, kept, ++index);
      publish(check.service, false);
    }
  }

  private static String beginning(String output) {
    if (output.length() <= MAX_OUTPUT) {
      return output;
    }
    boolean splitsPair = Character.isHighSurrogate(output.charAt(MAX_OUTPUT - 1));
    return output.substring(0, splitsPair ? MAX_OUTPUT - 1 : MAX_OUTPUT);
  }

  /** Waits until {@link #takeDue} has something to do. */
  synchronized void awaitDue() throws InterruptedException {
    for (long left = nanosUntilDue(); left > 0; left = nanosUntilDue()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
  }

  private long nanosUntilDue() {
    long now = nanoTime.getAsLong();
    long nanos = reapAtNanos - now;
    for (Check check : checks.values()) {
      if (check.scheduled) {
        nanos = Math.min(nanos, check.dueAtNanos - now);
      }
    }
    return nanos;
  }

  /** Does what time alone decides, and returns the checks that are to be run now. */
  List<Check> takeDue() {
    List<String> reaped = new ArrayList<>();
    List<Check> toRun = takeDue(reaped);
    reaped.forEach(id -> log.info("deregistered {}: critical for too long", LogSafe.of(id)));
    return toRun;
  }

  private synchronized List<Check> takeDue(List<String> reaped) {
    List<Check> toRun = new ArrayList<>();
    long now = nanoTime.getAsLong();
    for (Check check : checks.values()) {
      if (check.scheduled && check.dueAtNanos - now <= 0) {
        check.scheduled = false;
        if (check.definition.type() == Type.TTL) {
          expire(check);
        } else {
          toRun.add(check);
        }
      }
    }
    if (reapAtNanos - now <= 0) {
      reapAtNanos = now + REAP_INTERVAL_NANOS;
      reap(now, reaped);
    }
    return closed ? List.of() : toRun;
  }

  private void expire(Check check) {
    String last = check.result.output();
    String expired = "TTL expired";
    update(
        check,
        Status.CRITICAL,
        last.isEmpty() ? expired : expired + " (last output before timeout follows): " + last);
  }

  private void reap(long now, List<String> reaped) {
    for (Check check : List.copyOf(checks.values())) {
      long after = check.definition.reapAfterNanos();
      boolean isThere = checks.get(check.definition.id()) == check; // Not reaped a moment ago.
      if (isThere && after > 0 && check.foundCritical && now - check.criticalAtNanos > after) {
        reaped.add(check.service.definition.id());
        deregister(check.service.definition.id());
      }
    }
  }

  /** Returns the registered services, sorted by id. */
  synchronized List<ServiceDefinition> services() {
    return services.values().stream().map(service -> service.definition).toList();
  }

  /** Returns the service with its checks, or null. */
  synchronized ServiceListing.Instance instance(String id) {
    Service service = services.get(id);
    return service == null ? null : instance(service);
  }

  /** Returns all checks, sorted by id. */
  synchronized List<ServiceListing.Check> checks() {
    return checks.values().stream().map(check -> check.result).toList();
  }

  /** Registers nothing any more, and ends all waiting. */
  synchronized void close() {
    closed = true;
    catalog.close();
  }
}
