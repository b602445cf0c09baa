// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import kit.Context;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaking;
import kit.command.Command.Event;
import kit.command.CommandException.TimedOutException;

/**
 * Admitted call of a command: work on one thread, and a caller that waits for it on another, with a
 * timeout.
 *
 * <p>The <em>call</em> ends once, at the end of the work or at a stop, whichever is first: {@link
 * FutureTask} decides that. The <em>work</em> may end later, and only then the slot is free.
 */
final class Execution<R> extends FutureTask<R> {
  private final Command command;
  private final CircuitBreaker.Permit permit;
  private final Consumer<Execution<R>> whenEnded;
  private final AtomicBoolean holdsSlot = new AtomicBoolean(true);
  private volatile boolean isLate;

  /** Creates a call; {@code whenEnded} is called once, on the thread that ended it. */
  Execution(
      Command command,
      Callable<R> work,
      CircuitBreaker.Permit permit,
      Consumer<Execution<R>> whenEnded) {
    super(work);
    this.command = command;
    this.permit = permit;
    this.whenEnded = whenEnded;
  }

  @Override
  public void run() {
    super.run();
    freeSlot(); // If the call was stopped before its work started.
    if (isCancelled()) {
      Thread.interrupted(); // For this work, not for the next one on this thread.
    }
  }

  // The slot is free before the result is visible: its caller may then call again.

  @Override
  protected void set(R result) {
    freeSlot();
    super.set(result);
  }

  @Override
  protected void setException(Throwable error) {
    freeSlot();
    super.setException(error);
  }

  @Override
  protected void done() {
    whenEnded.accept(this);
  }

  /** Reverts the admission of a call that will not run. */
  void abandon() {
    freeSlot();
    permit.report(CircuitBreaker.Outcome.IGNORED);
  }

  private void freeSlot() {
    if (holdsSlot.compareAndSet(true, false)) {
      command.freeSlot();
    }
  }

  /** Ends the call with a timeout and interrupts the work, unless the call has ended. */
  void timeOut() {
    isLate = true;
    cancel(true);
  }

  /** Returns whether {@link #timeOut} was called, even without effect. */
  boolean isLate() {
    return isLate;
  }

  /**
   * Waits for the end, ends the call at the timeout or when the thread is interrupted, then counts
   * the result and reports it to the breaker. To be called once.
   *
   * @param caller the context with the caller's deadline; a timeout at it is not reported
   * @throws TimedOutException if it was stopped by the timeout
   * @throws InterruptedException if it was stopped otherwise
   * @throws Exception what the work throws, as it is
   */
  R await(long nanos, Context caller) throws Exception {
    Event event = Event.SUCCESS;
    R result = null;
    Throwable error = null;
    try {
      result = stopAfter(nanos);
    } catch (CancellationException e) { // Not from the work: that is an ExecutionException.
      event = isLate ? Event.TIMEOUT : Event.CANCELLED;
      error =
          isLate ? new TimedOutException(command.name()) : new InterruptedException("cancelled");
    } catch (ExecutionException e) {
      error = e.getCause();
      event = error instanceof InterruptedException ? Event.CANCELLED : Event.FAILURE;
    }
    command.count(event);

    boolean isTimeout = event == Event.TIMEOUT || CircuitBreaking.isTimeout(error);
    if (event == Event.CANCELLED || isTimeout && CircuitBreaking.isTimeUp(caller)) {
      permit.report(CircuitBreaker.Outcome.IGNORED);
    } else {
      permit.finished(result, error);
    }

    return error == null ? result : Command.rethrow(error);
  }

  private R stopAfter(long nanos) throws ExecutionException, InterruptedException {
    try {
      return get(nanos, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      timeOut();
    } catch (InterruptedException e) {
      if (!cancel(true)) {
        Thread.currentThread().interrupt(); // The work ended first: keep the interruption.
      }
    }
    return get();
  }
}
