// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLSession;

/**
 * Another protocol that a server speaks on some of its connections, such as HTTP/2. A connection
 * belongs to it from its first byte on: without TLS if the client begins with the {@link #preface},
 * with TLS if the handshake agrees on its {@link #name} (ALPN).
 *
 * <p>Must be thread-safe.
 */
public interface EngineProtocol {
  /** Returns the name for ALPN, such as {@code h2}. */
  String name();

  /** Returns the bytes that each client sends first: at least one. */
  byte[] preface();

  /**
   * Serves a connection, on its thread; the connection is closed when this returns. The preface has
   * not been read.
   *
   * @throws IOException if the connection is lost
   */
  void serve(Peer peer) throws IOException;

  /** A connection that a protocol serves. */
  interface Peer {
    /** Returns what the client sends, buffered. */
    InputStream input();

    /** Returns what the client is sent, buffered; flushed by the protocol. */
    OutputStream output();

    /** Returns the address of the client. */
    InetSocketAddress remoteAddress();

    /** Returns the TLS session, or empty. */
    Optional<SSLSession> session();

    /**
     * Returns the threads of the server, for tasks of the connection. It throws {@link
     * java.util.concurrent.RejectedExecutionException} if all are busy or the server has stopped.
     */
    Executor threads();

    /** Closes the connection after {@code timeout}; replaces the last limit. At first: idle. */
    void expireIn(Duration timeout);

    /** Says whether requests are in flight: a server that stops waits for these. */
    void busy(boolean isBusy);

    /** Runs {@code action}, which must not block, once when the server begins to stop, or has. */
    void onStop(Runnable action);
  }
}
