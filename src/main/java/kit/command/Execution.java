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
import kit.command.CommandCounts.Event;
import kit.command.CommandException.TimedOutException;

/**
 * One call that was let in: work that runs on some thread, and somebody else who waits for it, but
 * not for ever.
 *
 * <p>Two things end at different times. The <em>call</em> ends once, by the work's end or by a
 * stop, whichever is first: {@link FutureTask} decides that. The <em>work</em> ends when it likes,
 * and only then is the slot free.
 */
final class Execution<R> implements Runnable {
  private final String command;
  private final Callable<R> work;
  private final CircuitBreaker.Permit permit;
  private final CommandCounts.Counter counter;
  private final Runnable freeSlot;
  private final AtomicBoolean holdsSlot = new AtomicBoolean(true);
  private final FutureTask<R> task;
  private volatile boolean isLate;

  /**
   * To be run once, or else abandoned.
   *
   * @param freeSlot called once
   * @param whenEnded called once, on the thread that ended the call, perhaps after {@link #await}
   */
  Execution(
      String command,
      Callable<R> work,
      CircuitBreaker.Permit permit,
      CommandCounts.Counter counter,
      Runnable freeSlot,
      Consumer<Execution<R>> whenEnded) {
    this.command = command;
    this.work = work;
    this.permit = permit;
    this.counter = counter;
    this.freeSlot = freeSlot;
    this.task =
        new FutureTask<>(this::work) {
          @Override
          protected void done() {
            whenEnded.accept(Execution.this);
          }
        };
  }

  @Override
  public void run() {
    task.run();
    freeSlot(); // If the call was stopped before its work began.
    if (task.isCancelled()) {
      Thread.interrupted(); // Meant for this work, not for the next on this thread.
    }
  }

  private R work() throws Exception {
    try {
      return work.call();
    } finally {
      freeSlot(); // Before anybody sees the result: whoever has it may call again.
    }
  }

  /** Undoes the admission of a call that will never run. */
  void abandon() {
    freeSlot();
    permit.ignored();
  }

  /** Ends the call and interrupts the work, unless it has ended. */
  void cancel() {
    task.cancel(true);
  }

  /** As {@link #cancel}; {@link #await} will say that the time was up. */
  void timeOut() {
    isLate = true;
    task.cancel(true);
  }

  /** Whether {@link #timeOut} was called, even if to no effect. */
  boolean isLate() {
    return isLate;
  }

  /**
   * Waits for the end, brings it about when the time is up or the thread is interrupted, and then
   * counts it and reports it to the breaker. To be called once.
   *
   * @param caller has the deadline that the caller brought along; a timeout then is not reported
   * @throws TimedOutException if it was stopped because it took too long
   * @throws InterruptedException if it was stopped otherwise
   * @throws Exception what the work throws, as it is
   */
  R await(long nanos, Context caller) throws Exception {
    Event event = Event.SUCCESS;
    R result = null;
    Throwable error = null;
    try {
      result = stopAfter(nanos);
    } catch (CancellationException e) { // Not from the work: that would be an ExecutionException.
      event = isLate ? Event.TIMEOUT : Event.CANCELLED;
      error = isLate ? new TimedOutException(command) : new InterruptedException("cancelled");
    } catch (ExecutionException e) {
      error = e.getCause();
      event = error instanceof InterruptedException ? Event.CANCELLED : Event.FAILURE;
    }
    counter.count(event);
    boolean isTimeout = event == Event.TIMEOUT || CircuitBreaking.isTimeout(error);
    if (event == Event.CANCELLED || isTimeout && CircuitBreaking.isTimeUp(caller)) {
      permit.ignored();
    } else {
      permit.finished(result, error);
    }
    if (error instanceof Exception exception) {
      throw exception;
    }
    if (error != null) {
      throw (Error) error; // A Callable has nothing else to throw.
    }
    return result;
  }

  private R stopAfter(long nanos) throws ExecutionException, InterruptedException {
    try {
      return task.get(nanos, TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      timeOut();
    } catch (InterruptedException e) {
      if (!task.cancel(true)) {
        Thread.currentThread().interrupt(); // The work was faster: the interruption is not for it.
      }
    }
    return task.get();
  }

  private void freeSlot() {
    if (holdsSlot.compareAndSet(true, false)) {
      freeSlot.run();
    }
  }
}
