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
 * Keeps one instance registered with the Consul agent, whatever happens to the agent.
 *
 * <pre>{@code
 * Registration registration = new ConsulRegistration(consul, service, List.of(check));
 * registration.start(); // when the port answers
 * ...
 * registration.close();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A registration is not for ever: an agent that restarts without its data, an operator, or the
 * reaper of critical services after a long pause of ours removes it. So the thread looks again and
 * again:
 *
 * <pre>
 *   start -> register --> look after 8 to 12 s --> still there? look again
 *            ^                   |
 *            '-------------------'  gone, or not as it should be
 *
 *   close -> deregister
 * </pre>
 *
 * <p>"As it should be" is all that was registered: address, tags, meta, and that the checks
 * are there. When the agent finds the instance critical, a warning passes on what its check said.
 *
 * <p>With a {@link Heartbeat} the thread also reports the health of the service, three times per TTL:
 * for agents that cannot reach the service to check it.
 *
 * <p>What happens when the agent does not answer, errors and threads: see {@link RegistrationLoop}.
 */
public final class ConsulRegistration extends RegistrationLoop {
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LOOK_INTERVAL = Duration.ofSeconds(10);

  private final Logger log;
  private final ConsulClient consul;
  private final ConsulClient.Service service;
  private final List<ConsulCheck> checks;
  private final Heartbeat heartbeat; // Null if the agent checks by itself.
  private final long lookNanos; // On average.

  // Confined to the thread of the registration.
  private boolean toldCritical;
  private long lookAtNanos;

  /** Will register {@code service} with {@code checks}, which the agent makes by itself. */
  public ConsulRegistration(
      ConsulClient consul, ConsulClient.Service service, List<ConsulCheck> checks) {
    this(consul, service, checks, null);
  }

  /** As above; one of {@code checks} is a TTL check, which {@code heartbeat} keeps alive. */
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

  /** Returns whether the registration is still as it should be. */
  private boolean look() throws IOException, InterruptedException {
    ConsulClient.Entry known = consul.instance(service.id()).orElse(null);
    if (known == null || !matches(known)) {
      return lost();
    }
    lookAgainLater();
    logHealth(known);
    return true;
  }

  /** Returns whether nothing is missing or different; checks of others may be there, too. */
  private boolean matches(ConsulClient.Entry known) {
    ConsulClient.Service found = known.service();
    return found.name().equals(service.name())
        && (service.host().isEmpty() || found.host().equals(service.host()))
        && found.port() == service.port()
        && Set.copyOf(found.tags()).equals(Set.copyOf(service.tags()))
        && found.meta().equals(service.meta())
        && hasAllChecks(known);
  }

  /** Without its check, an instance that has died would pass for ever. */
  private boolean hasAllChecks(ConsulClient.Entry known) {
    Set<String> found = new HashSet<>();
    known.checks().forEach(check -> found.add(check.checkId()));
    return checks.stream().allMatch(check -> found.contains(check.id()));
  }

  private boolean lost() {
    log.warn("{} has lost or changed {}: registering again", consul, service.id());
    return false;
  }

  /** The agent's words name the commonest mistake: an address that it cannot reach. */
  private void logHealth(ConsulClient.Entry known) {
    boolean isCritical = known.status() == ConsulClient.Status.CRITICAL;
    if (isCritical != toldCritical) {
      String finding = isCritical ? "critical, so nobody calls it: " + why(known) : "well again";
      log.warn("{} finds {} {}", consul, service.id(), finding);
      toldCritical = isCritical;
    }
  }

  private static String why(ConsulClient.Entry known) {
    return known.checks().stream()
        .filter(check -> check.status() == ConsulClient.Status.CRITICAL)
        .map(check -> LogSafe.of(check.checkId() + ": " + check.output().strip()))
        .collect(Collectors.joining(", "));
  }

  /** Reports the health; returns whether the agent knows the check. */
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
      if (e.status() != 404 && e.status() != 500) { // Either means "unknown", by version.
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
   * Tells the agent how the service is, for a TTL check.
   *
   * @param checkId the id of the TTL check
   * @param ttl how long a report holds; the next one comes after a third of it
   * @param health says how the service really is; a constant would hide what a check is there to
   *     find. If it throws, the service is critical, and its check says why
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
