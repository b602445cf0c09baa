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
 * What all watches of a registry have in common: a thread that asks again and again, the content that
 * it publishes, and what to believe when something is wrong.
 *
 * <h2>How it works</h2>
 *
 * <p><b>The last good content stays</b> when the registry does not answer: the instances are most
 * likely still there, and who is not is found out by calling. It stays too, for a grace, when the
 * answer is empty but was not before: a registry that has restarted without its data answers at once,
 * before anybody could register again.
 *
 * <p>Requests that fail are repeated later and later, and those that succeed without an end are slowed
 * down, see {@link RequestPacer}. An outage is logged in two lines, its beginning and its end.
 *
 * <h2>Threads</h2>
 *
 * <p>Safe for any number of threads, but for {@link #publish} and {@link #waitFor}, which belong to
 * the source. Listeners run on the thread of the watch, outside all locks.
 *
 * @param <T> the content: immutable, and equal if nothing has changed
 */
public final class Watch<T> implements AutoCloseable {
  /** How long a registry that returns nothing all at once is not believed: 30 seconds. */
  public static final Duration EMPTY_GRACE = Duration.ofSeconds(30);

  private static final Duration SHORTEST_WAIT = Duration.ofMillis(10);

  private final Subject<T> subject;
  private final Source<T> source;
  private final Logger log;
  private final Timing timing;
  private final RequestPacer pacer;
  private final OutageLog outage;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final CountDownLatch answered = new CountDownLatch(1);
  private final Thread thread;

  private volatile T snapshot;
  private volatile Exception failure;
  private volatile boolean closed;

  // Confined to the thread.
  private long emptySinceNanos;
  private boolean inGrace;

  /** Begins to watch. */
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
            Level.WARN, // As loud as the loss: who was worried wants to know.
            timing.nanoTime());
    this.thread = new Thread(this::run, "watch-" + subject.what());
    this.thread.setDaemon(true);
    this.thread.start();
  }

  /** Asks the registry, over and over. */
  @FunctionalInterface
  public interface Source<T> {
    /**
     * Asks once, and {@link Watch#publish}es the answer; may stay and publish what changes, for as
     * long as {@link Watch#waitFor} says. Is called again when it returns.
     *
     * @throws IOException if the registry cannot be asked: it is asked again later
     */
    void ask(Watch<T> watch) throws IOException, InterruptedException;
  }

  /**
   * What is watched.
   *
   * @param what for logs and the thread's name
   * @param where names the registry, for logs: without secrets
   * @param nothing the content until the first answer
   * @param isEmpty whether content says that there is nothing left
   * @param emptyGrace how long content that is not empty is kept when the registry says that there is
   *     nothing; zero believes it at once
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

  /** Returns the content that was published last. */
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
    return answered.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** See {@link Instances#failure}. */
  public Optional<Exception> failure() {
    return Optional.ofNullable(failure);
  }

  /** Interrupts the source, and waits for the end of the thread. */
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

  /** Takes what the registry says; for the source. */
  public void publish(T fresh) {
    pacer.succeeded();
    failure = null;
    outage.worked();
    take(requireNonNull(fresh, "fresh"));
    answered.countDown();
  }

  /** How long the source may wait for news: as long as it wants, but for the end of a grace. */
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
    while (!closed) {
      try {
        long excessNanos = pacer.nanosBeforeRequest();
        if (excessNanos > 0) {
          timing.sleeper().sleep(excessNanos);
        }
        source.ask(this);
      } catch (InterruptedException e) {
        return; // Closed; nobody else has this thread.
      } catch (Throwable e) { // A watch that has ended would be an old list for ever.
        if (!closed && !backOff(e instanceof Exception failed ? failed : new Exception(e))) {
          return;
        }
      }
    }
  }

  /** Returns whether to go on. */
  private boolean backOff(Exception e) {
    failure = e;
    outage.failed(e, "keeping what is known, retrying");
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
      log.debug("{}: empty all at once, keeping {}", subject.what(), snapshot);
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
   * Time and chance, for tests to take over.
   *
   * @param random draws from 0 to 1
   */
  public record Timing(LongSupplier nanoTime, Sleeper sleeper, DoubleSupplier random) {
    /** The real ones. */
    public static Timing real() {
      return new Timing(
          System::nanoTime,
          TimeUnit.NANOSECONDS::sleep,
          () -> ThreadLocalRandom.current().nextDouble());
    }

    /** Waits. */
    @FunctionalInterface
    public interface Sleeper {
      /** Returns after so many nanoseconds. */
      void sleep(long nanos) throws InterruptedException;
    }
  }
}
