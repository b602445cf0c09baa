// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The threads of all commands that bring none of their own: daemons, as many as there are calls,
 * gone a second after their last one.
 *
 * <p>They are shared, so that a command costs no thread, and kept for a moment, because starting a
 * thread costs more than handing work to one. There is no queue: a call that waits for a thread
 * would spend its timeout on that. What bounds them is each command's {@code maxConcurrent}.
 */
final class CommandThreads {
  private static final int KEPT_SECONDS = 1;

  /** Never shut down: it leaves nothing behind. */
  static final Executor SHARED =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE,
          KEPT_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          daemons(new AtomicLong()));

  private CommandThreads() {}

  private static ThreadFactory daemons(AtomicLong count) {
    return task -> {
      // false: a thread that serves many calls must not inherit the thread-locals of its first.
      Thread thread = new Thread(null, task, "command-" + count.incrementAndGet(), 0, false);
      thread.setDaemon(true);
      return thread;
    };
  }
}
