// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Chooses the threads that requests run on, virtual ones where they are good, else an elastic pool; and
 * those of a client.
 *
 * <p>Virtual threads from JDK 24 on. In 21 to 23 a virtual thread that blocks inside {@code
 * synchronized}, as the JDK's server does while it reads, holds on to its carrier, and a few slow
 * clients stop everybody (JEP 491).
 *
 * <p>The pool has no queue: a request is served now or, when all threads are taken, its connection
 * is closed. Refusing politely is the job of {@link HttpService}'s limit of requests in flight, well
 * below the number of threads; the rest are spare, for clients that are slow to send.
 */
final class RequestThreads {
  private static final int SPARE_THREADS = 1024;
  private static final int VIRTUAL_SINCE = 24;
  private static final int CLIENT_IDLE_SECONDS = 5;

  private RequestThreads() {}

  /** Returns an executor for about {@code maxInFlight} requests at a time; the caller stops it. */
  static ExecutorService newExecutor(int maxInFlight) {
    return Runtime.version().feature() >= VIRTUAL_SINCE ? virtual() : elastic(maxInFlight);
  }

  /**
   * Returns what a client's answers are read and handed over with, on which nothing may wait: from JDK 24
   * on a thread for each processor, which for callers that are virtual is a fifth more calls a second than on
   * the thread of the client's selector, and a quarter more than on virtual ones; before, the selector's.
   * Not to be stopped: its threads are daemons, and end after some seconds without work.
   */
  static Executor forClient() {
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
        CLIENT_IDLE_SECONDS,
        TimeUnit.SECONDS);
  }

  private static ExecutorService virtual() {
    try {
      return (ExecutorService)
          Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no virtual threads in " + Runtime.version(), e);
    }
  }

  private static ExecutorService elastic(int maxInFlight) {
    AtomicLong count = new AtomicLong();
    ThreadFactory named = task -> new Thread(task, "http-" + count.incrementAndGet());
    int core = 2 * Runtime.getRuntime().availableProcessors();
    int most =
        (int) Math.min(Integer.MAX_VALUE, (long) Math.max(core, maxInFlight) + SPARE_THREADS);
    return new ThreadPoolExecutor(
        core, most, 30, TimeUnit.SECONDS, new SynchronousQueue<>(), named);
  }
}
