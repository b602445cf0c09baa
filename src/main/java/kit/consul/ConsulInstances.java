// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import kit.OneLine;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import kit.discovery.Pace;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Watches the healthy instances of one service in Consul.
 *
 * <pre>{@code
 * try (Instances instances = new ConsulInstances(consul, "userservice")) {
 *   instances.snapshot(); // empty at first; see Instances.onChange
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>One thread asks with a <em>blocking query</em>: Consul holds the answer back until something has
 * changed, or for 45 seconds. A change is thus known within milliseconds, and an idle watch costs a
 * request a minute. The rules, each of which some client got wrong (Consul's documentation, "Blocking
 * Queries"):
 *
 * <ul>
 *   <li>An index that goes down means that Consul has lost its memory: start from 0, and keep the
 *       answer, which is as good as any.
 *   <li>An index of 0 would make the next query return at once, for ever: at least 1.
 *   <li>An answer is no proof of a change: listeners hear of different content only.
 *   <li>After any error the index starts from 0: a Consul that has come back counts from the start,
 *       and a query for the old index would hang until it times out (hashicorp/hcat#46).
 *   <li>Queries are rate limited, also when each one succeeds; see {@link Pace}.
 * </ul>
 *
 * <p><b>The last good list stays</b> when Consul does not answer: the instances are most likely still
 * there, and who is not is found out by calling. It stays too, for a grace of 30 seconds, when the
 * answer is empty but was not before: a Consul that has restarted without its data answers at once,
 * before anybody could register again.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads. {@link #close} cancels the query in flight and ends the thread.
 */
public final class ConsulInstances implements Instances {
  private static final Logger log = LoggerFactory.getLogger(ConsulInstances.class);

  // Below the 60 s after which our own servers cut a response, for registries that run on them.
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final Duration EMPTY_GRACE = Duration.ofSeconds(30);

  private final ConsulClient consul;
  private final Settings settings;
  private final Timing timing;
  private final Pace pace;
  private final OutageLog outage;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final CountDownLatch answered = new CountDownLatch(1);
  private final Thread thread;

  private volatile List<Instance> snapshot = List.of();
  private volatile Exception failure;
  private volatile boolean closed;

  // Confined to the thread.
  private long index;
  private long emptySinceNanos;
  private boolean inGrace;

  /** Watches the instances of {@code service} that pass all their checks. */
  public ConsulInstances(ConsulClient consul, String service) {
    this(consul, Settings.of(service));
  }

  /** Watches as {@code settings} say. */
  public ConsulInstances(ConsulClient consul, Settings settings) {
    this(consul, settings, Timing.real());
  }

  ConsulInstances(ConsulClient consul, Settings settings, Timing timing) {
    this.consul = requireNonNull(consul, "consul");
    this.settings = requireNonNull(settings, "settings");
    this.timing = timing;
    this.pace = new Pace(timing.nanoTime(), timing.random());
    this.outage =
        new OutageLog(
            log,
            "watching " + settings.service() + " in " + consul,
            Level.WARN, // As loud as the loss: who was worried wants to know.
            timing.nanoTime());
    this.thread = new Thread(this::watch, "consul-watch-" + settings.service());
    this.thread.setDaemon(true);
    this.thread.start();
  }

  @Override
  public List<Instance> snapshot() {
    return snapshot;
  }

  @Override
  public Subscription onChange(Runnable listener) {
    Runnable entry = listener::run; // Its own identity: one listener may subscribe twice.
    listeners.add(entry);
    return () -> listeners.remove(entry);
  }

  @Override
  public boolean awaitFirst(Duration patience) throws InterruptedException {
    return answered.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public Optional<Exception> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      if (Thread.currentThread() != thread) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watch() {
    while (!closed) {
      try {
        long excessNanos = pace.nanosBeforeRequest();
        if (excessNanos > 0) {
          timing.sleeper().sleep(excessNanos);
        }
        ask();
      } catch (InterruptedException e) {
        return; // Closed; nobody else has this thread.
      } catch (IOException | RuntimeException e) {
        if (!closed && !backOff(e)) {
          return;
        }
      }
    }
  }

  private void ask() throws IOException, InterruptedException {
    ConsulClient.HealthQuery query = settings.query();
    if (index != 0) {
      query = query.changedSince(index, waitFor());
    }
    ConsulClient.Health health = consul.health(query);
    // Unsigned, as Consul counts.
    boolean wentBack = Long.compareUnsigned(health.index(), index) < 0;
    index = wentBack ? 0 : Long.compareUnsigned(health.index(), 1) < 0 ? 1 : health.index();
    pace.succeeded();
    failure = null;
    outage.worked();
    take(instances(health));
    answered.countDown();
  }

  /** Returns whether to go on. */
  private boolean backOff(Exception e) {
    index = 0;
    failure = e;
    outage.failed(e, "keeping the " + snapshot.size() + " instances known, retrying");
    try {
      timing.sleeper().sleep(pace.nanosAfterFailure());
      return true;
    } catch (InterruptedException interrupted) {
      return false;
    }
  }

  private Duration waitFor() {
    if (!inGrace) {
      return WAIT;
    }
    Duration left =
        settings.emptyGrace().minusNanos(timing.nanoTime().getAsLong() - emptySinceNanos);
    Duration soonest = Duration.ofMillis(10);
    return left.compareTo(soonest) < 0 ? soonest : left.compareTo(WAIT) > 0 ? WAIT : left;
  }

  private void take(List<Instance> fresh) {
    List<Instance> known = snapshot;
    if (fresh.isEmpty() && !known.isEmpty() && isGraceLeft()) {
      return;
    }
    inGrace = false;
    if (!fresh.equals(known)) {
      snapshot = fresh;
      log.debug("{}: now {}", settings.service(), fresh);
      listeners.forEach(ConsulInstances::call);
    }
  }

  private boolean isGraceLeft() {
    long now = timing.nanoTime().getAsLong();
    if (!inGrace) {
      inGrace = true;
      emptySinceNanos = now;
      log.debug("{}: empty all at once, keeping {}", settings.service(), snapshot);
    }
    return now - emptySinceNanos < settings.emptyGrace().toNanos();
  }

  private static void call(Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException e) {
      log.error("listener of a list of instances failed: {}", OneLine.of(e));
      log.debug("stack trace", e);
    }
  }

  private List<Instance> instances(ConsulClient.Health health) {
    // By address: the same service may be registered twice, and equal content must compare equal.
    Map<String, Instance> sorted = new TreeMap<>(Comparator.naturalOrder());
    for (ConsulClient.Entry entry : health.entries()) {
      ConsulClient.Service service = entry.service();
      try {
        Instance instance =
            new Instance(service.host(), service.port(), service.tags(), service.meta());
        sorted.putIfAbsent(instance.authority(), instance);
      } catch (IllegalArgumentException e) {
        log.warn(
            "{}: left out {}: {}",
            settings.service(),
            OneLine.of(service.id()),
            OneLine.of(e.getMessage()));
      }
    }
    return List.copyOf(sorted.values());
  }

  /**
   * What to watch.
   *
   * @param tags an instance must have them all
   * @param emptyGrace how long the last list is kept when Consul says that nobody is left; zero
   *     believes it at once
   */
  public record Settings(String service, List<String> tags, Duration emptyGrace) {
    /** Checks the ranges. */
    public Settings {
      requireNonNull(service, "service");
      tags = List.copyOf(tags);
      if (emptyGrace.isNegative()) {
        throw new IllegalArgumentException("emptyGrace < 0: " + emptyGrace);
      }
    }

    /** Any tags, a grace of 30 seconds. */
    public static Settings of(String service) {
      return new Settings(service, List.of(), EMPTY_GRACE);
    }

    /** Returns these settings with another grace. */
    public Settings withEmptyGrace(Duration emptyGrace) {
      return new Settings(service, tags, emptyGrace);
    }

    private ConsulClient.HealthQuery query() {
      return ConsulClient.HealthQuery.passing(service, tags);
    }
  }

  /** Time and chance, for tests to take over. */
  record Timing(LongSupplier nanoTime, Sleeper sleeper, DoubleSupplier random) {
    static Timing real() {
      return new Timing(
          System::nanoTime,
          TimeUnit.NANOSECONDS::sleep,
          () -> ThreadLocalRandom.current().nextDouble());
    }

    /** Waits. */
    interface Sleeper {
      void sleep(long nanos) throws InterruptedException;
    }
  }
}
