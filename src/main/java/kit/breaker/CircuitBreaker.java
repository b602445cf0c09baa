// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Circuit breaker: rejects calls to a failing dependency and probes it for recovery.
 *
 * <p>Use one for each dependency that fails on its own: one server, not a service of many servers.
 * It does not limit how long a call takes; put a timeout inside, so that the breaker counts it.
 *
 * <pre>{@code
 * Settings settings = Settings.defaults().withFailureRatio(0.5, 20, Duration.ofSeconds(10));
 * CircuitBreaker breaker = new CircuitBreaker(settings, System::nanoTime, state -> {});
 * String response = breaker.call(() -> get(server)); // OpenException: the call was not made
 *
 * CircuitBreaker.Permit permit = breaker.acquire(); // the same in two steps
 * getAsync(server).whenComplete(permit::finished);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>{@code
 *           failures in a row, or too many in the window
 *   CLOSED ----------------------------------------------> OPEN <----------.
 *      ^                            open interval elapsed,  |              | a failure; the next
 *      |                                and there is a call v              | interval is longer
 *      '------------------- enough successes ----------- HALF_OPEN --------'
 * }</pre>
 *
 * <p>Half-open, a few calls are admitted at a time: the probes. If all places are taken and the
 * last was taken a lease ago (longer than a call should take), all are freed, so that a probe that
 * never returns does not block the breaker.
 *
 * <p>Each change of state begins a <em>generation</em>, and so does the end of a lease. The result
 * of a call of an earlier generation is late and changes nothing: it shows an earlier state of the
 * dependency.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; it has no thread and no timer. A rejection while open takes no lock, nor does a
 * success while closed, unless there is a failure ratio; {@code call} allocates nothing then.
 * Changes of state are reported in order, one at a time, by threads that use the breaker, under no
 * lock; an exception of the listener is passed to the thread's uncaught exception handler.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs. Source: <a
 * href="https://github.com/sony/gobreaker">gobreaker</a>; the failure ratio is that of Hystrix.
 */
public final class CircuitBreaker {
  /** The state of a breaker; see the diagram in {@link CircuitBreaker}. */
  public enum State {
    /** Admits all calls and judges them. */
    CLOSED,
    /** Rejects all calls until the open interval has elapsed. */
    OPEN,
    /** Admits a few calls at a time, the probes, and judges them. */
    HALF_OPEN
  }

  /** The outcome of a call, as evidence of the dependency's health. */
  public enum Outcome {
    /** The dependency is healthy. */
    SUCCESS,
    /** The dependency is not healthy. */
    FAILURE,
    /** The dependency responds: a success of a probe, ignored in other calls. */
    REACHABLE,
    /** No evidence. */
    IGNORED
  }

  /** Judges a call. If it throws, the call is ignored and the caller gets the exception. */
  @FunctionalInterface
  public interface Classifier {
    /** Judges a call by its error, which is null if there is none, or by its result. */
    Outcome outcomeOf(Object result, Throwable error);
  }

  /** Rejection of a call, which was not made. It has no stack trace, so that it is cheap. */
  public static final class OpenException extends RuntimeException {
    private final long nanosLeft;

    private OpenException(long nanosLeft) {
      super("circuit breaker is open", null, false, false);
      this.nanosLeft = nanosLeft;
    }

    /** Returns how long the breaker stays open; empty while it is half-open. */
    public Optional<Duration> retryAfter() {
      return nanosLeft > 0 ? Optional.of(Duration.ofNanos(nanosLeft)) : Optional.empty();
    }
  }

  /**
   * Failure ratio that opens the breaker.
   *
   * @param ratio 0 to 1, to a millionth; 0 is never
   * @param minimumCalls the least number of calls in the window, at least 1
   * @param window how long a call counts, 10 ns to 100 years; it moves by tenths
   */
  public record FailureRatio(double ratio, int minimumCalls, Duration window) {}

  /**
   * How long the breaker stays open.
   *
   * @param openFor the first time; 1 ns to 100 years
   * @param maxOpenFor the interval doubles with each failed probe, up to this; at least {@code
   *     openFor}
   */
  public record OpenInterval(Duration openFor, Duration maxOpenFor) {}

  /**
   * How a half-open breaker probes the dependency.
   *
   * @param probes calls admitted at a time, at least 1
   * @param successesToClose successful probes that close it, at least 1
   * @param lease frees all places this long after the last was taken; 1 ns to 100 years
   */
  public record Probing(int probes, int successesToClose, Duration lease) {}

  /**
   * Settings of a breaker.
   *
   * @param consecutiveFailures failures in a row that open it; 0 = never
   * @param ratio the failure ratio that opens it
   * @param open how long it stays open
   * @param probing how it closes again
   * @param classifier which calls are failures
   */
  public record Settings(
      int consecutiveFailures,
      FailureRatio ratio,
      OpenInterval open,
      Probing probing,
      Classifier classifier) {
    /** Checks that all values are in their ranges. */
    public Settings {
      requireIn(0, consecutiveFailures, Integer.MAX_VALUE, "consecutiveFailures");
      requireIn(0.0, ratio.ratio, 1.0, "ratio");
      requireIn(1, ratio.minimumCalls, Integer.MAX_VALUE, "minimumCalls");
      requireIn(Duration.ofNanos(Window.SLOTS), ratio.window, LONGEST, "window");
      requireIn(Duration.ofNanos(1), open.openFor, LONGEST, "openFor");
      requireIn(open.openFor, open.maxOpenFor, LONGEST, "maxOpenFor");
      requireIn(1, probing.probes, Integer.MAX_VALUE, "probes");
      requireIn(1, probing.successesToClose, Integer.MAX_VALUE, "successesToClose");
      requireIn(Duration.ofNanos(1), probing.lease, LONGEST, "lease");
      requireNonNull(classifier, "classifier");
    }

    /**
     * Returns the defaults: opens after 5 failures in a row, for 5 s and later 10 s; no ratio. 1
     * probe at a time, 1 success closes, 30 s lease.
     *
     * <p>Every exception is a failure, except {@link InterruptedException}, which is ignored. This
     * includes errors of the calling program: libraries wrap I/O errors in unchecked exceptions, so
     * a default cannot distinguish them. Set a classifier for the exceptions of the dependency.
     */
    public static Settings defaults() {
      FailureRatio none = new FailureRatio(0, 20, Duration.ofSeconds(10));
      OpenInterval open = new OpenInterval(Duration.ofSeconds(5), Duration.ofSeconds(10));
      return new Settings(5, none, open, new Probing(1, 1, Duration.ofSeconds(30)), ERRORS_FAIL);
    }

    /** Returns these settings with another number of failures in a row that open it; 0 = never. */
    public Settings withConsecutiveFailures(int failures) {
      return new Settings(failures, ratio, open, probing, classifier);
    }

    /** Returns these settings with another {@link FailureRatio}. */
    public Settings withFailureRatio(double ratio, int minimumCalls, Duration window) {
      FailureRatio other = new FailureRatio(ratio, minimumCalls, window);
      return new Settings(consecutiveFailures, other, open, probing, classifier);
    }

    /** Returns these settings with another {@link OpenInterval}. */
    public Settings withOpenFor(Duration openFor, Duration maxOpenFor) {
      OpenInterval other = new OpenInterval(openFor, maxOpenFor);
      return new Settings(consecutiveFailures, ratio, other, probing, classifier);
    }

    /** Returns these settings with another {@link Probing}. */
    public Settings withProbes(int probes, int successesToClose, Duration lease) {
      Probing other = new Probing(probes, successesToClose, lease);
      return new Settings(consecutiveFailures, ratio, open, other, classifier);
    }

    /** Returns these settings with another {@link #classifier}. */
    public Settings withClassifier(Classifier other) {
      return new Settings(consecutiveFailures, ratio, open, probing, other);
    }
  }

  /** Permit for one call. Its outcome is reported once; a late or second report returns false. */
  public final class Permit implements AutoCloseable {
    private final Generation entered;
    private final AtomicBoolean reported = new AtomicBoolean();

    private Permit(Generation entered) {
      this.entered = entered;
    }

    /** Reports the outcome of the call; {@code IGNORED} if the caller has cancelled it. */
    public boolean report(Outcome outcome) {
      requireNonNull(outcome, "outcome");
      return reported.compareAndSet(false, true) && end(entered, outcome);
    }

    /** Reports the outcome that the {@link Classifier} returns; {@code error} is null if none. */
    public boolean finished(Object result, Throwable error) {
      return reported.compareAndSet(false, true) && judge(entered, result, error);
    }

    /** Reports that the call is ignored, unless another report was made. */
    @Override
    public void close() {
      report(Outcome.IGNORED);
    }
  }

  private static final Duration LONGEST = Duration.ofDays(36_500); // Twice that fits into a long.

  private static final Classifier ERRORS_FAIL =
      (result, error) -> {
        Outcome thrown = error instanceof InterruptedException ? Outcome.IGNORED : Outcome.FAILURE;
        return error == null ? Outcome.SUCCESS : thrown;
      };

  private final Settings settings;
  private final LongSupplier nanoTime;
  private final Consumer<? super State> onState;
  private final ConcurrentLinkedQueue<State> changes = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean reporting = new AtomicBoolean();

  private final Object lock = new Object(); // Guards writing what follows, and what is in it.
  private volatile Generation generation;

  /** Creates a closed breaker. The time is {@link System#nanoTime} or alike, never a wall clock. */
  public CircuitBreaker(Settings settings, LongSupplier nanoTime, Consumer<? super State> onState) {
    this.settings = requireNonNull(settings, "settings");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.onState = requireNonNull(onState, "onState");
    this.generation = new Generation(State.CLOSED, 0, nanoTime.getAsLong());
  }

  // ---- Calls

  /**
   * Makes a call, unless it is rejected.
   *
   * @throws OpenException if it is rejected; {@code work} has not begun then
   * @throws Exception if {@code work} throws it
   */
  public <R> R call(Callable<R> work) throws Exception {
    requireNonNull(work, "work");
    Generation entered = enter();
    R result;
    try {
      result = work.call();
    } catch (Throwable error) {
      judge(entered, null, error);
      throw error;
    }
    judge(entered, result, null);
    return result;
  }

  /**
   * Returns a permit for one call.
   *
   * @throws OpenException if the call is rejected
   */
  public Permit acquire() {
    return new Permit(enter());
  }

  private Generation enter() {
    Generation current = generation;
    return current.state == State.CLOSED ? current : enterAsProbe(current, nanoTime.getAsLong());
  }

  private Generation enterAsProbe(Generation seen, long now) {
    Generation current = seen;
    boolean isAdmitted = false;
    if (seen.state == State.HALF_OPEN || seen.isOver(now)) {
      synchronized (lock) {
        if (generation.isOver(now)) {
          begin(State.HALF_OPEN, generation.openNanos, now);
        }
        current = generation;
        isAdmitted = current.admits(now);
      }
      reportChanges();
    }
    if (!isAdmitted) {
      boolean isOpen = current.state == State.OPEN;
      throw new OpenException(isOpen ? current.openNanos - (now - current.sinceNanos) : 0);
    }
    return current;
  }

  private boolean judge(Generation entered, Object result, Throwable error) {
    Outcome outcome;
    try {
      outcome = requireNonNull(settings.classifier.outcomeOf(result, error), "outcome");
    } catch (Throwable e) {
      end(entered, Outcome.IGNORED); // The place of a probe is free again.
      throw e;
    }
    return end(entered, outcome);
  }

  private boolean end(Generation entered, Outcome outcome) {
    boolean isLight = outcome == Outcome.SUCCESS && settings.ratio.ratio == 0;
    if (isLight && entered.state == State.CLOSED && entered == generation) {
      if (entered.consecutiveFailures.get() != 0) { // Mostly 0, and a read is cheaper than a write.
        entered.consecutiveFailures.set(0);
      }
      return true;
    }
    long now = nanoTime.getAsLong();
    synchronized (lock) {
      if (entered != generation) {
        return false;
      }
      entered.count(outcome, now);
    }
    reportChanges();
    return true;
  }

  // ---- State

  /** Returns the state; half-open as soon as the open interval has elapsed, even without a call. */
  public State state() {
    Generation current = generation;
    return current.isOver(nanoTime.getAsLong()) ? State.HALF_OPEN : current.state;
  }

  /** Called under the lock, so it calls no listener: {@link #reportChanges} follows outside. */
  private void begin(State state, long openNanos, long now) {
    if (state != generation.state) {
      changes.add(state);
    }
    generation = new Generation(state, openNanos, now);
  }

  /** Calls the listener. If another thread is doing so, it reports these changes, too. */
  private void reportChanges() {
    while (!changes.isEmpty() && reporting.compareAndSet(false, true)) {
      try {
        Optional.ofNullable(changes.poll()).ifPresent(onState);
      } catch (Throwable e) {
        Thread thread = Thread.currentThread();
        thread.getUncaughtExceptionHandler().uncaughtException(thread, e);
      } finally {
        reporting.set(false);
      }
    }
  }

  private static <T extends Comparable<T>> void requireIn(T low, T value, T high, String name) {
    if (requireNonNull(value, name).compareTo(low) < 0 || value.compareTo(high) > 0) {
      throw new IllegalArgumentException(name + " not in " + low + ".." + high + ": " + value);
    }
  }

  /** A state and its counts. Fields that are not final are guarded by the lock. */
  private final class Generation {
    final State state;
    final long openNanos; // How long it is open, or was before it became half-open.
    final AtomicInteger consecutiveFailures = new AtomicInteger();
    final Window window = new Window();
    long sinceNanos; // When it began, or the last probe did.
    int places = settings.probing.probes;
    int successesToGo = settings.probing.successesToClose;

    Generation(State state, long openNanos, long now) {
      this.state = state;
      this.openNanos = openNanos;
      this.sinceNanos = now;
    }

    /** Returns whether the next call starts the half-open state, or its next generation. */
    boolean isOver(long now) {
      long waitNanos = state == State.OPEN ? openNanos : settings.probing.lease.toNanos();
      boolean isWaiting = state == State.OPEN || state == State.HALF_OPEN && places == 0;
      return isWaiting && now - sinceNanos >= waitNanos;
    }

    /** Returns whether a call is admitted; a probe takes a place. */
    boolean admits(long now) {
      boolean isProbe = state == State.HALF_OPEN && places > 0;
      if (isProbe) {
        places--;
        sinceNanos = now;
      }
      return isProbe || state == State.CLOSED;
    }

    void count(Outcome outcome, long now) {
      places++;
      if (state == State.HALF_OPEN) {
        judgeProbe(outcome, now);
      } else {
        judgeClosed(outcome, now);
      }
    }

    private void judgeProbe(Outcome outcome, long now) {
      if (outcome == Outcome.FAILURE) {
        begin(State.OPEN, Math.min(2 * openNanos, settings.open.maxOpenFor.toNanos()), now);
      } else if (outcome != Outcome.IGNORED && --successesToGo == 0) {
        begin(State.CLOSED, 0, now);
      }
    }

    private void judgeClosed(Outcome outcome, long now) {
      if (outcome == Outcome.IGNORED || outcome == Outcome.REACHABLE) {
        return;
      }
      boolean isFailure = outcome == Outcome.FAILURE;
      window.add((now - sinceNanos) / window.tenthNanos, isFailure ? 1 : 0);

      int row = isFailure ? consecutiveFailures.incrementAndGet() : 0;
      if (!isFailure) {
        consecutiveFailures.set(0);
      }
      if (isFailure && row == settings.consecutiveFailures || window.isReached()) {
        begin(State.OPEN, settings.open.openFor.toNanos(), now);
      }
    }
  }

  /** Sliding window of calls, in ten slots. */
  private final class Window {
    static final int SLOTS = 10;
    final long tenthNanos = settings.ratio.window.toNanos() / SLOTS;
    final long millionths = Math.round(settings.ratio.ratio * 1_000_000); // 0.55 * 100 > 55.
    final long[] calls = new long[SLOTS];
    final long[] failures = new long[SLOTS];
    long allCalls;
    long allFailures;
    long newest; // Slot, numbered from 0.

    void add(long slot, int failed) {
      while (newest < slot) {
        newest = Math.max(newest, slot - SLOTS) + 1;
        int oldest = (int) (newest % SLOTS);
        addTo(oldest, -calls[oldest], -failures[oldest]);
      }
      addTo((int) (newest % SLOTS), 1, failed);
    }

    private void addTo(int index, long moreCalls, long moreFailures) {
      calls[index] += moreCalls;
      failures[index] += moreFailures;
      allCalls += moreCalls;
      allFailures += moreFailures;
    }

    boolean isReached() {
      boolean isEnough = millionths > 0 && allCalls >= settings.ratio.minimumCalls;
      return isEnough && allFailures * 1_000_000 >= allCalls * millionths;
    }
  }
}
