// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;
import kit.http2.ErrorCode;
import kit.http2.HeaderField;
import kit.http2.Http2Handler;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/** A stream without a connection: the test is the client. */
final class FakeHttp2Stream implements Http2Stream {
  private static final byte[] END = new byte[0];

  private final List<HeaderField> head = new ArrayList<>();
  private final BlockingQueue<byte[]> body = new LinkedBlockingQueue<>();
  private final List<Consumer<StreamResetException>> listeners = new CopyOnWriteArrayList<>();
  private final ByteArrayOutputStream sent = new ByteArrayOutputStream(); // Guarded by itself.

  private volatile List<HeaderField> responseHead = List.of();
  private volatile List<HeaderField> trailers = List.of();
  private volatile boolean isEnded;
  private volatile boolean isReset;
  private volatile long deadlineNanos;
  private volatile boolean hasDeadline;
  private volatile Thread handler;

  FakeHttp2Stream(List<HeaderField> head) {
    this.head.addAll(head);
  }

  FakeHttp2Stream(String path) {
    with(":method", "POST").with(":scheme", "http").with(":path", path);
    with("content-type", "application/grpc").with("te", "trailers");
  }

  FakeHttp2Stream with(String name, String value) {
    head.removeIf(field -> field.name().equals(name));
    head.add(HeaderField.of(name, value));
    return this;
  }

  /** Sends a part of the body, in one piece. */
  FakeHttp2Stream sends(byte[] part) {
    body.add(part);
    return this;
  }

  FakeHttp2Stream sendsMessage(String text) throws IOException {
    return sends(MessageWriter.framed(Texts.CODEC.encode(text), false));
  }

  FakeHttp2Stream ends() {
    body.add(END);
    return this;
  }

  /** Resets the stream, as a client that cancels. */
  void cancel() {
    isReset = true;
    StreamResetException reset = reset();
    listeners.forEach(listener -> listener.accept(reset));
    changed();
    handler.interrupt();
  }

  private static StreamResetException reset() {
    return new StreamResetException(ErrorCode.CANCEL, false, "reset by the peer");
  }

  /** Runs the handler on this thread, as a server does. */
  FakeHttp2Stream servedBy(Http2Handler service) throws Exception {
    handler = Thread.currentThread();
    service.handle(this);
    return this;
  }

  /** Runs the handler on another thread. */
  Thread startedBy(Http2Handler service) {
    Thread thread =
        new Thread(
            () -> {
              try {
                service.handle(this);
              } catch (StreamResetException e) {
                // The client has cancelled.
              } catch (Exception e) {
                throw new IllegalStateException(e);
              } finally {
                isReset |= !isEnded;
                changed();
              }
            });
    handler = thread;
    thread.start();
    return thread;
  }

  String responseField(String name) {
    return valueIn(responseHead, name);
  }

  String trailer(String name) {
    return valueIn(trailers, name);
  }

  private static String valueIn(List<HeaderField> fields, String name) {
    return fields.stream()
        .filter(field -> field.name().equals(name))
        .map(HeaderField::value)
        .findFirst()
        .orElse("");
  }

  /** Returns number and text of the status, wherever it is. */
  String status() {
    List<HeaderField> fields = trailers.isEmpty() ? responseHead : trailers;
    String text = PercentCoding.decode(valueIn(fields, "grpc-message"));
    return valueIn(fields, "grpc-status") + (text.isEmpty() ? "" : " " + text);
  }

  boolean isTrailersOnly() {
    return isEnded && trailers.isEmpty();
  }

  List<String> messages() throws IOException {
    byte[] all;
    synchronized (sent) {
      all = sent.toByteArray();
    }
    List<String> messages = new ArrayList<>();
    String encoding = responseField("grpc-encoding").isEmpty() ? "identity" : "gzip";
    MessageReader reader = new MessageReader(new ByteArrayInputStream(all), encoding, 1 << 20);
    for (byte[] next = reader.next(); next != null; next = reader.next()) {
      messages.add(Texts.CODEC.decode(next));
    }
    return messages;
  }

  byte[] sentBytes() {
    synchronized (sent) {
      return sent.toByteArray();
    }
  }

  @Override
  public List<HeaderField> head() {
    return List.copyOf(head);
  }

  @Override
  public InputStream body() {
    return new InputStream() {
      private byte[] part = new byte[0];
      private int position;
      private boolean isAtEnd;

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] to, int offset, int length) throws IOException {
        if (length == 0) {
          return 0;
        }
        while (position == part.length) {
          if (isAtEnd) {
            return -1;
          }
          part = nextPart();
          position = 0;
          isAtEnd = part == END;
        }
        int count = Math.min(length, part.length - position);
        System.arraycopy(part, position, to, offset, count);
        position += count;
        return count;
      }
    };
  }

  private byte[] nextPart() throws IOException {
    checkReset();
    try {
      long waitNanos = hasDeadline ? deadlineNanos - System.nanoTime() : Long.MAX_VALUE;
      byte[] next = body.poll(waitNanos, TimeUnit.NANOSECONDS);
      if (next == null) {
        throw new SocketTimeoutException("deadline");
      }
      return next;
    } catch (InterruptedException e) {
      checkReset();
      throw new InterruptedIOException("interrupted");
    }
  }

  private void checkReset() throws IOException {
    if (isReset) {
      throw reset();
    }
  }

  @Override
  public List<HeaderField> trailers() {
    return List.of();
  }

  @Override
  public void sendHead(List<HeaderField> fields, boolean isLast) throws IOException {
    checkReset();
    require(responseHead.isEmpty());
    responseHead = List.copyOf(fields);
    isEnded = isLast;
    changed();
  }

  @Override
  public void sendData(byte[] from, int offset, int length, boolean isLast) throws IOException {
    checkReset();
    require(!responseHead.isEmpty() && !isEnded);
    synchronized (sent) {
      sent.writeBytes(Arrays.copyOfRange(from, offset, offset + length));
    }
    isEnded = isLast;
    changed();
  }

  @Override
  public void sendTrailers(List<HeaderField> fields) throws IOException {
    checkReset();
    require(!responseHead.isEmpty() && !isEnded);
    trailers = List.copyOf(fields);
    isEnded = true;
    changed();
  }

  private void changed() {
    synchronized (sent) {
      sent.notifyAll();
    }
  }

  /** Waits until a condition of what was sent is true, until a deadline. */
  void await(BooleanSupplier condition, long untilNanos) throws IOException {
    try {
      synchronized (sent) {
        while (!condition.getAsBoolean()) {
          checkReset();
          long leftNanos = untilNanos - System.nanoTime();
          if (leftNanos <= 0) {
            throw new SocketTimeoutException("deadline");
          }
          TimeUnit.NANOSECONDS.timedWait(sent, leftNanos);
        }
      }
    } catch (InterruptedException e) {
      throw new InterruptedIOException("interrupted");
    }
  }

  List<HeaderField> responseHead() {
    return responseHead;
  }

  List<HeaderField> responseTrailers() {
    return trailers;
  }

  boolean isEnded() {
    return isEnded;
  }

  boolean isReset() {
    return isReset;
  }

  private static void require(boolean condition) {
    if (!condition) {
      throw new IllegalStateException("out of order");
    }
  }

  @Override
  public void reset(ErrorCode code) {
    isReset = true;
    changed();
  }

  @Override
  public void onReset(Consumer<StreamResetException> listener) {
    listeners.add(listener);
  }

  @Override
  public void deadline(long nanoTime) {
    deadlineNanos = nanoTime;
    hasDeadline = true;
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return new InetSocketAddress("127.0.0.1", 4711);
  }

  @Override
  public Optional<SSLSession> session() {
    return Optional.empty();
  }
}
