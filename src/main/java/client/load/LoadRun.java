// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import kit.http.server.ServerExecutor;

/**
 * Makes the calls of a {@link Plan} and counts them in a {@link LoadTally}.
 *
 * <h2>How it works</h2>
 *
 * <p>Each thread takes the number of the next call, and makes that call:
 *
 * <pre>
 *   closed loop   a call is due when a thread takes its number
 *   open loop     call i is due at start + i/rate, whether or not earlier calls have ended
 * </pre>
 *
 * <p><b>The latency of a call is measured from when it is due</b>, not from when a thread starts
 * it. The users of a service do not wait for each other: if it stalls for a second, all requests of
 * that second wait. A tool that sends a call only after the previous response would send a single
 * call in that second, and report one high value instead of hundreds ("coordinated omission", Gil
 * Tene).
 *
 * <p>A call that cannot start when it is due, because all threads are busy, starts late and is
 * counted as late. If it cannot start before its deadline, it has failed.
 *
 * <h2>Threads</h2>
 *
 * <p>As many as concurrent calls, virtual ones from JDK 24 on, started by {@link #start}; {@link
 * #close} stops them, {@link #await} waits for them. Both may be called from any thread.
 */
final class LoadRun implements AutoCloseable {
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long LATE_NANOS =
      TimeUnit.MILLISECONDS.toNanos(1); // Shorter delays are those of starting a thread.

  /**
   * The load to generate.
   *
   * @param concurrency maximum concurrent calls
   * @param rate calls per second (open loop); 0 = each call follows the one before (closed loop)
   * @param duration how long calls are started
   * @param count maximum number of calls; 0 = no limit within the duration
   * @param timeout deadline of a call, and so how late it may start
   */
  record Plan(int concurrency, double rate, Duration duration, int count, Duration timeout) {
    private static final long LONGEST_NANOS = Long.MAX_VALUE / 4; // 73 years; sums do not overflow.

    boolean isOpen() {
      return rate > 0;
    }

    long durationNanos() {
      return nanos(duration);
    }

    long timeoutNanos() {
      return nanos(timeout);
    }

    private static long nanos(Duration duration) {
      return Math.min(TimeUnit.NANOSECONDS.convert(duration), LONGEST_NANOS);
    }

    /** Returns when a call of an open loop is due, from the start; {@code call} counts from 0. */
    long dueNanos(long call) {
      return (long) Math.min(LONGEST_NANOS, call * (1e9 / rate));
    }

    /** Returns whether the plan has a call of this number that is due at this time. */
    boolean includes(long call, long dueNanos) {
      return (count == 0 || call < count) && dueNanos < durationNanos();
    }
  }

  /** Makes one call. */
  @FunctionalInterface
  interface Caller {
    void call() throws Exception;
  }

  /** Clock, replaced in tests. */
  interface Clock {
    long nanoTime();

    void sleepUntil(long nanoTime) throws InterruptedException;

    /**
     * Returns a clock that is exact to 0.1 ms; {@code Thread.sleep} rounds up to 1 ms until JDK 20.
     */
    static Clock real() {
      return new Clock() {
        @Override
        public long nanoTime() {
          return System.nanoTime();
        }

        @Override
        public void sleepUntil(long nanoTime) throws InterruptedException {
          for (long left; (left = nanoTime - System.nanoTime()) > 0; ) {
            LockSupport.parkNanos(left);
            if (Thread.interrupted()) {
              throw new InterruptedException();
            }
          }
        }
      };
    }
  }

  private final Plan plan;
  private final Caller caller;
  private final LoadTally tally;
  private final Clock clock;
  private final AtomicLong next = new AtomicLong();
  private final ExecutorService threads = newThreads();

  private volatile long startedAtNanos;
  private volatile boolean closed;

  LoadRun(Plan plan, Caller caller, LoadTally tally, Clock clock) {
    this.plan = plan;
    this.caller = caller;
    this.tally = tally;
    this.clock = clock;
  }

  /** Starts the calls; called once. */
  synchronized void start() {
    startedAtNanos = clock.nanoTime();
    for (int i = 0; i < plan.concurrency() && !closed; i++) {
      threads.execute(this::work);
    }
    threads.shutdown();
  }

  /**
   * Starts a virtual thread from JDK 24 on (see {@code ServerExecutor}). Each call costs less, and
   * platform threads that compete for few cores delay the JIT compiler: on two cores, 32 of them
   * reached full speed after 28 s, virtual threads after 20 s.
   */
  private static ExecutorService newThreads() {
    return ServerExecutor.virtual()
        .orElseGet(
            () ->
                Executors.newCachedThreadPool(
                    task -> {
                      Thread thread = new Thread(task, "load");
                      thread.setDaemon(true);
                      return thread;
                    }));
  }

  /** Waits for the end of all calls, at most {@code nanos}; returns whether they have ended. */
  boolean await(long nanos) throws InterruptedException {
    return threads.awaitTermination(nanos, TimeUnit.NANOSECONDS);
  }

  /** Stops; calls in flight are cancelled and not counted. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      threads.shutdownNow();
    }
    try {
      await(CLOSE_NANOS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void work() {
    try {
      while (!closed) {
        long call = next.getAndIncrement();
        long now = sinceStartNanos();
        long dueNanos = plan.isOpen() ? plan.dueNanos(call) : now;
        if (!plan.includes(call, dueNanos)) {
          return;
        }
        long lateNanos = now - dueNanos;
        if (lateNanos > plan.timeoutNanos()) {
          tally.neverBegan(lateNanos);
          continue;
        }
        if (lateNanos > LATE_NANOS) {
          tally.beganLate();
        }
        clock.sleepUntil(startedAtNanos + dueNanos);
        call(dueNanos);
      }
    } catch (InterruptedException e) {
      // Closed; no other code interrupts this thread.
    }
  }

  private void call(long dueNanos) throws InterruptedException {
    Throwable failure = null;
    try {
      caller.call();
    } catch (InterruptedException e) {
      throw e;
    } catch (Throwable e) { // An Error is counted, too, and must not end the thread.
      failure = e;
    }
    if (!closed) {
      long endNanos = sinceStartNanos();
      tally.ended(endNanos, endNanos - dueNanos, failure);
    }
  }

  /** Returns the time since the start. */
  long sinceStartNanos() {
    return clock.nanoTime() - startedAtNanos;
  }
}
