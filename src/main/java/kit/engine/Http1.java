// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * HTTP/1 on one connection: reads requests, calls handlers and sends responses, one after the other.
 *
 * <p>Used by one thread at a time, but for {@link #close} and {@link #look}.
 */
final class Http1 {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final Duration LINGER = Duration.ofSeconds(1);

  private final Connection connection;
  private final Engine engine;
  private final HeadReader headReader;
  private long requestDeadlineNanos;
  private boolean isInHead; // A part of it may be in the buffer.

  private volatile EngineExchange current; // Null between requests.
  private volatile boolean mayBeHalfClosed; // The client may still wait if it sends no more.

  // Guarded by this.
  private Thread handling; // Null: no handler runs.
  private boolean isInterrupted;

  Http1(Connection connection, Engine engine) {
    this.connection = connection;
    this.engine = engine;
    this.headReader = new HeadReader(connection.input(), engine.settings());
  }

  Connection connection() {
    return connection;
  }

  Engine engine() {
    return engine;
  }

  HeadReader headReader() {
    return headReader;
  }

  /** The handler begins to read the body. */
  void bodyStarted() {
    connection.expireAt(requestDeadlineNanos);
  }

  /** The last byte of the request was read. */
  void requestArrived() {
    connection.expireIn(engine.settings().timeouts().response());
  }

  /** The response begins before its end is known. A client that ends from now on has gone. */
  void responseStreams() {
    mayBeHalfClosed = connection.wire().look() == Wire.Client.HALF_CLOSED;
  }

  /** The first byte of a request is there. May be called again while its head arrives. */
  void requestStarts() {
    if (isInHead) {
      return;
    }
    isInHead = true;
    connection.busy(true);
    connection.expireIn(engine.settings().timeouts().head());
    requestDeadlineNanos = System.nanoTime() + engine.settings().timeouts().request().toNanos();
  }

  /**
   * Serves the request that has started; returns whether another may follow.
   *
   * @throws SocketTimeoutException if the head takes long: try again when more has arrived
   */
  boolean serve() throws IOException {
    try {
      Head head = headReader.read();
      isInHead = false;
      connection.parksWhileReading(false);
      return serve(head);
    } catch (BadRequest e) {
      connection.parksWhileReading(false);
      reject(e);
      return linger();
    }
  }

  /** Rejects a client that speaks no TLS, on a port that requires it. */
  void rejectClear() throws IOException {
    connection.busy(true);
    reject(new BadRequest(400, "this port requires TLS: use https"));
    linger();
  }

  private boolean serve(Head head) throws IOException {
    String path = head.target().getPath();
    if (path == null) {
      throw new BadRequest(400, "request target without a path");
    }
    EngineContext context = engine.contexts().find(path);
    if (context == null) {
      throw new BadRequest(404, "no context for this path");
    }
    if (head.contentLength() == 0) {
      requestArrived();
    } else {
      connection.expireAt(requestDeadlineNanos);
    }
    EngineExchange exchange = new EngineExchange(this, head, context);
    mayBeHalfClosed = true;
    current = exchange;
    if (!connection.wire().isOpen()) { // Closed before this exchange could be told.
      return false;
    }
    handle(exchange, context);
    try {
      boolean isComplete = exchange.awaitEnd();
      current = null;
      return isComplete && end(exchange);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void handle(EngineExchange exchange, EngineContext context) {
    HttpExchange shown =
        connection.isSecure()
            ? new TlsExchange(exchange, connection.session().orElseThrow())
            : exchange;
    handledBy(Thread.currentThread());
    try {
      context.handle(exchange, shown);
    } catch (Throwable e) { // A connection without a response would hang its client.
      LOG.log(System.Logger.Level.DEBUG, "handler failed", e);
      exchange.fail();
    } finally {
      handledBy(null);
    }
  }

  private synchronized void handledBy(Thread thread) {
    handling = thread;
    if (isInterrupted) {
      isInterrupted = false;
      Thread.interrupted(); // The executor's thread goes on to other tasks.
    }
  }

  private boolean end(EngineExchange exchange) throws IOException {
    if (exchange.isLast()) {
      if (!exchange.body().isWhole() || connection.input().available() > 0) {
        return linger();
      }
      connection.shutdownOutput();
      return false;
    }
    connection.expireAt(requestDeadlineNanos);
    if (!exchange.body().drain(engine.settings().maxDrainedBytes())) {
      return linger();
    }
    connection.expireIn(engine.settings().timeouts().idle());
    connection.busy(false);
    return true;
  }

  private void reject(BadRequest problem) throws IOException {
    String text = problem.getMessage() + "\n";
    String head = Status.line(problem.status()) + engine.date();
    String fields = "Content-Type: text/plain\r\nContent-Length: " + text.length() + "\r\n";
    String response = head + fields + "Connection: close\r\n\r\n" + text;
    connection.output().write(response.getBytes(StandardCharsets.US_ASCII));
    try {
      connection.output().flush();
    } finally {
      engine.rejected(connection.remoteAddress(), problem);
    }
  }

  /**
   * Reads on for a moment after a response that the client may not have read yet: closing with
   * unread bytes would reset the connection, and the client would lose the response.
   */
  private boolean linger() {
    connection.expireIn(LINGER);
    try {
      connection.shutdownOutput();
      byte[] scratch = new byte[4096];
      long left = engine.settings().maxDrainedBytes();
      for (int count = 0; count >= 0 && left > 0; left -= count) {
        count = connection.input().read(scratch, 0, scratch.length);
      }
    } catch (IOException e) {
      // Closed by the client, or in time.
    }
    return false;
  }

  /** Closes the connection if the client of a request has gone, and interrupts the handler. */
  void look() {
    if (current == null) {
      return;
    }
    Wire.Client client = connection.wire().look();
    if (client == Wire.Client.GONE || client == Wire.Client.HALF_CLOSED && !mayBeHalfClosed) {
      connection.close();
      interrupt();
    }
  }

  private synchronized void interrupt() {
    if (handling != null) {
      isInterrupted = true;
      handling.interrupt();
    }
  }

  /** The connection was closed. */
  void close() {
    EngineExchange open = current;
    if (open != null) {
      open.responseEnded(false); // It may wait for another thread.
    }
  }
}
