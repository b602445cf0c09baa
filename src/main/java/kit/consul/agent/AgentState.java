// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import kit.LogSafe;
import kit.StatusException;
import kit.consul.agent.Changes.Found;
import kit.consul.agent.Changes.Wait;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** State of the agent: registered services and the status of their checks. Thread-safe. */
final class AgentState {
  // One lock, held for operations on maps only: checks run and JSON is written elsewhere, from
  // values that never change. Each change raises the index and wakes all that wait; a query
  // compares the index of what it asked for, and waits on if that has not changed.
  //
  // A check that is registered again is a new AgentCheck. A run that ends late finds that its
  // object is no longer the one under that id, and its result is dropped.

  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final long REAP_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(30); // As Consul.

  private final AgentCheck.Schedule schedule;

  // In the catalogue, but not at the agent: the service of a Consul server, the check of each node.
  private final Registrations.Owner server;
  private final ObjectNode serfHealth =
      CheckDefinition.notRun("serfHealth", "Serf Health Status", "passing", "")
          .json(ServiceDefinition.NODE);

  // Guarded by this.
  private final Registrations registered = new Registrations();
  private final Changes changes = new Changes();
  private boolean closed;

  /** A state without registrations; the catalogue has {@code server}, a Consul server itself. */
  AgentState(ServiceDefinition server, AgentCheck.Schedule schedule) {
    this.schedule = schedule;
    this.server = new Registrations.Owner(server);
    changes.instances(server.name(), true);
    schedule.in(REAP_INTERVAL_NANOS, this::reap);
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
    ServiceDefinition before = registered.put(definition);
    if (before != null && !definition.name().equalsIgnoreCase(before.name())) {
      instancesChanged(before.name());
    }
    if (!definition.equals(before)) {
      instancesChanged(definition.name());
    }
    if (replaceChecks) {
      List<String> ids = definitions.stream().map(CheckDefinition::checkId).toList();
      List.copyOf(registered.owner(definition.id()).checks.keySet()).stream()
          .filter(id -> !ids.contains(id))
          .forEach(this::deregisterCheck);
    }
    definitions.forEach(check -> registerCheck(check, definition.id()));
  }

  /**
   * Adds or replaces a check of a registered service.
   *
   * @param serviceId empty: a check of the node, which counts for all services
   * @throws StatusException 500, as from Consul, if there is no such service
   */
  synchronized void registerCheck(CheckDefinition definition, String serviceId) {
    refuseIfClosed();
    Registrations.Owner service = registered.owner(serviceId);
    if (service == null) {
      throw new StatusException(500, "ServiceID \"" + serviceId + "\" does not exist");
    }
    String id = definition.checkId();
    AgentCheck before = registered.check(id);
    AgentCheck check = new AgentCheck(definition, service.definition, before);
    boolean isNew = before == null || !check.json().equals(before.json());
    if (before != null) {
      before.cancel();
      if (!before.serviceId.equals(serviceId)) {
        deregisterCheck(id);
      }
    }
    service.checks.put(id, check);
    scheduleNext(check, schedule.firstRun());
    if (isNew) {
      healthChanged(check);
    }
  }

  /** Removes a check; an unknown id is no error. */
  synchronized void deregisterCheck(String id) {
    AgentCheck check = registered.check(id);
    if (check != null) {
      check.cancel();
      registered.owner(check.serviceId).checks.remove(id);
      healthChanged(check);
    }
  }

  /** Removes a service and its checks; an unknown id is no error. */
  synchronized void deregister(String id) {
    Registrations.Owner service = registered.remove(id);
    if (service != null) {
      service.checks.values().forEach(AgentCheck::cancel);
      instancesChanged(service.definition.name());
    }
  }

  private void healthChanged(AgentCheck check) {
    changes.health(registered.owner(check.serviceId).definition.name());
    notifyAll();
  }

  private void instancesChanged(String name) {
    changes.instances(name, !instances(service -> service.isNamed(name)).isEmpty());
    notifyAll();
  }

  /**
   * Records an update of a TTL check.
   *
   * @throws StatusException 500, as from Consul, if there is no such TTL check
   */
  synchronized void updateTtl(String checkId, String status, String output) {
    AgentCheck check = registered.check(checkId);
    if (check == null || !check.definition.isTtl()) {
      throw new StatusException(500, "CheckID \"" + checkId + "\" does not have associated TTL");
    }
    update(check, status, output);
  }

  private void update(AgentCheck check, String status, String output) {
    if (check.update(status, output, schedule.nanoTime())) {
      healthChanged(check);
    }
    scheduleNext(check, 1);
  }

  /** Schedules the next run after this part of the interval, or the end of the TTL. */
  private void scheduleNext(AgentCheck check, double partOfInterval) {
    CheckDefinition definition = check.definition;
    if (closed) {
      return;
    }
    if (definition.isTtl()) {
      check.schedule(schedule, definition.ttl(), () -> expire(check));
    } else if (definition.isRun()) {
      long delayNanos = (long) (partOfInterval * definition.interval());
      check.schedule(
          schedule, delayNanos, () -> schedule.run(definition, result -> report(check, result)));
    }
  }

  private synchronized void report(AgentCheck check, CheckProbe.Result result) {
    if (registered.check(check.definition.checkId()) == check) {
      update(check, result.status(), result.output());
    }
  }

  private synchronized void expire(AgentCheck check) {
    boolean isCurrent = registered.check(check.definition.checkId()) == check;
    if (isCurrent && check.expire(schedule.nanoTime())) {
      healthChanged(check);
    }
  }

  private void reap() {
    List<String> reaped = deregisterCritical();
    reaped.forEach(id -> log.info("deregistered {}: critical for too long", LogSafe.of(id)));
  }

  private synchronized List<String> deregisterCritical() {
    long now = schedule.nanoTime();
    List<String> ids =
        registered
            .checks()
            .filter(check -> check.isCriticalForTooLong(now) && !check.serviceId.isEmpty())
            .map(check -> check.serviceId)
            .distinct()
            .toList();
    ids.forEach(this::deregister);
    if (!closed) {
      schedule.in(REAP_INTERVAL_NANOS, this::reap);
    }
    return ids;
  }

  /** Returns the registered services, sorted by id. */
  synchronized List<ServiceDefinition> services() {
    return registered.services().map(service -> service.definition).toList();
  }

  /** Returns the checks that the agent knows, sorted by id. */
  synchronized List<ObjectNode> checks() {
    return registered.checks().map(AgentCheck::json).toList();
  }

  /** Returns the checks in the catalogue: those that the agent knows, and that of the node. */
  synchronized List<ObjectNode> catalogChecks() {
    return Stream.concat(Stream.of(serfHealth), checks().stream()).toList();
  }

  /** Returns the service with its checks and those of the node, or null. */
  synchronized ServiceInstance instance(String id) {
    Registrations.Owner service = id.isEmpty() ? null : registered.owner(id);
    return service == null ? null : instance(service, Stream.of());
  }

  private ServiceInstance instance(Registrations.Owner service, Stream<ObjectNode> more) {
    Stream<ObjectNode> known =
        Stream.of(registered.owner(""), service)
            .flatMap(owner -> owner.checks.values().stream())
            .map(AgentCheck::json);
    return new ServiceInstance(service.definition, Stream.concat(more, known).toList());
  }

  /** Returns the instances in the catalogue of the services that are wanted. */
  synchronized List<ServiceInstance> instances(Predicate<ServiceDefinition> wanted) {
    return Stream.concat(Stream.of(server), registered.services())
        .filter(service -> wanted.test(service.definition))
        .map(service -> instance(service, Stream.of(serfHealth)))
        .toList();
  }

  /**
   * Returns {@code value} when its index is above that of {@code wait}, or its time is up.
   *
   * @throws StatusException 503 if it would have to wait after {@link #close}
   */
  synchronized <T> Found<T> await(ToLongFunction<Changes> index, Supplier<T> value, Wait wait)
      throws InterruptedException {
    long deadlineNanos = schedule.nanoTime() + wait.nanos();
    long left = wait.nanos();
    while (Long.compareUnsigned(index.applyAsLong(changes), wait.index()) <= 0 && left > 0) {
      refuseIfClosed();
      TimeUnit.NANOSECONDS.timedWait(this, left);
      left = deadlineNanos - schedule.nanoTime();
    }
    return new Found<>(value.get(), index.applyAsLong(changes));
  }

  private void refuseIfClosed() {
    if (closed) {
      throw new StatusException(503, "the agent is shutting down");
    }
  }

  /** Refuses registrations from here on, and ends all waiting. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }
}
