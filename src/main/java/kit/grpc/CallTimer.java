// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Interrupts the thread of a call at its deadline.
 *
 * <p>It uses the JDK's timer for futures, so there is no thread to stop. After {@link #stop} it
 * interrupts nothing: the thread may then serve another call.
 */
final class CallTimer {
  private final Thread thread = Thread.currentThread();
  private final CompletableFuture<Void> timer = new CompletableFuture<>();

  // Guarded by this.
  private boolean isExpired;
  private boolean isStopped;

  /** Starts to wait, for the current thread. */
  static CallTimer after(long nanos) {
    CallTimer timer = new CallTimer();
    timer.timer.orTimeout(nanos, TimeUnit.NANOSECONDS).whenComplete((done, e) -> timer.ended(e));
    return timer;
  }

  private synchronized void ended(Throwable timeout) {
    if (timeout != null && !isStopped) {
      isExpired = true;
      thread.interrupt();
    }
  }

  synchronized boolean isExpired() {
    return isExpired;
  }

  /** Stops waiting; to be called on the thread of the call. */
  void stop() {
    synchronized (this) {
      isStopped = true;
    }
    timer.complete(null); // Removes it from the queue of the timer.
  }
}
