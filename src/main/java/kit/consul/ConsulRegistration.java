// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import kit.LogSafe;
import kit.discovery.RegistrationLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Registers a service instance with the Consul agent and keeps it registered.
 *
 * <pre>{@code
 * Registration registration = new ConsulRegistration(consul, service, List.of(check));
 * registration.start(); // when the port accepts connections
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A registration can be lost: when the agent restarts without its data, by an operator, or by
 * the agent's deregistration of critical services after a long pause of this process. So a thread
 * checks it periodically:
 *
 * <pre>
 *   start -> register --> check after 8 to 12 s --> unchanged: check again
 *            ^                   |
 *            '-------------------'  missing or changed
 *
 *   close -> deregister
 * </pre>
 *
 * <p>The check compares address, tags, metadata and the presence of the health checks. When the
 * agent reports the instance as critical, a warning logs the output of its health check.
 *
 * <p>With a {@link Heartbeat} the thread also reports the health of the service, three times per
 * TTL, for agents that cannot reach the service.
 *
 * <p>For outages of the agent, errors and threads see {@link RegistrationLoop}.
 */
public final class ConsulRegistration extends RegistrationLoop {
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LOOK_INTERVAL = Duration.ofSeconds(10);

  private final Logger log;
  private final ConsulClient consul;
  private final ConsulClient.Service service;
  private final List<ConsulCheck> checks;
  private final Heartbeat heartbeat; // Null if the agent runs the checks.
  private final long lookNanos; // On average.

  // Confined to the thread of the registration.
  private boolean toldCritical;
  private long lookAtNanos;

  /** Creates a registration of {@code service} with {@code checks} that the agent runs. */
  public ConsulRegistration(
      ConsulClient consul, ConsulClient.Service service, List<ConsulCheck> checks) {
    this(consul, service, checks, null);
  }

  /** As above; one of {@code checks} is a TTL check, which {@code heartbeat} updates. */
  public ConsulRegistration(
      ConsulClient consul,
      ConsulClient.Service service,
      List<ConsulCheck> checks,
      Heartbeat heartbeat) {
    this(
        consul,
        service,
        checks,
        heartbeat,
        LOOK_INTERVAL,
        LoggerFactory.getLogger(ConsulRegistration.class));
  }

  ConsulRegistration(
      ConsulClient consul,
      ConsulClient.Service service,
      List<ConsulCheck> checks,
      Heartbeat heartbeat,
      Duration lookInterval,
      Logger log) {
    super(log, service.id(), consul.toString());
    this.log = log;
    this.consul = consul.withTimeout(REQUEST_TIMEOUT);
    this.service = service;
    this.checks = List.copyOf(checks);
    this.heartbeat = heartbeat;
    this.lookNanos = lookInterval.toNanos();
  }

  @Override
  protected Duration keep() throws IOException, InterruptedException {
    boolean holds = isRegistered();
    if (holds && lookAtNanos - System.nanoTime() <= 0) {
      holds = look();
    }
    if (holds && heartbeat != null) {
      holds = beat();
    }
    if (!holds) {
      register();
    }
    long pauseNanos = Math.max(0, lookAtNanos - System.nanoTime());
    return Duration.ofNanos(
        heartbeat == null ? pauseNanos : Math.min(pauseNanos, heartbeat.ttl().toNanos() / 3));
  }

  /** Returns whether the registration is unchanged. */
  private boolean look() throws IOException, InterruptedException {
    ConsulClient.Entry known = consul.instance(service.id()).orElse(null);
    if (known == null || !matches(known)) {
      return lost();
    }
    lookAgainLater();
    logHealth(known);
    return true;
  }

  /** Returns whether nothing is missing or different; additional checks are allowed. */
  private boolean matches(ConsulClient.Entry known) {
    ConsulClient.Service found = known.service();
    return found.name().equals(service.name())
        && (service.host().isEmpty() || found.host().equals(service.host()))
        && found.port() == service.port()
        && Set.copyOf(found.tags()).equals(Set.copyOf(service.tags()))
        && found.meta().equals(service.meta())
        && hasAllChecks(known);
  }

  /**
   * Returns whether all checks are registered: without them, a dead instance would stay passing.
   */
  private boolean hasAllChecks(ConsulClient.Entry known) {
    Set<String> found = new HashSet<>();
    known.checks().forEach(check -> found.add(check.checkId()));
    return checks.stream().allMatch(check -> found.contains(check.id()));
  }

  private boolean lost() {
    log.warn("{} has lost or changed {}: registering again", consul, service.id());
    return false;
  }

  /**
   * Logs a change of health; the output of the check shows the most common mistake, an address that
   * the agent cannot reach.
   */
  private void logHealth(ConsulClient.Entry known) {
    boolean isCritical = known.status() == ConsulClient.Status.CRITICAL;
    if (isCritical != toldCritical) {
      String finding =
          isCritical ? "critical, it receives no traffic: " + why(known) : "passing again";
      log.warn("{} reports {} as {}", consul, service.id(), finding);
      toldCritical = isCritical;
    }
  }

  private static String why(ConsulClient.Entry known) {
    return known.checks().stream()
        .filter(check -> check.status() == ConsulClient.Status.CRITICAL)
        .map(check -> LogSafe.of(check.checkId() + ": " + check.output().strip()))
        .collect(Collectors.joining(", "));
  }

  /** Reports the health; returns whether the check is registered. */
  private boolean beat() throws IOException, InterruptedException {
    ConsulClient.Status status = ConsulClient.Status.CRITICAL;
    String output = "";
    try {
      status = heartbeat.health().call();
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      output = LogSafe.of(e);
    }
    try {
      consul.updateTtl(heartbeat.checkId(), status, output);
      return true;
    } catch (ConsulClient.ConsulException e) {
      if (e.status() != 404
          && e.status() != 500) { // Either means "unknown check", depending on the version.
        throw e;
      }
      return lost();
    }
  }

  private void register() throws IOException, InterruptedException {
    consul.register(service, checks.stream().map(ConsulCheck::definition).toList());
    lookAgainLater();
    log.info("registered {} with {}", service.id(), consul);
    if (heartbeat != null && !beat()) {
      throw new IOException("the check that was registered is unknown: " + heartbeat.checkId());
    }
  }

  private void lookAgainLater() {
    double jitter = ThreadLocalRandom.current().nextDouble(0.8, 1.2);
    lookAtNanos = System.nanoTime() + (long) (lookNanos * jitter);
  }

  @Override
  protected void remove() throws IOException, InterruptedException {
    consul.deregister(service.id());
    log.info("deregistered {}", service.id());
  }

  /**
   * Reports the health of the service to the agent, for a TTL check.
   *
   * @param checkId the id of the TTL check
   * @param ttl the time to live of a report; the next one is sent after a third of it
   * @param health returns the actual health of the service; if it throws, the service is critical,
   *     and the output of its check is the exception
   */
  public record Heartbeat(String checkId, Duration ttl, Callable<ConsulClient.Status> health) {
    /** Checks that nothing is missing. */
    public Heartbeat {
      requireNonNull(checkId, "checkId");
      requireNonNull(ttl, "ttl");
      requireNonNull(health, "health");
    }
  }
}
