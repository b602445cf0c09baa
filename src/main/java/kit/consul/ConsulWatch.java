// SPDX-License-Identifier: Apache-2.0
package kit.consul;

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
import kit.OneLine;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import kit.discovery.Pace;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Keeps what a blocking query answers up to date.
 *
 * <p>One thread asks; Consul holds the answer back until something has changed, or for 45 seconds. A
 * change is thus known within milliseconds, and an idle watch costs a request a minute. The rules,
 * each of which some client got wrong (Consul's documentation, "Blocking Queries"):
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
 * <p>Safe for any number of threads.
 *
 * @param <T> the content: immutable, and equal if nothing has changed
 */
final class ConsulWatch<T> implements AutoCloseable {
  // Below the 60 s after which our own servers cut a response, for registries that run on them.
  private static final Duration WAIT = Duration.ofSeconds(45);
  private static final Duration SHORTEST_WAIT = Duration.ofMillis(10);

  private final String what;
  private final Query<T> query;
  private final Grace<T> grace;
  private final Logger log;
  private final Timing timing;
  private final Pace pace;
  private final OutageLog outage;
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final CountDownLatch answered = new CountDownLatch(1);
  private final Thread thread;

  private volatile T snapshot;
  private volatile Exception failure;
  private volatile boolean closed;

  // Confined to the thread.
  private long index;
  private long emptySinceNanos;
  private boolean inGrace;

  /**
   * Begins to watch.
   *
   * @param what is watched, for logs and the thread's name
   * @param nothing the content until the first answer
   * @param where Consul's address, for logs
   */
  ConsulWatch(
      String what,
      String where,
      T nothing,
      Query<T> query,
      Grace<T> grace,
      Logger log,
      Timing timing) {
    this.what = what;
    this.query = query;
    this.grace = grace;
    this.log = log;
    this.timing = timing;
    this.snapshot = nothing;
    this.pace = new Pace(timing.nanoTime(), timing.random());
    this.outage =
        new OutageLog(
            log,
            "watching " + what + " in " + where,
            Level.WARN, // As loud as the loss: who was worried wants to know.
            timing.nanoTime());
    this.thread = new Thread(this::watch, "consul-watch-" + what);
    this.thread.setDaemon(true);
    this.thread.start();
  }

  T snapshot() {
    return snapshot;
  }

  Instances.Subscription onChange(Runnable listener) {
    Runnable entry = requireNonNull(listener, "listener")::run; // One may subscribe twice.
    listeners.add(entry);
    return () -> listeners.remove(entry);
  }

  boolean awaitFirst(Duration patience) throws InterruptedException {
    return answered.await(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  Optional<Exception> failure() {
    return Optional.ofNullable(failure);
  }

  /** Cancels the query in flight, and waits for the end of the thread. */
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
      } catch (Throwable e) { // A watch that has ended would be an old list for ever.
        if (!closed && !backOff(e instanceof Exception failed ? failed : new Exception(e))) {
          return;
        }
      }
    }
  }

  private void ask() throws IOException, InterruptedException {
    Answer<T> answer = query.ask(index, index == 0 ? SHORTEST_WAIT : waitFor());
    // Unsigned, as Consul counts.
    boolean wentBack = Long.compareUnsigned(answer.index(), index) < 0;
    index = wentBack ? 0 : Long.compareUnsigned(answer.index(), 1) < 0 ? 1 : answer.index();
    pace.succeeded();
    failure = null;
    outage.worked();
    take(answer.content());
    answered.countDown();
  }

  /** Returns whether to go on. */
  private boolean backOff(Exception e) {
    index = 0;
    failure = e;
    outage.failed(e, "keeping what is known, retrying");
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
    Duration left = grace.length().minusNanos(timing.nanoTime().getAsLong() - emptySinceNanos);
    return left.compareTo(SHORTEST_WAIT) < 0
        ? SHORTEST_WAIT
        : left.compareTo(WAIT) > 0 ? WAIT : left;
  }

  private void take(T fresh) {
    T known = snapshot;
    if (grace.isEmpty(fresh) && !grace.isEmpty(known) && isGraceLeft()) {
      return;
    }
    inGrace = false;
    if (!fresh.equals(known)) {
      snapshot = fresh;
      log.debug("{}: now {}", what, fresh);
      listeners.forEach(this::call);
    }
  }

  private boolean isGraceLeft() {
    long now = timing.nanoTime().getAsLong();
    if (!inGrace) {
      inGrace = true;
      emptySinceNanos = now;
      log.debug("{}: empty all at once, keeping {}", what, snapshot);
    }
    return now - emptySinceNanos < grace.length().toNanos();
  }

  private void call(Runnable listener) {
    try {
      listener.run();
    } catch (Throwable e) {
      log.error("listener to changes of {} failed: {}", what, OneLine.of(e));
      log.debug("stack trace", e);
    }
  }

  /** What Consul said, and the index to ask for news with. */
  record Answer<T>(T content, long index) {}

  /** Asks Consul, which answers at once if the index is 0. */
  @FunctionalInterface
  interface Query<T> {
    Answer<T> ask(long index, Duration atMost) throws IOException, InterruptedException;
  }

  /** How long content that is not empty is kept when Consul says that there is nothing. */
  record Grace<T>(Duration length, Predicate<T> empty) {
    /** Believes all that Consul says. */
    static <T> Grace<T> none() {
      return new Grace<>(Duration.ZERO, content -> false);
    }

    boolean isEmpty(T content) {
      return empty.test(content);
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
