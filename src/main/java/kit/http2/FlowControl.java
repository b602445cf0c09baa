// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;

/**
 * The windows of a connection, which all of its streams share: RFC 9113, section 5.2.
 *
 * <p>Thread-safe.
 */
final class FlowControl {
  private final Http2Connection connection;
  private final FloodGuard guard;
  private final SendWindow sending = new SendWindow(Http2Settings.DEFAULT_WINDOW_BYTES);
  private final ReceiveWindow receiving;

  FlowControl(Http2Connection connection, FloodGuard guard) {
    this.connection = connection;
    this.guard = guard;
    this.receiving = new ReceiveWindow(connection.settings().connectionWindowBytes());
  }

  /** Takes room for up to {@code wanted} bytes on both levels, and waits for at least one. */
  int reserve(ConnectionStream stream, int wanted) throws IOException {
    int ofStream = stream.sendWindow().take(wanted, stream);
    int count = sending.take(ofStream, stream);
    if (count < ofStream) {
      stream.sendWindow().add(ofStream - count);
    }
    try {
      guard.sent(count, wanted);
      return count;
    } catch (Http2Exception e) {
      connection.fail(e);
      throw new StreamResetException(e.code(), false, e.getMessage());
    }
  }

  /** Gives back what was reserved. */
  void giveBack(ConnectionStream stream, int bytes) {
    sending.add(bytes);
    stream.sendWindow().add(bytes);
  }

  /** Adds what the peer permits; returns false if it is too much. */
  boolean permitted(int bytes) {
    return sending.add(bytes);
  }

  /** Lets streams that wait look whether they still may. */
  void wake() {
    sending.wake();
  }

  /** Counts DATA that has arrived; returns false if it was not permitted. */
  boolean receive(int bytes) {
    return receiving.receive(bytes);
  }

  /** Permits the peer to send more, as bytes were read or discarded. */
  void release(int bytes) {
    int update = receiving.release(bytes);
    if (update > 0) {
      update(0, update);
    }
  }

  /** Permits the peer to send more on a stream. */
  void update(int streamId, int bytes) {
    connection.control((to, encoder) -> to.windowUpdate(streamId, bytes));
  }
}
