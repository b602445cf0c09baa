// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import kit.LogSafe;
import kit.StatusException;
import kit.consul.agent.Changes.Found;
import kit.consul.agent.Changes.Wait;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The services that the agent knows, their checks, and when each check is due. */
final class AgentState {
  // One lock, held for operations on maps only: checks are run and JSON is written elsewhere, from
  // copies that never change. Each change raises the index and wakes all that wait; a query looks
  // at
  // the index of what it asked for, and goes on waiting if that has not changed.
  //
  // A check that is registered again is a new Check object. A run that ends late finds that its
  // object is no longer the one under that id, and its result is dropped.

  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final long REAP_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(30); // As Consul.

  /** The check that Consul has for each node: in the catalogue, but not at the agent. */
  static final String SERF_HEALTH = "serfHealth";

  private static final List<String> KEPT = // By a check that is registered again.
      List.of("Status", "Output", "CreateIndex", "ModifyIndex");
  private static final Comparator<String> BY_ID = // Consul's order.
      String.CASE_INSENSITIVE_ORDER.thenComparing(Comparator.<String>naturalOrder());

  private final LongSupplier nanoTime;
  private final DoubleSupplier random;

  // Guarded by this.
  private final Service node = new Service();
  private final Service server = new Service();
  private final Map<String, Service> services = new TreeMap<>(BY_ID);
  private final Map<String, Check> checks = new TreeMap<>(BY_ID);
  private final Changes changes = new Changes();
  private long reapAtNanos;
  private boolean closed;

  /**
   * A state without registrations; the catalogue has {@code server}, a Consul server itself. {@code
   * random}, from 0 to below 1, spreads the first runs of checks.
   */
  AgentState(ServiceDefinition server, LongSupplier nanoTime, DoubleSupplier random) {
    this.nanoTime = nanoTime;
    this.random = random;
    this.reapAtNanos = nanoTime.getAsLong() + REAP_INTERVAL_NANOS;
    this.server.definition = server;
    this.server.json = server.json(1, 1);
    registerCheck(CheckDefinition.notRun(SERF_HEALTH, "Serf Health Status", "passing", ""), "");
    changes.instances(server.name(), true);
  }

  /** A registered service, or the node with its checks; guarded by the lock of its AgentState. */
  private static final class Service {
    private ServiceDefinition definition; // Null for the node, and until registered.
    private ObjectNode json; // Replaced, never changed; the same holds for that of a check.
    private final Map<String, Check> checks = new TreeMap<>();
  }

  /** A registered check; all but its definition is guarded by the lock of its AgentState. */
  static final class Check {
    final CheckDefinition definition;
    private final Service service;
    private ObjectNode json;
    private Long dueAtNanos; // Null while it runs, or if it never does.
    private Long criticalAtNanos; // Since when runs have found that; the initial status is none.

    private Check(CheckDefinition definition, Service service) {
      this.definition = definition;
      this.service = service;
      this.json = definition.json(service.definition);
    }

    private String get(String member) {
      return json.get(member).textValue();
    }

    private boolean isCriticalForTooLong(long now) {
      long after = definition.deregisterCriticalServiceAfter();
      return after > 0 && criticalAtNanos != null && now - criticalAtNanos > after;
    }
  }

  /**
   * Adds or replaces a service and its checks. A check that exists keeps its status. One that the
   * service has, but not among {@code definitions}, stays unless {@code replaceChecks}.
   *
   * @throws StatusException 503 after {@link #close}
   */
  synchronized void register(
      ServiceDefinition definition, List<CheckDefinition> definitions, boolean replaceChecks) {
    refuseIfClosed();
    Service service = services.computeIfAbsent(definition.id(), id -> new Service());
    if (!definition.equals(service.definition)) {
      redefine(service, definition);
    }
    if (replaceChecks) {
      Set<String> left = new HashSet<>(service.checks.keySet());
      definitions.forEach(check -> left.remove(check.checkId()));
      left.forEach(this::deregisterCheck);
    }
    definitions.forEach(check -> register(check, service));
  }

  private void redefine(Service service, ServiceDefinition definition) {
    ServiceDefinition before = service.definition;
    long created = before == null ? changes.next() : service.json.get("CreateIndex").longValue();
    service.definition = definition;
    service.json = definition.json(created, changes.next());
    if (before != null) {
      instancesChanged(before.name());
    }
    instancesChanged(definition.name());
  }

  /**
   * Adds or replaces a check of a registered service.
   *
   * @param serviceId empty: a check of the node, which counts for all services
   * @throws StatusException 500, as from Consul, if there is no such service
   */
  synchronized void registerCheck(CheckDefinition definition, String serviceId) {
    refuseIfClosed();
    Service service = serviceId.isEmpty() ? node : services.get(serviceId);
    if (service == null) {
      throw new StatusException(500, "ServiceID \"" + serviceId + "\" does not exist");
    }
    register(definition, service);
  }

  private void register(CheckDefinition definition, Service service) {
    Check before = checks.get(definition.checkId());
    if (before != null && before.service != service) {
      deregisterCheck(definition.checkId());
    }
    Check check = new Check(definition, service);
    if (before != null) {
      check.json.setAll(before.json.deepCopy().retain(KEPT));
    } else {
      check.json.put("CreateIndex", changes.next());
    }
    boolean isNew = before == null || !check.json.equals(before.json);
    if (isNew) {
      check.json.put("ModifyIndex", changes.next());
    }
    checks.put(definition.checkId(), check);
    service.checks.put(definition.checkId(), check);
    switch (definition.type()) {
      case "http", "tcp" -> schedule(check, (long) (random.getAsDouble() * definition.interval()));
      case "ttl" -> schedule(check, definition.ttl());
      default -> {} // Known, but not run.
    }
    if (isNew) {
      healthChanged(service);
    }
  }

  private void schedule(Check check, long nanosFromNow) {
    check.dueAtNanos = nanoTime.getAsLong() + nanosFromNow;
    notifyAll(); // It may be due earlier than the timer expects.
  }

  /** Removes a check; an unknown id is no error. */
  synchronized void deregisterCheck(String id) {
    Check check = checks.remove(id);
    if (check != null) {
      check.service.checks.remove(id);
      healthChanged(check.service);
    }
  }

  /** Removes a service and its checks; an unknown id is no error. */
  synchronized void deregister(String id) {
    Service service = services.remove(id);
    if (service != null) {
      checks.values().removeAll(service.checks.values());
      instancesChanged(service.definition.name());
    }
  }

  private void healthChanged(Service service) {
    if (service == node) {
      changes.healthOfAll();
    } else {
      changes.health(service.definition.name());
    }
    notifyAll();
  }

  private void instancesChanged(String name) {
    changes.instances(name, !instances(named(name)).isEmpty());
    notifyAll();
  }

  /**
   * Records an update of a TTL check.
   *
   * @throws StatusException 500, as from Consul, if there is no such TTL check
   */
  synchronized void updateTtl(String checkId, String status, String output) {
    Check check = checks.get(checkId);
    if (check == null || !check.definition.type().equals("ttl")) {
      throw new StatusException(500, "CheckID \"" + checkId + "\" does not have associated TTL");
    }
    update(check, status, output);
    schedule(check, check.definition.ttl());
  }

  /** Records what a run of {@code check} has found, unless the check has been replaced. */
  synchronized void report(Check check, String status, String output) {
    if (checks.get(check.definition.checkId()) == check) {
      update(check, status, output);
      schedule(check, check.definition.interval());
    }
  }

  private void update(Check check, String status, String output) {
    if (!status.equals("critical")) {
      check.criticalAtNanos = null;
    } else if (check.criticalAtNanos == null) {
      check.criticalAtNanos = nanoTime.getAsLong();
    }
    boolean isNew = !status.equals(check.get("Status")); // A new text alone is not, as in Consul.
    check.json =
        check.json.deepCopy().put("Status", status).put("Output", CheckProbe.beginning(output));
    if (isNew) {
      check.json.put("ModifyIndex", changes.next());
      healthChanged(check.service);
    }
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
      if (check.dueAtNanos != null) {
        nanos = Math.min(nanos, check.dueAtNanos - now);
      }
    }
    return nanos;
  }

  /** Expires TTL checks, removes what was critical for too long, and returns the checks to run. */
  List<Check> takeDue() {
    List<String> removed = new ArrayList<>();
    List<Check> toRun = takeDue(removed);
    removed.forEach(id -> log.info("deregistered {}: critical for too long", LogSafe.of(id)));
    return toRun;
  }

  private synchronized List<Check> takeDue(List<String> removed) {
    List<Check> toRun = new ArrayList<>();
    long now = nanoTime.getAsLong();
    for (Check check : checks.values()) {
      if (check.dueAtNanos != null && check.dueAtNanos - now <= 0) {
        check.dueAtNanos = null;
        if (check.definition.type().equals("ttl")) {
          expire(check);
        } else {
          toRun.add(check);
        }
      }
    }
    if (reapAtNanos - now <= 0) {
      reapAtNanos = now + REAP_INTERVAL_NANOS;
      reap(now, removed);
    }
    return closed ? List.of() : toRun;
  }

  private void expire(Check check) {
    String last = check.get("Output");
    String words = last.isEmpty() ? "" : " (last output before timeout follows): " + last;
    update(check, "critical", "TTL expired" + words);
  }

  private void reap(long now, List<String> removed) {
    for (Service service : List.copyOf(services.values())) {
      if (service.checks.values().stream().anyMatch(check -> check.isCriticalForTooLong(now))) {
        deregister(service.definition.id());
        removed.add(service.definition.id());
      }
    }
  }

  /** Returns the registered services, sorted by id. */
  synchronized List<ServiceDefinition> services() {
    return services.values().stream().map(service -> service.definition).toList();
  }

  /** Returns the service with its checks and those of the node, or null. */
  synchronized ObjectNode instance(String id) {
    Service service = services.get(id);
    return service == null ? null : instance(service);
  }

  private ObjectNode instance(Service service) {
    ObjectNode instance = AgentJson.object().set("Service", service.json);
    ArrayNode all = instance.putArray("Checks");
    node.checks.values().forEach(check -> all.add(check.json));
    service.checks.values().forEach(check -> all.add(check.json));
    return instance;
  }

  /** Returns all checks, sorted by id. */
  synchronized List<ObjectNode> checks() {
    return checks.values().stream().map(check -> check.json).toList();
  }

  /** Returns all checks as soon as anything has changed. */
  Found<List<ObjectNode>> checks(Wait wait) throws InterruptedException {
    return await(changes::last, this::checks, wait);
  }

  /** Returns all instances as soon as one has come, gone, or is defined in another way. */
  Found<List<ObjectNode>> catalog(Wait wait) throws InterruptedException {
    return await(() -> changes.ofNames(), () -> instances(it -> true), wait);
  }

  /** Returns the instances of a service as soon as they have changed, results of checks aside. */
  Found<List<ObjectNode>> catalog(String name, Wait wait) throws InterruptedException {
    return await(() -> changes.ofInstances(name), () -> instances(named(name)), wait);
  }

  /** Returns the instances of a service as soon as they or the results of checks have changed. */
  Found<List<ObjectNode>> health(String name, Wait wait) throws InterruptedException {
    return await(() -> changes.ofHealth(name), () -> instances(named(name)), wait);
  }

  private synchronized <T> Found<T> await(LongSupplier current, Supplier<T> value, Wait wait)
      throws InterruptedException {
    long deadlineNanos = nanoTime.getAsLong() + wait.nanos();
    long left = wait.nanos();
    while (Long.compareUnsigned(current.getAsLong(), wait.index()) <= 0 && left > 0) {
      refuseIfClosed();
      TimeUnit.NANOSECONDS.timedWait(this, left);
      left = deadlineNanos - nanoTime.getAsLong();
    }
    return new Found<>(value.get(), current.getAsLong());
  }

  private List<ObjectNode> instances(Predicate<Service> wanted) {
    return Stream.concat(Stream.of(server), services.values().stream())
        .filter(wanted)
        .map(this::instance)
        .toList();
  }

  private static Predicate<Service> named(String name) {
    return service -> service.definition.name().equalsIgnoreCase(name);
  }

  private void refuseIfClosed() {
    if (closed) {
      throw new StatusException(503, "the agent is shutting down");
    }
  }

  /** Registers nothing any more, and ends all waiting. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }
}
