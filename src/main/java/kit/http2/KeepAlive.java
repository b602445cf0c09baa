// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.lang.ref.WeakReference;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Watches a connection on the timer of the JDK: sends a PING when the peer was silent for long, and
 * closes the connection when it stays so.
 *
 * <p>Thread-safe. A connection that is closed can be collected before its next tick.
 */
final class KeepAlive {
  private static final byte[] PAYLOAD = new byte[8];

  private final long nanos;
  private volatile long receivedAtNanos = System.nanoTime();

  KeepAlive(long nanos) {
    this.nanos = nanos;
  }

  /** The peer has sent a frame. */
  void received() {
    receivedAtNanos = System.nanoTime();
  }

  /** Checks the connection now and then, until it is closed. */
  static void watch(Http2Connection connection, long periodNanos) {
    schedule(new WeakReference<>(connection), periodNanos);
  }

  private static void schedule(WeakReference<Http2Connection> watched, long periodNanos) {
    CompletableFuture.delayedExecutor(periodNanos, TimeUnit.NANOSECONDS, Runnable::run)
        .execute(
            () -> {
              Http2Connection connection = watched.get();
              if (connection != null && !connection.isClosed()) {
                schedule(watched, periodNanos);
                connection.tick(System.nanoTime());
              }
            });
  }

  /** Does what is due; {@code isNeeded}: whether the peer must show that it is there. */
  void check(Http2Connection connection, long nowNanos, boolean isNeeded) {
    long silentNanos = nowNanos - receivedAtNanos;
    if (!isNeeded) {
      received(); // Time counts from the next stream on.
    } else if (silentNanos >= 2 * nanos) {
      connection.close(0);
    } else if (silentNanos >= nanos) {
      connection.control((to, encoder) -> to.ping(PAYLOAD, false));
    }
  }
}
