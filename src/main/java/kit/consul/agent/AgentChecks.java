// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import kit.LogSafe;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs checks when they are due: one thread watches the clock, a pool of at most {@value
 * #MAX_CONCURRENT} does the waiting for answers.
 *
 * <p>A service that does not answer holds a thread of the pool for its timeout. If many do, the
 * checks of the others come late, but each has its full timeout from the moment it starts.
 */
final class AgentChecks implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final int MAX_CONCURRENT = 32;
  private static final int IDLE_SECONDS = 10;

  private final AgentState state;
  private final ThreadPoolExecutor pool =
      new ThreadPoolExecutor(
          MAX_CONCURRENT,
          MAX_CONCURRENT,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(), // Holds each check at most once.
          AgentChecks::newThread);
  private final Thread timer = new Thread(this::watchClock, "dev-agent-timer");

  AgentChecks(AgentState state) {
    this.state = state;
    pool.allowCoreThreadTimeOut(true);
    timer.setDaemon(true);
  }

  private static Thread newThread(Runnable task) {
    Thread thread = new Thread(task, "dev-agent-check");
    thread.setDaemon(true);
    return thread;
  }

  /** Watches the clock from here on. */
  void start() {
    timer.start();
  }

  private void watchClock() {
    try {
      while (!Thread.interrupted()) {
        state.awaitDue();
        runDue();
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  /** Begins to run what is due. */
  void runDue() {
    for (AgentState.Check check : state.takeDue()) {
      pool.execute(() -> run(check));
    }
  }

  private void run(AgentState.Check check) {
    try {
      CheckProbe.Result result = CheckProbe.run(check.definition);
      state.report(check, result.status(), result.output());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // Closed: the result is not needed.
    } catch (RuntimeException e) {
      log.error("check {} failed: {}", LogSafe.of(check.definition.checkId()), LogSafe.of(e));
      state.report(check, "critical", e.toString());
    }
  }

  /** Stops all threads; a connect in progress ends at its timeout. The state has been closed before. */
  @Override
  public void close() {
    timer.interrupt();
    try {
      timer.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    pool.shutdownNow();
  }
}
