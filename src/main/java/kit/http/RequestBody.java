// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a request as a stream that records its state: the announced length, how much of it is
 * left, and whether reading failed. A failure to read is the fault of the client, whatever the handler
 * makes of it.
 *
 * <p>For servers and proxies; a handler reads it as any other stream. Not thread-safe.
 */
public final class RequestBody extends FilterInputStream {
  private final long length; // Negative if unknown.

  private long read;
  private boolean isBroken;
  private boolean isAbandoned;
  private byte[] once; // Null until it has been asked for.

  /**
   * Reads from {@code in}.
   *
   * @param length the announced length in bytes; negative if it is not known
   */
  public RequestBody(InputStream in, long length) {
    super(in);
    this.length = length;
  }

  /** Returns the announced length in bytes; negative if it is not known. */
  public long length() {
    return length;
  }

  /** Returns how many of the announced bytes have not been read; 0 if the length is not known. */
  public long left() {
    return Math.max(0, length - read);
  }

  /**
   * Gives the body up, for a caller that had it read on another thread and no longer waits for that.
   * Unless all of it has been read, the other thread may still be reading; the server then closes the
   * connection after the response, because two threads would look for the next request in it.
   */
  public void abandon() {
    isAbandoned = length < 0 || left() > 0;
  }

  /** Whether another thread may still be reading from it; see {@link #abandon}. */
  public boolean isAbandoned() {
    return isAbandoned;
  }

  /** Whether reading has failed: the client hung up, was too slow, or sent malformed chunks. */
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
      // Runtime: the JDK answers the chunk size FFFFFFFF with an IndexOutOfBoundsException.
      isBroken = true;
      throw e instanceof IOException failure ? failure : new IOException("body cannot be read", e);
    }
  }
}
