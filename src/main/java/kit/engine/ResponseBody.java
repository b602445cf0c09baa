// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

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

  private final OutputStream output;
  private final Listener listener;
  private Framing framing; // Null until the head was sent.
  private long left; // Only with LENGTH.
  private long sent;
  private byte[] chunk; // Only with CHUNKED.
  private int chunkLength;
  private boolean isStreaming;
  private boolean isClosed;
  private boolean isTooLong;

  /** Is told about the progress of a response. */
  interface Listener {
    /** The first bytes go out before the last are there. */
    void responseStreams();

    /** The response was sent; {@code isComplete}: to its end. */
    void responseEnded(boolean isComplete);
  }

  ResponseBody(OutputStream output, Listener listener) {
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
        isTooLong |= length > left;
        if (isTooLong) {
          throw new IOException("body is longer than announced");
        }
        left -= length;
        send(from, offset, length, left == 0);
      }
      case CHUNKED -> writeChunked(from, offset, length);
      case CLOSE -> send(from, offset, length, false);
      case NONE -> {}
    }
  }

  private void checkBegun() throws IOException {
    if (framing == null) {
      throw new IOException("sendResponseHeaders was not called");
    }
  }

  private void send(byte[] from, int offset, int length, boolean isEnd) throws IOException {
    sent += length;
    if (sent > CHUNK && !isEnd) {
      beginStreaming();
    }
    output.write(from, offset, length);
  }

  private void beginStreaming() {
    if (!isStreaming) {
      isStreaming = true;
      listener.responseStreams();
    }
  }

  private void writeChunked(byte[] from, int offset, int length) throws IOException {
    if (chunk == null) {
      chunk = new byte[CHUNK];
    }
    if (length > chunk.length - chunkLength) {
      beginStreaming();
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
    output.write(ascii(Integer.toHexString(length) + "\r\n"));
    output.write(from, offset, length);
    output.write(ascii("\r\n"));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  @Override
  public void flush() throws IOException {
    if (isClosed || framing == null) {
      return;
    }
    if (framing != Framing.LENGTH || left > 0) {
      beginStreaming();
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
        output.write(ascii("0\r\n\r\n"));
      }
      output.flush();
      if (framing == Framing.LENGTH && left > 0) {
        throw new IOException("body is shorter than announced, by bytes: " + left);
      }
      isComplete = !isTooLong;
    } finally {
      listener.responseEnded(isComplete);
    }
  }
}
