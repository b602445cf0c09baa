// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import kit.LogSafe;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Watches one subject in a registry: one thread queries a source, publishes snapshots, backs off on
 * failures and keeps the last good content during outages.
 *
 * <h2>How it works</h2>
 *
 * <p><b>The last good content is kept</b> while the registry is unreachable: most instances are
 * still running, and calls find out which are not. It is also kept, for a grace period, when the
 * content becomes empty: a registry that restarted without its data responds at once, before any
 * instance could register again.
 *
 * <p>Failed requests are retried with backoff, and requests that succeed without pause are slowed
 * down, see {@link RequestPacer}. An outage is logged in two lines, its beginning and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe, except {@link #publish} and {@link #waitFor}, which are for the source. Listeners
 * run on the thread of the watch, outside all locks.
 *
 * @param <T> the content: immutable, compared by {@code equals}
 */
public final class Watch<T> implements AutoCloseable {
  /** The default grace period before an empty list replaces one that was not: 30 seconds. */
  public static final Duration EMPTY_GRACE = Duration.ofSeconds(30);

  private static final Duration SHORTEST_WAIT = Duration.ofMillis(10);

  private final Subject<T> subject;
  private final Source<T> source;
  private final Logger log;
  private final Timing timing;
  private final RequestPacer pacer;
  private final OutageLog outage;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final CountDownLatch responded = new CountDownLatch(1);
  private final Thread thread;

  private volatile T snapshot;
  private volatile Exception failure;
  private volatile boolean closed;

  // Guarded by this.
  private boolean isReleasing; // The thread has sent its last query, and is no longer interrupted.

  // Confined to the thread.
  private long emptySinceNanos;
  private boolean inGrace;

  /** Starts to watch {@code subject} on a thread of its own. */
  public Watch(Subject<T> subject, Source<T> source, Logger log, Timing timing) {
    this.subject = requireNonNull(subject, "subject");
    this.source = requireNonNull(source, "source");
    this.log = requireNonNull(log, "log");
    this.timing = requireNonNull(timing, "timing");
    this.snapshot = subject.nothing();
    this.pacer = new RequestPacer(timing.nanoTime(), timing.random());
    this.outage =
        new OutageLog(
            log,
            "watching " + subject.what() + " in " + subject.where(),
            Level.WARN, // The same level as the loss: a log that shows one shows the other.
            timing.nanoTime());
    this.thread = new Thread(this::run, "watch-" + subject.what());
    this.thread.setDaemon(true);
    this.thread.start();
  }

  /** Queries the registry for a {@link Watch}. */
  @FunctionalInterface
  public interface Source<T> {
    /**
     * Queries once and {@link Watch#publish}es the result; may block and publish changes for as
     * long as {@link Watch#waitFor} allows. Is called again when it returns.
     *
     * @throws IOException if the query failed: it is repeated after a backoff
     */
    void ask(Watch<T> watch) throws IOException, InterruptedException;

    /**
     * Releases what the source holds, such as a connection: called once, after the last query, by the
     * same thread. {@link Watch#close} waits for it.
     */
    default void close() {}
  }

  /**
   * Describes what is watched.
   *
   * @param what the subject in logs and in the thread's name
   * @param where names the registry, for logs: without secrets
   * @param nothing the content until the first response
   * @param isEmpty whether content is empty
   * @param emptyGrace how long content is kept after the registry returned empty content; zero
   *     publishes empty content at once
   */
  public record Subject<T>(
      String what, String where, T nothing, Predicate<T> isEmpty, Duration emptyGrace) {
    /** Checks the ranges. */
    public Subject {
      requireNonNull(what, "what");
      requireNonNull(where, "where");
      requireNonNull(nothing, "nothing");
      requireNonNull(isEmpty, "isEmpty");
      if (emptyGrace.isNegative()) {
        throw new IllegalArgumentException("emptyGrace < 0: " + emptyGrace);
      }
    }

    /** Returns the subject of a watch of the instances of {@code service}. */
    public static Subject<List<Instance>> instances(
        String service, String where, Duration emptyGrace) {
      return new Subject<>(service, where, List.of(), List::isEmpty, emptyGrace);
    }
  }

  /** Returns the last published content. */
  public T snapshot() {
    return snapshot;
  }

  /** See {@link Instances#onChange}. */
  public Instances.Subscription onChange(Runnable listener) {
    Runnable entry = requireNonNull(listener, "listener")::run; // One may subscribe twice.
    listeners.add(entry);
    return () -> listeners.remove(entry);
  }

  /** See {@link Instances#awaitFirst}. */
  public boolean awaitFirst(Duration patience) throws InterruptedException {
    return responded.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** See {@link Instances#failure}. */
  public Optional<Exception> failure() {
    return Optional.ofNullable(failure);
  }

  /** Interrupts the source and waits for its thread to end. */
  @Override
  public void close() {
    closed = true;
    synchronized (this) {
      if (!isReleasing) {
        thread.interrupt();
      }
    }
    try {
      if (Thread.currentThread() != thread) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Publishes {@code fresh} content; for the source. */
  public void publish(T fresh) {
    pacer.succeeded();
    failure = null;
    outage.worked();
    take(requireNonNull(fresh, "fresh"));
    responded.countDown();
  }

  /** Returns how long the source may block: {@code wanted}, or until the end of a grace period. */
  public Duration waitFor(Duration wanted) {
    if (!inGrace) {
      return wanted;
    }
    long graceNanos = timing.nanoTime().getAsLong() - emptySinceNanos;
    Duration left = subject.emptyGrace().minusNanos(graceNanos);
    return left.compareTo(SHORTEST_WAIT) < 0
        ? SHORTEST_WAIT
        : left.compareTo(wanted) > 0 ? wanted : left;
  }

  private void run() {
    try {
      queryUntilClosed();
    } finally {
      release();
    }
  }

  private void release() {
    synchronized (this) {
      isReleasing = true;
      Thread.interrupted(); // It was meant for the queries, and would disturb the end of a session.
    }
    try {
      source.close();
    } catch (RuntimeException e) {
      log.warn("end of the watch of {} failed: {}", subject.what(), OutageLog.cause(e));
    }
  }

  private void queryUntilClosed() {
    while (!closed) {
      try {
        long excessNanos = pacer.nanosBeforeRequest();
        if (excessNanos > 0) {
          timing.sleeper().sleep(excessNanos);
        }
        source.ask(this);
      } catch (InterruptedException e) {
        return; // Closed.
      } catch (Throwable e) { // If the thread ended, the list would be stale forever.
        if (!closed && !backOff(e instanceof Exception failed ? failed : new Exception(e))) {
          return;
        }
      }
    }
  }

  /** Waits after a failure; returns whether to continue. */
  private boolean backOff(Exception e) {
    failure = e;
    outage.failed(e, "keeping the last known content, retrying");
    try {
      timing.sleeper().sleep(pacer.nanosAfterFailure());
      return true;
    } catch (InterruptedException interrupted) {
      return false;
    }
  }

  private void take(T fresh) {
    T known = snapshot;
    Predicate<T> isEmpty = subject.isEmpty();
    if (isEmpty.test(fresh) && !isEmpty.test(known) && isGraceLeft()) {
      return;
    }
    inGrace = false;
    if (!fresh.equals(known)) {
      snapshot = fresh;
      log.debug("{}: now {}", subject.what(), fresh);
      listeners.forEach(this::call);
    }
  }

  private boolean isGraceLeft() {
    long now = timing.nanoTime().getAsLong();
    if (!inGrace) {
      inGrace = true;
      emptySinceNanos = now;
      log.debug("{}: became empty, keeping {}", subject.what(), snapshot);
    }
    return now - emptySinceNanos < subject.emptyGrace().toNanos();
  }

  private void call(Runnable listener) {
    try {
      listener.run();
    } catch (Throwable e) {
      log.error("listener to changes of {} failed: {}", subject.what(), LogSafe.of(e));
      log.debug("stack trace", e);
    }
  }

  /**
   * Clock, sleep and randomness of a watch; tests pass their own.
   *
   * @param random returns numbers from 0 (inclusive) to 1 (exclusive)
   */
  public record Timing(LongSupplier nanoTime, Sleeper sleeper, DoubleSupplier random) {
    /** Returns the system's clock, sleep and randomness. */
    public static Timing real() {
      return new Timing(
          System::nanoTime,
          TimeUnit.NANOSECONDS::sleep,
          () -> ThreadLocalRandom.current().nextDouble());
    }

    /** Sleeps for a time. */
    @FunctionalInterface
    public interface Sleeper {
      /** Returns after {@code nanos} nanoseconds. */
      void sleep(long nanos) throws InterruptedException;
    }
  }
}
