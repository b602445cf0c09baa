// SPDX-License-Identifier: Apache-2.0
package kit.http2;

/** Error codes of HTTP/2: RFC 9113, section 7. The ordinal is the code. */
public enum ErrorCode {
  /** Not an error: the connection or stream ends as planned. */
  NO_ERROR,

  /** The peer violated the protocol. */
  PROTOCOL_ERROR,

  /** An unexpected failure. */
  INTERNAL_ERROR,

  /** The peer sent more than the window permits. */
  FLOW_CONTROL_ERROR,

  /** The peer did not acknowledge settings in time. */
  SETTINGS_TIMEOUT,

  /** A frame for a stream that has ended. */
  STREAM_CLOSED,

  /** A frame of an invalid size. */
  FRAME_SIZE_ERROR,

  /** The stream was not processed at all. */
  REFUSED_STREAM,

  /** The stream is no longer needed. */
  CANCEL,

  /** Invalid header compression. */
  COMPRESSION_ERROR,

  /** The connection of a CONNECT request failed. */
  CONNECT_ERROR,

  /** The peer causes too much load. */
  ENHANCE_YOUR_CALM,

  /** The TLS parameters are too weak. */
  INADEQUATE_SECURITY,

  /** The request needs HTTP/1.1. */
  HTTP_1_1_REQUIRED;

  private static final ErrorCode[] ALL = values();

  /** Returns the error of a code in a frame; unknown ones are INTERNAL_ERROR, as the RFC permits. */
  static ErrorCode of(int code) {
    return code >= 0 && code < ALL.length ? ALL[code] : INTERNAL_ERROR;
  }
}
