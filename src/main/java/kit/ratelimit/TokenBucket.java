// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Admits at most {@code tokensPerSecond} requests a second on average, {@code burst} at once.
 *
 * <p>Use it to keep off load that a service cannot carry. To bound how many requests run <em>at the
 * same time</em>, use {@link java.util.concurrent.Semaphore}.
 *
 * <pre>{@code
 * TokenBucket bucket = new TokenBucket(100, 20); // 100 requests per second, bursts of 20
 * if (!bucket.tryAcquire()) {
 *   return tooManyRequests(); // HTTP 429
 * }
 * }</pre>
 *
 * <p>{@link #tryAcquire()} answers at once, {@link #tryAcquireNanos()} also says when to come back,
 * {@link #acquire} waits, and {@link #reserve} leaves the waiting to the caller.
 *
 * <h2>How it works</h2>
 *
 * <p>The bucket starts with {@code burst} tokens and never holds more. Tokens drip in at a constant
 * rate. A request that finds a token takes it and may pass.
 *
 * <pre>
 *   tokens
 *  burst +--.                          .------   full: further drips spill over
 *        |   \                       /
 *        |    \                    /  slope: tokensPerSecond
 *      0 +-----'-v-v-v-v-v-v-v-v-'------------&gt; time
 *         burst   admitted at      idle:
 *         spent   the drip rate    credit builds up again
 * </pre>
 *
 * <p>So any stretch of {@code t} seconds sees at most {@code burst + tokensPerSecond * t} requests.
 * Who waits takes the bucket below 0 at once, and others are refused or wait longer until it is out
 * of debt: first come, first served. No timer fills the bucket: the drip follows from the clock.
 *
 * <h2>Units</h2>
 *
 * <ul>
 *   <li><b>rate</b>: tokens per second; 0.5 is {@code every(Duration.ofSeconds(2))}. 0 admits one
 *       burst and no more, {@link Double#POSITIVE_INFINITY} all. 2 to the 40 is the fastest drip.
 *   <li><b>burst</b>: whole tokens, at least 1. A common choice is one second's worth of the rate.
 *   <li><b>time</b>: nanoseconds from an arbitrary origin, as {@link System#nanoTime} counts them;
 *       they may overflow. Never a wall clock: set back by an hour, it would stop the drip for an
 *       hour. Methods that end in {@code At} take a reading of the same clock.
 * </ul>
 *
 * <h2>Errors</h2>
 *
 * <p>A refusal is an ordinary answer and changes nothing. Asking for more than {@code burst} could
 * never succeed; it is an error of the program and throws {@link IllegalArgumentException}.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads. {@code tryAcquire} takes no lock and allocates nothing: it
 * reads the clock and, to admit, does one compare-and-set. Reserving, cancelling and {@link
 * #change} hold a lock for a few arithmetic operations; waiting is outside of it.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: <a href="https://pkg.go.dev/golang.org/x/time/rate">golang.org/x/time/rate</a>, which
 * go-kit's {@code ratelimit} package wraps. Three differences: a clock reading older than the last
 * one counts as the last one, so no interval is credited twice; a reservation can be cancelled once
 * and never gives back more than it took; an infinite rate forgives debt and leaves a full bucket.
 */
public final class TokenBucket {
  /** Nanoseconds until tokens that will not be there within 146 years. */
  public static final long NEVER = Long.MAX_VALUE;

  // Accounts are in billionths of a token: nanoseconds times tokens per second, without a division.
  private static final long TOKEN = 1_000_000_000;

  // Sums stay below 2 to the 63: less than 2 to the 61 drips in a period or fits into the bucket;
  // 2 to the 62 (4.6 billion tokens) may be promised ahead.
  private static final long MOST_PROMISED = 1L << 62;
  private static final long MOST_DRIPPED = 3L << 61;
  private static final double FASTEST = 1L << 40;

  private static final long ENDED = Long.MIN_VALUE; // The account of a period that is over.

  private final LongSupplier nanoTime;
  private volatile Period period; // Replaced under this.
  private long promisedUpTo; // Guarded by this: where the last reservation ends.

  /** Starts full and goes by the real time; see {@link #change} for the arguments. */
  public TokenBucket(double tokensPerSecond, int burst) {
    this(tokensPerSecond, burst, System::nanoTime);
  }

  /** Starts full and goes by {@code nanoTime}; see {@link #change} for the arguments. */
  public TokenBucket(double tokensPerSecond, int burst, LongSupplier nanoTime) {
    checkSettings(tokensPerSecond, burst);
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.period = new Period(tokensPerSecond, burst, nanoTime.getAsLong(), burst * TOKEN, 0);
  }

  /**
   * Returns the rate of one token every {@code interval}, infinite if that is 0.
   *
   * @throws IllegalArgumentException if the interval is negative
   */
  public static double every(Duration interval) {
    if (requireNonNull(interval, "interval").isNegative()) {
      throw new IllegalArgumentException("interval < 0: " + interval);
    }
    return 1e9 / (interval.getSeconds() * 1e9 + interval.getNano());
  }

  /** Takes a token if there is one. */
  public boolean tryAcquire() {
    return take(1, nanoTime) == 0;
  }

  /**
   * Takes that many tokens if they are there, otherwise none.
   *
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public boolean tryAcquire(int tokens) {
    return take(tokens, nanoTime) == 0;
  }

  /** As {@link #tryAcquire(int)}, at the given time. */
  public boolean tryAcquireAt(long nowNanos, int tokens) {
    return take(tokens, () -> nowNanos) == 0;
  }

  /**
   * Takes a token and returns 0; or takes nothing and returns in how many nanoseconds there will be
   * one unless others take it, or {@link #NEVER}.
   */
  public long tryAcquireNanos() {
    return period.nanosToDrip(take(1, nanoTime));
  }

  /** As {@link #tryAcquireNanos()}, at the given time, for that many tokens. */
  public long tryAcquireNanosAt(long nowNanos, int tokens) {
    return period.nanosToDrip(take(tokens, () -> nowNanos));
  }

  /**
   * Takes that many tokens and waits until they are there, if that is within the given time;
   * otherwise takes nothing and returns false at once. With 0 it does not wait; less than 0, a
   * deadline that has passed, is refused.
   *
   * @throws InterruptedException if the thread is interrupted, before or while it waits; the tokens
   *     are given back as {@link Reservation#cancel} does
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public boolean acquire(int tokens, Duration within) throws InterruptedException {
    if (requireNonNull(within, "within").isNegative()) {
      period.checkFit(tokens);
      return false;
    }
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (tryAcquire(tokens)) {
      return true;
    }
    long withinNanos = within.toSeconds() < NEVER / TOKEN ? within.toNanos() : NEVER - 1;
    Reservation reservation = promise(tokens, nanoTime.getAsLong(), withinNanos);
    while (reservation != null) {
      long nowNanos = nanoTime.getAsLong();
      if (reservation.atNanos - nowNanos <= 0) {
        return true;
      }
      if (Thread.interrupted()) {
        reservation.cancelAt(nowNanos);
        throw new InterruptedException();
      }
      LockSupport.parkNanos(this, reservation.atNanos - nowNanos); // May return early.
    }
    return false;
  }

  /**
   * Takes that many tokens, of those to come if need be, and says when they will be there.
   *
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public Reservation reserve(int tokens) {
    return reserveAt(nanoTime.getAsLong(), tokens);
  }

  /** As {@link #reserve}, at the given time. */
  public Reservation reserveAt(long nowNanos, int tokens) {
    Reservation reservation = promise(tokens, nowNanos, NEVER - 1);
    return reservation != null ? reservation : new Reservation(nowNanos + Long.MAX_VALUE / 2, 0, 0);
  }

  /** Returns how many tokens are there: less than 0 while some are promised ahead. */
  public double availableTokens() {
    return availableTokensAt(nanoTime.getAsLong());
  }

  /** As {@link #availableTokens}, at the given time. */
  public synchronized double availableTokensAt(long nowNanos) {
    long balance = period.balance(period.spent.get(), period.elapsedAt(nowNanos));
    return period.isInfinite() ? Double.POSITIVE_INFINITY : (double) balance / TOKEN;
  }

  /** The rate. */
  public double tokensPerSecond() {
    return period.tokensPerSecond;
  }

  /** The most that the bucket holds, and that can be taken at once. */
  public int burst() {
    return period.burst;
  }

  /**
   * Sets rate and burst. What has dripped before has dripped at the old rate. What a smaller bucket
   * cannot hold is lost; a larger one is not fuller. Reservations keep their time.
   *
   * @throws IllegalArgumentException if the rate is negative or not a number, or the burst below 1
   */
  public void change(double tokensPerSecond, int burst) {
    changeAt(nanoTime.getAsLong(), tokensPerSecond, burst);
  }

  /** As {@link #change}, at the given time. */
  public synchronized void changeAt(long nowNanos, double tokensPerSecond, int burst) {
    checkSettings(tokensPerSecond, burst);
    Period old = period;
    long spent = old.spent.getAndSet(ENDED); // From here on others wait, in renewIfOver.
    long elapsed = old.elapsedAt(nowNanos);
    long startNanos = old.startNanos + elapsed;
    long dripped = old.drippedBefore + old.dripped(elapsed);
    period = new Period(tokensPerSecond, burst, startNanos, old.balance(spent, elapsed), dripped);
    if (old.isInfinite()) {
      promisedUpTo = dripped; // Debt is forgiven; there is nothing to give back any more.
    }
  }

  private static void checkSettings(double tokensPerSecond, int burst) {
    if (!(tokensPerSecond >= 0)) {
      throw new IllegalArgumentException("tokensPerSecond not 0 or more: " + tokensPerSecond);
    }
    if (burst < 1) {
      throw new IllegalArgumentException("burst < 1: " + burst);
    }
  }

  /** Takes the tokens and returns 0, or returns how much is missing. */
  private long take(int tokens, LongSupplier clock) {
    while (true) {
      Period current = period;
      long spentBefore = current.spent.get();
      long nowNanos = clock.getAsLong();
      long spent = current.spent.get(); // Again: while the clock is read, others take.
      long elapsed = current.elapsedAt(nowNanos);
      current.checkFit(tokens);
      if (elapsed > current.lastsNanos || spent == ENDED) {
        if (current.isInfinite()) {
          return 0;
        }
        renewIfOver(nowNanos);
        continue;
      }
      long dripped = current.dripped(elapsed);
      long spentThen = current.spentThen(spent, dripped, tokens);
      // By a reading that is older than what others have just taken, there would be a little less
      // than there is, and the last token would be refused.
      if (spentThen > dripped && spent == spentBefore) {
        return spentThen - dripped;
      }
      if (spentThen <= dripped && current.spend(spent, spentThen, elapsed)) {
        return 0;
      }
    }
  }

  /** Takes the tokens, of those to come if need be; null if the wait would exceed the limit. */
  private synchronized Reservation promise(int tokens, long nowNanos, long withinNanos) {
    renewIfOver(nowNanos);
    Period current = period;
    current.checkFit(tokens);
    if (current.isInfinite()) {
      return new Reservation(nowNanos, 0, 0);
    }
    while (true) {
      long spent = current.spent.get();
      long elapsed = current.elapsedAt(nowNanos);
      long dripped = current.dripped(elapsed);
      long spentThen = current.spentThen(spent, dripped, tokens);
      long waitNanos = current.nanosToDrip(spentThen - dripped);
      if (waitNanos > 0 && waitNanos < NEVER) {
        waitNanos += current.startNanos + elapsed - nowNanos; // Until a clock set back is there.
      }
      if (waitNanos > withinNanos || spentThen - dripped > MOST_PROMISED) {
        return null;
      }
      if (current.spend(spent, spentThen, elapsed)) {
        promisedUpTo = current.drippedBefore + Math.max(spentThen, dripped);
        return new Reservation(nowNanos + waitNanos, tokens * TOKEN, promisedUpTo);
      }
    }
  }

  /** Starts a period with the same settings before numbers get too large. */
  private synchronized void renewIfOver(long nowNanos) {
    if (period.elapsedAt(nowNanos) > period.lastsNanos && !period.isInfinite()) {
      changeAt(nowNanos, period.tokensPerSecond, period.burst);
    }
  }

  /** Tokens that were taken in advance. */
  public final class Reservation {
    private final long atNanos;
    private final long upTo; // Where these end when all tokens that ever drip stand in line.
    private long taken; // Guarded by the bucket; 0 when there is nothing to give back.

    private Reservation(long atNanos, long taken, long upTo) {
      this.atNanos = atNanos;
      this.taken = taken;
      this.upTo = upTo;
    }

    /** Returns how long to wait before acting; 146 years if the tokens will never be there. */
    public Duration delay() {
      return delayAt(nanoTime.getAsLong());
    }

    /** As {@link #delay}, at the given time. */
    public Duration delayAt(long nowNanos) {
      return Duration.ofNanos(Math.max(0, atNanos - nowNanos));
    }

    /**
     * Gives the tokens back, less as many as were promised after them: to those who wait a time has
     * been told, when a full bucket would admit a burst besides. Too late, it does nothing.
     */
    public void cancel() {
      cancelAt(nanoTime.getAsLong());
    }

    /** As {@link #cancel}, at the given time. */
    public void cancelAt(long nowNanos) {
      synchronized (TokenBucket.this) {
        long restored = taken - Math.max(0, promisedUpTo - upTo);
        if (restored <= 0 || atNanos - nowNanos < 0 || period.isInfinite()) {
          return;
        }
        renewIfOver(nowNanos);
        long spent;
        do {
          spent = period.spent.get();
        } while (!period.spend(spent, spent - restored, period.elapsedAt(nowNanos)));
        if (upTo == promisedUpTo) {
          promisedUpTo -= taken; // As if it had never been.
        }
        taken = 0;
      }
    }
  }

  /** A time with one rate and one burst. */
  private static final class Period {
    final double tokensPerSecond;
    final int burst;
    final long startNanos;
    final long lastsNanos; // Until numbers get too large; -1 if the rate is infinite.
    final long capacity;
    final long drippedBefore; // In earlier periods. It may overflow: only differences are used.

    // In n nanoseconds n * 2^shift * factor / 2^64 drips: exact to the last bit of the rate.
    private final int shift;
    private final long factor;

    final AtomicLong spent; // The account: spent or spilled over, less what there was at first.
    private final AtomicLong markNanos = new AtomicLong(); // Older readings count as this one.

    Period(double tokensPerSecond, int burst, long startNanos, long balance, long drippedBefore) {
      this.tokensPerSecond = tokensPerSecond;
      this.burst = burst;
      this.startNanos = startNanos;
      this.capacity = burst * TOKEN;
      this.drippedBefore = drippedBefore;
      this.spent = new AtomicLong(-balance);
      double rate = Math.min(tokensPerSecond, FASTEST);
      if (rate != Math.rint(rate)) {
        rate = Math.nextUp(rate); // Or 49 ms at every(49 ms), 20.40816..., could lack the last bit.
      }
      this.shift = Math.max(0, Math.getExponent(rate) + 2);
      this.factor = (long) Math.ceil(Math.scalb(rate, 64 - shift)); // Below 2 to the 63.
      this.lastsNanos = isInfinite() ? -1 : 1L << (62 - shift);
    }

    boolean isInfinite() {
      return tokensPerSecond == Double.POSITIVE_INFINITY;
    }

    void checkFit(int tokens) {
      if (tokens < 0) {
        throw new IllegalArgumentException("tokens < 0: " + tokens);
      }
      if (tokens > burst && !isInfinite()) {
        throw new IllegalArgumentException("tokens > burst " + burst + ": " + tokens);
      }
    }

    long elapsedAt(long nowNanos) {
      long elapsed = nowNanos - startNanos;
      long mark = markNanos.getOpaque();
      return elapsed < mark ? mark : elapsed; // Math.max would be slower, by 1 ns of 35.
    }

    long dripped(long elapsed) {
      return elapsed <= lastsNanos
          ? Math.multiplyHigh(elapsed << shift, factor)
          : (long) Math.min(MOST_DRIPPED, tokensPerSecond * Math.max(1, elapsed));
    }

    long nanosToDrip(long missing) {
      if (missing <= 0) {
        return 0;
      }
      double nanos = missing / Math.min(tokensPerSecond, FASTEST);
      return nanos < 1L << 62 ? (long) Math.ceil(nanos) : NEVER;
    }

    long balance(long spent, long elapsed) {
      return Math.min(capacity, dripped(elapsed) - spent);
    }

    long spentThen(long spent, long dripped, int tokens) {
      return Math.max(spent, dripped - capacity) + tokens * TOKEN;
    }

    boolean spend(long before, long after, long elapsed) {
      markNanos.setOpaque(elapsed);
      return spent.compareAndSet(before, after);
    }
  }
}
