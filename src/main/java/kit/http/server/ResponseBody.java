// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import java.io.IOException;
import java.io.OutputStream;
import kit.http.Response;

/**
 * Output stream for a {@link Response.BodyWriter}: counts bytes, enforces the declared length, and
 * tells a failure of the connection from one of the writer.
 *
 * <p>Its {@code close} has no effect: closing the connection's stream would end a body of unknown
 * length regularly, so a writer that fails within try-with-resources would send half a file as a
 * complete one.
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

  /** Returns how many bytes were written. */
  long written() {
    return written;
  }

  /** Returns whether the connection failed. */
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

  /** Ends the body; to be called only after the writer has returned. */
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
   * Returns the exception of a broken connection. Sending and closing drain the request, and for a
   * chunk size such as FFFFFFFF the JDK then throws an IndexOutOfBoundsException.
   */
  static IOException broken(Exception e) {
    return e instanceof IOException failure
        ? failure
        : new IOException("request body cannot be drained", e);
  }
}
