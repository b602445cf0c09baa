// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * A connection to a server of HTTP/2, for any number of requests at a time.
 *
 * <pre>{@code
 * try (Http2Client client = Http2Client.connect(address, timeout, Http2Settings.clientDefaults())) {
 *   Http2Stream stream = client.open(head, true, System.nanoTime() + timeout.toNanos());
 *   List<HeaderField> response = stream.head();
 *   byte[] body = stream.body().readAllBytes();
 * }
 * }</pre>
 *
 * <p>It is not replaced when it ends: check {@link #isUsable}, and connect again. A stream that is
 * not read to its end must be reset, as all streams share the window of the connection. A response
 * that ends before its request ends both: sending fails with {@link StreamResetException} of {@link
 * ErrorCode#NO_ERROR}, and the response can be read.
 *
 * <p>Thread-safe. Two threads for each connection, virtual ones from JDK 24 on, else daemons: one
 * reads until the connection ends, one writes while there is something to write.
 */
public final class Http2Client implements AutoCloseable {
  private final ClientConnection connection;

  private Http2Client(ClientConnection connection) {
    this.connection = connection;
  }

  /**
   * Connects without TLS to a server that is known to speak HTTP/2.
   *
   * @param timeout of the TCP connection, and of the settings of the server
   * @throws IOException if the server is unreachable, or sends no settings of HTTP/2
   */
  public static Http2Client connect(
      InetSocketAddress address, Duration timeout, Http2Settings settings) throws IOException {
    return connect(address, timeout, settings, Optional.empty());
  }

  /**
   * Connects with TLS, and checks that the certificate is that of the host of the address.
   *
   * @param timeout of the TCP connection, of each wait in the handshake, and of the settings
   * @throws IOException if the server is unreachable, is not trusted, or does not speak HTTP/2
   */
  public static Http2Client connect(
      InetSocketAddress address, Duration timeout, Http2Settings settings, SSLContext tls)
      throws IOException {
    return connect(address, timeout, settings, Optional.of(tls));
  }

  private static Http2Client connect(
      InetSocketAddress address, Duration timeout, Http2Settings settings, Optional<SSLContext> tls)
      throws IOException {
    int millis = (int) Math.max(1, Math.min(Integer.MAX_VALUE, timeout.toMillis()));
    Socket socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.connect(address, millis);
      socket.setSoTimeout(millis);
      Socket secured = tls.isPresent() ? secured(tls.get(), socket, address) : socket;
      socket.setSoTimeout(0);
      ClientConnection connection = new ClientConnection(settings, socket, secured);
      connection.start(timeout);
      return new Http2Client(connection);
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private static SSLSocket secured(SSLContext tls, Socket socket, InetSocketAddress address)
      throws IOException {
    SSLSocket secured =
        (SSLSocket)
            tls.getSocketFactory()
                .createSocket(socket, address.getHostString(), address.getPort(), true);
    SSLParameters parameters = secured.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {"h2"});
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    secured.setSSLParameters(parameters);
    secured.startHandshake();
    if (!"h2".equals(secured.getApplicationProtocol())) {
      throw new IOException("the server does not speak HTTP/2 (ALPN h2)");
    }
    return secured;
  }

  /**
   * Opens a stream. Waits while the server permits no more streams. The request goes out with the
   * first wait for its response, or with {@link Http2Stream#flush}.
   *
   * @param head the request, with its pseudo-header fields
   * @param isLast whether there is neither a body nor trailers
   * @param deadlineNanos the {@link Http2Stream#deadline} of the stream, and of the wait before
   * @throws StreamResetException if the connection accepts no streams any more: connect again
   */
  public Http2Stream open(List<HeaderField> head, boolean isLast, long deadlineNanos)
      throws IOException {
    return connection.open(head, isLast, deadlineNanos);
  }

  /** Returns whether streams can be opened: false after GOAWAY, and when the connection has ended. */
  public boolean isUsable() {
    return connection.isUsable();
  }

  /** Calls {@code listener}, which must not block, when the connection ends; at once if it has. */
  public void onClose(Runnable listener) {
    connection.onClose(listener);
  }

  /** Ends the connection, and its streams with a {@link StreamResetException}. */
  @Override
  public void close() {
    connection.shutDown();
  }
}
