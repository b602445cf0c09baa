// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;

/**
 * What both sides of a connection do: reads frames on one thread, applies settings, controls the
 * flow, and bounds what the peer may do for free.
 *
 * <p>Thread-safe where streams call it; {@link #run} is called once.
 */
abstract class Http2Connection {
  private static final System.Logger LOG = System.getLogger("kit.http2");
  private static final int MAX_CONTROLS = 1000; // As in nghttp2 for acknowledgements.

  private final boolean isServer;
  private final Http2Settings settings;
  private final InputStream input;
  private final FrameReader reader;
  private final HpackDecoder decoder;
  private final FrameOutput output;
  private final FlowControl flow;
  private final StreamTable streams;
  private final KeepAlive keepAlive;
  private final FloodGuard guard = new FloodGuard(System::nanoTime);

  private volatile boolean isClosed; // No more frames are received.

  Http2Connection(
      boolean isServer,
      Http2Settings settings,
      InputStream input,
      OutputStream socket,
      Executor threads) {
    this.isServer = isServer;
    this.settings = settings;
    this.input = input;
    this.reader =
        new FrameReader(input, isServer, Frame.DEFAULT_MAX_BYTES, settings.maxBlockBytes());
    this.decoder = new HpackDecoder(HpackTable.DEFAULT_BYTES, settings.maxHeaderListBytes());
    this.output = new FrameOutput(socket, threads, MAX_CONTROLS + settings.maxConcurrentStreams());
    this.flow = new FlowControl(this, guard);
    this.streams = new StreamTable(2 * settings.maxConcurrentStreams() + MAX_CONTROLS);
    this.keepAlive = new KeepAlive(settings.keepAlive().toNanos());
  }

  // What differs between the sides.

  /** Returns whether neither side has used a stream yet. */
  abstract boolean isIdle(int streamId);

  /** A header block of a stream that is not open. */
  abstract void openHead(Frame frame, HpackDecoder.HeaderList list) throws IOException;

  /** A header block of a stream that is open. */
  abstract void nextHead(ConnectionStream stream, Frame frame, List<HeaderField> fields)
      throws IOException;

  /** Returns the last stream of the peer that was accepted, for GOAWAY. */
  abstract int lastStreamId();

  /** Closes the socket; the thread that reads ends soon. */
  abstract void close(long afterNanos);

  abstract InetSocketAddress remoteAddress();

  abstract Optional<SSLSession> session();

  /** What has arrived was received: the thread is about to wait for more. */
  void beforeWait() {}

  /** The peer processes no streams above this one. */
  void goAway(int lastStreamId, ErrorCode code) {}

  /** The peer has acknowledged a ping of this side. */
  void pingAcknowledged(byte[] payload) {}

  /** The peer has reset a stream. */
  void resetByPeer() throws Http2Exception {}

  /** The first settings of the peer were applied. */
  void settled() {}

  /** The peer permits this number of streams. */
  void maxStreams(long count) {}

  /** A stream has ended. */
  void removed() {}

  /** Called from time to time, on a thread that must not be blocked. */
  void tick(long nowNanos) {
    keepAlive.check(this, nowNanos, isServer || !streams.all().isEmpty());
  }

  // The thread of the connection.

  /** Sends the settings, before all other frames. */
  final void begin() {
    int more = settings.connectionWindowBytes() - Http2Settings.DEFAULT_WINDOW_BYTES;
    output.control(
        (to, encoder) -> {
          to.settings(settings.announced(isServer));
          to.windowUpdate(0, more);
        });
    output.flush();
    long shortest = Math.min(settings.keepAlive().toNanos(), settings.idle().toNanos());
    KeepAlive.watch(this, shortest / 2);
  }

  /** Reads frames until the connection ends; returns the reason. */
  final IOException run() {
    IOException end = new IOException("it was closed");
    try {
      readFirst();
      while (!isClosed && readFrame()) {
        // All is done in the condition.
      }
    } catch (Http2Exception e) {
      fail(e);
      end = e;
    } catch (IOException e) {
      end = e;
    } finally {
      isClosed = true;
      LOG.log(System.Logger.Level.DEBUG, "connection ended", end);
      ErrorCode code = end instanceof Http2Exception e ? e.code() : ErrorCode.INTERNAL_ERROR;
      for (ConnectionStream stream : streams.all()) {
        end(stream, code, false, "connection ended: " + end.getMessage());
      }
    }
    return end;
  }

  private void readFirst() throws IOException {
    if (isServer) {
      reader.readPreface();
    }
    Frame first = reader.read();
    if (first != null) {
      boolean isSettings = first.type() == Frame.SETTINGS && !first.has(Frame.ACK);
      require(isSettings, ErrorCode.PROTOCOL_ERROR, "the first frame is not SETTINGS");
      receive(first);
      settled();
    }
  }

  private boolean readFrame() throws IOException {
    if (input.available() == 0) {
      beforeWait();
    }
    try {
      Frame frame = reader.read();
      if (frame == null) {
        return false;
      }
      keepAlive.received();
      receive(frame);
    } catch (Http2Exception e) {
      if (e.streamId() == 0 || isIdle(e.streamId())) {
        throw e;
      }
      streamFailed(e);
    }
    return true;
  }

  private void receive(Frame frame) throws IOException {
    switch (frame.type()) {
      case Frame.DATA -> data(frame);
      case Frame.HEADERS -> headers(frame);
      case Frame.RST_STREAM -> rstStream(frame);
      case Frame.SETTINGS -> settings(frame);
      case Frame.PING -> ping(frame);
      case Frame.GOAWAY -> goAway(frame.word31(0), ErrorCode.of(frame.word(4)));
      case Frame.WINDOW_UPDATE -> windowUpdate(frame);
      default -> guard.useless(); // PRIORITY and unknown ones, which are ignored.
    }
  }

  private void data(Frame frame) throws IOException {
    boolean isPermitted = flow.receive(frame.flowBytes());
    require(isPermitted, ErrorCode.FLOW_CONTROL_ERROR, "more than the window permits");
    if (frame.payload().length == 0 && !frame.has(Frame.END_STREAM)) {
      guard.useless();
    } else {
      guard.received();
    }
    int unused = frame.flowBytes();
    try {
      Optional<ConnectionStream> stream = streams.get(frame.streamId());
      if (stream.isPresent()) {
        unused = stream.get().input().addData(frame);
        removeIfEnded(stream.get());
      } else {
        requireForgotten(frame.streamId());
      }
    } finally {
      flow.release(unused);
    }
  }

  private void headers(Frame frame) throws IOException {
    HpackDecoder.HeaderList list = decoder.decode(frame.payload(), 0, frame.payload().length);
    Optional<ConnectionStream> stream = streams.get(frame.streamId());
    if (stream.isPresent()) {
      FieldRules.requireSmall(frame, list);
      nextHead(stream.get(), frame, list.fields());
      removeIfEnded(stream.get());
    } else {
      openHead(frame, list);
    }
  }

  /** Checks that a frame of a stream that is not open was in flight when this side reset it. */
  final void requireForgotten(int streamId) throws Http2Exception {
    require(!isIdle(streamId), ErrorCode.PROTOCOL_ERROR, "frame on an idle stream");
    require(
        streams.isForgotten(streamId), ErrorCode.STREAM_CLOSED, "frame on a stream that has ended");
    guard.useless();
  }

  private void rstStream(Frame frame) throws Http2Exception {
    int streamId = frame.streamId();
    require(!isIdle(streamId), ErrorCode.PROTOCOL_ERROR, "RST_STREAM on an idle stream");
    guard.useless();
    Optional<ConnectionStream> stream = streams.get(streamId);
    if (stream.isPresent()) {
      ErrorCode code = ErrorCode.of(frame.word(0));
      boolean isUnprocessed = code == ErrorCode.REFUSED_STREAM;
      end(stream.get(), code, isUnprocessed, "reset by the peer: " + code);
      resetByPeer();
    }
  }

  private void settings(Frame frame) throws Http2Exception {
    guard.useless();
    if (!frame.has(Frame.ACK)) {
      PeerSettings announced = new PeerSettings(Setting.of(frame), streams);
      control(announced);
      requireWindow(announced.isValid());
      announced.maxStreams().ifPresent(this::maxStreams);
    }
  }

  private static void requireWindow(boolean isValid) throws Http2Exception {
    require(isValid, ErrorCode.FLOW_CONTROL_ERROR, "window above 2^31-1");
  }

  private void ping(Frame frame) throws Http2Exception {
    guard.useless();
    if (frame.has(Frame.ACK)) {
      pingAcknowledged(frame.payload());
    } else {
      control((to, encoder) -> to.ping(frame.payload(), true));
    }
  }

  private void windowUpdate(Frame frame) throws Http2Exception {
    guard.useless();
    int streamId = frame.streamId();
    if (streamId == 0) {
      requireWindow(flow.permitted(frame.word31(0)));
      return;
    }
    require(!isIdle(streamId), ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream");
    Optional<ConnectionStream> stream = streams.get(streamId);
    if (stream.isPresent() && !stream.get().sendWindow().add(frame.word31(0))) {
      throw Http2Exception.ofStream(ErrorCode.FLOW_CONTROL_ERROR, streamId, "window above 2^31-1");
    }
  }

  // Errors.

  private void streamFailed(Http2Exception problem) throws Http2Exception {
    guard.reset();
    Optional<ConnectionStream> stream = streams.get(problem.streamId());
    if (stream.isPresent()) {
      reset(stream.get(), problem.code(), problem.getMessage());
    } else {
      refuse(problem.streamId(), problem.code());
    }
  }

  /** Resets a stream that is not open. */
  final void refuse(int streamId, ErrorCode code) {
    streams.forget(streamId);
    control((to, encoder) -> to.rstStream(streamId, code));
  }

  /** Ends the connection with GOAWAY. */
  final void fail(Http2Exception problem) {
    isClosed = true;
    goAwayWith(lastStreamId(), problem.code(), problem.getMessage());
    close(TimeUnit.SECONDS.toNanos(1));
  }

  /** Sends GOAWAY. */
  final void goAwayWith(int lastStreamId, ErrorCode code, String problem) {
    output.control((to, encoder) -> to.goAway(lastStreamId, code, problem));
    output.flush();
  }

  /** The peer has ended a stream, or can no longer do so. */
  final void end(ConnectionStream stream, ErrorCode code, boolean isUnprocessed, String problem) {
    remove(stream);
    stream.end(new StreamResetException(code, isUnprocessed, problem));
  }

  // What streams call.

  final FrameOutput output() {
    return output;
  }

  final FlowControl flow() {
    return flow;
  }

  final FloodGuard guard() {
    return guard;
  }

  final boolean isClosed() {
    return isClosed;
  }

  final Http2Settings settings() {
    return settings;
  }

  final StreamTable streams() {
    return streams;
  }

  /** One of the directions of a stream may have ended. */
  void removeIfEnded(ConnectionStream stream) {
    if (stream.hasEnded()) {
      remove(stream);
    }
  }

  private void remove(ConnectionStream stream) {
    if (streams.remove(stream)) {
      removed();
    }
  }

  /** Sends a frame that does not wait. */
  final void control(FrameOutput.Frames frame) {
    boolean isCalm = output.control(frame);
    output.flush();
    if (!isCalm && !isClosed) {
      fail(Http2Exception.ofConnection(ErrorCode.ENHANCE_YOUR_CALM, "too many control frames"));
    }
  }

  /** Resets a stream; without effect if it has ended. */
  final void reset(ConnectionStream stream, ErrorCode code, String problem) {
    boolean isCut = !stream.input().hasEnded();
    if (stream.end(new StreamResetException(code, false, problem))) {
      if (isCut) {
        streams.forget(stream.id());
      }
      remove(stream);
      control((to, encoder) -> to.rstStream(stream.id(), code));
    }
  }
}
