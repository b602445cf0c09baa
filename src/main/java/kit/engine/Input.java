// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Buffered input of a connection. What follows a request in the buffer is the next request. A head
 * lies in the buffer as a whole, so the buffer grows up to the limit of a head.
 *
 * <p>Used by one thread at a time.
 */
final class Input extends InputStream {
  private static final int SIZE = 4096;
  private static final byte[] NOTHING = {};

  private final InputStream source;
  private final int maxBytes;
  private byte[] bytes = NOTHING;
  private int position;
  private int limit;

  /** Creates an input whose buffer has at most {@code maxBytes}. */
  Input(InputStream source, int maxBytes) {
    this.source = source;
    this.maxBytes = maxBytes;
  }

  /** Returns the number of bytes in the buffer. */
  @Override
  public int available() {
    return limit - position;
  }

  /** Returns a byte in the buffer, as a number from 0 to 255. */
  int peek(int index) {
    return bytes[position + index] & 0xff;
  }

  /** Returns whether the next bytes are these; waits only as long as they may be. */
  boolean startsWith(byte[] expected) throws IOException {
    for (int i = 0; i < expected.length; i++) {
      if (i == available() && !fill() || peek(i) != (expected[i] & 0xff)) {
        return false;
      }
    }
    return true;
  }

  /** Takes bytes out of the buffer, and returns them as text, one character for each. */
  String take(int count) {
    position += count;
    return new String(bytes, position - count, count, StandardCharsets.ISO_8859_1);
  }

  /** Reads more bytes into the buffer; returns false at the end of the stream, or if it is full. */
  boolean fill() throws IOException {
    if (position == limit && bytes.length > SIZE) {
      release(); // A long head has passed.
    } else if (position == limit) {
      position = 0;
      limit = 0;
    }
    if (limit == bytes.length) {
      int length = Math.max(Math.min(SIZE, maxBytes), Math.min(2 * available(), maxBytes));
      bytes = Arrays.copyOf(Arrays.copyOfRange(bytes, position, limit), length);
      limit = available();
      position = 0;
    }
    int count = source.read(bytes, limit, bytes.length - limit);
    limit += Math.max(0, count);
    return count > 0;
  }

  /** Returns the number of bytes that are known to have arrived, in the buffer and behind it. */
  int arrived() throws IOException {
    return available() + source.available();
  }

  /** Returns whether {@link #fill} can add bytes. */
  boolean hasRoom() {
    return available() < maxBytes;
  }

  @Override
  public int read() throws IOException {
    return available() == 0 && !fill() ? -1 : bytes[position++] & 0xff;
  }

  /** Reads up to {@code length} bytes, at least one unless {@code length} is 0; -1 at the end of the stream. */
  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    if (length == 0) { // As readNBytes asks for; it must not wait.
      return 0;
    }
    if (available() == 0) {
      if (length >= SIZE) {
        return source.read(to, offset, length);
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

  /** Frees the buffer, which is empty. */
  void release() {
    bytes = NOTHING;
    position = 0;
    limit = 0;
  }
}
