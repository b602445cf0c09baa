// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import kit.PeerException;
import kit.http.Request;
import kit.http.client.PeerExceptions;
import kit.http.client.ResponseFraming;

/**
 * The body of a request on its way through a proxy: read whole before it is sent if it is announced to
 * be short, else passed on as it comes.
 *
 * <p>A short one costs no thread, and an upstream never waits for a caller who is slow to send it. One
 * that is passed on is read by a thread of the client.
 */
final class ProxyRequestBody {
  private static final int SHORT_BYTES = 16 * 1024; // Up to here a stream is not worth its while.

  private final Request request;
  private final byte[] shortBody; // Null if it is passed on as it comes.
  private volatile boolean begun; // To be passed on.

  /** Reads a short body, at the caller's pace. */
  ProxyRequestBody(Request request) {
    this.request = request;
    try {
      this.shortBody = request.shortBody(SHORT_BYTES);
    } catch (IOException e) {
      throw cancelled(e);
    }
  }

  /**
   * The caller has not sent what it announced: no fault of the instance, whose breaker must not count
   * it. The server answers with 400, if the connection is still open.
   */
  private static CancellationException cancelled(IOException e) {
    CancellationException cancelled = new CancellationException("the body did not arrive whole");
    cancelled.initCause(e);
    return cancelled;
  }

  BodyPublisher publisher() {
    if (shortBody != null) {
      return shortBody.length == 0 && !request.hasBody()
          ? BodyPublishers.noBody()
          : BodyPublishers.ofByteArray(shortBody);
    }
    BodyPublisher stream =
        BodyPublishers.ofInputStream(
            () -> {
              begun = true;
              return request.bodyStream();
            });
    long length = request.bodyLength();
    return length < 0 ? stream : BodyPublishers.fromPublisher(stream, length);
  }

  /** Sends {@code message} and returns when the head of the answer is there, within {@code nanos}. */
  HttpResponse<?> send(
      HttpClient quick,
      HttpClient streaming,
      HttpRequest message,
      ProxyResponseBody answer,
      long nanos)
      throws InterruptedException, TimeoutException, IOException {
    if (shortBody != null) {
      return ResponseFraming.send(quick, message, answer); // The message has its time limit.
    }
    // That time limit does not hold while the client reads from a stream: the thread that waits for
    // the caller's bytes is the one that would have to give up.
    CompletableFuture<? extends HttpResponse<?>> exchange = streaming.sendAsync(message, answer);
    boolean through = false;
    try {
      HttpResponse<?> head = exchange.get(nanos, TimeUnit.NANOSECONDS);
      through = true;
      return head;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    } finally {
      if (!through) {
        exchange.cancel(true); // Closes the connection; a no-op if the exchange has failed.
      }
    }
  }

  /** Returns what {@code thrown} by {@link #send} says of the call. */
  RuntimeException failure(IOException thrown, String instance) {
    if (request.bodyStream().isBroken()) {
      return cancelled(thrown);
    }
    PeerException failure = PeerExceptions.of(thrown, instance);
    return failure.kind().notSent() && begun
        ? PeerException.broken(instance, "no connection, and the body is gone", thrown)
        : failure;
  }

  /** To be called when nobody waits for the answer's head any more. */
  void end() {
    if (begun) {
      request.bodyStream().abandon();
    }
  }
}
