// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Reads the body of a response, and feeds its subscriber as it asks.
 *
 * <pre>
 *   send() ........ reads and waits, until the subscriber has its result
 *   request(n) .... feeds what has arrived, and never waits
 *   a task ........ reads and waits, when both above have nothing and the subscriber asks for more
 * </pre>
 *
 * <p>One thread at a time feeds: the one that has raised {@code signals} from 0.
 */
final class ResponseFeed<T> implements Flow.Subscription {
  private static final int PIECE_BYTES = 16 << 10;
  private static final int SOON_MILLIS =
      5; // Less than a change of threads would cost on most networks.
  private static final long UNBOUNDED = Long.MAX_VALUE / 2;

  private final ClientExchange<T> exchange;
  private final PooledConnection connection;
  private final MessageBody body;
  private final BodySubscriber<T> subscriber;
  private final Executor tasks;
  private final AtomicLong demand = new AtomicLong();
  private final AtomicInteger signals = new AtomicInteger(1); // Owned by the thread of send.

  private boolean hasEnded; // Confined to the thread that feeds.
  private volatile IllegalArgumentException misuse; // Null: none.
  private volatile boolean isCancelled;

  /** Which thread feeds. */
  private enum Feeder {
    SENDER,
    READER,
    TASK
  }

  ResponseFeed(
      ClientExchange<T> exchange,
      PooledConnection connection,
      MessageBody body,
      BodySubscriber<T> subscriber,
      Executor tasks) {
    this.exchange = exchange;
    this.connection = connection;
    this.body = body;
    this.subscriber = subscriber;
    this.tasks = tasks;
  }

  /** Subscribes, and feeds on this thread until the subscriber has its result or wants no more. */
  CompletableFuture<T> start() {
    subscriber.onSubscribe(this);
    CompletableFuture<T> result = subscriber.getBody().toCompletableFuture();
    feed(Feeder.SENDER, result);
    return result;
  }

  @Override
  public void request(long n) {
    if (n <= 0) {
      misuse = new IllegalArgumentException("request for a number of items < 1: " + n);
    }
    long items = Math.max(1, Math.min(n, UNBOUNDED));
    demand.accumulateAndGet(items, (before, more) -> Math.min(before + more, UNBOUNDED));
    if (signals.getAndIncrement() == 0) {
      feed(Feeder.READER, null);
    }
  }

  @Override
  public void cancel() {
    isCancelled = true;
    exchange.end(false);
  }

  private void feed(Feeder feeder, CompletableFuture<T> result) {
    int seen = 1;
    while (seen != 0) {
      while (isWanted()) {
        if (mayRead(feeder, result)) {
          readPiece();
        } else if (isHandedOver()) {
          return;
        }
      }
      seen = signals.addAndGet(-seen);
    }
  }

  private boolean isWanted() {
    return !hasEnded && !isCancelled && (demand.get() > 0 || body.isWhole());
  }

  private boolean mayRead(Feeder feeder, CompletableFuture<T> result) {
    boolean mayWait =
        switch (feeder) {
          case SENDER -> !result.isDone();
          case READER -> false;
          case TASK -> true;
        };
    try {
      return mayWait || body.hasArrived() || feeder == Feeder.SENDER && arrivesSoon();
    } catch (IOException e) {
      return true; // The next read fails, too.
    }
  }

  private boolean isHandedOver() {
    try {
      tasks.execute(() -> feed(Feeder.TASK, null));
      return true;
    } catch (Throwable e) { // No thread.
      fail(e);
      return false;
    }
  }

  /** Waits a moment for a subscriber that takes all: its caller waits elsewhere for the end. */
  private boolean arrivesSoon() throws IOException {
    if (demand.get() < UNBOUNDED - Integer.MAX_VALUE) {
      return false;
    }
    connection.readTimeout(SOON_MILLIS);
    try {
      connection.input().fill();
    } catch (SocketTimeoutException e) {
      // A task waits for it.
    }
    connection.readTimeout(0);
    return body.hasArrived();
  }

  private void readPiece() {
    try {
      if (misuse != null) {
        throw misuse;
      }
      ByteBuffer piece = body.next(PIECE_BYTES);
      if (piece != null) {
        demand.decrementAndGet();
        subscriber.onNext(List.of(piece));
      }
      if (body.isWhole() && !isCancelled) {
        hasEnded = true;
        exchange.end(true); // Before the subscriber may send its next request.
        subscriber.onComplete();
      }
    } catch (Throwable e) { // Also of the subscriber.
      fail(e);
    }
  }

  private void fail(Throwable e) {
    hasEnded = true;
    Throwable why = e instanceof IOException failure ? exchange.explain(failure) : e;
    exchange.end(false);
    if (!isCancelled) {
      subscriber.onError(why);
    }
  }
}
