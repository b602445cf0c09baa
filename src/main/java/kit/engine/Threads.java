// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.lang.reflect.Method;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads of a server or client that has no executor: virtual ones from JDK 24 on, which do not pin.
 */
final class Threads {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final int VIRTUAL_SINCE = 24;
  private static final Method IS_VIRTUAL = isVirtual();

  private Threads() {}

  private static Method isVirtual() {
    try {
      return Thread.class.getMethod("isVirtual");
    } catch (NoSuchMethodException e) {
      return null; // JDK 20 or older.
    }
  }

  static boolean isVirtual(Thread thread) {
    try {
      return IS_VIRTUAL != null && (boolean) IS_VIRTUAL.invoke(thread);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("Thread.isVirtual", e);
    }
  }

  /** Returns virtual threads, or at most {@code maxThreads} platform threads without a queue. */
  static ExecutorService newExecutor(int maxThreads) {
    return newExecutor(maxThreads, task -> new Thread(task, "http-engine"));
  }

  /** Returns virtual threads, or as many daemons as are busy. */
  static ExecutorService newClientExecutor() {
    return newExecutor(
        Integer.MAX_VALUE,
        task -> {
          Thread thread = new Thread(task, "http-engine-client");
          thread.setDaemon(true);
          return thread;
        });
  }

  private static ExecutorService newExecutor(int maxThreads, ThreadFactory platformThreads) {
    if (Runtime.version().feature() >= VIRTUAL_SINCE) {
      try {
        return (ExecutorService)
            Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
      } catch (ReflectiveOperationException e) {
        throw new LinkageError("no virtual threads in " + Runtime.version(), e);
      }
    }
    return new ThreadPoolExecutor(
        0, maxThreads, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), platformThreads);
  }

  static Thread startDaemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /**
   * Logs a failure on a thread that must go on. Logging may fail for the same reason: without files
   * or memory.
   */
  static void logFailure(String what, Throwable failure) {
    try {
      LOG.log(System.Logger.Level.ERROR, what, failure);
    } catch (Throwable e) {
      // The thread goes on without a line in the log.
    }
  }
}
