// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import kit.engine.PooledConnection.Deadline;

/**
 * One request and its response.
 *
 * <pre>
 *   take a connection, or connect -> write -> read the head -> feed the body -> give it back
 *                         ^                       |
 *                         +--- once, if a connection was reused and not a byte came
 * </pre>
 *
 * <p>{@link #send} is called once. {@link #end} and {@link #explain} may be called on any thread.
 */
final class ClientExchange<T> {
  private static final int MAX_INTERIM = 8;
  private static final long LONGEST_SECONDS = TimeUnit.DAYS.toSeconds(365);
  private static final int CONTINUE_MILLIS = 1000; // Then the body is sent without a 100.
  private static final Set<String> IDEMPOTENT =
      Set.of("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE");

  private final ClientPool pool;
  private final EngineClientSettings settings;
  private final Executor tasks;
  private final HttpRequest request;
  private final BodyHandler<T> handler;
  private final Origin origin;
  private final Deadline deadline; // Null: none.
  private final RequestWriter writer;
  private final AtomicBoolean hasEnded = new AtomicBoolean();

  private volatile PooledConnection connection; // Null before it is connected, and when given back.
  private volatile boolean keepsAlive;
  private volatile boolean isBroken; // The response was not read to its end.
  private int interim;

  private static final MessageBody.Listener NO_LISTENER =
      new MessageBody.Listener() {
        @Override
        public void bodyStarted() {}

        @Override
        public void bodyEnded() {}
      };

  ClientExchange(
      ClientPool pool,
      EngineClientSettings settings,
      Executor tasks,
      HttpRequest request,
      BodyHandler<T> handler) {
    this.pool = pool;
    this.settings = settings;
    this.tasks = tasks;
    this.request = request;
    this.handler = handler;
    this.origin = Origin.of(request.uri());
    this.deadline = request.timeout().map(ClientExchange::deadline).orElse(null);
    this.writer = new RequestWriter(request);
  }

  private static Deadline deadline(Duration timeout) {
    boolean isLong = timeout.toSeconds() > LONGEST_SECONDS;
    return isLong ? null : new Deadline(ClientTimer.in(timeout.toNanos()));
  }

  /** Sends the request, and returns the response as soon as its handler has its result. */
  HttpResponse<T> send() throws IOException, InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    pool.begin();
    boolean isThrough = false;
    try {
      HttpResponse<T> response = receive(exchange());
      isThrough = true;
      return response;
    } catch (IOException e) {
      if (Thread.interrupted()) {
        throw (InterruptedException) new InterruptedException().initCause(e);
      }
      throw explain(e);
    } finally {
      if (!isThrough) {
        end(false);
      }
    }
  }

  private ResponseHead exchange() throws IOException, InterruptedException {
    boolean isIdempotent = IDEMPOTENT.contains(request.method());
    PooledConnection reused = pool.take(origin, isIdempotent && !writer.hasBody());
    if (reused == null) {
      connect();
      return write();
    }
    connection = reused;
    try {
      return write();
    } catch (IOException e) {
      if (!mayRepeat()) {
        throw e;
      }
      pool.timer().close(reused);
      connect();
      pool.timer().expireAt(connection, deadline);
      writer.repeat(connection);
      return readHead();
    }
  }

  /** A server may have closed a connection at the moment when it was used again. */
  private boolean mayRepeat() {
    boolean isSafe = IDEMPOTENT.contains(request.method()) && writer.isInMemory();
    boolean isLost = interim == 0 && connection.input().available() == 0;
    return isSafe && isLost && !connection.isExpired() && !isInterrupted() && !pool.isAborted();
  }

  private static boolean isInterrupted() {
    return Thread.currentThread().isInterrupted();
  }

  private void connect() throws IOException, InterruptedException {
    long limit = ClientTimer.in(settings.connectTimeout().toNanos());
    Deadline connected = new Deadline(deadline == null ? limit : Math.min(limit, deadline.nanos()));
    SocketChannel channel = Connector.connect(origin, connected.nanos());
    PooledConnection made = new PooledConnection(origin, channel);
    connection = made;
    pool.timer().add(made);
    pool.timer().expireAt(made, connected); // For the handshake of TLS.
    try {
      made.open(settings);
    } catch (IOException e) {
      throw made.isExpired() ? new HttpConnectTimeoutException("HTTP connect timed out") : e;
    }
    if (!made.clear(connected)) {
      throw new HttpConnectTimeoutException("HTTP connect timed out");
    }
    if (pool.isAborted()) { // It may have been added after all were closed.
      throw new IOException("the client was closed");
    }
  }

  private ResponseHead write() throws IOException {
    pool.timer().expireAt(connection, deadline);
    writer.begin(connection, origin);
    IOException failure = null;
    try {
      if (writer.expectsContinue()) {
        writer.flush();
        ResponseHead early = awaitContinue();
        if (early != null) {
          return early;
        }
      }
      if (!writer.isShort() || !writer.send(false)) {
        tasks.execute(this::writeRest);
      }
    } catch (IOException e) {
      if (writer.bodyFailure() != null) {
        throw e;
      }
      failure = e; // The server may have sent a response before it closed the connection.
    }
    try {
      return readHead();
    } catch (IOException e) {
      // An alert about the certificate of the client comes after the handshake of TLS 1.3.
      if (failure == null || e instanceof SSLHandshakeException) {
        throw e;
      }
      failure.addSuppressed(e);
      throw failure;
    }
  }

  /** Writes what would block, while the caller's thread waits for an early response. */
  private void writeRest() {
    try {
      writer.send(true);
    } catch (IOException e) {
      if (writer.bodyFailure() != null) {
        connection.close(); // Ends the wait for a response.
      }
    } catch (Throwable e) { // Of the publisher.
      writer.onError(e);
      connection.close();
    }
  }

  /** Waits for a 100 (Continue), for a moment; returns the final response if one comes, else null. */
  private ResponseHead awaitContinue() throws IOException {
    connection.readTimeout(CONTINUE_MILLIS);
    try {
      ResponseHead head = readOne();
      while (head.isInterim() && head.statusCode() != 100) {
        head = readOne();
      }
      return head.isInterim() ? null : head;
    } catch (SocketTimeoutException e) {
      return null;
    } finally {
      connection.readTimeout(0);
    }
  }

  private ResponseHead readHead() throws IOException {
    ResponseHead head = readOne();
    while (head.isInterim()) {
      head = readOne();
    }
    return head;
  }

  private ResponseHead readOne() throws IOException {
    String lines;
    try {
      lines = connection.headReader().readResponse();
    } catch (EOFException e) {
      throw connection.input().available() > 0
          ? e
          : new EOFException("connection closed before a response");
    }
    ResponseHead head = new ResponseHead(lines, request.method());
    if (head.statusCode() == 101) {
      throw new ProtocolException("101 without a request to change the protocol");
    }
    if (head.isInterim() && ++interim > MAX_INTERIM) {
      throw new ProtocolException("more than " + MAX_INTERIM + " interim responses");
    }
    return head;
  }

  private HttpResponse<T> receive(ResponseHead head) throws IOException, InterruptedException {
    keepsAlive = head.keepsAlive();
    PooledConnection from = connection;
    Optional<SSLSession> session = Optional.ofNullable(from.tls()).map(SSLSocket::getSession);
    BodySubscriber<T> subscriber = handler.apply(head);
    MessageBody body = new MessageBody(from.input(), from.headReader(), head.length(), NO_LISTENER);
    CompletableFuture<T> result = new ResponseFeed<>(this, from, body, subscriber, tasks).start();
    if (isBroken && Thread.interrupted()) {
      throw new InterruptedException(); // Also if the subscriber had its result before.
    }
    T value = await(result);
    from.clear(deadline); // A streamed body may take longer.
    return new EngineResponse<>(request, head, session, value);
  }

  private T await(CompletableFuture<T> result) throws IOException, InterruptedException {
    try {
      return deadline == null
          ? result.get()
          : result.get(deadline.nanos() - ClientTimer.now(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException("request timed out");
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IOException failure) {
        throw failure;
      }
      if (cause instanceof IllegalArgumentException || cause instanceof SecurityException) {
        throw (RuntimeException) cause;
      }
      throw new IOException(cause.getMessage(), cause);
    }
  }

  /** Returns the exception that callers of the JDK's client expect. */
  IOException explain(IOException e) {
    if (pool.isAborted()) {
      return new IOException("the client was closed", e);
    }
    PooledConnection used = connection;
    if (used != null && used.isExpired() && !(e instanceof HttpTimeoutException)) {
      return (IOException) new HttpTimeoutException("request timed out").initCause(e);
    }
    if (writer.bodyFailure() != null) {
      return writer.bodyFailure();
    }
    if (e instanceof BadRequest) {
      return (IOException) new ProtocolException(e.getMessage()).initCause(e);
    }
    return e;
  }

  /**
   * Ends the exchange, unless it has ended. The connection is kept if the response {@code isWhole}
   * and allows it, else closed.
   */
  void end(boolean isWhole) {
    if (!hasEnded.compareAndSet(false, true)) {
      return;
    }
    isBroken = !isWhole;
    boolean isSent = writer.isDone();
    if (!isSent) {
      writer.stop();
    }
    PooledConnection used = connection;
    if (used != null) {
      boolean keeps = isWhole && isSent && keepsAlive && used.input().available() == 0;
      if (keeps && used.clear(deadline)) {
        connection = null; // From here on it belongs to another exchange.
        pool.give(used);
      } else {
        pool.timer().close(used);
      }
    }
    pool.end();
  }
}
