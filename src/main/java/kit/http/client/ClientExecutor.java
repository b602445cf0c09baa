// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;

/** Chooses the threads on which a client of the JDK reads and writes. */
final class ClientExecutor {
  private static final int VIRTUAL_SINCE = 24; // As servers have virtual threads.

  private ClientExecutor() {}

  /**
   * Returns the executor of one client; nothing may wait on its threads.
   *
   * <p>Before JDK 24 that is the thread of the client's selector. From JDK 24 on it is a pool with
   * a thread for each processor: for callers on virtual threads that makes a fifth more calls per
   * second than the selector's thread, and a quarter more than virtual threads. The pool needs no
   * shutdown: its threads are daemons and end after a minute without work.
   */
  static Executor create() {
    if (Runtime.version().feature() < VIRTUAL_SINCE) {
      return Runnable::run;
    }
    boolean firstInFirstOut = true;
    return new ForkJoinPool(
        Runtime.getRuntime().availableProcessors(),
        ForkJoinPool.defaultForkJoinWorkerThreadFactory,
        null,
        firstInFirstOut);
  }
}
