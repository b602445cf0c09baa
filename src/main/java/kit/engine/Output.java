// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Buffered output of a connection: the head of a response and a short body are one write.
 *
 * <p>Used by one thread at a time.
 */
final class Output {
  private static final int SIZE = 8192;
  private static final byte[] NOTHING = {};

  private final Wire wire;
  private byte[] bytes = NOTHING;
  private int length;

  Output(Wire wire) {
    this.wire = wire;
  }

  /** Adds text; each character is a byte. */
  @SuppressWarnings("deprecation") // The only method that copies without a new array.
  void text(String text) throws IOException {
    int from = 0;
    while (from < text.length()) {
      makeRoom();
      int count = Math.min(text.length() - from, bytes.length - length);
      text.getBytes(from, from + count, bytes, length);
      length += count;
      from += count;
    }
  }

  /** Adds bytes. */
  void write(byte[] from, int offset, int count) throws IOException {
    if (count >= SIZE - length) {
      flush();
      if (count >= SIZE) {
        wire.write(from, offset, count);
        return;
      }
    }
    makeRoom();
    System.arraycopy(from, offset, bytes, length, count);
    length += count;
  }

  /** Adds a number in decimal digits. */
  void number(long number) throws IOException {
    text(Long.toString(number));
  }

  private void makeRoom() throws IOException {
    if (bytes.length == 0) {
      bytes = new byte[SIZE];
    }
    if (length == bytes.length) {
      flush();
    }
  }

  /** Sends what is in the buffer. */
  void flush() throws IOException {
    if (length > 0) {
      int count = length;
      length = 0;
      wire.write(bytes, 0, count);
    }
  }

  /** Frees the buffer of a connection that waits for its next request. */
  void release() {
    bytes = NOTHING;
  }

  /** Returns text as bytes, one for each character. */
  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
