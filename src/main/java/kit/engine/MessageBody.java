// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * The body of a message that is received, as a stream: of a known length, chunked, or up to the end
 * of the connection.
 *
 * <p>If the client waits for a 100 (Continue), it is sent when the body is read for the first time.
 * After a malformed chunk or the end of the connection every read fails. Used by one thread at a
 * time.
 */
final class MessageBody extends InputStream {
  /** In place of a length: the body is chunked. */
  static final long CHUNKED = -1;

  /** In place of a length: the body ends with the connection. */
  static final long UNTIL_CLOSE = -2;

  private static final int MAX_CHUNK_DIGITS = 15; // Below 2^63.
  private static final int MAX_CHUNK_LINE = 256; // With extensions.

  private final Input input;
  private final HeadReader trailerReader;
  private final Listener listener;
  private final boolean isChunked;
  private final boolean endsWithConnection;

  private long left; // Of the body, or of the chunk.
  private boolean isAfterChunk; // Its line end was not read yet: it may come later than its data.
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
   * @param length its number of bytes, {@link #CHUNKED} or {@link #UNTIL_CLOSE}
   */
  MessageBody(Input input, HeadReader trailerReader, long length, Listener listener) {
    this.input = input;
    this.trailerReader = trailerReader;
    this.listener = listener;
    this.isChunked = length == CHUNKED;
    this.endsWithConnection = length == UNTIL_CLOSE;
    this.left = endsWithConnection ? Long.MAX_VALUE : Math.max(0, length);
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
    if (isChunked && left == 0 && !beginChunk()) {
      return -1;
    }
    int count = input.read(to, offset, (int) Math.min(length, left));
    if (count < 0 && endsWithConnection) {
      end();
      return -1;
    }
    if (count < 0) {
      throw new EOFException("connection closed within the body");
    }
    left -= count;
    isAfterChunk = isChunked && left == 0;
    if (left == 0 && !isChunked) {
      end();
    }
    return count;
  }

  /** Reads the line before a chunk; returns false after the last one. */
  private boolean beginChunk() throws IOException {
    if (isAfterChunk && !readLine().isEmpty()) {
      throw new BadRequest(400, "malformed end of a chunk");
    }
    isAfterChunk = false;
    left = chunkSize(readLine());
    if (left == 0) {
      trailers = trailerReader.readTrailers();
      end();
    }
    return left > 0;
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

  /** Returns up to {@code maxBytes} in a new buffer, as soon as some are there; null at the end. */
  ByteBuffer next(int maxBytes) throws IOException {
    if (isWhole || isChunked && left == 0 && !beginChunk()) {
      return null;
    }
    byte[] piece = new byte[(int) Math.min(maxBytes, left)];
    int count = read(piece, 0, piece.length);
    return count < 0 ? null : ByteBuffer.wrap(piece, 0, count);
  }

  /** Returns whether {@link #next} returns at once, or has to wait for the rest of a line only. */
  boolean hasArrived() throws IOException {
    boolean isBetweenChunks = isChunked && left == 0;
    int lineEnd = isBetweenChunks && isAfterChunk ? 2 : 0;
    return isWhole || input.arrived() > lineEnd;
  }
}
