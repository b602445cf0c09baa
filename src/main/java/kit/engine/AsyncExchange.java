// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * An exchange that runs on a thread of an executor. To cancel its future, or one that was derived from
 * that, interrupts the thread, which closes the connection. Thread-safe.
 */
final class AsyncExchange<T> implements Runnable {
  private final ClientExchange<T> exchange;
  private final Future<HttpResponse<T>> future = new Future<>(this);

  // Guarded by this.
  private Thread running; // Null: not yet, or no longer.
  private boolean isCancelled;

  private AsyncExchange(ClientExchange<T> exchange) {
    this.exchange = exchange;
  }

  /** Starts an exchange; a future that has failed if the executor does not accept it. */
  static <T> CompletableFuture<HttpResponse<T>> start(
      ClientExchange<T> exchange, Executor executor) {
    AsyncExchange<T> async = new AsyncExchange<>(exchange);
    try {
      executor.execute(async);
    } catch (RuntimeException e) {
      async.future.completeExceptionally(e);
    }
    return async.future;
  }

  @Override
  public void run() {
    if (!begins()) {
      return;
    }
    HttpResponse<T> response = null;
    Throwable failure = null;
    try {
      response = exchange.send();
    } catch (Throwable e) { // Also of handlers and subscribers.
      failure = e;
    }
    ends();
    if (failure == null) { // Completing runs code of the caller: not to be interrupted.
      future.complete(response);
    } else {
      future.completeExceptionally(failure);
    }
  }

  private synchronized boolean begins() {
    running = isCancelled ? null : Thread.currentThread();
    return !isCancelled;
  }

  private synchronized void ends() {
    running = null;
    if (isCancelled) {
      Thread.interrupted(); // The executor's thread goes on to other tasks.
    }
  }

  private synchronized void cancel() {
    isCancelled = true;
    if (running != null) {
      running.interrupt();
    }
  }

  /** As the JDK's, whose derived futures cancel the exchange, too. */
  private static final class Future<V> extends CompletableFuture<V> {
    private final AsyncExchange<?> exchange;

    Future(AsyncExchange<?> exchange) {
      this.exchange = exchange;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new Future<>(exchange);
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      boolean isCancelled = super.cancel(mayInterrupt);
      if (isCancelled && mayInterrupt) { // Afterwards: its failure must not be the result.
        exchange.cancel();
      }
      return isCancelled;
    }
  }
}
