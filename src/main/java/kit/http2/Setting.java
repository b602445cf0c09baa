// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.util.ArrayList;
import java.util.List;

/**
 * A setting that a peer announces: RFC 9113, section 6.5.2. Unknown ones are ignored.
 *
 * @param value 0 to 2^32-1
 */
record Setting(int id, long value) {
  static final int HEADER_TABLE_SIZE = 1;
  static final int ENABLE_PUSH = 2;
  static final int MAX_CONCURRENT_STREAMS = 3;
  static final int INITIAL_WINDOW_SIZE = 4;
  static final int MAX_FRAME_SIZE = 5;
  static final int MAX_HEADER_LIST_SIZE = 6;

  /** The bytes of a setting in a frame. */
  static final int BYTES = 6;

  private static final int MAX_FRAME_BYTES = (1 << 24) - 1;

  /** Returns the settings of a SETTINGS frame, in its order. */
  static List<Setting> of(Frame frame) {
    List<Setting> settings = new ArrayList<>();
    byte[] payload = frame.payload();
    for (int i = 0; i < payload.length; i += BYTES) {
      int id = (payload[i] & 0xff) << 8 | payload[i + 1] & 0xff;
      settings.add(new Setting(id, frame.word(i + 2) & 0xffffffffL));
    }
    return settings;
  }

  /**
   * Checks the range of the value.
   *
   * @param isOfServer whether the server sent it: a server must not enable push
   */
  void check(boolean isOfServer) throws Http2Exception {
    switch (id) {
      case ENABLE_PUSH ->
          require(value <= (isOfServer ? 0 : 1), ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH");
      case INITIAL_WINDOW_SIZE ->
          require(value <= Integer.MAX_VALUE, ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE");
      case MAX_FRAME_SIZE ->
          require(
              value >= Frame.DEFAULT_MAX_BYTES && value <= MAX_FRAME_BYTES,
              ErrorCode.PROTOCOL_ERROR,
              "MAX_FRAME_SIZE");
      default -> {}
    }
  }

  private void require(boolean isValid, ErrorCode code, String name) throws Http2Exception {
    if (!isValid) {
      throw Http2Exception.ofConnection(code, "setting " + name + " out of range: " + value);
    }
  }
}
