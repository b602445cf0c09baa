// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import kit.http2.ErrorCode;
import kit.http2.HeaderField;
import kit.http2.Http2Handler;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/** A connection to a handler in this process. */
final class LoopbackConnection implements GrpcChannel.Connection {
  final List<LoopbackStream> streams = new CopyOnWriteArrayList<>();

  private final Http2Handler handler;
  private volatile boolean isUsable = true;
  private volatile boolean isGoingAway;

  LoopbackConnection(Http2Handler handler) {
    this.handler = handler;
  }

  /** Makes the next open fail, as after a GOAWAY that this side has not read yet. */
  void goAway() {
    isGoingAway = true;
  }

  FakeHttp2Stream lastStream() {
    return streams.get(streams.size() - 1).server();
  }

  @Override
  public Http2Stream open(List<HeaderField> head, boolean isLast, long deadlineNanos)
      throws IOException {
    if (!isUsable || isGoingAway) {
      isUsable = false;
      throw new StreamResetException(ErrorCode.REFUSED_STREAM, true, "going away");
    }
    LoopbackStream stream = new LoopbackStream(handler, head, deadlineNanos);
    streams.add(stream);
    return stream;
  }

  @Override
  public boolean isUsable() {
    return isUsable;
  }

  @Override
  public void close() {
    isUsable = false;
  }
}
