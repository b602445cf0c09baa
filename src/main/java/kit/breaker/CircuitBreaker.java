// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Circuit breaker: rejects calls to a failing dependency and probes it for recovery.
 *
 * <p>Use one for each thing that fails by itself: one server, not a service of many servers. It does
 * not limit how long a call takes; put a timeout inside, so that the breaker sees it.
 *
 * <pre>{@code
 * Settings settings = Settings.defaults().withFailureRatio(0.5, 20, Duration.ofSeconds(10));
 * CircuitBreaker breaker = new CircuitBreaker(settings, System::nanoTime, state -> {});
 * String response = breaker.call(() -> ask(server)); // OpenException: the server was not asked
 *
 * CircuitBreaker.Permit permit = breaker.acquire(); // the same in two steps
 * askLater(server).whenComplete(permit::finished);
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
 *
 *   from any state:  forceOpen() -> FORCED_OPEN, disable() -> DISABLED, reset() -> CLOSED
 * }</pre>
 *
 * <p>Half-open, a few calls are admitted at a time: the probes. If all are under way and the last
 * was admitted a lease ago (longer than a call should take), all are given up, so that a lost one
 * does not block for ever.
 *
 * <p>Each state begins a <em>generation</em>, and so does giving up probes. The result of a call of
 * an earlier generation is late and changes nothing: it says nothing about the dependency of now.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; it has no thread and no timer. A rejection while open takes no lock, nor does a
 * success while closed, unless there is a failure ratio; {@code call} allocates nothing then.
 * Changes of state are reported in order, one at a time, by threads that use the breaker, under no
 * lock; what a listener throws goes to its thread's uncaught exception handler.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs. Source: <a
 * href="https://github.com/sony/gobreaker">gobreaker</a>; the failure ratio is that of Hystrix.
 */
public final class CircuitBreaker {
  /** What the breaker does with calls; see the diagram in {@link CircuitBreaker}. */
  public enum State {
    /** Admits all calls and judges them. */
    CLOSED,
    /** Rejects all calls until the open interval has elapsed. */
    OPEN,
    /** Admits a few calls at a time, the probes, and judges them. */
    HALF_OPEN,
    /** Rejects all calls until the operator decides otherwise. */
    FORCED_OPEN,
    /** Admits all calls, and counts but does not judge them. */
    DISABLED
  }

  /** What a call shows about the health of the dependency. */
  public enum Outcome {
    /** It works. */
    SUCCESS,
    /** It does not work. */
    FAILURE,
    /** It responds, which is a success of a probe; otherwise ignored. */
    REACHABLE,
    /** Nothing. */
    IGNORED
  }

  /** Judges a call. If it throws, the call is ignored and its caller gets the exception. */
  public interface Classifier {
    /** Judges by the result, or by the error if not null, and by the nanoseconds that it took. */
    Outcome outcomeOf(Object result, Throwable error, long elapsedNanos);
  }

  /**
   * State and counts. The last four only ever grow; late results are in none of them.
   *
   * @param state half-open as soon as the open interval has elapsed
   * @param generation how many there were before this one
   * @param consecutiveFailures since the last success in this generation
   * @param successes calls that succeeded
   * @param failures calls that failed
   * @param ignored calls that were admitted and showed nothing
   * @param refused calls that were rejected
   */
  public record Snapshot(
      State state,
      long generation,
      int consecutiveFailures,
      long successes,
      long failures,
      long ignored,
      long refused) {}

  /** The breaker rejected the call, which has not begun. Has no stack trace, so that it is cheap. */
  public static final class OpenException extends RuntimeException {
    private final long nanosLeft;

    private OpenException(long nanosLeft) {
      super("circuit breaker is open", null, false, false);
      this.nanosLeft = nanosLeft;
    }

    /** Returns how long it stays open; empty if that is unknown: forced open, or being probed. */
    public Optional<Duration> retryAfter() {
      return nanosLeft > 0 ? Optional.of(Duration.ofNanos(nanosLeft)) : Optional.empty();
    }
  }

  /**
   * Opens when {@code ratio} of the calls in the window failed.
   *
   * @param ratio 0 to 1, to a millionth; 0 is never
   * @param minimumCalls the least number of calls in the window, at least 1
   * @param window how long a call counts, 10 ns to 100 years; it moves by tenths
   */
  public record FailureRatio(double ratio, int minimumCalls, Duration window) {}

  /**
   * How long it stays open.
   *
   * @param openFor the first time; 1 ns to 100 years
   * @param maxOpenFor it doubles each time that a probe fails, up to this; at least {@code openFor}
   */
  public record OpenInterval(Duration openFor, Duration maxOpenFor) {}

  /**
   * How it finds out whether it can close.
   *
   * @param probes how many calls are admitted at a time, at least 1
   * @param successesToClose how many of them must succeed, at least 1
   * @param lease how long after the last was admitted all are given up; 1 ns to 100 years
   */
  public record Probing(int probes, int successesToClose, Duration lease) {}

  /**
   * The defaults, or what differs from them.
   *
   * @param consecutiveFailures opens after so many failures in a row; 0 is never
   * @param ratio opens when too large a part of the calls failed
   * @param open how long it stays open
   * @param probing how it closes again
   * @param classifier what a failure is
   */
  public record Settings(
      int consecutiveFailures,
      FailureRatio ratio,
      OpenInterval open,
      Probing probing,
      Classifier classifier) {
    /** Checks that all are in their ranges. */
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
     * Returns the defaults: opens after 5 failures in a row, for 5 s and later 10 s; no ratio. 1 probe
     * at a time, 1 success closes, 30 s lease.
     *
     * <p>Whatever is thrown is a failure, except {@link InterruptedException}, which is ignored. This
     * includes errors of the calling program: libraries wrap I/O errors in unchecked exceptions, so
     * a default cannot tell them apart. Set a classifier that knows the exceptions of the dependency.
     */
    public static Settings defaults() {
      FailureRatio none = new FailureRatio(0, 20, Duration.ofSeconds(10));
      OpenInterval open = new OpenInterval(Duration.ofSeconds(5), Duration.ofSeconds(10));
      return new Settings(5, none, open, new Probing(1, 1, Duration.ofSeconds(30)), ERRORS_FAIL);
    }

    /** Returns these settings, opening after so many failures in a row; 0 is never. */
    public Settings withConsecutiveFailures(int failures) {
      return new Settings(failures, ratio, open, probing, classifier);
    }

    /** Returns these settings with another {@link FailureRatio}: of at least so many calls. */
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

  /** Permit for one call. Report how it went, once; the methods return false if it changed nothing. */
  public final class Permit implements AutoCloseable {
    private final Generation entered;
    private final long startedAtNanos = clockIfNeeded();
    private final AtomicBoolean reported = new AtomicBoolean();

    private Permit(Generation entered) {
      this.entered = entered;
    }

    /** Reports that the call succeeded. */
    public boolean success() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.SUCCESS);
    }

    /** Reports that the call failed. */
    public boolean failure() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.FAILURE);
    }

    /** Reports that the call shows nothing, such as one that its caller gave up. */
    public boolean ignored() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.IGNORED);
    }

    /** Leaves it to the {@link Classifier} how the call went; {@code error} is null if none. */
    public boolean finished(Object result, Throwable error) {
      return reported.compareAndSet(false, true) && judge(entered, startedAtNanos, result, error);
    }

    /** Reports that the call is ignored, unless another report was made. */
    @Override
    public void close() {
      ignored();
    }
  }

  private static final Duration LONGEST = Duration.ofDays(36_500); // Twice that fits into a long.

  private static final Classifier ERRORS_FAIL =
      (result, error, elapsedNanos) -> {
        Outcome thrown = error instanceof InterruptedException ? Outcome.IGNORED : Outcome.FAILURE;
        return error == null ? Outcome.SUCCESS : thrown;
      };

  private final Settings settings;
  private final LongSupplier nanoTime;
  private final Consumer<? super State> onState;
  private final ConcurrentLinkedQueue<State> changes = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean reporting = new AtomicBoolean();
  private final LongAdder successes = new LongAdder();
  private final LongAdder refused = new LongAdder();

  private final Object lock = new Object(); // Guards writing all that follows.
  private volatile Generation generation;
  private long failures;
  private long ignored;

  /** Starts closed. Time is that of {@link System#nanoTime} or alike, never of a wall clock. */
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
   * @throws Exception what {@code work} throws, as it is
   */
  public <R> R call(Callable<R> work) throws Exception {
    requireNonNull(work, "work");
    Generation entered = enter();
    long startedAtNanos = clockIfNeeded();
    R result;
    try {
      result = work.call();
    } catch (Throwable error) {
      judge(entered, startedAtNanos, null, error);
      throw error;
    }
    judge(entered, startedAtNanos, result, null);
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
    if (current.admitsAll) {
      return current;
    }
    long now = nanoTime.getAsLong();
    boolean isAdmitted = false;
    if (current.state == State.HALF_OPEN || current.isOver(now)) {
      synchronized (lock) {
        if (generation.isOver(now)) {
          begin(State.HALF_OPEN, generation.openNanos, now);
        }
        current = generation;
        isAdmitted = current.admitsAll || current.places > 0;
        if (!current.admitsAll && isAdmitted) {
          current.places--;
          current.sinceNanos = now;
        }
      }
      reportChanges();
    }
    if (!isAdmitted) {
      refused.increment();
      boolean isOpen = current.state == State.OPEN;
      throw new OpenException(isOpen ? current.openNanos - (now - current.sinceNanos) : 0);
    }
    return current;
  }

  private long clockIfNeeded() {
    return settings.classifier == ERRORS_FAIL ? 0 : nanoTime.getAsLong();
  }

  private boolean judge(Generation entered, long startedAtNanos, Object result, Throwable error) {
    long elapsedNanos = clockIfNeeded() - startedAtNanos;
    Outcome outcome =
        Outcome.IGNORED; // If the classifier fails; the place of a probe is free again.
    boolean hasChanged;
    try {
      outcome = requireNonNull(settings.classifier.outcomeOf(result, error, elapsedNanos));
    } finally {
      hasChanged = end(entered, outcome);
    }
    return hasChanged;
  }

  private boolean end(Generation entered, Outcome outcome) {
    boolean isLight = outcome == Outcome.SUCCESS && settings.ratio.ratio == 0;
    if (isLight && entered.admitsAll && entered == generation) {
      successes.increment();
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

  /** Returns state and counts; successes and rejections may be those of a moment later. */
  public Snapshot snapshot() {
    long now = nanoTime.getAsLong();
    synchronized (lock) {
      State state = generation.isOver(now) ? State.HALF_OPEN : generation.state;
      int row = generation.consecutiveFailures.get();
      return new Snapshot(
          state, generation.number, row, successes.sum(), failures, ignored, refused.sum());
    }
  }

  /** Rejects all calls from now on, until another command. Calls under way are late. */
  public void forceOpen() {
    begin(State.FORCED_OPEN, 0, nanoTime.getAsLong());
    reportChanges();
  }

  /** Admits all calls from now on and judges none, until another command; see {@link State}. */
  public void disable() {
    begin(State.DISABLED, 0, nanoTime.getAsLong());
    reportChanges();
  }

  /** Closes it, with nothing held against the dependency; calls under way are late. */
  public void reset() {
    begin(State.CLOSED, 0, nanoTime.getAsLong());
    reportChanges();
  }

  /** Calls no listener, since the lock may be held: {@link #reportChanges} follows outside of it. */
  private void begin(State state, long openNanos, long now) {
    synchronized (lock) {
      if (state != generation.state) {
        changes.add(state);
      }
      generation = new Generation(state, openNanos, now);
    }
  }

  /** Calls the listener. If another thread is at it already, that one reports these changes, too. */
  private void reportChanges() {
    while (!changes.isEmpty() && reporting.compareAndSet(false, true)) {
      try {
        for (State state = changes.poll(); state != null; state = changes.poll()) {
          onState.accept(state);
        }
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

  /** A state, and what is counted in it. What is not final is guarded by the lock. */
  private final class Generation {
    final State state;
    final long number = generation == null ? 0 : generation.number + 1;
    final boolean admitsAll;
    final long openNanos; // How long it is open, or was before it became half-open.
    final AtomicInteger consecutiveFailures = new AtomicInteger();
    final Window window = new Window();
    long sinceNanos; // When it began, or the last probe did.
    int places; // For probes.
    int successesToGo = settings.probing.successesToClose;

    Generation(State state, long openNanos, long now) {
      this.state = state;
      this.admitsAll = state == State.CLOSED || state == State.DISABLED;
      this.openNanos = openNanos;
      this.sinceNanos = now;
      this.places = state == State.HALF_OPEN ? settings.probing.probes : 0;
    }

    /** Whether the next call is to begin the half-open state, perhaps once more. */
    boolean isOver(long now) {
      long waitNanos = state == State.OPEN ? openNanos : settings.probing.lease.toNanos();
      boolean isWaiting = state == State.OPEN || state == State.HALF_OPEN && places == 0;
      return isWaiting && now - sinceNanos >= waitNanos;
    }

    void count(Outcome outcome, long now) {
      boolean isProbe = state == State.HALF_OPEN;
      boolean isSuccess = outcome == Outcome.SUCCESS || isProbe && outcome == Outcome.REACHABLE;
      places++;
      if (isSuccess) {
        successes.increment();
        consecutiveFailures.set(0);
      } else if (outcome == Outcome.FAILURE) {
        failures++;
        consecutiveFailures.incrementAndGet();
      } else {
        ignored++;
        return;
      }

      if (isProbe) {
        judgeProbe(isSuccess, now);
      } else if (state == State.CLOSED) {
        judgeClosed(isSuccess, now);
      }
    }

    private void judgeClosed(boolean isSuccess, long now) {
      window.add((now - sinceNanos) / window.tenthNanos, isSuccess ? 0 : 1);
      boolean isRow = !isSuccess && consecutiveFailures.get() == settings.consecutiveFailures;
      if (isRow || window.isReached()) {
        begin(State.OPEN, settings.open.openFor.toNanos(), now);
      }
    }

    private void judgeProbe(boolean isSuccess, long now) {
      if (!isSuccess) {
        begin(State.OPEN, Math.min(2 * openNanos, settings.open.maxOpenFor.toNanos()), now);
      } else if (--successesToGo == 0) {
        begin(State.CLOSED, 0, now);
      }
    }
  }

  /** The calls of the last time, counted by tenths of it. */
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
