// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.Selector;
import java.util.concurrent.TimeUnit;

/**
 * One connection: reads requests, calls handlers and sends responses, one after the other, on one
 * thread. While it waits for a request for longer than {@value #STAY_MILLIS} ms on a platform
 * thread, it gives the thread back and is parked.
 */
final class Connection implements Runnable {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final long STAY_MILLIS = 50;
  private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);

  private enum Next {
    REQUEST,
    PARK,
    CLOSE
  }

  private final Engine engine;
  private final EngineSettings settings;
  private final ChannelWire channel;
  private final InetSocketAddress remoteAddress;
  private final InetSocketAddress localAddress;

  // Confined to the thread that runs this; handed over by the executor and the parking thread.
  private Wire wire;
  private Input input;
  private Output output;
  private HeadReader headReader;
  private long requestDeadlineNanos;

  private volatile long deadlineNanos;
  private volatile boolean isBusy; // Between the first byte of a request and its response's end.
  private volatile EngineExchange current; // Null between requests.

  Connection(Engine engine, ChannelWire channel) throws IOException {
    this.engine = engine;
    this.settings = engine.settings();
    this.channel = channel;
    this.remoteAddress = (InetSocketAddress) channel.channel().getRemoteAddress();
    this.localAddress = (InetSocketAddress) channel.channel().getLocalAddress();
    expireIn(settings.firstByteTimeout().toNanos());
  }

  InetSocketAddress remoteAddress() {
    return remoteAddress;
  }

  InetSocketAddress localAddress() {
    return localAddress;
  }

  HeadReader headReader() {
    return headReader;
  }

  ChannelWire channel() {
    return channel;
  }

  /** Returns the TLS session, or null. */
  javax.net.ssl.SSLSession session() {
    return wire instanceof TlsWire tls ? tls.session() : null;
  }

  /** Returns the line of the field Date. */
  String date() {
    return engine.date().line();
  }

  int maxDrainedBytes() {
    return settings.maxDrainedBytes();
  }

  /** Returns whether the server is stopping, so that each response closes its connection. */
  boolean isClosing() {
    return engine.isStopping();
  }

  private void expireIn(long nanos) {
    deadlineNanos = System.nanoTime() + nanos;
  }

  /** The handler begins to read the body. */
  void bodyStarted() {
    deadlineNanos = requestDeadlineNanos;
  }

  /** The last byte of the request was read. */
  void requestArrived() {
    expireIn(settings.responseTimeout().toNanos());
  }

  @Override
  public void run() {
    Next next = Next.CLOSE;
    Selector selector = null;
    try {
      if (wire == null) {
        open();
      }
      if (wire == channel && engine.isOnVirtualThread()) {
        channel.block();
      } else if (wire == channel) {
        selector = engine.takeSelector();
        channel.attach(selector);
      }
      do {
        next = serve();
      } while (next == Next.REQUEST);
    } catch (IOException e) {
      next = Next.CLOSE;
      LOG.log(System.Logger.Level.DEBUG, "connection closed", e);
    } catch (Throwable e) {
      next = Next.CLOSE;
      LOG.log(System.Logger.Level.ERROR, "connection failed", e);
    } finally {
      giveBack(selector, next);
    }
  }

  private void open() throws IOException {
    wire = engine.secured(channel);
    input = new Input(wire, settings.maxHeadBytes());
    output = new Output(wire);
    headReader = new HeadReader(input, settings);
  }

  private void giveBack(Selector selector, Next next) {
    if (next == Next.CLOSE) {
      close();
    }
    try {
      if (selector != null) {
        channel.detach();
        engine.returnSelector(selector);
      }
      if (next == Next.PARK) {
        input.release();
        output.release();
        engine.park(this);
      }
    } catch (IOException | RuntimeException e) {
      close();
    }
  }

  private Next serve() throws IOException {
    if (input.available() == 0) {
      if (wire == channel && !channel.awaitBytes(STAY_MILLIS)) {
        return Next.PARK;
      }
      if (!input.fill()) {
        return Next.CLOSE;
      }
    }
    isBusy = true;
    long now = System.nanoTime();
    deadlineNanos = now + settings.headTimeout().toNanos();
    requestDeadlineNanos = now + settings.requestTimeout().toNanos();
    try {
      Head head = headReader.read();
      return serve(head);
    } catch (BadRequest e) {
      reject(e);
      return linger();
    }
  }

  private Next serve(Head head) throws IOException {
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
      deadlineNanos = requestDeadlineNanos;
    }
    EngineExchange exchange = new EngineExchange(this, head, context, input, output);
    current = exchange;
    handle(exchange, context);
    boolean isComplete;
    try {
      isComplete = exchange.awaitEnd();
      current = null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Next.CLOSE;
    }
    if (!isComplete) {
      return Next.CLOSE;
    }
    return end(exchange);
  }

  private Next end(EngineExchange exchange) throws IOException {
    RequestBody body = exchange.body();
    boolean isRead = body.isWhole();
    if (!isRead && !exchange.isLast()) {
      deadlineNanos = requestDeadlineNanos;
      isRead = isDrained(body);
    }
    if (!isRead) {
      return linger();
    }
    if (exchange.isLast() && input.available() == 0) {
      wire.shutdownOutput(); // With TLS this says that the response is complete.
      return Next.CLOSE;
    }
    if (exchange.isLast()) {
      return linger();
    }
    expireIn(settings.idleTimeout().toNanos());
    isBusy = false;
    engine.idle();
    return Next.REQUEST;
  }

  private boolean isDrained(RequestBody body) {
    try {
      return body.drain(settings.maxDrainedBytes());
    } catch (IOException e) {
      return false; // Malformed, or the connection is lost.
    }
  }

  private void handle(EngineExchange exchange, EngineContext context) {
    HttpExchange shown = engine.isSecure() ? new TlsExchange(exchange, session()) : exchange;
    try {
      new Filter.Chain(context.allFilters(exchange), context.getHandler()).doFilter(shown);
    } catch (Throwable e) { // A connection without a response would hang its client.
      LOG.log(System.Logger.Level.DEBUG, "handler failed", e);
      fail(exchange);
    }
  }

  /** Sends a 500 if nothing was sent, and ends the exchange. */
  private static void fail(EngineExchange exchange) {
    try {
      if (exchange.getResponseCode() < 200) {
        exchange.getResponseHeaders().clear();
        exchange.getResponseHeaders().set("Connection", "close");
        exchange.sendResponseHeaders(500, -1);
      }
    } catch (IOException | RuntimeException e) {
      // The connection is closed.
    }
    exchange.responseEnded(false);
  }

  private void reject(BadRequest problem) throws IOException {
    byte[] text = Output.bytes(problem.getMessage() + "\n");
    output.text(Status.line(problem.status()));
    output.text(date());
    output.text("Content-Type: text/plain\r\nContent-Length: " + text.length + "\r\n");
    output.text("Connection: close\r\n\r\n");
    output.write(text, 0, text.length);
    output.flush();
  }

  /**
   * Closes the connection after a response that the client may not have read yet: closing it with
   * unread bytes would reset it, and the client would lose the response.
   */
  private Next linger() {
    expireIn(LINGER_NANOS);
    try {
      wire.shutdownOutput();
      byte[] scratch = new byte[4096];
      long left = settings.maxDrainedBytes();
      while (left > 0) {
        int count = wire.read(scratch, 0, scratch.length);
        if (count < 0) {
          break;
        }
        left -= count;
      }
    } catch (IOException e) {
      // Closed by the client, or in time.
    }
    return Next.CLOSE;
  }

  /** Closes the connection if its time has passed. */
  void closeIfExpired(long now) {
    if (now - deadlineNanos >= 0) {
      close();
    }
  }

  /** Returns whether a request is in flight. */
  boolean isBusy() {
    return isBusy;
  }

  /** Closes the connection; harmless if it is closed. */
  void close() {
    channel.close();
    EngineExchange open = current;
    if (open != null) {
      open.responseEnded(false); // It may wait for another thread.
    }
    engine.closed(this);
  }
}
