// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * The body of a request as a stream: of a known length, or chunked.
 *
 * <p>If the client waits for a 100 (Continue), it is sent when the body is read for the first time.
 * After a malformed chunk or the end of the connection every read fails. Used by one thread at a
 * time.
 */
final class RequestBody extends InputStream {
  private static final int MAX_CHUNK_DIGITS = 15;
  private static final int MAX_EXTENSION = 256;

  private final Input input;
  private final HeadReader trailerReader;
  private final Listener listener;
  private final boolean isChunked;

  private long left; // Of the body, or of the chunk.
  private boolean isStarted;
  private boolean isWhole;
  private IOException failure;
  private Headers trailers = new Headers();

  /** Is told about the progress of a body. */
  interface Listener {
    /** The body is about to be read for the first time. */
    void started() throws IOException;

    /** The last byte was read. */
    void ended();
  }

  /**
   * Creates a body.
   *
   * @param length its number of bytes; -1: chunked
   */
  RequestBody(Input input, HeadReader trailerReader, long length, Listener listener) {
    this.input = input;
    this.trailerReader = trailerReader;
    this.listener = listener;
    this.isChunked = length < 0;
    this.left = Math.max(0, length);
    this.isWhole = length == 0;
  }

  /** Returns whether the body was read to its end. */
  boolean isWhole() {
    return isWhole;
  }

  /** Returns whether a byte was read, or was tried to. */
  boolean isStarted() {
    return isStarted;
  }

  /** Returns whether it is known that more than {@code bytes} are left. */
  boolean hasMoreThan(long bytes) {
    return !isWhole && !isChunked && left > bytes;
  }

  /** Returns the trailers; none before the end of a chunked body. */
  Headers trailers() {
    return trailers;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    if (length == 0 || isWhole) {
      return isWhole ? -1 : 0;
    }
    if (failure != null) {
      throw new IOException(failure.getMessage(), failure);
    }
    try {
      return readSome(to, offset, length);
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }

  private int readSome(byte[] to, int offset, int length) throws IOException {
    if (!isStarted) {
      isStarted = true;
      listener.started();
    }
    if (isChunked && left == 0) {
      left = readChunkSize();
      if (left == 0) {
        trailers = trailerReader.readTrailers();
        end();
        return -1;
      }
    }
    int count = input.read(to, offset, (int) Math.min(length, left));
    if (count < 0) {
      throw new EOFException("connection closed within the body");
    }
    left -= count;
    if (left == 0) {
      endPart();
    }
    return count;
  }

  private void endPart() throws IOException {
    if (isChunked) {
      expect('\r');
      expect('\n');
    } else {
      end();
    }
  }

  private void end() {
    isWhole = true;
    listener.ended();
  }

  private long readChunkSize() throws IOException {
    long size = 0;
    int digits = 0;
    int c = next();
    for (int digit; (digit = hex(c)) >= 0; c = next()) {
      size = size << 4 | digit;
      if (++digits > MAX_CHUNK_DIGITS) {
        throw new BadRequest(400, "chunk size that is too large");
      }
    }
    if (digits == 0) {
      throw new BadRequest(400, "malformed chunk size");
    }
    if (c == ';') {
      c = skipExtension();
    }
    if (c != '\r' || next() != '\n') {
      throw new BadRequest(400, "malformed line of a chunk size");
    }
    return size;
  }

  /** Ignores a chunk extension, as RFC 9112, section 7.1.1, asks for; returns the byte after it. */
  private int skipExtension() throws IOException {
    for (int i = 0; i < MAX_EXTENSION; i++) {
      int c = next();
      if (!Tokens.isInValue(c)) {
        return c;
      }
    }
    throw new BadRequest(400, "chunk extension that is too long");
  }

  private static int hex(int c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    int lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  }

  private void expect(char c) throws IOException {
    if (next() != c) {
      throw new BadRequest(400, "malformed end of a chunk");
    }
  }

  private int next() throws IOException {
    int c = input.read();
    if (c < 0) {
      throw new EOFException("connection closed within the body");
    }
    return c;
  }

  /**
   * Reads and discards the rest, up to {@code maxBytes}; returns whether the body ended with that.
   */
  boolean drain(long maxBytes) throws IOException {
    if (failure != null || hasMoreThan(maxBytes)) {
      return false;
    }
    byte[] scratch = new byte[Math.toIntExact(Math.min(4096, maxBytes + 1))];
    long drained = 0;
    while (!isWhole && drained <= maxBytes) {
      int count = read(scratch, 0, scratch.length);
      drained += Math.max(0, count);
    }
    return isWhole;
  }

  @Override
  public int available() {
    return (int) Math.min(left, input.available());
  }
}
