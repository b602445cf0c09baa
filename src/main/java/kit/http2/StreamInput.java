// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What the peer sends on a stream: a head, a body and trailers. Reads wait for the body.
 *
 * <p>One thread adds and another one reads. Memory: the body that is unread, in an array of up to
 * four times its length.
 */
final class StreamInput extends InputStream {
  private static final byte[] NOTHING = {};

  private final ConnectionStream stream;
  private final Http2Connection connection;
  private final ReceiveWindow window;

  // Guarded by this.
  private List<HeaderField> head = List.of(); // Empty before it has arrived.
  private List<HeaderField> trailers = List.of();
  private byte[] body = NOTHING;
  private int start; // Of what is unread.
  private int end;
  private long contentLength = FieldRules.UNKNOWN_LENGTH;
  private long received;
  private boolean hasEnded;
  private boolean isDiscarded;

  StreamInput(ConnectionStream stream, Http2Connection connection) {
    this.stream = stream;
    this.connection = connection;
    this.window = new ReceiveWindow(connection.settings().streamWindowBytes());
  }

  /** Adds the head; {@code isLast}: nothing follows. */
  synchronized void addHead(List<HeaderField> fields, long contentLength, boolean isLast)
      throws Http2Exception {
    head = fields;
    this.contentLength = contentLength;
    if (isLast) {
      end();
    }
    notifyAll();
  }

  /** Adds trailers. */
  synchronized void addTrailers(Frame frame, List<HeaderField> fields) throws Http2Exception {
    requireOpen();
    boolean isLast = frame.has(Frame.END_STREAM);
    require(
        isLast, ErrorCode.PROTOCOL_ERROR, stream.id(), "trailers without the end of the stream");
    FieldRules.checkTrailers(frame.streamId(), fields);
    trailers = fields;
    end();
    notifyAll();
  }

  /** Adds a part of the body; returns how many bytes take no room, as they will not be read. */
  int addData(Frame frame) throws Http2Exception {
    int unused = add(frame);
    release(unused);
    return unused;
  }

  private synchronized int add(Frame frame) throws Http2Exception {
    int length = frame.payload().length;
    requireOpen();
    boolean isPermitted = window.receive(frame.flowBytes());
    require(isPermitted, ErrorCode.FLOW_CONTROL_ERROR, stream.id(), "more than the window permits");
    require(!head.isEmpty(), ErrorCode.PROTOCOL_ERROR, stream.id(), "DATA before a head");
    received += length;
    boolean isAnnounced = contentLength < 0 || received <= contentLength;
    require(isAnnounced, ErrorCode.PROTOCOL_ERROR, stream.id(), "body above its content-length");
    if (frame.has(Frame.END_STREAM)) {
      end();
    }
    if (isDiscarded) {
      return frame.flowBytes();
    }
    append(frame.payload());
    notifyAll();
    return frame.flowBytes() - length; // Padding.
  }

  private void append(byte[] payload) {
    int unread = end - start;
    if (unread == 0) {
      body = payload; // Not copied.
      start = 0;
      end = payload.length;
      return;
    }
    if (payload.length > body.length - end) {
      int needed = unread + payload.length;
      byte[] roomy = needed <= body.length / 2 ? body : new byte[2 * needed];
      System.arraycopy(body, start, roomy, 0, unread);
      body = roomy;
      start = 0;
      end = unread;
    }
    System.arraycopy(payload, 0, body, end, payload.length);
    end += payload.length;
  }

  private void end() throws Http2Exception {
    // The length of a response to HEAD, or of a 304, is that of a body that is not sent.
    boolean isBodiless = received == 0 && head.get(0).name().equals(":status");
    boolean isWhole = contentLength < 0 || received == contentLength || isBodiless;
    require(isWhole, ErrorCode.PROTOCOL_ERROR, stream.id(), "body shorter than its content-length");
    hasEnded = true;
  }

  private void requireOpen() throws Http2Exception {
    require(!hasEnded, ErrorCode.STREAM_CLOSED, stream.id(), "frame behind the end of its stream");
  }

  /** Returns whether the peer has sent all. */
  synchronized boolean hasEnded() {
    return hasEnded;
  }

  synchronized boolean hasHead() {
    return !head.isEmpty();
  }

  /** Lets readers look whether they still may wait. */
  synchronized void wake() {
    notifyAll();
  }

  /** Discards what is unread, and what arrives from now on; returns the length of the first. */
  synchronized int discard() {
    isDiscarded = true;
    int unread = end - start;
    start = end;
    shrink();
    return unread;
  }

  /** Waits for the head. */
  List<HeaderField> head() throws IOException {
    if (!hasHead()) {
      stream.flush();
    }
    synchronized (this) {
      while (head.isEmpty()) {
        stream.await(this);
      }
      return head;
    }
  }

  synchronized List<HeaderField> trailers() {
    if (!hasEnded || start < end) {
      throw new IllegalStateException("the body was not read to its end");
    }
    return trailers;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, to.length);
    if (length == 0) {
      return 0;
    }
    if (mustWait()) {
      stream.flush();
    }
    int count = take(to, offset, length);
    connection.flow().release(count);
    release(count);
    return count > 0 ? count : -1;
  }

  /** Permits the peer to send more on this stream. */
  private void release(int bytes) {
    int update = window.release(bytes);
    if (update > 0 && !hasEnded() && !stream.isReset()) {
      connection.flow().update(stream.id(), update);
    }
  }

  private synchronized boolean mustWait() {
    return start == end && !hasEnded;
  }

  private synchronized int take(byte[] to, int offset, int length) throws IOException {
    while (mustWait()) {
      stream.await(this);
    }
    int count = Math.min(length, end - start);
    System.arraycopy(body, start, to, offset, count);
    start += count;
    shrink();
    return count;
  }

  /** Memory is in proportion to what is unread, as the windows are. */
  private void shrink() {
    int unread = end - start;
    if (unread == 0 || body.length > Frame.DEFAULT_MAX_BYTES && unread < body.length / 4) {
      body = unread == 0 ? NOTHING : Arrays.copyOfRange(body, start, end);
      start = 0;
      end = unread;
    }
  }

  @Override
  public synchronized int available() {
    return end - start;
  }
}
