// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Enforces a time limit on the head of a request.
 *
 * <p>The JDK's server has one time limit for a whole request, which a gateway sets long enough for
 * uploads. It reads a head on a thread of its executor, from the first byte on, and calls the
 * handler on the same thread when the head is complete. So a task that has not reached its handler
 * in time is waiting for the rest of a head. It is interrupted: this closes the channel that it
 * reads from, and the JDK closes the connection.
 *
 * <p>Thread-safe. A request costs an entry in a map.
 */
final class HeadTimeout implements AutoCloseable {
  private static final long MIN_TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long MAX_TICK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final long timeoutNanos;
  private final LongSupplier nanoTime;
  private final boolean isActive;
  private final Map<Thread, Head> arriving = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "http-head-timeout");
            thread.setDaemon(true);
            return thread;
          });

  /** Creates a time limit of {@code timeout} per head; the caller calls {@link #expire}. */
  HeadTimeout(Duration timeout, LongSupplier nanoTime) {
    this(timeout, nanoTime, true);
  }

  private HeadTimeout(Duration timeout, LongSupplier nanoTime, boolean isActive) {
    this.timeoutNanos = timeout.toNanos();
    this.nanoTime = nanoTime;
    this.isActive = isActive;
  }

  /** Returns one that limits nothing, for an engine that limits heads itself. */
  static HeadTimeout none() {
    return new HeadTimeout(Duration.ZERO, System::nanoTime, false);
  }

  /**
   * Creates a time limit for each head that {@code server} reads, with a thread that calls {@link
   * #expire} at least once a second, until {@link #close}.
   */
  static HeadTimeout of(HttpServer server, Duration timeout) {
    // Only in the JDK's own engine does a task certainly start with the first byte of a request.
    if (!server.getClass().getName().startsWith("sun.net.httpserver.")) {
      return none();
    }
    HeadTimeout heads = new HeadTimeout(timeout, System::nanoTime);
    long tick = Math.max(MIN_TICK_NANOS, Math.min(MAX_TICK_NANOS, heads.timeoutNanos / 10));
    heads.timer.scheduleWithFixedDelay(heads::expire, tick, tick, TimeUnit.NANOSECONDS);
    return heads;
  }

  /** Returns an executor whose tasks have the time limit until they reach a handler. */
  Executor executor(Executor threads) {
    return isActive ? task -> threads.execute(() -> run(task)) : threads;
  }

  /** Returns a handler that ends the time limit. */
  HttpHandler handler(HttpHandler handler) {
    if (!isActive) {
      return handler;
    }
    return exchange -> {
      Head head = arriving.remove(Thread.currentThread());
      if (head != null && head.end()) {
        throw new IOException("head of the request timed out");
      }
      handler.handle(exchange);
    };
  }

  private void run(Runnable task) {
    Thread thread = Thread.currentThread();
    Head head = new Head(thread, nanoTime.getAsLong() + timeoutNanos);
    arriving.put(thread, head);
    try {
      task.run();
    } finally {
      arriving.remove(thread);
      if (head.end()) {
        Thread.interrupted(); // The thread may belong to a pool.
      }
    }
  }

  /** Interrupts the threads whose time limit has passed. */
  void expire() {
    long now = nanoTime.getAsLong();
    arriving.values().forEach(head -> head.expire(now));
  }

  /** Ends the thread. */
  @Override
  public void close() {
    timer.shutdownNow();
  }

  /** A head that is being read. */
  private static final class Head {
    private final Thread reader;
    private final long deadlineNanos;

    // Guarded by this. At most one of the two becomes true.
    private boolean hasEnded;
    private boolean hasExpired;

    Head(Thread reader, long deadlineNanos) {
      this.reader = reader;
      this.deadlineNanos = deadlineNanos;
    }

    synchronized void expire(long now) {
      if (!hasEnded && !hasExpired && now - deadlineNanos >= 0) {
        hasExpired = true;
        reader.interrupt(); // Under the lock: never after end().
      }
    }

    /** Returns whether the head timed out; after that there is no interrupt. */
    synchronized boolean end() {
      hasEnded = !hasExpired;
      return hasExpired;
    }
  }
}
