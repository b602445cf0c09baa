// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes frames: RFC 9113, section 6. Payloads above the peer's bound are split. Nothing is padded.
 *
 * <p>Used by one thread at a time; the frames of a header block must not be interleaved. Nothing is
 * buffered here.
 */
final class FrameWriter {
  private static final int MAX_DEBUG_CHARS = 256;

  private final OutputStream out;
  private int maxFrameBytes = Frame.DEFAULT_MAX_BYTES;

  FrameWriter(OutputStream out) {
    this.out = out;
  }

  /** Applies the peer's setting MAX_FRAME_SIZE. */
  void setMaxFrameBytes(int bytes) {
    maxFrameBytes = bytes;
  }

  /** Writes the beginning of a client's connection; SETTINGS must follow. */
  void preface() throws IOException {
    out.write(FrameReader.PREFACE.getBytes(StandardCharsets.US_ASCII));
  }

  /** Writes DATA; if {@code isLast}, the end of the stream is in its last frame. */
  void data(int streamId, byte[] bytes, int offset, int length, boolean isLast) throws IOException {
    int position = offset;
    int end = offset + length;
    do {
      int count = Math.min(maxFrameBytes, end - position);
      boolean isEnd = isLast && position + count == end;
      header(Frame.DATA, isEnd ? Frame.END_STREAM : 0, streamId, count);
      out.write(bytes, position, count);
      position += count;
    } while (position < end);
  }

  /** Writes a header block: HEADERS, and CONTINUATION for what does not fit. */
  void headers(int streamId, byte[] block, boolean isLast) throws IOException {
    int type = Frame.HEADERS;
    int flags = isLast ? Frame.END_STREAM : 0;
    int position = 0;
    do {
      int count = Math.min(maxFrameBytes, block.length - position);
      boolean isEnd = position + count == block.length;
      header(type, isEnd ? flags | Frame.END_HEADERS : flags, streamId, count);
      out.write(block, position, count);
      position += count;
      type = Frame.CONTINUATION;
      flags = 0;
    } while (position < block.length);
  }

  /** Ends a stream with an error. */
  void rstStream(int streamId, ErrorCode code) throws IOException {
    header(Frame.RST_STREAM, 0, streamId, 4);
    word(code.ordinal());
  }

  /** Writes settings, in their order. */
  void settings(List<Setting> settings) throws IOException {
    header(Frame.SETTINGS, 0, 0, settings.size() * Setting.BYTES);
    for (Setting setting : settings) {
      out.write(setting.id() >>> 8);
      out.write(setting.id());
      word((int) setting.value());
    }
  }

  /** Acknowledges the settings of the peer. */
  void settingsAck() throws IOException {
    header(Frame.SETTINGS, Frame.ACK, 0, 0);
  }

  /**
   * Writes a ping or its response.
   *
   * @param payload eight bytes; of a response, those of the ping
   */
  void ping(byte[] payload, boolean isResponse) throws IOException {
    if (payload.length != 8) {
      throw new IllegalArgumentException("payload not of 8 bytes: " + payload.length);
    }
    header(Frame.PING, isResponse ? Frame.ACK : 0, 0, 8);
    out.write(payload);
  }

  /**
   * Announces the end of the connection.
   *
   * @param lastStreamId the last stream of the peer that may have been processed
   * @param debug for the peer's log, ASCII, its first 256 characters
   */
  void goAway(int lastStreamId, ErrorCode code, String debug) throws IOException {
    String text = debug.substring(0, Math.min(debug.length(), MAX_DEBUG_CHARS));
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    header(Frame.GOAWAY, 0, 0, 8 + bytes.length);
    word(lastStreamId);
    word(code.ordinal());
    out.write(bytes);
  }

  /**
   * Permits the peer to send more.
   *
   * @param streamId 0: on the connection
   * @param bytes at least 1
   */
  void windowUpdate(int streamId, int bytes) throws IOException {
    if (bytes < 1) {
      throw new IllegalArgumentException("bytes < 1: " + bytes);
    }
    header(Frame.WINDOW_UPDATE, 0, streamId, 4);
    word(bytes);
  }

  private void header(int type, int flags, int streamId, int length) throws IOException {
    word(length << 8 | type);
    out.write(flags);
    word(streamId);
  }

  private void word(int value) throws IOException {
    out.write(value >>> 24);
    out.write(value >>> 16);
    out.write(value >>> 8);
    out.write(value);
  }
}
