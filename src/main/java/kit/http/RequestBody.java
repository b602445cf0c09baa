// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a request, which knows how long it was announced to be and how much of it is left, and
 * remembers whether it broke off: whatever the handler then makes of that, the fault is the client's
 * and not the handler's.
 */
final class RequestBody extends FilterInputStream {
  private final long length; // Negative if unknown.

  private long read;
  private boolean isBroken;
  private boolean isAbandoned;

  RequestBody(InputStream in, long length) {
    super(in);
    this.length = length;
  }

  /** The announced length in bytes; negative if it comes in chunks. */
  long length() {
    return length;
  }

  /** How many of the announced bytes have not been read; 0 if it comes in chunks. */
  long left() {
    return Math.max(0, length - read);
  }

  /** See {@link Request#abandonBody}. */
  void abandon() {
    isAbandoned = length < 0 || left() > 0;
  }

  /** Whether another thread may be reading from it still. */
  boolean isAbandoned() {
    return isAbandoned;
  }

  /** Whether reading has failed: the client hung up, was too slow, or sent chunks that are none. */
  boolean isBroken() {
    return isBroken;
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
