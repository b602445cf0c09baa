// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the steps of a graceful shutdown in order, once, within a time limit: on SIGTERM, SIGINT or
 * {@link #close}.
 *
 * <pre>{@code
 * new Shutdown(Duration.ofSeconds(15))
 *     .step("stop serving", http)
 *     .step("flush traces", reporter)
 *     .onSignal();
 * }</pre>
 *
 * <p>For the steps of a service that is registered with a registry, see {@code
 * HttpService.shutdown}.
 *
 * <p>A step that fails is logged, and the next one runs. {@link #close} runs the steps; further
 * calls, from any thread, wait until the first has finished. An interruption ends the step that is
 * waiting, not the ones after it.
 *
 * <p>On a signal, the JVM ends after the steps, with status 143 (SIGTERM) or 130 (SIGINT). When the
 * steps exceed the budget, the process halts with status 1, even if the reader of its log is
 * blocked. A second signal has no effect.
 *
 * <p>It is one shutdown hook in place of several, because the JVM runs hooks concurrently and in no
 * order.
 */
public final class Shutdown implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Shutdown.class);
  private static final int OVERRUN = 1; // Exit status.
  private static final int REPORT_MILLIS = 500; // To log one line.

  private record Step(String name, AutoCloseable action) {}

  private final long budgetNanos;
  private final Runnable onOverrun;
  private final Thread hook = new Thread(this::closeWithinBudget, "shutdown");
  private final CountDownLatch done = new CountDownLatch(1);

  // Guarded by this until closing is true; read-only from then on.
  private final List<Step> steps = new ArrayList<>();
  private boolean closing;

  // Set by the closing thread before it runs a step; a thread compares it with itself only.
  private volatile Thread closer;

  /**
   * Creates a shutdown with a time limit of {@code budget} for all steps together, enforced on
   * signals.
   */
  public Shutdown(Duration budget) {
    // Not System.exit: within a shutdown hook it would wait for that hook forever.
    this(budget, () -> Runtime.getRuntime().halt(OVERRUN));
  }

  Shutdown(Duration budget, Runnable onOverrun) {
    this.budgetNanos = requireNonNull(budget, "budget").toNanos();
    this.onOverrun = onOverrun;
  }

  /** Adds a step; steps run in the order in which they were added. */
  public synchronized Shutdown step(String name, AutoCloseable action) {
    if (closing) {
      throw new IllegalStateException("already shutting down; too late for a step: " + name);
    }
    steps.add(new Step(requireNonNull(name, "name"), requireNonNull(action, "action")));
    return this;
  }

  /**
   * Installs the shutdown hook, which runs the steps unless they have run by then; to be called
   * once.
   */
  public Shutdown onSignal() {
    Runtime.getRuntime().addShutdownHook(hook);
    return this;
  }

  void closeWithinBudget() {
    Thread watchdog = new Thread(this::haltWhenOverdue, "shutdown-watchdog");
    watchdog.setDaemon(true);
    watchdog.start();
    close();
    watchdog.interrupt();
  }

  private void haltWhenOverdue() {
    try {
      if (!done.await(budgetNanos, TimeUnit.NANOSECONDS)) {
        // On a thread of its own: a log whose reader has stopped blocks, and may be the cause.
        Thread report = new Thread(this::reportOverrun, "shutdown-report");
        report.setDaemon(true);
        report.start();
        report.join(REPORT_MILLIS);
        onOverrun.run();
      }
    } catch (InterruptedException e) {
      // The steps ended within the budget.
    }
  }

  private void reportOverrun() {
    log.error(
        "shutdown took longer than {} ms: halting", TimeUnit.NANOSECONDS.toMillis(budgetNanos));
  }

  /** Runs all steps, or waits until the first caller has done so. */
  @Override
  public void close() {
    if (!isFirst()) {
      if (Thread.currentThread() != closer) { // A step that calls close() must not wait for itself.
        awaitDone();
      }
      return;
    }
    closer = Thread.currentThread();
    boolean interrupted = Thread.interrupted();
    try {
      for (Step step : steps) { // No step is added any more.
        interrupted |= run(step);
      }
    } finally {
      done.countDown();
      forgetHook();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Releases the steps for the garbage collector if the program continues after {@link #close}. */
  private void forgetHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook); // No matter if it was never added.
    } catch (IllegalStateException e) {
      // It is running, or about to.
    }
  }

  private synchronized boolean isFirst() {
    boolean first = !closing;
    closing = true;
    return first;
  }

  private void awaitDone() {
    try {
      done.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Returns whether the step was interrupted; the flag is cleared, or the next step would be, too.
   */
  private static boolean run(Step step) {
    log.debug("shutdown: {}", step.name());
    try {
      step.action().close();
    } catch (InterruptedException e) {
      log.warn("shutdown: {} was interrupted", step.name());
      return true;
    } catch (Throwable e) {
      log.warn("shutdown: {} failed: {}", step.name(), LogSafe.of(e));
    }
    return Thread.interrupted();
  }
}
