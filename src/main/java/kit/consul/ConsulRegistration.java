// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import kit.OneLine;
import kit.discovery.OutageLog;
import kit.discovery.Pace;
import kit.discovery.Registration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

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
 * reaper of critical services after a long pause of ours removes it. So one thread does everything:
 *
 * <pre>
 *          agent does not answer: again after 0.25 to 5 s
 *            .-----------.
 *            v           |
 *   start -> register ---+--> look after 8 to 12 s --> still there? look again
 *            ^                     |
 *            '---------------------'  gone, or not as it should be
 *
 *   close -> (its request ends) -> deregister
 * </pre>
 *
 * <p>"As it should be" is all that was registered: address, tags, meta, weights, and that the checks
 * are there. When the agent finds the instance critical, a warning passes on what its check said.
 *
 * <p>With a {@link Heartbeat} the thread also reports the health of the service, three times per TTL:
 * for agents that cannot reach the service to check it.
 *
 * <p>Registering and deregistering happen on that one thread, so a registration that is answered late
 * cannot overtake the deregistration and leave a ghost behind.
 *
 * <h2>Errors</h2>
 *
 * <p>None reach the caller: the service goes on without the registry. An outage is logged in two
 * lines, its beginning and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. {@link #close} takes at most 2 seconds; if the agent has not
 * answered by then, the thread goes on, as a daemon, and deregisters as soon as it can.
 */
public final class ConsulRegistration implements Registration {
  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(5);
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final Duration LOOK_INTERVAL = Duration.ofSeconds(10);

  private final Logger log;
  private final ConsulClient consul;
  private final Wanted wanted;
  private final Heartbeat heartbeat; // Null if the agent checks by itself.
  private final long lookNanos; // On average.
  private final OutageLog outage;
  private final Pace pace = new Pace();
  private final Thread thread;

  // Guarded by this.
  private boolean started;
  private boolean closed;

  private volatile boolean registered;

  // Confined to the thread.
  private boolean attempted;
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
    this.log = log;
    this.consul = consul.withTimeout(REQUEST_TIMEOUT);
    this.wanted = new Wanted(service, checks);
    this.heartbeat = heartbeat;
    this.lookNanos = lookInterval.toNanos();
    this.outage =
        new OutageLog(
            log,
            "registration of " + service.id() + " with " + consul,
            Level.INFO,
            System::nanoTime);
    this.thread = new Thread(this::run, "consul-registration-" + service.id());
    this.thread.setDaemon(true);
  }

  @Override
  public synchronized void start() {
    if (!started && !closed) {
      started = true;
      thread.start();
    }
  }

  @Override
  public boolean isRegistered() {
    return registered;
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
      if (!started) {
        return;
      }
    }
    try {
      TimeUnit.NANOSECONDS.timedJoin(thread, CLOSE_NANOS);
      if (thread.isAlive()) {
        log.warn("{} is not deregistered yet: {} does not answer", wanted.id(), consul);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    long pauseNanos = 0;
    while (!closedWithin(pauseNanos)) {
      try {
        keepRegistered();
        outage.worked();
        pace.succeeded();
        pauseNanos = lookAtNanos - System.nanoTime();
        if (heartbeat != null) {
          pauseNanos = Math.min(pauseNanos, heartbeat.ttl().toNanos() / 3);
        }
      } catch (IOException | RuntimeException e) {
        registered = false;
        outage.failed(e, "serving without, retrying");
        pauseNanos = pace.nanosAfterFailure();
      } catch (InterruptedException e) {
        break; // Nobody of ours interrupts this thread; who does wants it to end.
      }
    }
    if (attempted) {
      deregister();
    }
  }

  /** Waits; returns true as soon as this has been closed. */
  private synchronized boolean closedWithin(long nanos) {
    long deadlineNanos = System.nanoTime() + nanos;
    try {
      for (long left = nanos; !closed && left > 0; left = deadlineNanos - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      closed = true;
    }
    return closed;
  }

  private void keepRegistered() throws IOException, InterruptedException {
    if (registered && lookAtNanos - System.nanoTime() <= 0) {
      look();
    }
    if (registered && heartbeat != null) {
      beat();
    }
    if (!registered) {
      register();
    }
  }

  private void look() throws IOException, InterruptedException {
    ConsulClient.Entry known = consul.instance(wanted.id()).orElse(null);
    if (known != null && wanted.isMetBy(known)) {
      lookAgainLater();
      tellOfHealth(known);
    } else {
      lost();
    }
  }

  /** The agent's words name the commonest mistake: an address that it cannot reach. */
  private void tellOfHealth(ConsulClient.Entry known) {
    boolean isCritical = known.status() == ConsulClient.Status.CRITICAL;
    if (isCritical != toldCritical) {
      String finding = isCritical ? "critical, so nobody calls it: " + why(known) : "well again";
      log.warn("{} finds {} {}", consul, wanted.id(), finding);
      toldCritical = isCritical;
    }
  }

  private static String why(ConsulClient.Entry known) {
    return known.checks().stream()
        .filter(check -> check.status() == ConsulClient.Status.CRITICAL)
        .map(check -> OneLine.of(check.checkId() + ": " + check.output().strip()))
        .collect(Collectors.joining(", "));
  }

  private void beat() throws IOException, InterruptedException {
    ConsulClient.Status status = ConsulClient.Status.CRITICAL;
    String output = "";
    try {
      status = heartbeat.health().call();
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      output = OneLine.of(e);
    }
    try {
      consul.updateTtl(heartbeat.checkId(), status, output);
    } catch (ConsulClient.ConsulException e) {
      if (e.status() != 404 && e.status() != 500) { // Either means "unknown", by version.
        throw e;
      }
      lost();
    }
  }

  private void lost() {
    registered = false;
    log.warn("{} has lost or changed {}: registering again", consul, wanted.id());
  }

  private void register() throws IOException, InterruptedException {
    attempted = true;
    consul.register(wanted.service(), wanted.definitions());
    registered = true;
    lookAgainLater();
    log.info("registered {} with {}", wanted.id(), consul);
    if (heartbeat != null) {
      beat();
    }
  }

  private void lookAgainLater() {
    double jitter = ThreadLocalRandom.current().nextDouble(0.8, 1.2);
    lookAtNanos = System.nanoTime() + (long) (lookNanos * jitter);
  }

  private void deregister() {
    try {
      consul.deregister(wanted.id());
      log.info("deregistered {}", wanted.id());
    } catch (IOException | RuntimeException e) {
      String why = OutageLog.cause(e);
      log.warn("{} is not deregistered: {} failed: {}", wanted.id(), consul, why);
    } catch (InterruptedException e) {
      log.warn("{} is not deregistered: interrupted", wanted.id());
    }
    registered = false;
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
