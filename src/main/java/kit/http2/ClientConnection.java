// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/**
 * The client's side of a connection: opens streams, as many as the server permits.
 *
 * <pre>
 *   connecting --SETTINGS received--> usable --GOAWAY received--> ending --last stream ends--> closed
 * </pre>
 */
final class ClientConnection extends Http2Connection {
  private static final int VIRTUAL_SINCE = 24;
  private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int MAX_STREAM_ID = Integer.MAX_VALUE - 2;

  private final Socket socket;
  private final Socket secured; // The same without TLS.
  private final ExecutorService threads;
  private final CompletableFuture<Void> settled = new CompletableFuture<>(); // Settings received.
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private volatile IOException reason; // Of the end; null before it.
  private volatile int nextId = 1; // Written under the lock of the output, as blocks are in order.
  private volatile int lastAccepted = Integer.MAX_VALUE; // Written by the thread that reads.

  // Guarded by this.
  private long maxStreams = Integer.MAX_VALUE;
  private int active;
  private boolean isEnding;

  ClientConnection(Http2Settings settings, Socket socket, Socket secured) throws IOException {
    this(settings, socket, secured, newThreads());
  }

  private ClientConnection(
      Http2Settings settings, Socket socket, Socket secured, ExecutorService threads)
      throws IOException {
    super(false, settings, new Input(secured.getInputStream()), secured.getOutputStream(), threads);
    this.socket = socket;
    this.secured = secured;
    this.threads = threads;
  }

  private static ExecutorService newThreads() {
    if (Runtime.version().feature() >= VIRTUAL_SINCE) {
      try {
        return (ExecutorService)
            Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
      } catch (ReflectiveOperationException e) {
        throw new LinkageError("no virtual threads in " + Runtime.version(), e);
      }
    }
    return new ThreadPoolExecutor(
        0, 2, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), ClientConnection::newDaemon);
  }

  private static Thread newDaemon(Runnable task) {
    Thread thread = new Thread(task, "http2-client");
    thread.setDaemon(true);
    return thread;
  }

  /** Starts the threads, and waits for the settings of the server. */
  void start(Duration timeout) throws IOException {
    output().control((to, encoder) -> to.preface());
    begin();
    threads.execute(this::serve);
    CompletableFuture<Object> first = CompletableFuture.anyOf(settled, ended);
    boolean isInTime =
        first
            .completeOnTimeout(false, timeout.toNanos(), TimeUnit.NANOSECONDS)
            .thenApply(late -> late == null)
            .join();
    if (!isInTime || !settled.isDone()) {
      close(0);
      throw new IOException("no settings of HTTP/2 from the server", reason);
    }
  }

  private void serve() {
    try {
      reason = run(); // Such as an alert of TLS.
      output().awaitWritten(LINGER_NANOS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      close(0);
      end();
      threads.shutdown();
      ended.complete(null);
    }
  }

  /** Streams that wait to be opened look again. */
  private synchronized void end() {
    isEnding = true;
    notifyAll();
  }

  ConnectionStream open(List<HeaderField> head, boolean isLast, long deadlineNanos)
      throws IOException {
    FieldRules.checkSent(head);
    acquire(deadlineNanos);
    CompletableFuture<ConnectionStream> opened = new CompletableFuture<>();
    output()
        .control(
            (to, encoder) -> {
              int streamId = nextId;
              nextId += 2;
              ConnectionStream stream = streams().open(this, streamId);
              stream.deadline(deadlineNanos);
              stream.sentHead(isLast);
              to.headers(streamId, encoder.encode(head), isLast);
              opened.complete(stream);
            });
    if (!opened.isDone()) { // The connection was lost meanwhile.
      throw notUsable();
    }
    ConnectionStream stream = opened.join();
    if (stream.id() > lastAccepted) { // GOAWAY came meanwhile.
      end(stream, ErrorCode.REFUSED_STREAM, true, "not processed before GOAWAY");
    } else if (isClosed()) {
      end(stream, ErrorCode.INTERNAL_ERROR, false, "connection ended");
    }
    return stream;
  }

  private synchronized void acquire(long deadlineNanos) throws IOException {
    try {
      while (isUsable() && active >= maxStreams) {
        long left = deadlineNanos - System.nanoTime();
        if (left <= 0) {
          throw new SocketTimeoutException("the server permits no more streams: " + maxStreams);
        }
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    }
    if (!isUsable()) {
      throw notUsable();
    }
    active++;
  }

  private static StreamResetException notUsable() {
    return new StreamResetException(
        ErrorCode.REFUSED_STREAM, true, "the connection accepts no streams any more");
  }

  synchronized boolean isUsable() {
    return !isEnding && !isClosed() && nextId <= MAX_STREAM_ID;
  }

  void onClose(Runnable listener) {
    ended.thenRun(listener);
  }

  /** Ends the connection on this side. */
  void shutDown() {
    end();
    goAwayWith(0, ErrorCode.NO_ERROR, "");
    close(LINGER_NANOS);
  }

  /** A response that ends before its request ends that, too: it is of no use any more. */
  @Override
  void removeIfEnded(ConnectionStream stream) {
    super.removeIfEnded(stream);
    if (stream.input().hasEnded()) { // Without effect if the request has ended.
      reset(stream, ErrorCode.NO_ERROR, "the response has ended before the request");
    }
  }

  @Override
  void removed() {
    boolean isLast;
    synchronized (this) {
      active--;
      isLast = active == 0 && isEnding;
      notifyAll();
    }
    if (isLast) {
      close(LINGER_NANOS);
    }
  }

  @Override
  void maxStreams(long count) {
    synchronized (this) {
      maxStreams = count;
      notifyAll();
    }
  }

  @Override
  void settled() {
    settled.complete(null);
  }

  @Override
  void goAway(int lastStreamId, ErrorCode code) {
    lastAccepted = Math.min(lastAccepted, lastStreamId);
    end();
    for (ConnectionStream stream : streams().all()) {
      if (stream.id() > lastStreamId) {
        end(stream, ErrorCode.REFUSED_STREAM, true, "not processed before GOAWAY: " + code);
      }
    }
    if (streams().all().isEmpty()) {
      close(LINGER_NANOS);
    }
  }

  @Override
  void openHead(Frame frame, HpackDecoder.HeaderList list) throws IOException {
    requireForgotten(frame.streamId());
  }

  @Override
  void nextHead(ConnectionStream stream, Frame frame, List<HeaderField> fields) throws IOException {
    StreamInput input = stream.input();
    if (input.hasHead()) {
      input.addTrailers(frame, fields);
      return;
    }
    long contentLength = FieldRules.checkResponse(frame.streamId(), fields);
    boolean isLast = frame.has(Frame.END_STREAM);
    if (HeaderField.valueOf(fields, ":status").startsWith("1")) { // The final one follows.
      require(!isLast, ErrorCode.PROTOCOL_ERROR, frame.streamId(), "end after an interim response");
      guard().useless();
    } else {
      guard().received();
      input.addHead(fields, contentLength, isLast);
    }
  }

  @Override
  boolean isIdle(int streamId) {
    return streamId % 2 == 0 || streamId >= nextId;
  }

  @Override
  int lastStreamId() {
    return 0; // The server opens none.
  }

  @Override
  void close(long afterNanos) {
    try {
      if (afterNanos > 0) {
        socket.shutdownInput(); // The thread that reads closes it when all is written.
      } else {
        socket.close();
      }
    } catch (IOException e) {
      // It is closed.
    }
  }

  @Override
  InetSocketAddress remoteAddress() {
    return (InetSocketAddress) socket.getRemoteSocketAddress();
  }

  @Override
  Optional<SSLSession> session() {
    return secured instanceof SSLSocket tls ? Optional.of(tls.getSession()) : Optional.empty();
  }

  /** Tells what is buffered without a system call. */
  private static final class Input extends BufferedInputStream {
    Input(InputStream in) {
      super(in);
    }

    @Override
    public synchronized int available() {
      return count - pos;
    }
  }
}
