// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Creates the executor of requests: virtual threads from JDK 24 on, else an elastic pool.
 *
 * <p>In JDK 21 to 23 a virtual thread that blocks inside {@code synchronized}, as the JDK's server
 * does while it reads, pins its carrier thread, and a few slow clients block all others (JEP 491).
 *
 * <p>The pool has no queue: a request is served at once or, when all threads are busy, its
 * connection is closed. {@link HttpService} rejects requests with 503 at its limit of requests in
 * flight, which is well below the number of threads; the remaining threads are for clients that
 * send slowly.
 */
public final class ServerExecutor {
  private static final int SPARE_THREADS = 1024;
  private static final int VIRTUAL_SINCE = 24;

  private ServerExecutor() {}

  /** Returns an executor for about {@code maxInFlight} requests at a time; the caller stops it. */
  static ExecutorService newExecutor(int maxInFlight) {
    return virtual().orElseGet(() -> elastic(maxInFlight));
  }

  /** Returns an executor with a virtual thread for each task; empty before JDK 24. */
  public static Optional<ExecutorService> virtual() {
    if (Runtime.version().feature() < VIRTUAL_SINCE) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          (ExecutorService)
              Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null));
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
