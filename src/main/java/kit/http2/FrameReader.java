// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads the frames of a peer and checks what RFC 9113, section 6, demands of a frame by itself:
 * length, stream, padding and values. Whether a stream may get a frame is not checked here.
 *
 * <p>After an error of a stream, the next frame can be read. After one of the connection, none.
 *
 * <p>A HEADERS frame is returned with its CONTINUATION frames, as one. A frame of an unknown type is
 * returned, for the caller to count and ignore.
 *
 * <p>Used by one thread at a time. Memory: one frame, or one header block, never more than has
 * arrived.
 */
final class FrameReader {
  /** What a client sends first: RFC 9113, section 3.4. */
  static final String PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  private final InputStream in;
  private final boolean isServer;
  private final int maxFrameBytes;
  private final int maxBlockBytes;

  /**
   * Creates a reader.
   *
   * @param in blocks until there are bytes; whatever it throws is passed on
   * @param isServer whether the peer is a client
   * @param maxFrameBytes the bound of a payload that the peer has been told, at least 16,384
   * @param maxBlockBytes the bound of a header block, with 9 bytes for each of its frames, so that
   *     empty ones are bounded, too
   */
  FrameReader(InputStream in, boolean isServer, int maxFrameBytes, int maxBlockBytes) {
    this.in = in;
    this.isServer = isServer;
    this.maxFrameBytes = maxFrameBytes;
    this.maxBlockBytes = maxBlockBytes;
  }

  /** Reads the beginning of a client's connection. */
  void readPreface() throws IOException {
    byte[] preface = PREFACE.getBytes(StandardCharsets.US_ASCII);
    for (byte expected : preface) { // One by one: an HTTP/1.1 client sends less, and waits.
      int next = in.read();
      requireBytes(next >= 0);
      require(next == expected, ErrorCode.PROTOCOL_ERROR, "no HTTP/2 preface");
    }
  }

  /** Reads a frame; null at the end of the input. An end within a frame is an EOFException. */
  Frame read() throws IOException {
    Frame frame = next();
    return frame == null ? null : checked(frame);
  }

  private Frame next() throws IOException {
    byte[] header = in.readNBytes(Frame.HEADER_BYTES);
    if (header.length == 0) {
      return null;
    }
    requireBytes(header.length == Frame.HEADER_BYTES);
    int length = Frame.word(header, 0) >>> 8;
    require(length <= maxFrameBytes, ErrorCode.FRAME_SIZE_ERROR, "frame above the bound");

    byte[] payload = in.readNBytes(length);
    requireBytes(payload.length == length);
    int streamId = Frame.word(header, 5) & Integer.MAX_VALUE;
    return new Frame(header[3] & 0xff, header[4] & 0xff, streamId, length, payload);
  }

  private Frame checked(Frame frame) throws IOException {
    switch (frame.type()) {
      case Frame.DATA -> {
        requireStream(frame, "DATA");
        return withPayload(frame, unpadded(frame));
      }
      case Frame.HEADERS -> {
        requireStream(frame, "HEADERS");
        return headers(frame);
      }
      case Frame.PRIORITY -> checkPriority(frame);
      case Frame.RST_STREAM -> {
        requireStream(frame, "RST_STREAM");
        requireLength(frame, 4, "RST_STREAM");
      }
      case Frame.SETTINGS -> checkSettings(frame);
      case Frame.PUSH_PROMISE -> // A client never pushes, and a server has been told not to.
          throw protocolError("PUSH_PROMISE");
      case Frame.PING -> {
        requireNoStream(frame, "PING");
        requireLength(frame, 8, "PING");
      }
      case Frame.GOAWAY -> {
        requireNoStream(frame, "GOAWAY");
        require(frame.flowBytes() >= 8, ErrorCode.FRAME_SIZE_ERROR, "GOAWAY below 8 bytes");
      }
      case Frame.WINDOW_UPDATE -> {
        requireLength(frame, 4, "WINDOW_UPDATE");
        require(
            frame.word31(0) > 0, ErrorCode.PROTOCOL_ERROR, frame.streamId(), "WINDOW_UPDATE of 0");
      }
      case Frame.CONTINUATION -> throw protocolError("CONTINUATION without HEADERS");
      default -> {} // Unknown: for extensions.
    }
    return frame;
  }

  private static byte[] unpadded(Frame frame) throws Http2Exception {
    byte[] payload = frame.payload();
    if (!frame.has(Frame.PADDED)) {
      return payload;
    }
    boolean isWhole = payload.length > 0;
    if (frame.type() == Frame.DATA) {
      require(isWhole, ErrorCode.FRAME_SIZE_ERROR, frame.streamId(), "DATA without pad length");
    }
    require(isWhole, ErrorCode.FRAME_SIZE_ERROR, "HEADERS without pad length");
    int padding = payload[0] & 0xff;
    require(padding < payload.length, ErrorCode.PROTOCOL_ERROR, "padding longer than its frame");
    return Arrays.copyOfRange(payload, 1, payload.length - padding);
  }

  private static Frame withPayload(Frame frame, byte[] payload) {
    return new Frame(frame.type(), frame.flags(), frame.streamId(), frame.flowBytes(), payload);
  }

  private Frame headers(Frame first) throws IOException {
    byte[] fragment = withoutPriority(first, unpadded(first));
    if (first.has(Frame.END_HEADERS)) {
      requireBlock(fragment.length);
      return withPayload(first, fragment);
    }
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    block.writeBytes(fragment);
    boolean isWhole = false;
    for (int frames = 2; !isWhole; frames++) {
      requireBlock(block.size() + (long) frames * Frame.HEADER_BYTES);
      Frame next = next();
      requireBytes(next != null);
      boolean isNext = next.type() == Frame.CONTINUATION && next.streamId() == first.streamId();
      require(isNext, ErrorCode.PROTOCOL_ERROR, "another frame within a header block");
      block.writeBytes(next.payload());
      isWhole = next.has(Frame.END_HEADERS);
    }
    requireBlock(block.size());
    return withPayload(first, block.toByteArray());
  }

  // Of the connection: without the block, the table of HPACK is lost.
  private void requireBlock(long bytes) throws Http2Exception {
    boolean isSmall = bytes <= maxBlockBytes;
    require(isSmall, ErrorCode.ENHANCE_YOUR_CALM, "header block above the bound");
  }

  private static byte[] withoutPriority(Frame frame, byte[] payload) throws Http2Exception {
    if (!frame.has(Frame.HAS_PRIORITY)) {
      return payload;
    }
    ErrorCode tooShort =
        frame.has(Frame.PADDED) ? ErrorCode.PROTOCOL_ERROR : ErrorCode.FRAME_SIZE_ERROR;
    require(payload.length >= 5, tooShort, "HEADERS without its priority");
    // Of the connection: the block of a stream that is reset would be lost for the table.
    int dependency = Frame.word(payload, 0) & Integer.MAX_VALUE;
    require(dependency != frame.streamId(), ErrorCode.PROTOCOL_ERROR, "HEADERS on themselves");
    return Arrays.copyOfRange(payload, 5, payload.length);
  }

  private static void checkPriority(Frame frame) throws Http2Exception {
    requireStream(frame, "PRIORITY");
    require(
        frame.flowBytes() == 5,
        ErrorCode.FRAME_SIZE_ERROR,
        frame.streamId(),
        "PRIORITY not of 5 bytes");
    boolean isOfOther = frame.word31(0) != frame.streamId();
    require(isOfOther, ErrorCode.PROTOCOL_ERROR, frame.streamId(), "PRIORITY on itself");
  }

  private void checkSettings(Frame frame) throws Http2Exception {
    requireNoStream(frame, "SETTINGS");
    boolean isAck = frame.has(Frame.ACK);
    boolean isWhole = isAck ? frame.flowBytes() == 0 : frame.flowBytes() % Setting.BYTES == 0;
    require(isWhole, ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a wrong length");
    for (Setting setting : Setting.of(frame)) {
      setting.check(!isServer);
    }
  }

  private static void requireStream(Frame frame, String name) throws Http2Exception {
    require(frame.streamId() != 0, ErrorCode.PROTOCOL_ERROR, name + " without a stream");
  }

  private static void requireNoStream(Frame frame, String name) throws Http2Exception {
    require(frame.streamId() == 0, ErrorCode.PROTOCOL_ERROR, name + " on a stream");
  }

  private static void requireLength(Frame frame, int bytes, String name) throws Http2Exception {
    boolean isLong = frame.flowBytes() == bytes;
    require(isLong, ErrorCode.FRAME_SIZE_ERROR, name + " not of " + bytes + " bytes");
  }

  private static Http2Exception protocolError(String problem) {
    return Http2Exception.ofConnection(ErrorCode.PROTOCOL_ERROR, problem);
  }

  private static void requireBytes(boolean areThere) throws EOFException {
    if (!areThere) {
      throw new EOFException("end of input within a frame");
    }
  }
}
