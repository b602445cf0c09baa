// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.io.IOException;
import java.io.OutputStream;
import kit.http.Response;

/**
 * What a {@link Response.BodyWriter} writes to: counts, keeps to the announced length, tells a broken
 * connection from a broken writer, and does not let the writer close the connection's stream.
 *
 * <p>Closing that stream ends a body of unknown length in good order. A writer that fails within
 * try-with-resources would thus send half a file that passes for a whole one.
 */
final class ResponseBody extends OutputStream {
  private final OutputStream out;
  private final long length; // Negative if unknown.

  private long written;
  private boolean isBroken;

  ResponseBody(OutputStream out, long length) {
    this.out = out;
    this.length = length;
  }

  /** How many bytes have been written. */
  long written() {
    return written;
  }

  /** Whether the connection has failed. */
  boolean isBroken() {
    return isBroken;
  }

  @Override
  public void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int count) throws IOException {
    if (length >= 0 && count > length - written) {
      throw new IllegalStateException("body longer than its " + length + " bytes");
    }
    try {
      out.write(bytes, offset, count);
    } catch (IOException e) {
      isBroken = true;
      throw e;
    }
    written += count;
  }

  @Override
  public void flush() throws IOException {
    try {
      out.flush();
    } catch (IOException e) {
      isBroken = true;
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    flush();
  }

  /** Ends the body in good order; only for a writer that is through. */
  void finish() throws IOException {
    if (length >= 0 && written < length) {
      throw new IllegalStateException("body of " + written + " bytes shorter than its " + length);
    }
    try {
      out.close();
    } catch (IOException | RuntimeException e) {
      isBroken = true;
      throw broken(e);
    }
  }

  /**
   * Returns the exception of a broken connection. To send and to close drains the request, and of a
   * chunk size such as FFFFFFFF the JDK makes an IndexOutOfBoundsException then.
   */
  static IOException broken(Exception e) {
    return e instanceof IOException failure
        ? failure
        : new IOException("request body cannot be drained", e);
  }
}
