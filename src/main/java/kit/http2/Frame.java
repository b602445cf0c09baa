// SPDX-License-Identifier: Apache-2.0
package kit.http2;

/**
 * A frame of HTTP/2: RFC 9113, sections 4 and 6.
 *
 * @param type one of the types below, or another one from 0 to 255, which receivers ignore
 * @param flags the flags, whose meaning depends on the type
 * @param streamId 0: the connection
 * @param flowBytes the length of the payload as sent, with padding: what counts for flow control
 * @param payload the payload without padding and priority; of HEADERS, the whole header block
 */
record Frame(int type, int flags, int streamId, int flowBytes, byte[] payload) {
  static final int DATA = 0;
  static final int HEADERS = 1;
  static final int PRIORITY = 2;
  static final int RST_STREAM = 3;
  static final int SETTINGS = 4;
  static final int PUSH_PROMISE = 5;
  static final int PING = 6;
  static final int GOAWAY = 7;
  static final int WINDOW_UPDATE = 8;
  static final int CONTINUATION = 9;

  /** The flag ACK of SETTINGS and PING. */
  static final int ACK = 1;

  /** The flag END_STREAM of DATA and HEADERS. */
  static final int END_STREAM = 1;

  /** The flag END_HEADERS of HEADERS and CONTINUATION. */
  static final int END_HEADERS = 4;

  /** The flag PADDED of DATA and HEADERS. */
  static final int PADDED = 8;

  /** The flag PRIORITY of HEADERS. */
  static final int HAS_PRIORITY = 0x20;

  /** The bytes of a frame before its payload. */
  static final int HEADER_BYTES = 9;

  /** The largest payload until settings permit a larger one. */
  static final int DEFAULT_MAX_BYTES = 16_384;

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /** Returns four bytes of the payload as a number. */
  int word(int offset) {
    return word(payload, offset);
  }

  /** Returns four bytes of the payload as a number without its first bit, which is reserved. */
  int word31(int offset) {
    return word(payload, offset) & Integer.MAX_VALUE;
  }

  static int word(byte[] bytes, int offset) {
    return (bytes[offset] & 0xff) << 24
        | (bytes[offset + 1] & 0xff) << 16
        | (bytes[offset + 2] & 0xff) << 8
        | bytes[offset + 3] & 0xff;
  }
}
