// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import javax.net.ssl.SSLSession;
import kit.http2.ErrorCode;
import kit.http2.HeaderField;
import kit.http2.Http2Handler;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;

/** The client's side of a {@link FakeHttp2Stream}, which a handler serves on a thread of its own. */
final class LoopbackStream implements Http2Stream {
  private final FakeHttp2Stream server;
  private final long deadlineNanos;
  private boolean isRequestSent;

  LoopbackStream(Http2Handler handler, List<HeaderField> head, long deadlineNanos) {
    this.server = new FakeHttp2Stream(head);
    this.deadlineNanos = deadlineNanos;
    server.startedBy(handler);
  }

  FakeHttp2Stream server() {
    return server;
  }

  @Override
  public List<HeaderField> head() throws IOException {
    server.await(() -> !server.responseHead().isEmpty(), deadlineNanos);
    return server.responseHead();
  }

  @Override
  public InputStream body() {
    return new InputStream() {
      private int position;

      @Override
      public int read() throws IOException {
        server.await(() -> server.sentBytes().length > position || server.isEnded(), deadlineNanos);
        byte[] sent = server.sentBytes();
        return position < sent.length ? sent[position++] & 0xff : -1;
      }

      @Override
      public int read(byte[] to, int offset, int length) throws IOException {
        int next = length == 0 ? -1 : read();
        if (next < 0) {
          return length == 0 ? 0 : -1;
        }
        to[offset] = (byte) next;
        return 1;
      }
    };
  }

  @Override
  public List<HeaderField> trailers() {
    return server.responseTrailers();
  }

  @Override
  public void sendHead(List<HeaderField> head, boolean isLast) {
    throw new IllegalStateException("the head was sent");
  }

  @Override
  public void sendData(byte[] from, int offset, int length, boolean isLast) throws IOException {
    server.sends(Arrays.copyOfRange(from, offset, offset + length));
    if (isLast) {
      isRequestSent = true;
      server.ends();
    }
  }

  @Override
  public void sendTrailers(List<HeaderField> trailers) {
    throw new IllegalStateException("a client of gRPC sends none");
  }

  @Override
  public void reset(ErrorCode code) {
    if (!(isRequestSent && server.isEnded())) {
      server.cancel();
    }
  }

  @Override
  public void onReset(Consumer<StreamResetException> listener) {}

  @Override
  public void deadline(long nanoTime) {
    throw new IllegalStateException("given to open");
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return server.remoteAddress();
  }

  @Override
  public Optional<SSLSession> session() {
    return Optional.empty();
  }
}
