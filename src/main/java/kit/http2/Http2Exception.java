// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;

/**
 * The peer violated the protocol: an error of the connection, which ends with GOAWAY, or of one
 * stream, which ends with RST_STREAM.
 */
final class Http2Exception extends IOException {
  private final ErrorCode code;
  private final int streamId;

  private Http2Exception(ErrorCode code, int streamId, String problem) {
    super(problem);
    this.code = code;
    this.streamId = streamId;
  }

  /**
   * Creates an error of the connection.
   *
   * @param problem without bytes of the peer: it is logged and sent
   */
  static Http2Exception ofConnection(ErrorCode code, String problem) {
    return new Http2Exception(code, 0, problem);
  }

  /** Creates an error of one stream; the connection goes on. */
  static Http2Exception ofStream(ErrorCode code, int streamId, String problem) {
    return new Http2Exception(code, streamId, problem);
  }

  /** Throws an error of the connection unless the input is valid. */
  static void require(boolean isValid, ErrorCode code, String problem) throws Http2Exception {
    if (!isValid) {
      throw ofConnection(code, problem);
    }
  }

  /** Throws an error of a stream unless the input is valid. */
  static void require(boolean isValid, ErrorCode code, int streamId, String problem)
      throws Http2Exception {
    if (!isValid) {
      throw ofStream(code, streamId, problem);
    }
  }

  ErrorCode code() {
    return code;
  }

  /** Returns the stream of the error; 0: the connection. */
  int streamId() {
    return streamId;
  }
}
