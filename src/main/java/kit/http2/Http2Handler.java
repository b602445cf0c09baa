// SPDX-License-Identifier: Apache-2.0
package kit.http2;

/** Answers the requests of a server. Must be thread-safe. */
@FunctionalInterface
public interface Http2Handler {
  /**
   * Answers a request, on a thread of its own, which is interrupted if the client resets the stream
   * or is gone. A stream that has not ended when this returns or fails is reset.
   *
   * @param stream the request; its head has arrived
   */
  void handle(Http2Stream stream) throws Exception;
}
