// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;

/**
 * How many bytes of DATA the peer permits on a stream or on a connection: RFC 9113, section 5.2.
 * Below 0 after a setting that made the windows smaller.
 *
 * <p>Thread-safe.
 */
final class SendWindow {
  private long bytes; // Guarded by this.

  SendWindow(int bytes) {
    this.bytes = bytes;
  }

  /** Takes up to {@code max} bytes, and waits for at least one; returns their number. */
  int take(int max, ConnectionStream stream) throws IOException {
    int taken = tryTake(max);
    while (taken == 0) {
      stream.flush(); // The peer may wait for what is buffered.
      await(stream);
      taken = tryTake(max);
    }
    return taken;
  }

  private synchronized int tryTake(int max) {
    int taken = (int) Math.max(0, Math.min(max, bytes));
    bytes -= taken;
    return taken;
  }

  private synchronized void await(ConnectionStream stream) throws IOException {
    while (bytes <= 0) {
      stream.await(this);
    }
  }

  /** Whether it was made smaller after bytes were taken: they are no longer permitted. */
  synchronized boolean isOverdrawn() {
    return bytes < 0;
  }

  /** Adds bytes, or takes some; returns false if there would be more than 2^31-1. */
  synchronized boolean add(long more) {
    if (bytes + more > Integer.MAX_VALUE) {
      return false;
    }
    bytes += more;
    notifyAll();
    return true;
  }

  /** Lets streams that wait look whether they still may. */
  synchronized void wake() {
    notifyAll();
  }
}
