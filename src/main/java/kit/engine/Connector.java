// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.StandardSocketOptions;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One attempt to connect to a name: its addresses in turn, each as soon as the one before has failed,
 * or has taken 250 ms without being given up; the first that accepts wins (RFC 8305, section 5).
 *
 * <p>Used by one thread, whose interruption ends it.
 */
final class Connector {
  private static final long STAGGER_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final InetAddress[] addresses;
  private final int port;
  private final long deadline;
  private final List<SocketChannel> pending = new ArrayList<>();
  private int next; // The index of the address that was not tried yet.
  private ConnectException failure; // Of the first address; null: none.

  private Connector(InetAddress[] addresses, int port, long deadline) {
    this.addresses = addresses;
    this.port = port;
    this.deadline = deadline;
  }

  /**
   * Connects.
   *
   * @throws ConnectException if no address accepts
   * @throws HttpConnectTimeoutException at the deadline
   */
  static SocketChannel connect(Origin origin, long deadline)
      throws IOException, InterruptedException {
    return connect(resolve(origin.host()), origin.port(), deadline);
  }

  /** Connects to the first of these addresses that accepts. */
  static SocketChannel connect(InetAddress[] addresses, int port, long deadline)
      throws IOException, InterruptedException {
    Connector connector = new Connector(addresses, port, deadline);
    try (Selector selector = Selector.open()) {
      SocketChannel channel = connector.first(selector);
      channel.configureBlocking(true);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      connector.pending.remove(channel);
      return channel;
    } finally {
      for (SocketChannel late : connector.pending) {
        late.close();
      }
    }
  }

  private static InetAddress[] resolve(String host) throws ConnectException {
    try {
      return InetAddress.getAllByName(host);
    } catch (UnknownHostException e) {
      ConnectException unknown = new ConnectException("unknown host");
      unknown.initCause(new UnresolvedAddressException()); // As the JDK's client has it.
      throw unknown;
    }
  }

  private SocketChannel first(Selector selector) throws IOException, InterruptedException {
    long nextAt = ClientTimer.now();
    while (true) {
      long now = ClientTimer.now();
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (now >= deadline) {
        throw new HttpConnectTimeoutException("HTTP connect timed out");
      }
      boolean hasNext = next < addresses.length;
      if (hasNext && (pending.isEmpty() || now >= nextAt)) {
        nextAt = now + STAGGER_NANOS;
        SocketChannel connected = start(selector, addresses[next++]);
        if (connected != null) {
          return connected;
        }
      } else if (pending.isEmpty()) {
        throw failure;
      } else {
        SocketChannel connected = await(selector, hasNext ? Math.min(nextAt, deadline) : deadline);
        if (connected != null) {
          return connected;
        }
      }
    }
  }

  /** Begins to connect; returns the channel if it is connected at once, else null. */
  private SocketChannel start(Selector selector, InetAddress address) throws IOException {
    SocketChannel channel = SocketChannel.open();
    pending.add(channel);
    try {
      channel.configureBlocking(false);
      if (channel.connect(new InetSocketAddress(address, port))) {
        return channel;
      }
      channel.register(selector, SelectionKey.OP_CONNECT);
    } catch (IOException e) { // Such as an unreachable network.
      failed(channel, e);
    }
    return null;
  }

  /** Waits until one is connected and returns it, or until one has failed. */
  private SocketChannel await(Selector selector, long until) throws IOException {
    long millis = TimeUnit.NANOSECONDS.toMillis(until - ClientTimer.now());
    selector.select(Math.max(1, millis));
    for (SelectionKey key : selector.selectedKeys()) {
      SocketChannel channel = (SocketChannel) key.channel();
      try {
        if (channel.finishConnect()) {
          key.cancel();
          return channel;
        }
      } catch (IOException e) {
        failed(channel, e);
      }
    }
    selector.selectedKeys().clear();
    return null;
  }

  private void failed(SocketChannel channel, IOException e) throws IOException {
    pending.remove(channel);
    channel.close();
    ConnectException last = notConnected(e);
    if (failure == null) {
      failure = last;
    } else {
      failure.addSuppressed(last);
    }
  }

  /** All failures to connect look alike to callers: nothing was sent. */
  private static ConnectException notConnected(IOException e) {
    if (e instanceof ConnectException already) {
      return already;
    }
    String reason = e instanceof NoRouteToHostException ? "No route to host" : e.getMessage();
    ConnectException failure = new ConnectException(reason);
    failure.initCause(e);
    return failure;
  }
}
