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
 * Body of a request that a proxy forwards: read completely before it is sent if its declared length
 * is short, else streamed.
 *
 * <p>A short body needs no thread, and an upstream never waits for a slow caller. A streamed body
 * is read by a thread of the client.
 */
final class ProxyRequestBody {
  private static final int SHORT_BYTES = 16 * 1024; // Up to here a stream does not pay.

  private final Request request;
  private final byte[] shortBody; // Null if it is streamed.
  private volatile boolean begun; // Streaming has begun.

  /** Reads a short body, as fast as the caller sends it. */
  ProxyRequestBody(Request request) {
    this.request = request;
    try {
      this.shortBody = request.shortBody(SHORT_BYTES);
    } catch (IOException e) {
      throw cancelled(e);
    }
  }

  /**
   * Returns the exception for an incomplete request: not a failure of the instance, whose breaker
   * must not count it. The server responds with 400 if the connection is still open.
   */
  private static CancellationException cancelled(IOException e) {
    CancellationException cancelled = new CancellationException("incomplete body");
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

  /**
   * Sends {@code message} and returns when the head of the response has arrived, within {@code
   * nanos}.
   */
  HttpResponse<?> send(
      HttpClient quick,
      HttpClient streaming,
      HttpRequest message,
      ProxyResponseBody received,
      long nanos)
      throws InterruptedException, TimeoutException, IOException {
    if (shortBody != null) {
      return ResponseFraming.send(quick, message, received); // The message has its timeout.
    }
    // The timeout of the message does not apply while the client reads from a stream: the thread
    // that waits for the caller's bytes is the one that would have to time out.
    CompletableFuture<? extends HttpResponse<?>> exchange = streaming.sendAsync(message, received);
    boolean through = false;
    try {
      HttpResponse<?> head = exchange.get(nanos, TimeUnit.NANOSECONDS);
      through = true;
      return head;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    } finally {
      if (!through) {
        exchange.cancel(true); // Closes the connection; no effect if the exchange has failed.
      }
    }
  }

  /** Returns the failure for an exception of {@link #send}. */
  RuntimeException failure(IOException thrown, String instance) {
    if (request.bodyStream().isBroken()) {
      return cancelled(thrown);
    }
    PeerException failure = PeerExceptions.of(thrown, instance);
    return failure.kind().notSent() && begun
        ? PeerException.broken(instance, "connection failed after the body was read", thrown)
        : failure;
  }

  /** To be called when the head of the response is no longer awaited. */
  void end() {
    if (begun) {
      request.bodyStream().abandon();
    }
  }
}
