// SPDX-License-Identifier: Apache-2.0
package kit.http2;

/**
 * How many bytes of DATA the peer may send on a stream or on a connection: RFC 9113, section 5.2.
 * Bytes that were read are given back to the peer when they are half of the window, so that few
 * frames are needed.
 *
 * <p>Thread-safe.
 */
final class ReceiveWindow {
  private final int size;

  // Guarded by this.
  private long permitted;
  private int released;

  ReceiveWindow(int size) {
    this.size = size;
    this.permitted = size;
  }

  /** Counts bytes that have arrived; returns false if these were not permitted. */
  synchronized boolean receive(int bytes) {
    permitted -= bytes;
    return permitted >= 0;
  }

  /** Counts bytes that were read; returns how many the peer must be told of now, often 0. */
  synchronized int release(int bytes) {
    released += bytes;
    if (released < size / 2) {
      return 0;
    }
    int update = released;
    released = 0;
    permitted += update;
    return update;
  }
}
