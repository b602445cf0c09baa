// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * What a connection sends: frames are added to a buffer, and a task writes the buffer to the socket
 * while others add to a second one.
 *
 * <p>So no lock is held while the socket blocks, frames that are added meanwhile go out together,
 * and threads that may be interrupted never write: an interrupt would close the socket.
 *
 * <p>Thread-safe. Memory: two buffers of up to {@value #MAX_BYTES} bytes, each with one more header
 * block and the control frames.
 */
final class FrameOutput {
  private static final int MAX_BYTES = 64 << 10; // More data waits.
  private static final int FULL_BYTES = 16 << 10; // Written without a flush.
  private static final int FIRST_BYTES = 512;
  private static final int KEPT_BYTES = 8 << 10;

  private final OutputStream socket;
  private final Executor threads;
  private final int maxControls;

  // Guarded by this.
  private final FrameWriter writer = new FrameWriter(new Filling());
  private final HpackEncoder encoder = new HpackEncoder(false);
  private Buffer buffer = new Buffer();
  private Buffer spare = new Buffer(); // While isWriting, of the thread that writes.
  private int controls; // Frames in the buffer that did not wait for room.
  private boolean isWriting;
  private Optional<IOException> failure = Optional.empty();

  /** Adds frames, without blocking: the lock is held. */
  @FunctionalInterface
  interface Frames {
    void addTo(FrameWriter writer, HpackEncoder encoder) throws IOException;
  }

  /**
   * Creates an output.
   *
   * @param threads runs the task that writes; never interrupted
   * @param maxControls the bound of {@link #control}
   */
  FrameOutput(OutputStream socket, Executor threads, int maxControls) {
    this.socket = socket;
    this.threads = threads;
    this.maxControls = maxControls;
  }

  /** Adds frames of a stream; waits until there is room, or the stream must not wait. */
  void add(ConnectionStream stream, Frames frames) throws IOException {
    if (addsTo(stream, frames)) {
      flush();
    }
  }

  private synchronized boolean addsTo(ConnectionStream stream, Frames frames) throws IOException {
    while (buffer.size >= MAX_BYTES && failure.isEmpty()) {
      stream.await(this);
    }
    if (failure.isPresent()) {
      String problem = "connection lost: " + failure.get().getMessage();
      throw new StreamResetException(ErrorCode.INTERNAL_ERROR, false, problem);
    }
    frames.addTo(writer, encoder);
    return buffer.size >= FULL_BYTES;
  }

  /** Adds a frame that does not wait, to be flushed; returns false if there are too many. */
  synchronized boolean control(Frames frame) {
    try {
      if (failure.isEmpty()) {
        frame.addTo(writer, encoder);
        controls++;
      }
      return controls <= maxControls;
    } catch (IOException e) {
      throw new AssertionError("a buffer does not fail", e);
    }
  }

  /** Sends what was added, on another thread. */
  void flush() {
    if (begins()) {
      try {
        threads.execute(this::write);
      } catch (RejectedExecutionException e) { // No thread is left: better here than never.
        write();
      }
    }
  }

  /** Sends what was added, on this thread unless another one is writing. */
  void flushHere() {
    if (begins()) {
      write();
    }
  }

  private synchronized boolean begins() {
    boolean begins = buffer.size > 0 && !isWriting && failure.isEmpty();
    isWriting |= begins;
    return begins;
  }

  private void write() {
    while (swaps()) {
      try {
        socket.write(spare.bytes, 0, spare.size);
        socket.flush();
      } catch (IOException e) {
        fail(e);
      }
    }
  }

  /** Takes the buffer to be written; returns false if there is nothing more. */
  private synchronized boolean swaps() {
    spare.clear();
    isWriting = buffer.size > 0 && failure.isEmpty();
    if (isWriting) {
      Buffer full = buffer;
      buffer = spare;
      spare = full;
      controls = 0;
    }
    notifyAll();
    return isWriting;
  }

  /** From now on frames fail with this. */
  synchronized void fail(IOException problem) {
    failure = Optional.of(failure.orElse(problem));
    notifyAll();
  }

  /** Waits until all was written or has failed, at most so long. */
  void awaitWritten(long nanos) throws InterruptedException {
    flush();
    long deadline = System.nanoTime() + nanos;
    synchronized (this) {
      for (long left = nanos; isWriting && left > 0; left = deadline - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    }
  }

  /** Writes to the buffer that is not being written. */
  private final class Filling extends OutputStream {
    @Override
    public void write(int b) {
      buffer.reserve(1);
      buffer.bytes[buffer.size++] = (byte) b;
    }

    @Override
    public void write(byte[] from, int offset, int length) {
      buffer.reserve(length);
      System.arraycopy(from, offset, buffer.bytes, buffer.size, length);
      buffer.size += length;
    }
  }

  private static final class Buffer {
    private byte[] bytes = new byte[FIRST_BYTES];
    private int size;

    void reserve(int count) {
      if (count > bytes.length - size) {
        bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, size + count));
      }
    }

    /** Frees what a connection that waits does not need. */
    void clear() {
      size = 0;
      if (bytes.length > KEPT_BYTES) {
        bytes = new byte[FIRST_BYTES];
      }
    }
  }
}
