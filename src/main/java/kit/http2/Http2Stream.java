// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;

/**
 * One request and its response on a connection, as the server or as the client sees them. Both
 * directions are a head, a body and trailers; the body and the trailers may be missing.
 *
 * <p>What is sent is buffered. It goes out with {@link #flush}, before a call of the same stream waits
 * for the peer, and when the handler of a server returns: a small response is one system call.
 *
 * <p>One thread may receive and another one send at the same time; {@link #reset} may be called on
 * any thread. A call that blocks ends with {@link java.io.InterruptedIOException} if its thread is
 * interrupted, with {@link java.net.SocketTimeoutException} at the {@link #deadline}, and with {@link
 * StreamResetException} if the peer resets the stream or the connection ends. None of these but the
 * last ends the stream: reset it.
 */
public interface Http2Stream {
  /** Returns the fields that the peer has sent first, pseudo-header fields included; waits for them. */
  List<HeaderField> head() throws IOException;

  /** Returns the body that the peer sends. What is read is room for the peer to send more. */
  InputStream body();

  /**
   * Returns the fields that the peer has sent after the body; empty without trailers.
   *
   * @throws IllegalStateException if the body was not read to its end
   */
  List<HeaderField> trailers();

  /** Sends the first fields; {@code isLast}: and nothing after them. */
  void sendHead(List<HeaderField> head, boolean isLast) throws IOException;

  /** Sends a part of the body, and waits for room at the peer; {@code isLast}: the last one. */
  void sendData(byte[] from, int offset, int length, boolean isLast) throws IOException;

  /** Sends the fields after the body, the last of this direction. */
  void sendTrailers(List<HeaderField> trailers) throws IOException;

  /** Sends what is buffered, without waiting for it. */
  default void flush() throws IOException {}

  /** Ends the stream in both directions; without effect if both have ended. */
  void reset(ErrorCode code);

  /**
   * Calls {@code listener}, which must not block, if the peer resets the stream or the connection
   * ends before both directions have; at once if that has happened.
   */
  void onReset(Consumer<StreamResetException> listener);

  /** Limits how long calls block: until {@code System.nanoTime()} has this value. At first no limit. */
  void deadline(long nanoTime);

  /** Returns the address of the peer. */
  InetSocketAddress remoteAddress();

  /** Returns the TLS session, or empty. */
  Optional<SSLSession> session();
}
