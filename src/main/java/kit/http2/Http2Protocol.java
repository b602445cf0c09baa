// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import kit.engine.EngineProtocol;

/**
 * HTTP/2 on the connections of a server: with TLS if the client offers {@code h2}, without TLS if it
 * begins with the preface of HTTP/2 (prior knowledge).
 *
 * <pre>{@code
 * Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), stream -> ...);
 * HttpServer server =
 *     new EngineProvider().withProtocols(List.of(http2)).createHttpServer(address, 0);
 * }</pre>
 *
 * <p>Handlers run on threads of the server, one for each stream: virtual ones from JDK 24 on. If
 * none is free, a stream is refused. Before a server that stops closes a connection, it sends GOAWAY
 * and waits for the streams that the client has opened.
 *
 * <p>Thread-safe.
 */
public final class Http2Protocol implements EngineProtocol {
  private final Http2Settings settings;
  private final Http2Handler handler;
  private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();

  /** Creates a protocol whose requests {@code handler} answers. */
  public Http2Protocol(Http2Settings settings, Http2Handler handler) {
    this.settings = requireNonNull(settings, "settings");
    this.handler = requireNonNull(handler, "handler");
  }

  @Override
  public String name() {
    return "h2";
  }

  @Override
  public byte[] preface() {
    return FrameReader.PREFACE.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void serve(Peer peer) {
    ServerConnection connection = new ServerConnection(settings, handler, peer, this::changed);
    connections.add(connection);
    try {
      connection.serve();
    } finally {
      connections.remove(connection);
      changed();
    }
  }

  private void changed() {
    synchronized (connections) {
      connections.notifyAll();
    }
  }

  /**
   * Ends all connections in order: announces it with GOAWAY, and waits at most {@code patience} until
   * no request is in flight and all responses were sent. For a server that accepts no connections any
   * more; one that is stopped with a delay does the same.
   *
   * @return whether no request is in flight
   */
  public boolean drain(Duration patience) throws InterruptedException {
    connections.forEach(ServerConnection::drain);
    long endNanos = System.nanoTime() + patience.toNanos();
    synchronized (connections) {
      while (connections.stream().anyMatch(ServerConnection::isBusy)) {
        long leftNanos = endNanos - System.nanoTime();
        if (leftNanos <= 0) {
          return false;
        }
        TimeUnit.NANOSECONDS.timedWait(connections, leftNanos);
      }
    }
    return true;
  }
}
