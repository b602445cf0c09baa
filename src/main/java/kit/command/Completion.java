// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import kit.Context;
import kit.command.CommandCounts.Event;
import kit.command.CommandException.FallbackFailedException;

/**
 * What the caller of a command gets: the answer of the work, or that of the fallback, or why there
 * is none.
 *
 * @param fallback null if there is none
 */
record Completion<R>(
    String command,
    CommandCounts.Counter counter,
    Executor executor,
    Command.Fallback<R> fallback) {

  /** Answers by {@code call} or, if that throws, by the fallback. */
  R of(Callable<R> call) throws Exception {
    Exception cause;
    try {
      return call.call();
    } catch (InterruptedException e) {
      throw e; // Nobody waits for an answer any more.
    } catch (Exception e) {
      if (fallback == null) {
        throw e;
      }
      cause = e;
    }
    Event event = Event.FALLBACK_FAILURE;
    try {
      R answer = fallback.answer(cause);
      event = Event.FALLBACK_SUCCESS;
      return answer;
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      throw e == cause ? e : new FallbackFailedException(command, cause, e);
    } finally {
      counter.count(event);
    }
  }

  /** Completes {@code future} as {@link #of} says. */
  void complete(CompletableFuture<R> future, Callable<R> call) {
    try {
      future.complete(of(call));
    } catch (Throwable e) {
      if (future.completeExceptionally(e) && e instanceof InterruptedException) {
        Thread.currentThread().interrupt(); // It was not the future that was cancelled.
      }
    }
  }

  /** As above, by a call that has ended on this thread. */
  void complete(CompletableFuture<R> future, Execution<R> ended) {
    if (!ended.isLate()) {
      complete(future, () -> ended.await(0, Context.background()));
      return;
    }
    // The timer's thread, on which the whole program depends, is not for fallbacks.
    try {
      executor.execute(() -> complete(future, () -> ended.await(0, Context.background())));
    } catch (RejectedExecutionException | OutOfMemoryError e) {
      Command.Fallback<R> none =
          cause -> {
            throw e;
          };
      new Completion<>(command, counter, executor, fallback == null ? null : none)
          .complete(future, () -> ended.await(0, Context.background()));
    }
  }
}
