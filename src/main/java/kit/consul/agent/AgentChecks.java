// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;

/**
 * Threads of the agent: one for timers, a pool of at most {@value #MAX_CONCURRENT} for health
 * checks.
 *
 * <p>A service that does not respond holds a thread of the pool for its timeout. If many do, the
 * checks of the others come late, but each has its full timeout from the moment it starts.
 */
final class AgentChecks implements AgentCheck.Schedule, AutoCloseable {
  private static final int MAX_CONCURRENT = 32;

  private final DoubleSupplier random;
  private final CheckProbe probe;
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(1, daemons("dev-agent-timer"));
  private final ExecutorService pool = // Its queue holds each check at most once.
      Executors.newFixedThreadPool(MAX_CONCURRENT, daemons("dev-agent-check"));

  /** {@code random}, from 0 to below 1, spreads the first runs of checks. */
  AgentChecks(DoubleSupplier random, CheckProbe probe) {
    this.random = random;
    this.probe = probe;
    timer.setRemoveOnCancelPolicy(true); // Each update of a TTL check cancels a task.
  }

  private static ThreadFactory daemons(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  @Override
  public double firstRun() {
    return random.getAsDouble();
  }

  @Override
  public Future<?> in(long delayNanos, Runnable task) {
    return timer.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
  }

  @Override
  public void run(CheckDefinition check, Consumer<CheckProbe.Result> report) {
    pool.execute(
        () -> {
          try {
            report.accept(probe.run(check));
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // Closed: the result is not needed.
          }
        });
  }

  /**
   * Interrupts all threads, and a connect in progress with them. The state has been closed before.
   */
  @Override
  public void close() {
    timer.shutdownNow();
    pool.shutdownNow();
  }
}
