// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.OutputStream;

/**
 * The body of a response as a stream.
 *
 * <p>A body that is longer than announced is an exception. One that is shorter when it is closed
 * closes the connection, so that no client takes it for complete. Used by one thread at a time.
 */
final class ResponseBody extends OutputStream {
  private static final int CHUNK = 4096;

  /** How a client finds the end of a body. */
  enum Framing {
    /** By its length. */
    LENGTH,
    /** By the last chunk. */
    CHUNKED,
    /** By the end of the connection: HTTP/1.0. */
    CLOSE,
    /** There is no body, whatever the handler writes: a response to HEAD. */
    NONE
  }

  private final Output output;
  private final Listener listener;
  private Framing framing; // Null until the head was sent.
  private long left; // Only with LENGTH.
  private byte[] chunk; // Only with CHUNKED.
  private int chunkLength;
  private boolean isClosed;
  private boolean isTooLong;

  /** Is told the end of a response. */
  interface Listener {
    /** The response was sent; {@code isComplete}: to its end. */
    void responseEnded(boolean isComplete);
  }

  ResponseBody(Output output, Listener listener) {
    this.output = output;
    this.listener = listener;
  }

  /** The head was written: the body follows; {@code length} with {@link Framing#LENGTH}. */
  void begin(Framing framing, long length) {
    this.framing = framing;
    this.left = length;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    checkBegun();
    if (isClosed && framing != Framing.NONE) {
      throw new IOException("stream is closed");
    }
    switch (framing) {
      case LENGTH -> {
        if (length > left) {
          isTooLong = true;
          throw new IOException("body is longer than announced");
        }
        output.write(from, offset, length);
        left -= length;
      }
      case CHUNKED -> writeChunked(from, offset, length);
      case CLOSE -> output.write(from, offset, length);
      case NONE -> {}
    }
  }

  private void checkBegun() throws IOException {
    if (framing == null) {
      throw new IOException("sendResponseHeaders was not called");
    }
  }

  private void writeChunked(byte[] from, int offset, int length) throws IOException {
    if (chunk == null) {
      chunk = new byte[CHUNK];
    }
    if (length > chunk.length - chunkLength) {
      endChunk();
    }
    if (length > chunk.length) {
      writeChunk(from, offset, length);
    } else {
      System.arraycopy(from, offset, chunk, chunkLength, length);
      chunkLength += length;
    }
  }

  private void endChunk() throws IOException {
    if (chunkLength > 0) {
      int length = chunkLength;
      chunkLength = 0;
      writeChunk(chunk, 0, length);
    }
  }

  private void writeChunk(byte[] from, int offset, int length) throws IOException {
    output.text(Integer.toHexString(length));
    output.text("\r\n");
    output.write(from, offset, length);
    output.text("\r\n");
  }

  @Override
  public void flush() throws IOException {
    if (isClosed || framing == null) {
      return;
    }
    if (framing == Framing.CHUNKED) {
      endChunk();
    }
    output.flush();
  }

  @Override
  public void close() throws IOException {
    checkBegun();
    if (isClosed) {
      return;
    }
    isClosed = true;
    boolean isComplete = false;
    try {
      if (framing == Framing.CHUNKED) {
        endChunk();
        output.text("0\r\n\r\n");
      }
      boolean isShort = framing == Framing.LENGTH && left > 0;
      output.flush();
      if (isShort) {
        throw new IOException("body is shorter than announced, by bytes: " + left);
      }
      isComplete = !isTooLong;
    } finally {
      listener.responseEnded(isComplete);
    }
  }
}
