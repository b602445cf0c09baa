// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Calls as a {@link Plan} says, and has a {@link LoadTally} keep what comes of it.
 *
 * <h2>How it works</h2>
 *
 * <p>Threads take numbers, as at a counter, and make the call of that number:
 *
 * <pre>
 *   closed model   a call is due when a thread takes its number
 *   open model     call i is due at start + i/rate, whatever the calls before it do
 * </pre>
 *
 * <p><b>The time of a call begins when it is due</b>, not when a thread has got round to it. The users
 * of a service do not wait for each other: if it stands still for a second, whoever comes in that
 * second waits. A tool that sends the next call only when the last one is answered sends a single call
 * in that second, and reports one bad value where there should have been hundreds ("coordinated
 * omission", Gil Tene).
 *
 * <p>A call that cannot begin when it is due, because all threads are busy, begins late, and is
 * counted as late. One that cannot begin within the time that its caller would wait has failed.
 *
 * <h2>Threads</h2>
 *
 * <p>As many as calls at a time, virtual ones from JDK 24 on, made by {@link #start}; {@link #close} ends
 * them, {@link #await} waits for them. Both may be called from any thread.
 */
final class LoadRun implements AutoCloseable {
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long LATE_NANOS =
      TimeUnit.MILLISECONDS.toNanos(1); // Less is a thread's start.

  /**
   * How much to call.
   *
   * @param concurrency calls at a time, at most
   * @param rate calls a second, whatever becomes of them (open model); 0 = each call follows the one
   *     before at once (closed model)
   * @param duration for how long calls begin
   * @param count how many calls at most; 0 = as many as begin within the duration
   * @param timeout how long a caller waits for an answer, and so how late a call may begin
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
      Duration longest = Duration.ofNanos(LONGEST_NANOS);
      return duration.compareTo(longest) < 0 ? duration.toNanos() : LONGEST_NANOS;
    }

    /** When a call of an open model is due, counted from the start; {@code call} counts from 0. */
    long dueNanos(long call) {
      return (long) Math.min(LONGEST_NANOS, call * (1e9 / rate));
    }

    /** Whether the plan has that many calls, and one that is due so long after the start. */
    boolean includes(long call, long dueNanos) {
      return (count == 0 || call < count) && dueNanos < durationNanos();
    }
  }

  /** Makes one call. */
  @FunctionalInterface
  interface Caller {
    void call() throws Exception;
  }

  /** Time, for tests to take over. */
  interface Clock {
    long nanoTime();

    void sleepUntil(long nanoTime) throws InterruptedException;

    /** To a tenth of a millisecond; up to JDK 20, {@code Thread.sleep} rounds up to the next one. */
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
  private final List<Thread> threads = new ArrayList<>();

  private volatile long startedAtNanos;
  private volatile boolean closed;

  LoadRun(Plan plan, Caller caller, LoadTally tally, Clock clock) {
    this.plan = plan;
    this.caller = caller;
    this.tally = tally;
    this.clock = clock;
  }

  /** Begins; once. */
  synchronized void start() {
    startedAtNanos = clock.nanoTime();
    for (int i = 0; i < plan.concurrency(); i++) {
      threads.add(startThread(this::work));
    }
  }

  /**
   * Starts a virtual one from JDK 24 on (see {@code ServerExecutor}). It is not only that each call costs
   * less: threads of the system that all want to run leave little of a small machine to the compiler of hot
   * code. On two cores, 32 came up to speed after 28 s, virtual ones after 20.
   */
  private static Thread startThread(Runnable task) {
    if (Runtime.version().feature() < 24) {
      Thread thread = new Thread(task, "load");
      thread.setDaemon(true);
      thread.start();
      return thread;
    }
    try {
      return (Thread)
          Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no virtual threads in " + Runtime.version(), e);
    }
  }

  /** Waits until all calls of the plan have ended, but at most {@code nanos}; returns whether. */
  boolean await(long nanos) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + nanos;
    for (Thread thread : started()) {
      TimeUnit.NANOSECONDS.timedJoin(thread, Math.max(1, deadlineNanos - System.nanoTime()));
      if (thread.isAlive()) {
        return false;
      }
    }
    return true;
  }

  /** Stops at once: calls in flight are given up, and count neither as ok nor as failed. */
  @Override
  public void close() {
    closed = true;
    started().forEach(Thread::interrupt);
    try {
      await(CLOSE_NANOS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized List<Thread> started() {
    return List.copyOf(threads);
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
      // Closed; nobody else has this thread.
    }
  }

  private void call(long dueNanos) throws InterruptedException {
    Throwable failure = null;
    try {
      caller.call();
    } catch (InterruptedException e) {
      throw e;
    } catch (Throwable e) { // An Error is an outcome, too; it must not take the thread away.
      failure = e;
    }
    if (!closed) {
      tally.ended(sinceStartNanos() - dueNanos, failure);
    }
  }

  /** The time since the start. */
  long sinceStartNanos() {
    return clock.nanoTime() - startedAtNanos;
  }
}
