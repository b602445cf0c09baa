// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.util.Arrays;

/**
 * Buffered input of a connection. What follows a request in the buffer is the next request. A head
 * lies in the buffer as a whole, so the buffer grows up to the limit of a head.
 *
 * <p>Used by one thread at a time.
 */
final class Input {
  private static final int SIZE = 4096;
  private static final byte[] NOTHING = {};

  private final Wire wire;
  private final int maxBytes;
  private byte[] bytes = NOTHING;
  private int position;
  private int limit;

  /** Creates an input whose buffer has at most {@code maxBytes}. */
  Input(Wire wire, int maxBytes) {
    this.wire = wire;
    this.maxBytes = maxBytes;
  }

  /** Returns the number of bytes in the buffer. */
  int available() {
    return limit - position;
  }

  /** Returns a byte in the buffer, as a number from 0 to 255. */
  int peek(int index) {
    return bytes[position + index] & 0xff;
  }

  /** Returns the array of {@link #peek}: byte 0 is at {@link #offset}. */
  byte[] array() {
    return bytes;
  }

  int offset() {
    return position;
  }

  /** Takes bytes out of the buffer. */
  void skip(int count) {
    position += count;
  }

  /** Returns whether {@link #fill} can add bytes. */
  boolean hasRoom() {
    return available() < maxBytes;
  }

  /** Reads more bytes into the buffer; returns false at the end of the stream. */
  boolean fill() throws IOException {
    makeRoom();
    int count = wire.read(bytes, limit, bytes.length - limit);
    if (count < 0) {
      return false;
    }
    limit += count;
    return true;
  }

  private void makeRoom() {
    if (position == limit) {
      position = 0;
      limit = 0;
    }
    if (bytes.length == 0) {
      bytes = new byte[Math.min(SIZE, maxBytes)];
    } else if (limit == bytes.length) {
      int length = available();
      byte[] target =
          length > bytes.length / 2 ? new byte[Math.min(2 * bytes.length, maxBytes)] : bytes;
      System.arraycopy(bytes, position, target, 0, length);
      bytes = target;
      position = 0;
      limit = length;
    }
  }

  /** Returns the next byte, or -1 at the end of the stream. */
  int read() throws IOException {
    return available() == 0 && !fill() ? -1 : bytes[position++] & 0xff;
  }

  /** Reads up to {@code length} bytes, at least one; -1 at the end of the stream. */
  int read(byte[] to, int offset, int length) throws IOException {
    if (available() == 0) {
      if (length >= SIZE) {
        return wire.read(to, offset, length);
      }
      if (!fill()) {
        return -1;
      }
    }
    int count = Math.min(length, available());
    System.arraycopy(bytes, position, to, offset, count);
    position += count;
    return count;
  }

  /** Frees the buffer of a connection that waits for its next request, or shrinks it. */
  void release() {
    if (available() == 0) {
      bytes = NOTHING;
      position = 0;
      limit = 0;
    } else if (bytes.length > SIZE && available() <= SIZE) {
      bytes = Arrays.copyOf(Arrays.copyOfRange(bytes, position, limit), SIZE);
      limit = available();
      position = 0;
    }
  }
}
