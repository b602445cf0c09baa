// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kit.OneLine;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops a program in a fixed order, once, and within a time limit: on SIGTERM, on SIGINT, or when
 * told to.
 *
 * <pre>{@code
 * Shutdown shutdown =
 *     new Shutdown(Duration.ofSeconds(15))
 *         .step("drain", http::drain)
 *         .step("deregister", registration)
 *         .step("wait for clients to notice", () -> Thread.sleep(1000))
 *         .step("stop serving", () -> http.stop(Duration.ofSeconds(10)));
 * shutdown.onSignal();
 * }</pre>
 *
 * <p>A step that fails is logged, and the next one runs. {@link #close} runs the steps; further
 * calls, from any thread, wait until the first one is through. An interruption ends the step that
 * waits, not the rest. It knows nothing of HTTP.
 *
 * <p>On a signal, the JVM ends by itself when the steps are through, with status 143 (SIGTERM) or 130
 * (SIGINT). Steps that take longer than the budget are cut off: the process halts with status 1. A
 * second signal changes nothing.
 *
 * <p>One shutdown hook in place of several, because the JVM runs hooks side by side in no order.
 */
public final class Shutdown implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Shutdown.class);
  private static final int OVERRUN = 1; // Exit status.

  private record Step(String name, AutoCloseable action) {}

  private final Duration budget;
  private final Runnable onOverrun;
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
    this.budget = requireNonNull(budget, "budget");
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

  /** Runs the steps when the JVM is asked to end; to be called once. */
  public Shutdown onSignal() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::closeWithinBudget, "shutdown"));
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
      if (!done.await(budget.toNanos(), TimeUnit.NANOSECONDS)) {
        log.error("shutdown took longer than {} ms: halting", budget.toMillis());
        onOverrun.run();
      }
    } catch (InterruptedException e) {
      // Through in time; this thread ends.
    }
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
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
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
      log.warn("shutdown: {} failed: {}", step.name(), OneLine.of(e));
    }
    return Thread.interrupted();
  }
}
