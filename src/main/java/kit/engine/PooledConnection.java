// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.OutputStream;
import java.net.SocketException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * A connection of a client, with the deadline of its request.
 *
 * <p>Used by one exchange at a time, which may read and write on two threads; {@link #expire} and
 * {@link #close} may be called on any.
 */
final class PooledConnection {
  private static final Deadline EXPIRED = new Deadline(0);
  private static final int MAX_HEAD_BYTES = 64 << 10;
  private static final int BUFFER_BYTES = 8192;
  private static final EngineSettings TRAILERS =
      EngineSettings.defaults().withHead(MAX_HEAD_BYTES, 200);

  private final Origin origin;
  private final Wire wire;
  private final AtomicReference<Deadline> deadline = new AtomicReference<>(); // Null: none.
  private final byte[] buffer = new byte[BUFFER_BYTES];

  // Set before the first exchange.
  private SSLSocket tls; // Null: without TLS.
  private Input input;
  private HeadReader headReader;
  private OutputStream output;

  private long idleSince; // Guarded by the pool.

  PooledConnection(Origin origin, SocketChannel channel) throws IOException {
    this.origin = origin;
    this.wire = new Wire(channel);
  }

  /** Makes the connection ready for requests; with TLS, shakes hands. */
  void open(EngineClientSettings settings) throws IOException {
    if (origin.isSecure()) {
      tls = handshake(settings);
    }
    input = new Input(wire.input(tls), MAX_HEAD_BYTES);
    headReader = new HeadReader(input, TRAILERS);
    output = wire.output(tls);
  }

  private SSLSocket handshake(EngineClientSettings settings) throws IOException {
    String host = origin.host();
    String name = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    SSLSocket socket =
        (SSLSocket)
            settings
                .tls()
                .getSocketFactory()
                .createSocket(wire.socket(), name, origin.port(), true);
    settings.sslParameters().ifPresent(socket::setSSLParameters);
    SSLParameters verified = socket.getSSLParameters(); // A copy.
    verified.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(verified);
    socket.startHandshake();
    return socket;
  }

  Origin origin() {
    return origin;
  }

  SSLSocket tls() {
    return tls;
  }

  Input input() {
    return input;
  }

  HeadReader headReader() {
    return headReader;
  }

  OutputStream output() {
    return output;
  }

  /** Returns memory for the head of a request and a small body. */
  byte[] buffer() {
    return buffer;
  }

  /** Limits how long a read waits; 0: for ever. */
  void readTimeout(int millis) throws SocketException {
    (tls == null ? wire.socket() : tls).setSoTimeout(millis);
  }

  void idleSince(long now) {
    idleSince = now;
  }

  long idleSince() {
    return idleSince;
  }

  /** Returns whether the server has ended the connection, or sent what was not asked for. */
  boolean isDead() {
    try {
      return wire.hasArrived();
    } catch (IOException e) {
      return true;
    }
  }

  /** Returns whether the server has sent what was not asked for: cheaper than {@link #isDead}. */
  boolean hasBytes() {
    try {
      return wire.available() > 0;
    } catch (IOException e) {
      return true;
    }
  }

  /** Sets the deadline of an exchange that begins; null: none. */
  void expireAt(Deadline exchange) {
    deadline.set(exchange);
  }

  /**
   * Removes the deadline of an exchange, if it is the current one; returns whether it has not passed.
   */
  boolean clear(Deadline exchange) {
    return deadline.compareAndSet(exchange, null) || !isExpired();
  }

  /** Returns whether the connection was closed at its deadline. */
  boolean isExpired() {
    return deadline.get() == EXPIRED;
  }

  /** Closes the connection if its deadline has passed; returns the deadline, or never. */
  long expire(long now) {
    Deadline current = deadline.get();
    if (current == null || current == EXPIRED) {
      return ClientTimer.NEVER;
    }
    if (current.nanos > now) {
      return current.nanos;
    }
    if (deadline.compareAndSet(current, EXPIRED)) {
      close();
    }
    return ClientTimer.NEVER; // A deadline of another exchange wakes the timer if it has to.
  }

  /** Closes the connection; harmless if it is closed. */
  void close() {
    wire.close();
  }

  /** The deadline of one exchange: another one at the same time is not the same. */
  static final class Deadline {
    private final long nanos;

    /** Creates a deadline in the time of {@link ClientTimer#now}. */
    Deadline(long nanos) {
      this.nanos = nanos;
    }

    long nanos() {
      return nanos;
    }
  }
}
