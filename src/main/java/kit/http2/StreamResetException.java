// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.IOException;

/** The peer has reset a stream, or the connection of the stream has ended. */
public final class StreamResetException extends IOException {
  private final ErrorCode code;
  private final boolean isUnprocessed;

  /**
   * Creates it.
   *
   * @param isUnprocessed whether the peer has certainly not processed the request
   */
  public StreamResetException(ErrorCode code, boolean isUnprocessed, String problem) {
    super(problem);
    this.code = code;
    this.isUnprocessed = isUnprocessed;
  }

  /** Returns the code of the peer; INTERNAL_ERROR if the connection was lost without one. */
  public ErrorCode code() {
    return code;
  }

  /**
   * Returns whether the peer has certainly not processed the request, so that it may be sent again:
   * the code is REFUSED_STREAM, or the stream is above the last one of a GOAWAY frame.
   */
  public boolean isUnprocessed() {
    return isUnprocessed;
  }
}
