// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.zip.GZIPInputStream;

/**
 * Reads the messages in the body of a request or a response: a byte that is 1 if the message is
 * compressed, four bytes with its length, the message. Not thread-safe.
 */
final class MessageReader {
  static final String IDENTITY = "identity";
  static final String GZIP = "gzip";

  private static final int LENGTH_BYTES = 4;

  private final InputStream body;
  private final boolean isGzip;
  private final int maxBytes;

  /**
   * Creates a reader.
   *
   * @param encoding the value of {@code grpc-encoding}, identity without one
   * @param maxBytes the maximum length of a message, compressed or not
   * @throws GrpcException UNIMPLEMENTED if the encoding is unknown
   */
  MessageReader(InputStream body, String encoding, int maxBytes) {
    this.body = body;
    this.isGzip = encoding.equals(GZIP);
    this.maxBytes = maxBytes;
    if (!isGzip && !encoding.equals(IDENTITY)) {
      throw new GrpcException(
          GrpcStatus.UNIMPLEMENTED, "unknown grpc-encoding; known: identity, gzip");
    }
  }

  /** Returns the next message, or null at the end of the body. */
  byte[] next() throws IOException {
    int flag = body.read();
    if (flag < 0) {
      return null;
    }
    if (flag > 1) {
      throw new GrpcException(GrpcStatus.INTERNAL, "compressed flag not 0 or 1: " + flag);
    }
    int length = ByteBuffer.wrap(exactly(LENGTH_BYTES)).getInt();
    if (Integer.compareUnsigned(length, maxBytes) > 0) {
      throw tooLong(Integer.toUnsignedString(length) + " bytes");
    }
    byte[] message = exactly(length); // Takes no more memory than the peer has sent bytes.
    if (flag == 0) {
      return message;
    }
    if (!isGzip) {
      throw new GrpcException(GrpcStatus.INTERNAL, "compressed message without grpc-encoding");
    }
    return inflated(message);
  }

  private byte[] exactly(int length) throws IOException {
    byte[] bytes = body.readNBytes(length);
    if (bytes.length < length) {
      throw new GrpcException(
          GrpcStatus.INTERNAL,
          "message cut off after " + bytes.length + " of " + length + " bytes");
    }
    return bytes;
  }

  private byte[] inflated(byte[] message) {
    byte[] inflated;
    try (InputStream gzip = new GZIPInputStream(new ByteArrayInputStream(message))) {
      inflated = gzip.readNBytes(maxBytes);
      if (gzip.read() < 0) {
        return inflated;
      }
    } catch (IOException e) {
      throw new GrpcException(GrpcStatus.INTERNAL, "message is not valid gzip");
    }
    throw tooLong("more than " + inflated.length + " bytes inflated");
  }

  private GrpcException tooLong(String length) {
    return new GrpcException(
        GrpcStatus.RESOURCE_EXHAUSTED, "message of " + length + ", at most " + maxBytes);
  }
}
