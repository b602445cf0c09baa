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
 * Stops a program in a fixed order, once, and within a time limit: on SIGTERM, on SIGINT, or when
 * told to.
 *
 * <pre>{@code
 * new Shutdown(Duration.ofSeconds(15))
 *     .step("stop serving", http)
 *     .step("flush traces", reporter)
 *     .onSignal();
 * }</pre>
 *
 * <p>For the steps of a service that others find in a registry, see {@code HttpService.shutdown}.
 *
 * <p>A step that fails is logged, and the next one runs. {@link #close} runs the steps; further
 * calls, from any thread, wait until the first one is through. An interruption ends the step that
 * waits, not the rest.
 *
 * <p>On a signal, the JVM ends by itself when the steps are through, with status 143 (SIGTERM) or 130
 * (SIGINT). Steps that take longer than the budget are cut off: the process halts with status 1,
 * also when nobody reads its log any more. A second signal changes nothing.
 *
 * <p>One shutdown hook in place of several, because the JVM runs hooks side by side in no order.
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

  // Guarded by this until closing, which is then never false again; read-only from there on.
  private final List<Step> steps = new ArrayList<>();
  private boolean closing;

  // Set by the thread that closes before it runs a step, and compared by each with itself only.
  private volatile Thread closer;

  /** Allows {@code budget} for all steps together when a signal ends the program. */
  public Shutdown(Duration budget) {
    // Not System.exit: called within a shutdown hook it would wait for that hook for ever.
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

  /** Runs the steps when the JVM is asked to end, unless they have run by then; to be called once. */
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
        // On a thread of its own: a log that nobody reads blocks, and may be why we are late.
        Thread report = new Thread(this::reportOverrun, "shutdown-report");
        report.setDaemon(true);
        report.start();
        report.join(REPORT_MILLIS);
        onOverrun.run();
      }
    } catch (InterruptedException e) {
      // Through in time; this thread ends.
    }
  }

  private void reportOverrun() {
    log.error(
        "shutdown took longer than {} ms: halting", TimeUnit.NANOSECONDS.toMillis(budgetNanos));
  }

  /** Runs all steps, or waits until whoever was first has done so. */
  @Override
  public void close() {
    if (!isFirst()) {
      if (Thread.currentThread() != closer) { // A step that closes us must not wait for itself.
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

  /** A program that goes on must not keep all this for a signal that finds nothing to do. */
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

  /** Returns whether the step was interrupted; the flag is cleared, or the next step would be, too. */
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
