// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a request, which remembers whether it broke off: whatever the handler then makes of
 * that, the fault is the client's and not the handler's.
 */
final class RequestBody extends FilterInputStream {
  private boolean isBroken;

  RequestBody(InputStream in) {
    super(in);
  }

  /** Whether reading has failed: the client hung up, was too slow, or sent chunks that are none. */
  boolean isBroken() {
    return isBroken;
  }

  @Override
  public int read() throws IOException {
    try {
      return in.read();
    } catch (IOException | RuntimeException e) {
      throw broken(e);
    }
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    try {
      return in.read(bytes, offset, length);
    } catch (IOException | RuntimeException e) {
      throw broken(e);
    }
  }

  // The JDK answers the chunk size FFFFFFFF with an IndexOutOfBoundsException.
  private IOException broken(Exception e) {
    isBroken = true;
    return e instanceof IOException failure ? failure : new IOException("body cannot be read", e);
  }
}
