// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;

/**
 * The body of a request as a stream: of a known length, or chunked.
 *
 * <p>If the client waits for a 100 (Continue), it is sent when the body is read for the first time.
 * After a malformed chunk or the end of the connection every read fails. Used by one thread at a
 * time.
 */
final class RequestBody extends InputStream {
  private static final int MAX_CHUNK_DIGITS = 15; // Below 2^63.
  private static final int MAX_CHUNK_LINE = 256; // With extensions.

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
    void bodyStarted() throws IOException;

    /** The last byte was read. */
    void bodyEnded();
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
      listener.bodyStarted();
    }
    if (isChunked && left == 0) {
      left = chunkSize(readLine());
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
    if (left == 0 && !isChunked) {
      end();
    } else if (left == 0 && !readLine().isEmpty()) {
      throw new BadRequest(400, "malformed end of a chunk");
    }
    return count;
  }

  private void end() {
    isWhole = true;
    listener.bodyEnded();
  }

  /** Chunk extensions are ignored, as RFC 9112, section 7.1.1, asks for. */
  private static long chunkSize(String line) throws BadRequest {
    int extension = line.indexOf(';');
    String digits = extension < 0 ? line : line.substring(0, extension);
    if (digits.isEmpty() || digits.length() > MAX_CHUNK_DIGITS) {
      throw new BadRequest(400, "chunk size that is empty or too large");
    }
    try {
      return HexFormat.fromHexDigitsToLong(digits);
    } catch (IllegalArgumentException e) {
      throw new BadRequest(400, "malformed chunk size");
    }
  }

  private String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    int c = next();
    for (; Tokens.isInValue(c); c = next()) {
      if (line.length() == MAX_CHUNK_LINE) {
        throw new BadRequest(400, "chunk extension that is too long");
      }
      line.append((char) c);
    }
    if (c != '\r' || next() != '\n') {
      throw new BadRequest(400, "malformed line of a chunk");
    }
    return line.toString();
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
  boolean drain(long maxBytes) {
    if (isWhole || hasMoreThan(maxBytes)) {
      return isWhole;
    }
    byte[] scratch = new byte[4096];
    long drained = 0;
    try {
      while (!isWhole && drained <= maxBytes) {
        drained += read(scratch, 0, scratch.length);
      }
    } catch (IOException e) {
      // Malformed, or the connection is lost.
    }
    return isWhole;
  }

  @Override
  public int available() {
    return (int) Math.min(left, input.available());
  }
}
