// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.Http2Exception.require;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;
import kit.engine.EngineProtocol;

/**
 * The server's side of a connection. Its end is announced twice, so that no request in flight is
 * lost: RFC 9113, section 6.8.
 *
 * <pre>
 *   serving --stop, idle--> draining --PING acknowledged--> refusing --last stream ends--> closed
 *             GOAWAY 2^31-1, PING      GOAWAY last stream
 * </pre>
 */
final class ServerConnection extends Http2Connection {
  private static final System.Logger LOG = System.getLogger("kit.http2");
  private static final Duration LONGEST = Duration.ofDays(365);
  private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int MAX_LINGER_BYTES = 1 << 20;
  private static final byte[] DRAIN = {'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};

  private final Http2Handler handler;
  private final EngineProtocol.Peer peer;
  private final Runnable onIdle;
  private final List<ConnectionStream> arrived = new ArrayList<>(); // Of the thread that reads.
  private volatile int lastStreamId;
  private volatile boolean isBusy;

  // Guarded by this.
  private int active; // Streams whose handler has not returned, and 1 while draining.
  private long idleSinceNanos = System.nanoTime();
  private boolean isDraining;
  private boolean isRefusing;

  /** Creates a connection; {@code onIdle} runs when {@link #isBusy} may have become false. */
  ServerConnection(
      Http2Settings settings, Http2Handler handler, EngineProtocol.Peer peer, Runnable onIdle) {
    super(true, settings, peer.input(), peer.output(), peer.threads());
    this.handler = handler;
    this.peer = peer;
    this.onIdle = onIdle;
  }

  /** Serves the connection until it ends. */
  void serve() {
    peer.expireIn(LONGEST); // Time is watched by ticks.
    begin();
    peer.onStop(this::drain);
    run();
    beforeWait(); // All streams were reset.
    linger();
  }

  /** Reads what is in flight: a socket that is closed with unread bytes discards what was sent. */
  private void linger() {
    close(LINGER_NANOS);
    try {
      output().awaitWritten(LINGER_NANOS);
      byte[] discarded = new byte[1024];
      int left = MAX_LINGER_BYTES;
      for (int count = 0; count >= 0 && left > 0; left -= count) {
        count = peer.input().read(discarded);
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "connection closed", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  void openHead(Frame frame, HpackDecoder.HeaderList list) throws IOException {
    int streamId = frame.streamId();
    require(streamId % 2 == 1, ErrorCode.PROTOCOL_ERROR, "stream of a client with an even number");
    if (!isIdle(streamId)) {
      requireForgotten(streamId);
      return;
    }
    lastStreamId = streamId;
    if (!opens()) {
      guard().useless();
      refuse(streamId, ErrorCode.REFUSED_STREAM);
      return;
    }
    try {
      FieldRules.requireSmall(frame, list);
      long contentLength = FieldRules.checkRequest(streamId, list.fields());
      ConnectionStream stream = streams().open(this, streamId);
      stream.input().addHead(list.fields(), contentLength, frame.has(Frame.END_STREAM));
      arrived.add(stream);
    } catch (Http2Exception e) {
      closed();
      throw e;
    }
  }

  @Override
  void nextHead(ConnectionStream stream, Frame frame, List<HeaderField> fields) throws IOException {
    stream.input().addTrailers(frame, fields);
  }

  /** Starts handlers when their requests have arrived as far as possible: small ones as a whole. */
  @Override
  void beforeWait() {
    arrived.forEach(this::start);
    arrived.clear();
  }

  private void start(ConnectionStream stream) {
    try {
      if (stream.isReset()) { // Before it was read to here: nothing is to be done.
        closed();
      } else {
        peer.threads().execute(() -> handle(stream));
      }
    } catch (RejectedExecutionException e) {
      reset(stream, ErrorCode.REFUSED_STREAM, "no thread for the stream");
      closed();
    }
  }

  private void handle(ConnectionStream stream) {
    stream.begin();
    try {
      handler.handle(stream);
      guard().served();
    } catch (Throwable e) {
      boolean isExpected = stream.isReset() || e instanceof StreamResetException;
      System.Logger.Level level =
          isExpected ? System.Logger.Level.DEBUG : System.Logger.Level.ERROR;
      LOG.log(level, "handler failed", e);
    } finally {
      stream.finish();
      output().flushHere();
      closed();
    }
  }

  /** Returns whether a request is in flight: its response was not sent as a whole. */
  boolean isBusy() {
    return isBusy;
  }

  private void busy(boolean isBusy) {
    this.isBusy = isBusy;
    peer.busy(isBusy);
    if (!isBusy) {
      onIdle.run();
    }
  }

  private synchronized boolean opens() {
    if (active >= settings().maxConcurrentStreams() || isRefusing) {
      return false;
    }
    active++;
    busy(true);
    return true;
  }

  private void closed() {
    boolean isLast;
    synchronized (this) {
      active--;
      idleSinceNanos = System.nanoTime();
      isLast = active == 0 && isRefusing;
      if (active == 0 && !isRefusing) {
        busy(false);
      }
    }
    if (isLast) {
      end();
    }
  }

  private void end() {
    close(LINGER_NANOS); // The client closes it before.
    try {
      output().awaitWritten(LINGER_NANOS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    busy(false);
  }

  /** Announces the end, once; the client may still open streams until it has read that. */
  void drain() {
    synchronized (this) {
      if (isDraining) {
        return;
      }
      isDraining = true;
      active++;
      busy(true);
    }
    goAwayWith(Integer.MAX_VALUE, ErrorCode.NO_ERROR, "");
    control((to, encoder) -> to.ping(DRAIN, false));
  }

  @Override
  void resetByPeer() throws Http2Exception {
    guard().reset();
  }

  @Override
  void pingAcknowledged(byte[] payload) {
    synchronized (this) {
      if (!isDraining || isRefusing || !Arrays.equals(payload, DRAIN)) {
        return;
      }
      isRefusing = true;
    }
    goAwayWith(lastStreamId, ErrorCode.NO_ERROR, "");
    closed();
  }

  @Override
  void tick(long nowNanos) {
    super.tick(nowNanos);
    boolean isIdle;
    synchronized (this) {
      isIdle = active == 0 && nowNanos - idleSinceNanos >= settings().idle().toNanos();
    }
    if (isIdle) {
      drain();
    }
  }

  @Override
  boolean isIdle(int streamId) {
    return streamId > lastStreamId || streamId % 2 == 0;
  }

  @Override
  int lastStreamId() {
    return lastStreamId;
  }

  @Override
  void close(long afterNanos) {
    peer.expireIn(Duration.ofNanos(afterNanos));
  }

  @Override
  InetSocketAddress remoteAddress() {
    return peer.remoteAddress();
  }

  @Override
  Optional<SSLSession> session() {
    return peer.session();
  }
}
