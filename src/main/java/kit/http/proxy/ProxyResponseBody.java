// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolException;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.util.concurrent.TimeoutException;
import kit.http.client.BodyCollector;
import kit.http.client.ResponseFraming;

/**
 * Body of a response that a proxy forwards: collected if its declared length is short, else
 * streamed.
 */
final class ProxyResponseBody implements BodyHandler<Void> {
  private static final int SHORT_BYTES = 16 * 1024; // Up to here a stream does not pay.

  private final String method;

  // Guarded by this. After the head has arrived, one of the two is set: whole if the head is
  // malformed.
  private BodyCollector whole;
  private InputStream stream;
  private ProtocolException malformed;
  private boolean cancelled;

  /** Creates the body of the response to a request with {@code method}. */
  ProxyResponseBody(String method) {
    this.method = method;
  }

  @Override
  public BodySubscriber<Void> apply(ResponseInfo head) {
    ProtocolException fault = null;
    long length = 0;
    try {
      ResponseFraming.check(head, method);
      length = ResponseFraming.length(head.headers());
    } catch (ProtocolException e) {
      fault = e;
    }
    BodySubscriber<Void> subscriber;
    BodyCollector bytes = null;
    InputStream in = null;
    if (fault != null || length >= 0 && length <= SHORT_BYTES) {
      bytes = new BodyCollector(SHORT_BYTES, method);
      subscriber = bytes.apply(head); // Closes the connection if the head is malformed.
    } else {
      BodySubscriber<InputStream> streaming = BodySubscribers.ofInputStream();
      in = streaming.getBody().toCompletableFuture().join(); // Complete from the beginning.
      subscriber = BodySubscribers.mapping(streaming, same -> null);
    }
    boolean late;
    synchronized (this) {
      whole = bytes;
      stream = in;
      malformed = fault;
      late = cancelled;
    }
    if (late) {
      close(bytes, in); // The subscription will be cancelled as soon as it begins.
    }
    return subscriber;
  }

  /** Throws an exception if the head is malformed. */
  synchronized void check() throws ProtocolException {
    if (malformed != null) {
      throw malformed;
    }
  }

  /** Returns whether the body is streamed, and not collected. */
  synchronized boolean isStream() {
    return stream != null;
  }

  /** Returns the stream. */
  synchronized InputStream stream() {
    return stream;
  }

  /** Waits for the end of a short body, as {@link BodyCollector#await} does. */
  byte[] await(long nanos) throws InterruptedException, TimeoutException, IOException {
    BodyCollector waiting;
    synchronized (this) {
      waiting = whole;
    }
    return waiting.await(nanos);
  }

  /** Closes the connection, now or when the head arrives. No effect after the body's end. */
  void cancel() {
    BodyCollector wholeNow;
    InputStream streamNow;
    synchronized (this) {
      cancelled = true;
      wholeNow = whole;
      streamNow = stream;
    }
    close(wholeNow, streamNow);
  }

  private static void close(BodyCollector whole, InputStream stream) {
    if (whole != null) {
      whole.cancel();
    }
    if (stream != null) {
      try {
        stream.close();
      } catch (IOException e) {
        // The connection is closed in any case.
      }
    }
  }
}
