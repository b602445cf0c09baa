// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A call or its response: what precedes the struct, in a frame. Source: the binary protocol of Thrift,
 * in its strict form.
 *
 * @param fields reads the struct
 */
record ThriftMessage(int type, String name, int sequence, ThriftReader fields) {
  static final int CALL = 1;
  static final int REPLY = 2;
  static final int EXCEPTION = 3;
  static final int ONEWAY = 4;

  private static final int LENGTH_BYTES = 4;
  private static final long VERSION_1 = 0x8001_0000L;

  /** Writes the fields of a message. */
  interface Fields {
    void write(ThriftWriter to);
  }

  /** Returns a frame with its length. */
  static byte[] frame(int type, String name, int sequence, Fields fields) {
    ThriftWriter message = new ThriftWriter();
    message.raw(VERSION_1 | type, 4);
    message.raw(name.getBytes(StandardCharsets.UTF_8));
    message.raw(sequence, 4);
    fields.write(message);
    message.end();
    ThriftWriter frame = new ThriftWriter();
    frame.raw(message.toBytes());
    return frame.toBytes();
  }

  /**
   * Reads the rest of a frame, whose length takes no more memory than the peer has sent bytes.
   *
   * @throws TooLongException if it is longer than the limit
   */
  static ThriftMessage read(InputStream in, int maxBytes) throws IOException {
    int length = ByteBuffer.wrap(exactly(in, LENGTH_BYTES)).getInt();
    if (length < 0 || length > maxBytes) {
      throw new TooLongException(
          "frame of " + Integer.toUnsignedString(length) + " bytes, at most " + maxBytes);
    }
    return of(ByteBuffer.wrap(exactly(in, length)));
  }

  private static byte[] exactly(InputStream in, int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw new EOFException("frame cut off after " + bytes.length + " of " + length + " bytes");
    }
    return bytes;
  }

  private static ThriftMessage of(ByteBuffer frame) throws IOException {
    ThriftReader reader = new ThriftReader(frame);
    long start = reader.raw(4) & 0xffff_ffffL;
    if (start >>> 8 != VERSION_1 >>> 8) {
      throw new ProtocolException("not a message of the strict binary protocol, version 1");
    }
    String name = ThriftType.STRING.read(reader);
    int sequence = (int) reader.raw(4);
    return new ThriftMessage((int) start & 0xff, name, sequence, reader);
  }

  /** A frame is longer than the limit. */
  static final class TooLongException extends ProtocolException {
    private static final long serialVersionUID = 1;

    TooLongException(String message) {
      super(message);
    }
  }
}
