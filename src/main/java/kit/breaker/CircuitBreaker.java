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
import java.util.stream.LongStream;

/**
 * Stops calling what keeps failing: after enough failures it refuses calls at once, and after a rest
 * it lets a few through to find out whether all is well again.
 *
 * <p>Use one for each thing that fails by itself: one server, not a service of many servers. It does
 * not limit how long a call takes; put a timeout inside, so that the breaker sees it.
 *
 * <pre>{@code
 * CircuitBreaker breaker = new CircuitBreaker(Settings.defaults(), System::nanoTime, state -> {});
 * String answer = breaker.call(() -> ask(server)); // OpenException: not even tried
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
 *      ^                                after the rest, if  |              | a failure; the
 *      |                                somebody asks       v              | next rest is longer
 *      '------------------- enough successes ----------- HALF_OPEN --------'
 *
 *   from any state:  forceOpen() -> FORCED_OPEN, disable() -> DISABLED, reset() -> CLOSED
 * }</pre>
 *
 * <p>Half-open, a few calls pass at a time: the probes. If all are out and the last one left a lease
 * ago (longer than a call should take), all are given up, so that a lost one does not block for ever.
 *
 * <p>Each state begins a <em>generation</em>, and so does giving up probes. A result from a call of an
 * earlier generation is late and changes nothing: it says nothing about what is now.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads; it has none, and no timer. A refusal while open takes no lock, nor
 * does a success while closed, unless there is a ratio; {@code call} allocates nothing then. Changes of
 * state are reported in order, one at a time, by threads that use the breaker, under no lock; what a
 * listener throws goes to its thread's uncaught exception handler.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs. Source: <a
 * href="https://github.com/sony/gobreaker">gobreaker</a>; the ratio is that of Hystrix.
 */
public final class CircuitBreaker {
  /** See the picture in {@link CircuitBreaker}; disabled, all calls pass and none is judged. */
  public enum State {
    CLOSED,
    OPEN,
    HALF_OPEN,
    FORCED_OPEN,
    DISABLED
  }

  /** What a call says about the health of what was called: well, not well, nothing. */
  public enum Outcome {
    SUCCESS,
    FAILURE,
    IGNORED
  }

  /** Says how a call went. If it throws, the call is ignored and its caller gets the exception. */
  public interface Classifier {
    /** Judges by the result, or by the error if not null, and by the nanoseconds that it took. */
    Outcome outcomeOf(Object result, Throwable error, long elapsedNanos);
  }

  /** State and counts. The last four only ever grow; late results are in none of them. */
  public record Snapshot(
      State state,
      long generation,
      int consecutiveFailures,
      long successes,
      long failures,
      long ignored,
      long refused) {}

  /** Means "not tried": the breaker let no call pass. Has no stack trace, so that it is cheap. */
  public static final class OpenException extends RuntimeException {
    private final long restNanos;

    private OpenException(long restNanos) {
      super("circuit breaker is open", null, false, false);
      this.restNanos = restNanos;
    }

    /** How long it stays open; empty if nobody knows: forced open, or probes about to decide. */
    public Optional<Duration> retryAfter() {
      return restNanos > 0 ? Optional.of(Duration.ofNanos(restNanos)) : Optional.empty();
    }
  }

  /**
   * Opens after so many failures in a row, or when {@code ratio} (0 to 1, to a millionth) of the calls
   * in the window failed and there were {@code minimumCalls}. 0 is never. The window moves by tenths.
   */
  public record Limits(int consecutiveFailures, double ratio, int minimumCalls, Duration window) {}

  /** Rests for {@code openFor}, doubled each time that half-open fails, to {@code maxOpenFor}. */
  public record Recovery(
      Duration openFor, Duration maxOpenFor, int probes, int successesToClose, Duration lease) {}

  /** When it opens, how it closes again, and what a failure is. */
  public record Settings(Limits limits, Recovery recovery, Classifier classifier) {
    /** Checks that times are 1 ns to 100 years (a window 10 ns), and numbers 1 or more. */
    public Settings {
      requireIn(0, limits.consecutiveFailures, Integer.MAX_VALUE, "consecutiveFailures");
      requireIn(0.0, limits.ratio, 1.0, "ratio");
      requireIn(1, limits.minimumCalls, Integer.MAX_VALUE, "minimumCalls");
      requireIn(Duration.ofNanos(BUCKETS), limits.window, LONGEST, "window");
      requireIn(Duration.ofNanos(1), recovery.openFor, LONGEST, "openFor");
      requireIn(recovery.openFor, recovery.maxOpenFor, LONGEST, "maxOpenFor");
      requireIn(1, recovery.probes, Integer.MAX_VALUE, "probes");
      requireIn(1, recovery.successesToClose, Integer.MAX_VALUE, "successesToClose");
      requireIn(Duration.ofNanos(1), recovery.lease, LONGEST, "lease");
      requireNonNull(classifier, "classifier");
    }

    /**
     * Opens after 5 failures in a row, for 5 s, later 10 s; no ratio. 1 probe, 1 success closes, 30 s
     * lease. Whatever is thrown is a failure, but {@link InterruptedException} is ignored.
     */
    public static Settings defaults() {
      Limits limits = new Limits(5, 0, 20, Duration.ofSeconds(10));
      Recovery recovery =
          new Recovery(Duration.ofSeconds(5), Duration.ofSeconds(10), 1, 1, Duration.ofSeconds(30));
      return new Settings(limits, recovery, ERRORS_FAIL);
    }

    public Settings withLimits(Limits other) {
      return new Settings(other, recovery, classifier);
    }

    public Settings withRecovery(Recovery other) {
      return new Settings(limits, other, classifier);
    }

    public Settings withClassifier(Classifier other) {
      return new Settings(limits, recovery, other);
    }
  }

  /** Leave for one call. Say how it went, once: the methods return false if that changed nothing. */
  public final class Permit implements AutoCloseable {
    private final Generation entered;
    private final long startedAtNanos = startedAtNanos();
    private final AtomicBoolean reported = new AtomicBoolean();

    private Permit(Generation entered) {
      this.entered = entered;
    }

    public boolean success() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.SUCCESS);
    }

    public boolean failure() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.FAILURE);
    }

    public boolean ignored() {
      return reported.compareAndSet(false, true) && end(entered, Outcome.IGNORED);
    }

    /** Leaves it to the {@link Classifier} how it went; {@code error} is null if there was none. */
    public boolean finished(Object result, Throwable error) {
      return reported.compareAndSet(false, true) && judge(entered, startedAtNanos, result, error);
    }

    /** Without a report, the call is ignored. */
    @Override
    public void close() {
      ignored();
    }
  }

  private static final int BUCKETS = 10;
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
  private final Object lock = new Object(); // Guards all below; "generation" is also read without.
  private volatile Generation generation;
  private long nextRestNanos;
  private long failures;
  private long ignored;

  /** Starts closed. Time is that of {@link System#nanoTime} or alike, never of a wall clock. */
  public CircuitBreaker(Settings settings, LongSupplier nanoTime, Consumer<? super State> onState) {
    this.settings = requireNonNull(settings, "settings");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.onState = requireNonNull(onState, "onState");
    this.nextRestNanos = settings.recovery.openFor.toNanos();
    this.generation = new Generation(State.CLOSED, 0, nanoTime.getAsLong());
  }

  /**
   * Makes a call, unless it is refused.
   *
   * @throws OpenException if it is refused; {@code work} has not begun then
   * @throws Exception what {@code work} throws, as it is
   */
  public <R> R call(Callable<R> work) throws Exception {
    requireNonNull(work, "work");
    Generation entered = enter();
    long startedAtNanos = startedAtNanos();
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

  /** Returns leave for one call, or throws {@link OpenException} if it is refused. */
  public Permit acquire() {
    return new Permit(enter());
  }

  /** The state; half-open as soon as the rest is over, even if nobody has asked yet. */
  public State state() {
    Generation current = generation;
    return current.isOver(nanoTime.getAsLong()) ? State.HALF_OPEN : current.state;
  }

  public Snapshot snapshot() {
    long now = nanoTime.getAsLong();
    synchronized (lock) {
      State state = generation.isOver(now) ? State.HALF_OPEN : generation.state;
      int inARow = generation.consecutiveFailures.get();
      return new Snapshot(
          state, generation.number, inARow, successes.sum(), failures, ignored, refused.sum());
    }
  }

  public void forceOpen() {
    begin(State.FORCED_OPEN, nanoTime.getAsLong());
  }

  public void disable() {
    begin(State.DISABLED, nanoTime.getAsLong());
  }

  /** Closes it, with nothing held against it; calls under way are late. */
  public void reset() {
    begin(State.CLOSED, nanoTime.getAsLong());
  }

  private void begin(State state, long now) {
    synchronized (lock) {
      Generation before = generation;
      generation = new Generation(state, before.number + 1, now);
      if (state == State.OPEN) {
        nextRestNanos = Math.min(2 * nextRestNanos, settings.recovery.maxOpenFor.toNanos());
      } else if (state == State.CLOSED) {
        nextRestNanos = settings.recovery.openFor.toNanos();
      }
      if (state != before.state) {
        changes.add(state);
      }
    }
    report();
  }

  /** Does nothing under the lock. If another thread is at it, that one reports these too. */
  private void report() {
    while (!changes.isEmpty() && !Thread.holdsLock(lock) && reporting.compareAndSet(false, true)) {
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

  private Generation enter() {
    Generation current = generation;
    if (current.passesAll) {
      return current;
    }
    long now = nanoTime.getAsLong();
    boolean passes = false;
    if (current.state == State.HALF_OPEN || current.isOver(now)) {
      synchronized (lock) {
        if (generation.isOver(now)) {
          begin(State.HALF_OPEN, now);
        }
        current = generation;
        passes = current.passesAll || current.places > 0;
        if (passes) {
          current.places--;
          current.sinceNanos = now;
        }
      }
      report();
    }
    if (!passes) {
      refused.increment();
      boolean isOpen = current.state == State.OPEN;
      throw new OpenException(isOpen ? current.waitNanos - (now - current.sinceNanos) : 0);
    }
    return current;
  }

  private long startedAtNanos() {
    return settings.classifier == ERRORS_FAIL ? 0 : nanoTime.getAsLong(); // Those need no time.
  }

  private boolean judge(Generation entered, long startedAtNanos, Object result, Throwable error) {
    Outcome outcome;
    try {
      long elapsedNanos = startedAtNanos() - startedAtNanos;
      outcome = requireNonNull(settings.classifier.outcomeOf(result, error, elapsedNanos));
    } catch (Throwable e) {
      end(entered, Outcome.IGNORED); // Else the place would be lost.
      throw e;
    }
    return end(entered, outcome);
  }

  private boolean end(Generation entered, Outcome outcome) {
    boolean isLight = outcome == Outcome.SUCCESS && settings.limits.ratio == 0;
    if (isLight && entered.passesAll && entered == generation) {
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
      entered.note(outcome, now);
    }
    report();
    return true;
  }

  private static <T extends Comparable<T>> void requireIn(T low, T value, T high, String name) {
    if (requireNonNull(value, name).compareTo(low) < 0 || value.compareTo(high) > 0) {
      throw new IllegalArgumentException(name + " not in " + low + ".." + high + ": " + value);
    }
  }

  /** A state and all that is counted in it: what comes late counts where nobody looks any more. */
  private final class Generation {
    final State state;
    final boolean passesAll;
    final long number;
    final long beganAtNanos;
    final long waitNanos;
    final long bucketNanos = settings.limits.window.toNanos() / BUCKETS;
    final AtomicInteger consecutiveFailures = new AtomicInteger();
    final long[] failed = new long[BUCKETS]; // Guarded by the lock, as is all that follows.
    final long[] ended = new long[BUCKETS];
    long newest; // Bucket, numbered from 0.
    int probeSuccesses;
    int places;
    long sinceNanos;

    Generation(State state, long number, long now) {
      this.state = state;
      this.passesAll = state == State.CLOSED || state == State.DISABLED;
      this.number = number;
      this.beganAtNanos = now;
      this.sinceNanos = now;
      boolean isHalfOpen = state == State.HALF_OPEN;
      this.places = isHalfOpen ? settings.recovery.probes : 0;
      this.waitNanos = isHalfOpen ? settings.recovery.lease.toNanos() : nextRestNanos;
    }

    /** Whether there has been no place for so long that half-open begins, perhaps once more. */
    boolean isOver(long now) {
      boolean waits = state == State.OPEN || state == State.HALF_OPEN;
      return waits && places == 0 && now - sinceNanos >= waitNanos;
    }

    void note(Outcome outcome, long now) {
      places++;
      long bucket = (now - beganAtNanos) / bucketNanos;
      while (newest < bucket) {
        newest = Math.max(newest, bucket - BUCKETS) + 1;
        failed[(int) (newest % BUCKETS)] = 0;
        ended[(int) (newest % BUCKETS)] = 0;
      }
      int slot = (int) (newest % BUCKETS);
      if (outcome == Outcome.IGNORED) {
        ignored++;
      } else if (outcome == Outcome.SUCCESS) {
        successes.increment();
        consecutiveFailures.set(0);
        ended[slot]++;
        if (state == State.HALF_OPEN && ++probeSuccesses == settings.recovery.successesToClose) {
          begin(State.CLOSED, now);
        }
      } else {
        failures++;
        ended[slot]++;
        failed[slot]++;
        boolean row = consecutiveFailures.incrementAndGet() == settings.limits.consecutiveFailures;
        if (state == State.HALF_OPEN || state == State.CLOSED && (row || isRatioReached())) {
          begin(State.OPEN, now);
        }
      }
    }

    private boolean isRatioReached() {
      long calls = LongStream.of(ended).sum();
      long millionths = Math.round(settings.limits.ratio * 1_000_000); // 0.55 * 100 > 55.
      boolean isReached = LongStream.of(failed).sum() * 1_000_000 >= calls * millionths;
      return millionths > 0 && calls >= settings.limits.minimumCalls && isReached;
    }
  }
}
