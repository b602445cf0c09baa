// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;

/**
 * The bytes of one connection. Reads and writes block, are called by one thread at a time, and end
 * with an exception when the connection is closed.
 */
interface Wire {
  /** Reads at least one byte, or returns -1 at the end of the stream. */
  int read(byte[] to, int offset, int length) throws IOException;

  /** Writes all of these bytes. */
  void write(byte[] from, int offset, int length) throws IOException;

  /** Tells the client that no more bytes will come. */
  void shutdownOutput() throws IOException;
}
