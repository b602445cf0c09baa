// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Token-bucket rate limiter: admits {@code tokensPerSecond} requests a second on average and bursts
 * of at most {@code burst}.
 *
 * <p>Use it to shed load above a rate. To limit the number of <em>concurrent</em> requests, use
 * {@link java.util.concurrent.Semaphore}.
 *
 * <pre>{@code
 * TokenBucket bucket = new TokenBucket(100, 20); // 100 requests per second, bursts of 20
 * if (!bucket.tryAcquire()) {
 *   return tooManyRequests(); // HTTP 429
 * }
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The bucket starts full, with {@code burst} tokens, and never holds more. Tokens are produced
 * at a constant rate; a full bucket discards them. Each request takes one or more.
 *
 * <pre>
 *   tokens
 *  burst +--.                          .------   full: new tokens are discarded
 *        |   \                       /
 *        |    \                    /  slope: tokensPerSecond
 *      0 +-----'-v-v-v-v-v-v-v-v-'------------&gt; time
 *         burst   admitted at      idle:
 *         taken   the rate         the bucket fills up
 * </pre>
 *
 * <p>So at most {@code burst + tokensPerSecond * t} requests are admitted in {@code t} seconds; one
 * that waits is admitted when its wait is over. It takes tokens that are still to be produced, and
 * until they are, the bucket is below 0: others are rejected, or wait longer. First come, first
 * served.
 *
 * <h2>Units</h2>
 *
 * <ul>
 *   <li><b>rate</b>: tokens per second, 0 or more; 0.5 is {@code every(Duration.ofSeconds(2))}. 0
 *       admits one burst and no more, {@link Double#POSITIVE_INFINITY} everything. Other rates
 *       above 2 to the 40 count as 2 to the 40.
 *   <li><b>burst</b>: whole tokens, at least 1. A common choice is one second's worth of the rate.
 *   <li><b>time</b>: nanoseconds from an arbitrary origin, as {@link System#nanoTime} counts them;
 *       they may overflow. Never a wall clock: set back by an hour, it would stop production for an
 *       hour. Methods that end in {@code At} take a reading of the same clock. A reading older than
 *       one that has taken tokens counts as that one, unless threads take tokens at the same
 *       moment; an older reading never admits more.
 * </ul>
 *
 * <h2>Errors</h2>
 *
 * <p>A rejection is an ordinary result and takes nothing. Asking for more than {@code burst} could
 * never succeed; it is a programming error and throws {@link IllegalArgumentException}.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. There is no thread and no timer. {@code tryAcquire} and {@code tryAcquireNanos}
 * allocate nothing and take no lock, except once in a long time: two seconds at 1e9 tokens per
 * second, years at 10. Reserving, waiting, {@code change}, {@code availableTokens} and the methods
 * that end in {@code At} hold a lock for a few arithmetic operations; waiting itself is outside of
 * it.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: <a href="https://pkg.go.dev/golang.org/x/time/rate">golang.org/x/time/rate</a>, which
 * go-kit's {@code ratelimit} package wraps. Three differences: an old clock reading does not credit
 * an interval twice; a reservation can be cancelled once and never gives back more than it took; an
 * infinite rate forgives what was taken in advance and leaves a full bucket.
 */
public final class TokenBucket {
  // Overview. Number the tokens in the order in which they are produced, from 1; the burst that is
  // there at first has the numbers up to 0. "produced" is the number of the newest token; it
  // follows from the clock. "taken" is the number up to which tokens are gone, taken or discarded.
  // So
  //
  //   available = produced - taken, but at most the burst
  //
  // A request for n tokens moves "taken" to max(taken, produced - burst) + n. It is admitted at
  // once if that is not above "produced"; otherwise it waits until that token is produced. With 10
  // tokens per second and a burst of 3:
  //
  //   at ms  produced  wanted  taken
  //      0      0        2     -3 -> -1   admitted; 1 is available
  //      0      0        2     -1 ->  1   rejected: token 1 is produced in 100 ms
  //    100      1        2     -1 ->  1   admitted
  //    900      9        3      6 ->  9   admitted; tokens 2 to 6 were discarded
  //
  // This is the generic cell rate algorithm (GCRA), with its theoretical arrival time as the number
  // of a token instead of a time, so that a rate of 0 is no special case. One compare-and-set of
  // "taken" admits a request. Threads may use their clock readings in another order than they read
  // them: by an older reading less is produced, never more.
  //
  // Numbers are in billionths of a token, which are nanoseconds times tokens per second. They wrap
  // around, so they are compared by their difference.

  /** Nanoseconds until tokens that will not be there within 146 years. */
  public static final long NEVER = Long.MAX_VALUE;

  private static final long TOKEN = 1_000_000_000; // in billionths
  private static final double HIGHEST_RATE = 1L << 40;

  // Differences stay below 2 to the 63: the burst is less than 2 to the 61, and so is what a Refill
  // produces while it is exact; 2 to the 62 (4.6 billion tokens) can be reserved ahead.
  private static final long MOST_PRODUCED_EXACTLY = 1L << 61;
  private static final long MOST_PRODUCED = 3L << 61;
  private static final long MOST_RESERVED = 1L << 62;

  private final LongSupplier nanoTime;
  private final AtomicLong taken;
  private final AtomicLong newestNanos; // Of the readings that took tokens.
  private volatile Refill refill; // Replaced under this.

  // Guarded by this.
  private long reservedUpTo; // The last token of the last reservation.
  private int timesForgiven;

  /** Starts full and goes by {@link System#nanoTime}; see {@link #change} for the arguments. */
  public TokenBucket(double tokensPerSecond, int burst) {
    this(tokensPerSecond, burst, System::nanoTime);
  }

  /** Starts full and goes by {@code nanoTime}; see {@link #change} for the arguments. */
  public TokenBucket(double tokensPerSecond, int burst, LongSupplier nanoTime) {
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    long nowNanos = nanoTime.getAsLong();
    this.refill = new Refill(tokensPerSecond, burst, nowNanos, 0);
    this.taken = new AtomicLong(-refill.capacity);
    this.newestNanos = new AtomicLong(nowNanos);
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

  // ---- Taking what is there

  /** Takes a token if there is one. Use this if excess requests are to be rejected. */
  public boolean tryAcquire() {
    return take(1) == 0;
  }

  /**
   * Takes that many tokens if they are there, otherwise none. Use this if requests differ in cost.
   *
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public boolean tryAcquire(int tokens) {
    return take(tokens) == 0;
  }

  /** As {@link #tryAcquire(int)}, at the given time. */
  public synchronized boolean tryAcquireAt(long nowNanos, int tokens) {
    return take(tokens, nowNanos) == 0;
  }

  /**
   * Takes a token and returns 0; or takes nothing and returns in how many nanoseconds there will be
   * one if no other request takes it, or {@link #NEVER}. Use this if the rejected client is to be
   * told when to try again (HTTP {@code Retry-After}).
   */
  public long tryAcquireNanos() {
    return refill.nanosToProduce(take(1));
  }

  /** As {@link #tryAcquireNanos()}, at the given time, for that many tokens. */
  public synchronized long tryAcquireNanosAt(long nowNanos, int tokens) {
    return refill.nanosToProduce(take(tokens, nowNanos));
  }

  /** Takes the tokens and returns 0, or returns how much is missing. */
  private long take(int tokens) {
    while (true) {
      long before = taken.get();
      long missing = take(tokens, nanoTime.getAsLong());
      if (missing == 0 || taken.get() == before) {
        return missing;
      }
      // Meanwhile another thread took tokens, perhaps by a newer reading, by which there are more.
    }
  }

  private long take(int tokens, long readingNanos) {
    while (true) {
      Refill current = refill;
      current.checkFit(tokens);
      long before = taken.get();
      long nowNanos = notBeforeNewest(readingNanos);
      if (current.isOver(nowNanos)) {
        if (current.isInfinite()) {
          return 0;
        }
        renewIfOver(nowNanos);
        continue;
      }
      long produced = current.producedAt(nowNanos);
      long after = later(before, produced - current.capacity) + tokens * TOKEN;
      if (after - produced > 0) {
        return after - produced;
      }
      if (moveTaken(before, after, nowNanos)) {
        return 0;
      }
    }
  }

  // ---- Waiting

  /**
   * Takes that many tokens and waits until they are there, if that is within the given time;
   * otherwise takes nothing and returns false at once. With 0 it does not wait; less than 0, a
   * deadline that has passed, is rejected. Use this if the calling thread has nothing else to do,
   * such as a client that keeps to the limit of a server.
   *
   * @throws InterruptedException if the thread is interrupted, before or while it waits; the tokens
   *     are given back as {@link Reservation#cancel} does
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public boolean acquire(int tokens, Duration within) throws InterruptedException {
    if (requireNonNull(within, "within").isNegative()) {
      refill.checkFit(tokens);
      return false;
    }
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    if (tryAcquire(tokens)) {
      return true;
    }
    long withinNanos = Math.min(TimeUnit.NANOSECONDS.convert(within), NEVER - 1);
    Reservation reservation = reserve(tokens, nanoTime.getAsLong(), withinNanos);
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
   * Takes that many tokens, also those still to be produced, and returns how long to wait for them.
   * Use this if the caller waits without a thread, as a scheduler does, or may change its mind. If
   * the wait is 146 years or more, or 4.6 billion tokens are reserved already, it takes nothing.
   *
   * @throws IllegalArgumentException if {@code tokens} is negative or more than the burst
   */
  public Reservation reserve(int tokens) {
    return reserveAt(nanoTime.getAsLong(), tokens);
  }

  /** As {@link #reserve}, at the given time. */
  public Reservation reserveAt(long nowNanos, int tokens) {
    Reservation reservation = reserve(tokens, nowNanos, NEVER - 1);
    return reservation != null ? reservation : new Reservation(nowNanos + NEVER / 2, 0, 0);
  }

  /** Takes the tokens, also those still to be produced; null if the wait would be longer. */
  private synchronized Reservation reserve(int tokens, long readingNanos, long withinNanos) {
    renewIfOver(readingNanos);
    refill.checkFit(tokens);
    if (refill.isInfinite()) {
      return new Reservation(readingNanos, 0, 0);
    }
    while (true) {
      long before = taken.get();
      long nowNanos = notBeforeNewest(readingNanos);
      long produced = refill.producedAt(nowNanos);
      long after = later(before, produced - refill.capacity) + tokens * TOKEN;
      long waitNanos = refill.nanosToProduce(after - produced);
      if (waitNanos > 0 && waitNanos < NEVER) {
        waitNanos += nowNanos - readingNanos; // Until a clock that was set back is there.
      }
      if (waitNanos > withinNanos || after - produced > MOST_RESERVED) {
        return null;
      }
      if (moveTaken(before, after, nowNanos)) {
        reservedUpTo = later(after, produced);
        return new Reservation(readingNanos + waitNanos, tokens * TOKEN, reservedUpTo);
      }
    }
  }

  /** Tokens that were taken in advance. Thread-safe. */
  public final class Reservation {
    private final long atNanos;
    private final long upTo; // The last of these tokens.
    private final int bornAfter = timesForgiven;
    private long refundable; // Guarded by the bucket.

    private Reservation(long atNanos, long refundable, long upTo) {
      this.atNanos = atNanos;
      this.refundable = refundable;
      this.upTo = upTo;
    }

    /** Returns how long to wait before acting; 146 years if no tokens were taken. */
    public Duration delay() {
      return delayAt(nanoTime.getAsLong());
    }

    /** As {@link #delay}, at the given time. */
    public Duration delayAt(long nowNanos) {
      return Duration.ofNanos(Math.max(0, atNanos - nowNanos));
    }

    /**
     * Gives the tokens back, less as many as were reserved after them: those reservations keep
     * their time, so a full bucket would admit a burst on top of them. When the {@link #delay} is
     * over, it does nothing. Use this if the reserved work will not be done.
     */
    public void cancel() {
      cancelAt(nanoTime.getAsLong());
    }

    /** As {@link #cancel}, at the given time. */
    public void cancelAt(long nowNanos) {
      synchronized (TokenBucket.this) {
        long refund = refundable - Math.max(0, reservedUpTo - upTo);
        boolean isForgiven = refill.isInfinite() || bornAfter != timesForgiven;
        if (refund <= 0 || isForgiven || atNanos - nowNanos < 0) {
          return;
        }
        advanceTo(nowNanos);
        taken.addAndGet(-refund);
        if (upTo == reservedUpTo) {
          reservedUpTo -= refundable; // As if it had never been.
        }
        refundable = 0;
      }
    }
  }

  // ---- Settings and state

  /** Returns how many tokens are there: less than 0 while some are reserved ahead. */
  public double availableTokens() {
    return availableTokensAt(nanoTime.getAsLong());
  }

  /** As {@link #availableTokens}, at the given time. */
  public synchronized double availableTokensAt(long nowNanos) {
    if (refill.isInfinite()) {
      return Double.POSITIVE_INFINITY;
    }
    long gone = taken.get();
    long available = refill.producedAt(notBeforeNewest(nowNanos)) - gone;
    return (double) Math.min(refill.capacity, available) / TOKEN;
  }

  /** Returns the rate. */
  public double tokensPerSecond() {
    return refill.tokensPerSecond;
  }

  /** Returns the most that the bucket holds, and that can be taken at once. */
  public int burst() {
    return refill.burst;
  }

  /**
   * Sets rate and burst. What was produced before was produced at the old rate. What a smaller
   * bucket cannot hold is lost; a larger one is not fuller. Reservations keep their time.
   *
   * @param tokensPerSecond 0 or more
   * @param burst at least 1
   * @throws IllegalArgumentException if the rate is negative or not a number, or the burst below 1
   */
  public void change(double tokensPerSecond, int burst) {
    changeAt(nanoTime.getAsLong(), tokensPerSecond, burst);
  }

  /** As {@link #change}, at the given time. */
  public synchronized void changeAt(long nowNanos, double tokensPerSecond, int burst) {
    Refill old = refill;
    long startNanos = notBeforeNewest(nowNanos);
    long produced = old.producedAt(startNanos);
    Refill next = new Refill(tokensPerSecond, burst, startNanos, produced);

    advanceTo(startNanos);
    long leastTaken = produced - Math.min(old.capacity, next.capacity);
    if (old.isInfinite()) {
      taken.set(leastTaken);
      timesForgiven++;
    } else {
      taken.accumulateAndGet(leastTaken, TokenBucket::later);
    }
    refill = next;
  }

  /** Starts from here with the same settings, before numbers get too large. */
  private synchronized void renewIfOver(long nowNanos) {
    if (refill.isOver(notBeforeNewest(nowNanos)) && !refill.isInfinite()) {
      changeAt(nowNanos, refill.tokensPerSecond, refill.burst);
    }
  }

  private boolean moveTaken(long before, long after, long nowNanos) {
    advanceTo(nowNanos); // First, so that a thread that sees what is taken sees when.
    return taken.compareAndSet(before, after);
  }

  // Not a compare-and-set, which would make tryAcquire slower by a sixth. Of threads in tryAcquire
  // that race here, the one with the older reading may be last. Their own readings do not depend on
  // it, see take(tokens); all others come under the lock.
  private void advanceTo(long nowNanos) {
    if (newestNanos.get() - nowNanos < 0) {
      newestNanos.setOpaque(nowNanos);
    }
  }

  private long notBeforeNewest(long readingNanos) {
    return later(readingNanos, newestNanos.get());
  }

  private static long later(long one, long other) {
    return one - other < 0 ? other : one;
  }

  /** The production of tokens at one rate, for a bucket of one size, from a point in time. */
  private static final class Refill {
    final double tokensPerSecond;
    final int burst;
    final long capacity;
    private final long startNanos;
    private final long producedBefore;
    private final double rate; // In billionths a nanosecond, too.

    // The same in whole billionths and in a fraction, of 2 to the 63, exact to the last bit.
    private final long whole;
    private final long fraction;
    private final long exactNanos; // So long the product fits; never if the rate is infinite.

    Refill(double tokensPerSecond, int burst, long startNanos, long producedBefore) {
      if (!(tokensPerSecond >= 0)) {
        throw new IllegalArgumentException("tokensPerSecond not 0 or more: " + tokensPerSecond);
      }
      if (burst < 1) {
        throw new IllegalArgumentException("burst < 1: " + burst);
      }
      this.tokensPerSecond = tokensPerSecond;
      this.burst = burst;
      this.capacity = burst * TOKEN;
      this.startNanos = startNanos;
      this.producedBefore = producedBefore;
      this.rate = Math.min(tokensPerSecond, HIGHEST_RATE);

      // Or 49 ms at every(49 ms), 20.40816..., could lack the last bit of a token.
      double roundedUp = rate == Math.rint(rate) ? rate : Math.nextUp(rate);
      this.whole = (long) roundedUp;
      this.fraction = (long) Math.ceil(Math.scalb(roundedUp - whole, 63));
      this.exactNanos = isInfinite() ? Long.MIN_VALUE : MOST_PRODUCED_EXACTLY / (whole + 1);
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

    boolean isOver(long nowNanos) {
      return nowNanos - startNanos > exactNanos;
    }

    long producedAt(long nowNanos) {
      long elapsed = nowNanos - startNanos;
      if (elapsed <= exactNanos) {
        return producedBefore + elapsed * whole + Math.multiplyHigh(elapsed << 1, fraction);
      }
      return producedBefore + (long) Math.min(MOST_PRODUCED, rate * elapsed);
    }

    long nanosToProduce(long missing) {
      if (missing <= 0) {
        return 0;
      }
      double nanos = missing / rate;
      return nanos < 1L << 62 ? (long) Math.ceil(nanos) : NEVER;
    }
  }
}
