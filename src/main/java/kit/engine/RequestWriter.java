// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Flow;

/**
 * Writes one request: its head, and the body as its publisher delivers it, piece by piece.
 *
 * <p>A small body is in one write with the head. Used by one thread at a time, but for the methods of
 * the subscriber, {@link #stop} and {@link #isDone}.
 */
final class RequestWriter implements Flow.Subscriber<ByteBuffer> {
  // Up to here a publisher is asked on the caller's thread: no server blocks it for so few bytes.
  private static final int SHORT_BYTES = 16 << 10;

  // Publishers of the JDK deliver 16 KiB at a time: one write with the lines around a chunk.
  private static final int LONG_BUFFER = 20 << 10;
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final HttpRequest request;
  private final BodyPublisher publisher; // Null: no body.
  private final long length; // Negative: chunked.
  private OutputStream output;
  private byte[] buffer;
  private int count; // Of the bytes in the buffer.
  private int flushed; // As many bytes were sent by the last flush.
  private int flushes;
  private boolean isInMemory;
  private boolean hasBegun;
  private boolean hasAll; // The publisher has delivered all.
  private boolean hasTaken; // The next piece has to be requested.
  private long published;
  private IOException sendFailure; // Within request; null: none.

  // Guarded by this.
  private Flow.Subscription subscription; // Null before the publisher has begun.
  private ByteBuffer piece; // Null: none, or taken.
  private boolean hasEnded;
  private Throwable failure; // Null: complete.

  private volatile Thread sender; // Null: the caller's, which must not wait.
  private volatile boolean isDone;
  private volatile IOException bodyFailure; // Null: none.

  RequestWriter(HttpRequest request) {
    this.request = request;
    this.publisher = request.bodyPublisher().orElse(null);
    this.length = publisher == null ? 0 : publisher.contentLength();
  }

  boolean hasBody() {
    return length != 0;
  }

  /** Returns whether the server shall say that it wants the body. */
  boolean expectsContinue() {
    return request.expectContinue() && length != 0;
  }

  /** Returns whether the body is written on the caller's thread, unless its publisher is late. */
  boolean isShort() {
    return length >= 0 && length <= SHORT_BYTES;
  }

  /** Returns whether the request was sent to its end. */
  boolean isDone() {
    return isDone;
  }

  /** Returns why the body cannot be sent, other than for the connection; null: it can. */
  IOException bodyFailure() {
    return bodyFailure;
  }

  /** Returns whether {@link #repeat} can send the request again. */
  boolean isInMemory() {
    return isInMemory;
  }

  /** Puts the head into the buffer of a connection. */
  void begin(PooledConnection connection, Origin origin) {
    output = connection.output();
    buffer = isShort() ? connection.buffer() : new byte[LONG_BUFFER];
    String method = request.method();
    if (!Tokens.isToken(method)) {
      throw new IllegalArgumentException("not a method of HTTP");
    }
    put(method + " ");
    putTarget(request.uri());
    put(" HTTP/1.1\r\n");
    Map<String, List<String>> fields = request.headers().map();
    if (!fields.containsKey("Host")) { // In any case: as HttpHeaders says.
      putHost(origin);
    }
    fields.forEach(this::putField);
    if (expectsContinue()) {
      put("Expect: 100-continue\r\n");
    }
    if (length < 0) {
      put("Transfer-Encoding: chunked\r\n");
    } else if (publisher != null) {
      put("Content-Length: " + length + "\r\n");
    }
    put("\r\n");
  }

  private void putTarget(URI uri) {
    String path = uri.getRawPath();
    String query = uri.getRawQuery();
    String target = path == null || path.isEmpty() ? "/" : path;
    target = query == null ? target : target + "?" + query;
    if (Tokens.isTarget(target)) {
      put(target);
      return;
    }
    for (byte b : target.getBytes(StandardCharsets.UTF_8)) { // With other characters than ASCII.
      put(b < 0 ? String.format("%%%02X", b) : String.valueOf((char) b));
    }
  }

  private void putHost(Origin origin) {
    boolean isUsual = origin.port() == (origin.isSecure() ? 443 : 80);
    put("Host: " + request.uri().getHost() + (isUsual ? "" : ":" + origin.port()) + "\r\n");
  }

  /** The fields that bound the body are those of its publisher. */
  private void putField(String name, List<String> values) {
    if (name.equalsIgnoreCase("Content-Length") || name.equalsIgnoreCase("Transfer-Encoding")) {
      return;
    }
    boolean isCookie = values.size() > 1 && name.equalsIgnoreCase("Cookie"); // One line: RFC 6265.
    for (String value : isCookie ? List.of(String.join("; ", values)) : values) {
      if (!Tokens.isToken(name) || !Tokens.isValue(value)) {
        throw new IllegalArgumentException("character that cannot be sent in header " + name);
      }
      put(name);
      put(": " + value + "\r\n");
    }
  }

  /** Puts text, one byte for each character. */
  private void put(String text) {
    int end = count + text.length();
    if (end > buffer.length) {
      buffer = Arrays.copyOf(buffer, Math.max(end, 2 * buffer.length));
    }
    for (int i = 0; i < text.length(); i++) {
      buffer[count + i] = (byte) text.charAt(i);
    }
    count = end;
  }

  /** Sends what is in the buffer. */
  void flush() throws IOException {
    if (count > 0) {
      flushes++;
      flushed = count;
      count = 0;
      output.write(buffer, 0, flushed);
    }
  }

  /** Sends the whole request again, to another connection; its publisher is not asked again. */
  void repeat(PooledConnection connection) throws IOException {
    connection.output().write(buffer, 0, flushed);
    isDone = true;
  }

  /**
   * Sends the body, and the head before it if that is in the buffer.
   *
   * @param waits whether to wait for a publisher that delivers later, on another thread
   * @return false if the rest has to be sent by another call, which waits
   */
  boolean send(boolean waits) throws IOException {
    sender = waits ? Thread.currentThread() : null;
    if (length != 0 && !hasBegun) {
      hasBegun = true;
      publisher.subscribe(this);
    }
    while (length != 0 && !hasAll) {
      ByteBuffer next = next(waits);
      if (next == null && !hasAll) {
        flush();
        return false;
      }
      if (next != null) {
        sendPiece(next);
      }
      if (waits) {
        flush();
      }
    }
    if (length > published) {
      throw broken(
          "request body is shorter than announced, by bytes: " + (length - published), null);
    }
    if (length < 0) {
      put("0\r\n\r\n");
    }
    isInMemory = !waits && flushes == 0;
    flush();
    isDone = true;
    return true;
  }

  private void sendPiece(ByteBuffer next) throws IOException {
    int size = next.remaining();
    published += size;
    if (length >= 0 && published > length) {
      throw broken("request body is longer than announced: " + length, null);
    }
    if (size == 0) {
      return; // As a chunk it would end the body.
    }
    if (length < 0) {
      put(Integer.toHexString(size) + "\r\n");
    }
    if (size <= buffer.length - count) {
      next.get(buffer, count, size);
      count += size;
    } else {
      flush();
      write(next);
    }
    if (length < 0) {
      put("\r\n");
    }
  }

  /** Sends a piece within request: its publisher may read the next one before that returns. */
  private void sendAtOnce(ByteBuffer next) {
    try {
      sendPiece(next);
      flush();
    } catch (IOException e) {
      sendFailure = e;
    }
  }

  private IOException broken(String problem, Throwable cause) {
    bodyFailure = cause instanceof IOException e ? e : new IOException(problem, cause);
    return bodyFailure;
  }

  private void write(ByteBuffer bytes) throws IOException {
    flushes++;
    if (bytes.hasArray()) {
      output.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
      return;
    }
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    output.write(copy);
  }

  /** Returns the next piece; null at the end, or if it is not there and {@code waits} is false. */
  private ByteBuffer next(boolean waits) throws IOException {
    if (hasTaken) {
      hasTaken = false;
      subscription().request(1); // Outside of the lock: most publishers deliver at once.
    }
    if (sendFailure != null) {
      throw sendFailure;
    }
    synchronized (this) {
      while (piece == null && !hasEnded && waits) {
        await();
      }
      if (failure != null) {
        throw broken(failure.getMessage(), failure);
      }
      ByteBuffer next = piece;
      piece = null;
      hasTaken = next != null;
      hasAll = next == null && hasEnded;
      return next;
    }
  }

  private void await() throws IOException {
    try {
      wait();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while the body was sent", e);
    }
  }

  private synchronized Flow.Subscription subscription() {
    return subscription;
  }

  /** Sends no more; the publisher is cancelled. */
  void stop() {
    end(new IOException("the exchange has ended"));
    Flow.Subscription begun = subscription();
    if (begun != null) {
      begun.cancel();
    }
  }

  private synchronized void end(Throwable why) {
    if (!hasEnded) {
      hasEnded = true;
      failure = why;
      notifyAll();
    }
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    boolean isLate;
    synchronized (this) {
      isLate = hasEnded || subscription != null;
      subscription = isLate ? subscription : given;
    }
    if (isLate) {
      given.cancel();
    } else {
      given.request(1);
    }
  }

  @Override
  public void onNext(ByteBuffer next) {
    boolean isOwnThread = Thread.currentThread() == sender;
    if (isOwnThread) {
      sendAtOnce(next);
    }
    boolean isTooMany;
    synchronized (this) {
      isTooMany = piece != null;
      piece = isTooMany ? piece : isOwnThread ? NOTHING : next;
      notifyAll();
    }
    if (isTooMany) {
      end(new IOException("publisher delivers more than was requested"));
    }
  }

  @Override
  public void onError(Throwable thrown) {
    end(thrown);
  }

  @Override
  public void onComplete() {
    end(null);
  }
}
