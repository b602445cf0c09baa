// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Connections to one server, which its {@link ThriftEndpoint}s share: one for each call in flight, as a
 * connection of Thrift carries one call at a time. The last one used is used first; at most 64 wait
 * for calls, each at most 30 seconds. One that the server has closed is not used again.
 *
 * <p>Connecting may take half a second for each address of the host, and resolving a name as long as it
 * takes, so use addresses for instances.
 *
 * <p>Thread-safe. It has no thread. Close it to close its connections.
 */
public final class ThriftChannel implements AutoCloseable {
  private static final int CONNECT_TIMEOUT_MILLIS = 500;
  private static final int MAX_IDLE = 64;
  private static final long MAX_IDLE_NANOS =
      TimeUnit.SECONDS.toNanos(30); // Less than servers wait.

  private final String host;
  private final int port;
  private final String instance;

  // Guarded by this.
  private final Deque<Idle> idle = new ArrayDeque<>();
  private boolean isClosed;

  /** A connection without a call. */
  private record Idle(SocketChannel connection, long sinceNanos) {}

  private ThriftChannel(String host, int port) {
    this.host = requireNonNull(host, "host");
    this.port = port;
    this.instance = (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
  }

  /** Returns a channel to a server; does not connect. */
  public static ThriftChannel to(String host, int port) {
    return new ThriftChannel(host, port);
  }

  /** Returns the server as {@code host:port}. */
  public String instance() {
    return instance;
  }

  /** Returns a connection for one call: to be released or closed. */
  SocketChannel acquire(long deadlineNanos) throws IOException {
    for (Optional<Idle> kept = last(); kept.isPresent(); kept = last()) {
      SocketChannel connection = kept.get().connection();
      boolean isOld = System.nanoTime() - kept.get().sinceNanos() > MAX_IDLE_NANOS;
      if (!isOld && isSilent(connection)) {
        return connection;
      }
      connection.close();
    }
    return connect(deadlineNanos);
  }

  private synchronized Optional<Idle> last() throws IOException {
    if (isClosed) {
      throw new IOException("the channel is closed");
    }
    return Optional.ofNullable(idle.pollLast());
  }

  /** Returns whether the server has neither closed the connection nor sent what was not asked for. */
  private static boolean isSilent(SocketChannel connection) {
    try {
      connection.configureBlocking(false);
      boolean isSilent = connection.read(ByteBuffer.allocate(1)) == 0;
      connection.configureBlocking(true);
      return isSilent;
    } catch (IOException e) {
      return false;
    }
  }

  private SocketChannel connect(long deadlineNanos) throws IOException {
    IOException failure = new IOException("no address");
    for (InetAddress address : InetAddress.getAllByName(host)) {
      SocketChannel connection = SocketChannel.open();
      try {
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
        int timeout = (int) Math.max(1, Math.min(CONNECT_TIMEOUT_MILLIS, leftMillis));
        connection.socket().setTcpNoDelay(true);
        connection.socket().connect(new InetSocketAddress(address, port), timeout);
        return connection;
      } catch (IOException e) {
        connection.close();
        failure = e;
      }
    }
    throw failure;
  }

  /** Keeps a connection, whose call has ended in order, for the next one. */
  void release(SocketChannel connection) throws IOException {
    synchronized (this) {
      if (!isClosed && idle.size() < MAX_IDLE) {
        idle.addLast(new Idle(connection, System.nanoTime()));
        return;
      }
    }
    connection.close();
  }

  /** Closes the idle connections, and those in use after their calls. Closing twice is harmless. */
  @Override
  public void close() {
    synchronized (this) {
      isClosed = true;
    }
    for (Idle one = poll(); one != null; one = poll()) {
      try {
        one.connection().close();
      } catch (IOException e) {
        // It is closed.
      }
    }
  }

  private synchronized Idle poll() {
    return idle.pollLast();
  }
}
