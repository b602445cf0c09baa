// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * Body of a request as a stream that records its state: the declared length, the bytes left, and
 * whether reading failed. A failure to read is an error of the client, however the handler treats
 * it.
 *
 * <p>The state is for servers and proxies; a handler reads it as any other stream. Not thread-safe.
 */
public final class RequestBody extends FilterInputStream {
  private final long length; // Negative if unknown.

  private long read;
  private boolean isBroken;
  private boolean isAbandoned;
  private byte[] once; // Null until the first readOnce.

  /**
   * Creates a body that reads from {@code in}.
   *
   * @param length the declared length in bytes; negative if unknown
   */
  public RequestBody(InputStream in, long length) {
    super(in);
    this.length = length;
  }

  /** Returns the declared length in bytes; negative if unknown. */
  public long length() {
    return length;
  }

  /** Returns how many of the declared bytes have not been read; 0 if the length is unknown. */
  public long left() {
    return Math.max(0, length - read);
  }

  /**
   * Abandons the body, for a caller that no longer waits for another thread that reads it. Unless
   * the whole body has been read, the server closes the connection after the response, because two
   * threads would read the next request.
   */
  public void abandon() {
    isAbandoned = length < 0 || left() > 0;
  }

  /** Returns whether another thread may still be reading; see {@link #abandon}. */
  public boolean isAbandoned() {
    return isAbandoned;
  }

  /**
   * Returns whether reading failed: the client closed the connection, was too slow, or sent
   * malformed chunks.
   */
  public boolean isBroken() {
    return isBroken;
  }

  /** Reads at most {@code maxBytes}, the first time; returns the same array each time. */
  byte[] readOnce(int maxBytes) throws IOException {
    if (once == null) {
      once = readNBytes(maxBytes);
    }
    return once;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int count) throws IOException {
    try {
      int got = in.read(bytes, offset, count);
      read += Math.max(0, got);
      return got;
    } catch (IOException | RuntimeException e) {
      // Runtime: the JDK throws an IndexOutOfBoundsException at the chunk size FFFFFFFF.
      isBroken = true;
      throw e instanceof IOException failure ? failure : new IOException("body cannot be read", e);
    }
  }
}
