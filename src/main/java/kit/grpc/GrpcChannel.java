// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import kit.http2.HeaderField;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/**
 * One connection to one server, which all its {@link GrpcEndpoint}s share; connects when it is needed.
 *
 * <p>A connection that has ended, or that the server drains (GOAWAY), is replaced with the next call.
 * After a failure to connect, calls fail at once for a while: 100 ms at first, twice as long after each
 * further failure, at most 5 s, reduced by a random part of up to a half. So callers can try another
 * server, and a server that starts is not flooded.
 *
 * <pre>{@code
 * try (GrpcChannel channel = GrpcChannel.to("10.0.0.5", 8081)) {
 *   String name = GrpcEndpoint.unary(channel, path, uidCodec, nameCodec).call(context, 101);
 * }
 * }</pre>
 *
 * <p>Connecting may take half a second, with TLS two seconds for each of its steps, and resolving a
 * name as long as it takes, so use addresses for instances.
 *
 * <p>Thread-safe. It has no thread of its own; close it to close the connection, which has two.
 */
public final class GrpcChannel implements AutoCloseable {
  private static final long CONNECT_TIMEOUT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long TLS_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(2); // Cold servers.
  private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int MAX_DOUBLINGS = 6;
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final int MAX_ATTEMPTS = 3; // Connections may end between two steps.

  private final String instance;
  private final boolean isTls;
  private final Connector connector;
  private final LongSupplier nanoTime;
  private final DoubleSupplier random;

  private final Semaphore connecting = new Semaphore(1);
  private volatile Connection connection; // Null before the first one.
  private volatile boolean isClosed;

  // For the holder of the permit.
  private int failures; // In a row.
  private long retryAtNanos;
  private IOException lastFailure;

  /**
   * Creates a channel; does not connect.
   *
   * @param instance the server as {@code host:port}, for messages and {@code :authority}
   * @param isTls whether the connections are encrypted
   */
  public GrpcChannel(String instance, boolean isTls, Connector connector) {
    this(
        instance,
        isTls,
        connector,
        System::nanoTime,
        () -> ThreadLocalRandom.current().nextDouble());
  }

  GrpcChannel(
      String instance,
      boolean isTls,
      Connector connector,
      LongSupplier nanoTime,
      DoubleSupplier random) {
    this.instance = requireNonNull(instance, "instance");
    this.isTls = isTls;
    this.connector = requireNonNull(connector, "connector");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
    this.random = requireNonNull(random, "random");
  }

  /**
   * Returns a channel without TLS to a server that is known to speak HTTP/2.
   *
   * @param host a name, all of whose addresses are tried, or an address
   */
  public static GrpcChannel to(String host, int port) {
    return to(host, port, Optional.empty());
  }

  /** Returns a channel with TLS; the certificate of the server must be that of the host. */
  public static GrpcChannel to(String host, int port, SSLContext tls) {
    return to(host, port, Optional.of(tls));
  }

  private static GrpcChannel to(String host, int port, Optional<SSLContext> tls) {
    String instance = (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    return new GrpcChannel(instance, tls.isPresent(), new Http2Connector(host, port, tls));
  }

  /** Connects to the server of a channel. */
  @FunctionalInterface
  public interface Connector {
    /**
     * Returns a new connection.
     *
     * @param deadlineNanos when to give up, as {@link System#nanoTime} counts
     */
    Connection connect(long deadlineNanos) throws IOException;
  }

  /** A connection of HTTP/2, such as {@code kit.http2.Http2Client}. Must be thread-safe. */
  public interface Connection extends AutoCloseable {
    /**
     * Opens a stream with these first fields.
     *
     * @param deadlineNanos the deadline of the stream, as {@link System#nanoTime} counts
     * @throws StreamResetException unprocessed, if the connection has ended or ends
     */
    Http2Stream open(List<HeaderField> head, boolean isLast, long deadlineNanos) throws IOException;

    /** Returns whether streams can be opened: it has not ended, and the server does not drain it. */
    boolean isUsable();

    /** Closes the connection; its streams are reset. Closing twice is harmless. */
    @Override
    void close();
  }

  /** Returns the server as {@code host:port}. */
  public String instance() {
    return instance;
  }

  /** Returns whether the connections are encrypted. */
  boolean isTls() {
    return isTls;
  }

  /** Opens a stream whose body follows; connects if need be. If it fails, nothing was sent. */
  Http2Stream open(List<HeaderField> head, long deadlineNanos)
      throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      Connection current = connected(deadlineNanos);
      try {
        return current.open(head, false, deadlineNanos);
      } catch (StreamResetException e) {
        if (attempt == MAX_ATTEMPTS || !e.isUnprocessed()) {
          throw e;
        }
      }
    }
  }

  private Connection connected(long deadlineNanos) throws IOException, InterruptedException {
    Connection current = connection;
    if (canOpen(current)) {
      return current;
    }
    long waitNanos = deadlineNanos - System.nanoTime();
    if (!connecting.tryAcquire(waitNanos, TimeUnit.NANOSECONDS)) {
      throw new SocketTimeoutException("no connection before the deadline");
    }
    try {
      current = connection; // Of another caller.
      return canOpen(current) ? current : connect(deadlineNanos);
    } finally {
      connecting.release();
    }
  }

  private static boolean canOpen(Connection connection) {
    return connection != null && connection.isUsable();
  }

  private Connection connect(long deadlineNanos) throws IOException {
    checkOpen();
    if (failures > 0 && nanoTime.getAsLong() - retryAtNanos < 0) {
      throw notConnected();
    }
    long timeoutNanos = System.nanoTime() + (isTls ? TLS_TIMEOUT_NANOS : CONNECT_TIMEOUT_NANOS);
    boolean isOwnDeadline = timeoutNanos - deadlineNanos > 0;
    try {
      connection = connector.connect(isOwnDeadline ? deadlineNanos : timeoutNanos);
      failures = 0;
    } catch (InterruptedIOException e) {
      if (isOwnDeadline || !(e instanceof SocketTimeoutException)) {
        throw e; // Not a failure of the server.
      }
      failed(new ConnectException("connect timed out"));
      throw notConnected();
    } catch (IOException e) {
      failed(e);
      throw e;
    }
    if (isClosed) { // close() may have come before the new connection.
      connection.close();
      checkOpen();
    }
    return connection;
  }

  private void checkOpen() throws IOException {
    if (isClosed) {
      throw new IOException("the channel is closed");
    }
  }

  /** Returns the last failure again; the cause tells what kind it was. */
  private ConnectException notConnected() {
    String message = lastFailure.getMessage();
    ConnectException again =
        new ConnectException(message == null ? lastFailure.getClass().getSimpleName() : message);
    again.initCause(lastFailure);
    return again;
  }

  private void failed(IOException problem) {
    long pause = FIRST_PAUSE_NANOS << Math.min(failures, MAX_DOUBLINGS);
    double share = 1 - random.getAsDouble() / 2;
    retryAtNanos = nanoTime.getAsLong() + (long) (share * Math.min(pause, LONGEST_PAUSE_NANOS));
    failures++;
    lastFailure = problem;
  }

  /** Closes the connection and opens no other one. Closing twice is harmless. */
  @Override
  public void close() {
    isClosed = true;
    Connection current = connection;
    if (current != null) {
      current.close();
    }
  }
}
