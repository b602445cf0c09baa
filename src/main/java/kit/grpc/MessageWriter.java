// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.GZIPOutputStream;
import kit.http2.Http2Stream;

/** Sends messages in the form that {@link MessageReader} reads. Not thread-safe. */
final class MessageWriter {
  private static final int PREFIX_BYTES = 5;

  private final Http2Stream stream;

  MessageWriter(Http2Stream stream) {
    this.stream = stream;
  }

  /** Sends a message; {@code isLast}: and the end of the body. Returns the length sent. */
  int send(byte[] message, boolean compress, boolean isLast) throws IOException {
    byte[] framed = framed(message, compress);
    stream.sendData(framed, 0, framed.length, isLast);
    return framed.length;
  }

  static byte[] framed(byte[] message, boolean compress) throws IOException {
    byte[] payload = compress ? deflated(message) : message;
    return ByteBuffer.allocate(Math.addExact(PREFIX_BYTES, payload.length))
        .put((byte) (compress ? 1 : 0))
        .putInt(payload.length)
        .put(payload)
        .array();
  }

  private static byte[] deflated(byte[] message) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
      gzip.write(message);
    }
    return bytes.toByteArray();
  }
}
