// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Closes connections of a client whose deadline has passed, and calls the pool to close those that
 * are idle, on one daemon thread. The thread runs while there are connections.
 *
 * <p>It sleeps until the first deadline that it knows, so a request costs it nothing unless its
 * deadline is before that. Thread-safe.
 */
final class ClientTimer {
  /** Later than all deadlines. */
  static final long NEVER = Long.MAX_VALUE;

  private static final long TICK_NANOS = TimeUnit.SECONDS.toNanos(1); // For idle connections.
  private static final long ORIGIN = System.nanoTime();

  private final ClientPool pool;
  private final Set<PooledConnection> connections = ConcurrentHashMap.newKeySet();

  private volatile Thread thread; // Null: not running. Changed under this.
  private volatile long wakesAt = NEVER;

  ClientTimer(ClientPool pool) {
    this.pool = pool;
  }

  /** Returns the time in nanoseconds, such that a greater number is later. */
  static long now() {
    return System.nanoTime() - ORIGIN;
  }

  /** Returns the time after {@code nanos}; never, if that is too far. */
  static long in(long nanos) {
    long now = now();
    return nanos > NEVER - now ? NEVER : now + nanos;
  }

  /** Watches a connection from now on. */
  void add(PooledConnection connection) {
    connections.add(connection);
    synchronized (this) {
      if (thread == null) {
        thread = Threads.startDaemon(this::run, "http-client-timer");
      }
    }
  }

  /** Closes a connection. */
  void close(PooledConnection connection) {
    connection.close();
    connections.remove(connection);
  }

  void closeAll() {
    connections.forEach(PooledConnection::close);
    wake();
  }

  /** Closes the connection at {@code deadline} unless it is cleared before; null: none. */
  void expireAt(PooledConnection connection, PooledConnection.Deadline deadline) {
    connection.expireAt(deadline);
    if (deadline != null && deadline.nanos() < wakesAt) {
      wake();
    }
  }

  void wake() {
    LockSupport.unpark(thread);
  }

  private void run() {
    while (!isDone()) {
      wakesAt = NEVER; // A deadline that is set from here on wakes this thread.
      long next = in(TICK_NANOS);
      try {
        next = Math.min(next, closeExpired());
      } catch (Throwable e) { // Such as no memory.
        Threads.logFailure("closing connections in time failed", e);
      }
      wakesAt = next;
      LockSupport.parkNanos(this, next - now());
    }
  }

  /** Closes what has to be closed now; returns the next deadline. */
  private long closeExpired() {
    long next = NEVER;
    for (PooledConnection connection : connections) {
      next = Math.min(next, connection.expire(now()));
    }
    pool.closeExpired();
    return next;
  }

  /** Returns whether the thread runs. */
  boolean isRunning() {
    return thread != null;
  }

  private synchronized boolean isDone() {
    if (connections.isEmpty()) {
      thread = null; // The next connection starts another one.
      return true;
    }
    return false;
  }
}
