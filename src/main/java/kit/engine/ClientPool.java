// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The connections of a client that have no request, last in first out for each origin, and the number
 * of exchanges.
 *
 * <pre>
 *   open --shutdown--> ending: no new exchanges --the last one ends--> terminated
 * </pre>
 *
 * <p>Thread-safe. Sockets are read and closed outside of the lock.
 */
final class ClientPool {
  private static final long FRESH_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final EngineClientSettings settings;
  private final long idleNanos;
  private final ClientTimer timer = new ClientTimer(this);

  // Guarded by this.
  private final Map<Origin, Deque<PooledConnection>> idle = new HashMap<>(); // The last one first.
  private int idleCount;
  private int exchanges;
  private boolean isShutdown;

  private volatile boolean isAborted; // All connections are closed.

  ClientPool(EngineClientSettings settings) {
    this.settings = settings;
    this.idleNanos = settings.idleTimeout().toNanos();
  }

  ClientTimer timer() {
    return timer;
  }

  /** Returns whether the exchanges were ended by {@link #abort}. */
  boolean isAborted() {
    return isAborted;
  }

  /** Begins an exchange, which has to {@link #end}. */
  synchronized void begin() throws IOException {
    if (isShutdown) {
      throw new IOException("the client was closed");
    }
    exchanges++;
  }

  /** An exchange has ended. */
  synchronized void end() {
    exchanges--;
    if (isShutdown && exchanges == 0) {
      notifyAll();
    }
  }

  /**
   * Takes a connection that was alive a moment ago; null if there is none.
   *
   * @param canRepeat whether the request can be sent again: then it is not worth the time to look for
   *     the end of a connection that was in use within the last millisecond
   */
  PooledConnection take(Origin origin, boolean canRepeat) {
    while (true) {
      PooledConnection connection = pollFirst(origin);
      if (connection == null) {
        return null;
      }
      long idleFor = ClientTimer.now() - connection.idleSince();
      boolean isFresh = canRepeat && idleFor < FRESH_NANOS;
      boolean isDead = isFresh ? connection.hasBytes() : connection.isDead();
      if (idleFor <= idleNanos && !isDead) {
        return connection;
      }
      timer.close(connection);
    }
  }

  private synchronized PooledConnection pollFirst(Origin origin) {
    Deque<PooledConnection> known = idle.get(origin);
    PooledConnection connection = known == null ? null : known.pollFirst();
    if (connection != null) {
      idleCount--;
    }
    return connection;
  }

  /** Keeps a connection for the next exchange, or closes it if there are enough. */
  void give(PooledConnection connection) {
    if (!keep(connection)) {
      timer.close(connection);
    }
  }

  private synchronized boolean keep(PooledConnection connection) {
    if (isShutdown || idleCount >= settings.maxIdle()) {
      return false;
    }
    Deque<PooledConnection> known =
        idle.computeIfAbsent(connection.origin(), origin -> new ArrayDeque<>());
    if (known.size() >= settings.maxIdlePerOrigin()) {
      return false;
    }
    connection.idleSince(ClientTimer.now());
    known.addFirst(connection);
    idleCount++;
    return true;
  }

  /** Closes the connections that were idle for too long. */
  void closeExpired() {
    takeIdleSince(ClientTimer.now() - idleNanos).forEach(timer::close);
  }

  /** Takes out the connections that have been idle since this time, or for longer. */
  private synchronized List<PooledConnection> takeIdleSince(long time) {
    List<PooledConnection> old = new ArrayList<>();
    for (Iterator<Deque<PooledConnection>> all = idle.values().iterator(); all.hasNext(); ) {
      Deque<PooledConnection> known = all.next();
      while (!known.isEmpty() && known.peekLast().idleSince() <= time) {
        old.add(known.pollLast());
      }
      if (known.isEmpty()) {
        all.remove();
      }
    }
    idleCount -= old.size();
    return old;
  }

  /** Accepts no more exchanges, and closes the idle connections. */
  void shutdown() {
    synchronized (this) {
      isShutdown = true;
      notifyAll();
    }
    takeIdleSince(ClientTimer.NEVER).forEach(timer::close);
    timer.wake();
  }

  /** Also closes the connections of exchanges. */
  void abort() {
    isAborted = true;
    shutdown();
    timer.closeAll();
  }

  synchronized boolean isTerminated() {
    return isShutdown && exchanges == 0;
  }

  /** Waits until the last exchange has ended; returns false if it has not after {@code nanos}. */
  synchronized boolean awaitEnd(long nanos) throws InterruptedException {
    long end = System.nanoTime() + nanos;
    for (long left = nanos; !isTerminated() && left > 0; left = end - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return isTerminated();
  }
}
