// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;

/**
 * A stream of a connection: RFC 9113, section 5.1. {@link StreamInput} is the direction of the peer.
 *
 * <pre>
 *                       open
 *      END_STREAM sent /    \ END_STREAM received
 *   half-closed (local)      half-closed (remote)
 *  END_STREAM received \    / END_STREAM sent
 *                      closed
 * </pre>
 *
 * <p>RST_STREAM of either side and the end of the connection lead from each state to closed.
 */
final class ConnectionStream implements Http2Stream {
  private static final int CHUNK_BYTES = 16 << 10; // Other streams come between.

  private final Http2Connection connection;
  private final int id;
  private final SendWindow sendWindow;
  private final StreamInput input;

  private volatile Optional<Long> deadlineNanos = Optional.empty();
  private volatile Optional<StreamResetException> reset = Optional.empty();
  private volatile boolean hasSentHead;
  private volatile boolean hasSentAll;

  // Guarded by this.
  private Consumer<StreamResetException> listener = problem -> {};
  private Optional<Thread> worker = Optional.empty(); // To be interrupted.

  ConnectionStream(Http2Connection connection, int id, int sendWindow) {
    this.connection = connection;
    this.id = id;
    this.sendWindow = new SendWindow(sendWindow);
    this.input = new StreamInput(this, connection);
  }

  int id() {
    return id;
  }

  SendWindow sendWindow() {
    return sendWindow;
  }

  StreamInput input() {
    return input;
  }

  /** The head was sent with the stream; {@code isLast}: and nothing follows. */
  void sentHead(boolean isLast) {
    hasSentHead = true;
    hasSentAll = isLast;
  }

  boolean isReset() {
    return reset.isPresent();
  }

  /** Returns whether both directions have ended. */
  boolean hasEnded() {
    return hasSentAll && input.hasEnded();
  }

  /**
   * Ends both directions, wakes up what waits, and calls the listener. Returns false if the stream
   * has ended, or was reset.
   */
  boolean end(StreamResetException problem) {
    Consumer<StreamResetException> called;
    synchronized (this) {
      if (isReset() || hasEnded()) {
        return false;
      }
      reset = Optional.of(problem);
      called = listener;
      worker.ifPresent(Thread::interrupt);
    }
    input.wake();
    sendWindow.wake();
    connection.flow().wake();
    if (!input.hasEnded()) { // Else what has arrived can still be read.
      connection.flow().release(input.discard());
    }
    called.accept(problem);
    return true;
  }

  /** From now on the current thread is interrupted when the stream is reset. */
  synchronized void begin() {
    worker = Optional.of(Thread.currentThread());
    if (isReset()) {
      Thread.currentThread().interrupt();
    }
  }

  /** The handler has returned: resets what it has not ended. */
  void finish() {
    synchronized (this) {
      worker = Optional.empty();
      Thread.interrupted(); // For the next task of this thread, and for writing to the socket.
    }
    reset(hasSentAll ? ErrorCode.NO_ERROR : ErrorCode.INTERNAL_ERROR);
  }

  @Override
  public List<HeaderField> head() throws IOException {
    return input.head();
  }

  @Override
  public InputStream body() {
    return input;
  }

  @Override
  public List<HeaderField> trailers() {
    return input.trailers();
  }

  @Override
  public void sendHead(List<HeaderField> head, boolean isLast) throws IOException {
    FieldRules.checkSent(head);
    requireState(!hasSentHead, "the head was sent");
    hasSentHead = true;
    sendBlock(head, isLast);
  }

  @Override
  public void sendTrailers(List<HeaderField> trailers) throws IOException {
    FieldRules.checkSent(trailers);
    requireHead();
    sendBlock(trailers, true);
  }

  @Override
  public void sendData(byte[] from, int offset, int length, boolean isLast) throws IOException {
    Objects.checkFromIndexSize(offset, length, from.length);
    requireHead();
    int position = offset;
    int limit = offset + length;
    do {
      int wanted = Math.min(limit - position, CHUNK_BYTES);
      int count = wanted == 0 ? 0 : connection.flow().reserve(this, wanted);
      Data data = new Data(from, position, count, isLast && position + count == limit);
      send(data, data.isLast);
      if (data.isSent) {
        position += count;
      } else {
        connection.flow().giveBack(this, count);
      }
    } while (position < limit);
  }

  /** DATA for which room was reserved. Not sent if the peer has made the window smaller since. */
  private final class Data implements FrameOutput.Frames {
    private final byte[] from;
    private final int offset;
    private final int length;
    private final boolean isLast;
    private boolean isSent;

    Data(byte[] from, int offset, int length, boolean isLast) {
      this.from = from;
      this.offset = offset;
      this.length = length;
      this.isLast = isLast;
    }

    @Override
    public void addTo(FrameWriter writer, HpackEncoder encoder) throws IOException {
      isSent = length == 0 || !sendWindow.isOverdrawn();
      if (isSent) {
        writer.data(id, from, offset, length, isLast);
        hasSentAll |= isLast; // Before the peer can respond to it.
      }
    }
  }

  /** Sends a header block. */
  private void sendBlock(List<HeaderField> block, boolean isLast) throws IOException {
    send(
        (to, encoder) -> {
          to.headers(id, encoder.encode(block), isLast);
          hasSentAll |= isLast;
        },
        isLast);
  }

  private void send(FrameOutput.Frames frames, boolean isLast) throws IOException {
    FrameOutput.Frames unlessReset =
        (to, encoder) -> {
          requireNoReset(); // No frame may follow RST_STREAM.
          frames.addTo(to, encoder);
        };
    connection.output().add(this, unlessReset);
    if (isLast) {
      connection.removeIfEnded(this);
    }
  }

  private void requireHead() {
    requireState(hasSentHead, "the head was not sent");
    requireState(!hasSentAll, "the last part was sent");
  }

  private static void requireState(boolean isValid, String problem) {
    if (!isValid) {
      throw new IllegalStateException(problem);
    }
  }

  @Override
  public void flush() {
    connection.output().flush();
  }

  @Override
  public void reset(ErrorCode code) {
    connection.reset(this, code, "reset by this side");
    connection.flow().release(input.discard());
  }

  @Override
  public void onReset(Consumer<StreamResetException> listener) {
    synchronized (this) {
      if (!isReset()) {
        this.listener = this.listener.andThen(listener);
        return;
      }
    }
    listener.accept(reset.get());
  }

  @Override
  public void deadline(long nanoTime) {
    deadlineNanos = Optional.of(nanoTime);
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return connection.remoteAddress();
  }

  @Override
  public Optional<SSLSession> session() {
    return connection.session();
  }

  /** Waits for a signal of a monitor, whose lock is held, or throws if the stream must not wait. */
  void await(Object monitor) throws IOException {
    requireNoReset();
    try {
      if (deadlineNanos.isEmpty()) {
        monitor.wait();
        return;
      }
      long left = deadlineNanos.get() - System.nanoTime();
      if (left <= 0) {
        throw new SocketTimeoutException("the deadline has passed");
      }
      TimeUnit.NANOSECONDS.timedWait(monitor, left);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      requireNoReset(); // The reason of the interrupt, then.
      throw new InterruptedIOException("interrupted");
    }
  }

  private void requireNoReset() throws StreamResetException {
    if (isReset()) { // A new exception, with the stack trace of this thread.
      StreamResetException problem = reset.get();
      throw new StreamResetException(problem.code(), problem.isUnprocessed(), problem.getMessage());
    }
  }
}
