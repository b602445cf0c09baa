// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/**
 * One connection, on one thread, with its time limit. While it waits for a request, or for the rest of
 * a head, for longer than {@value #STAY_MILLIS} ms on a platform thread, it gives the thread back and is
 * parked.
 */
final class Connection implements Runnable, EngineProtocol.Peer {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final int STAY_MILLIS = 50;
  private static final int OUTPUT_BYTES = 8192;

  private final Engine engine;
  private final Wire wire;
  private final InetSocketAddress remoteAddress;
  private final InetSocketAddress localAddress;
  private final AtomicReference<Runnable> stopAction = new AtomicReference<>();

  // Confined to the thread that runs this; handed over by the executor and the parking thread.
  private SSLSocket tls; // Null: without TLS.
  private Input input; // Null before the first run.
  private OutputStream output; // Null while parked.
  private boolean isNew = true; // No protocol was chosen.
  private boolean canPark; // On this thread.

  private volatile Http1 http; // Null before the first run.
  private volatile long deadlineNanos;
  private volatile boolean isBusy; // Between the first byte of a request and its response's end.

  Connection(Engine engine, SocketChannel channel) throws IOException {
    this.engine = engine;
    this.wire = new Wire(channel);
    this.remoteAddress = (InetSocketAddress) channel.getRemoteAddress();
    this.localAddress = (InetSocketAddress) channel.getLocalAddress();
    expireIn(engine.settings().timeouts().firstByte());
  }

  @Override
  public InetSocketAddress remoteAddress() {
    return remoteAddress;
  }

  InetSocketAddress localAddress() {
    return localAddress;
  }

  Wire wire() {
    return wire;
  }

  @Override
  public Input input() {
    return input;
  }

  @Override
  public OutputStream output() {
    return output;
  }

  boolean isSecure() {
    return tls != null;
  }

  @Override
  public Optional<SSLSession> session() {
    return Optional.ofNullable(tls).map(SSLSocket::getSession);
  }

  @Override
  public Executor threads() {
    return engine.threads();
  }

  @Override
  public void expireIn(Duration timeout) {
    expireAt(System.nanoTime() + timeout.toNanos());
  }

  void expireAt(long nanoTime) {
    deadlineNanos = nanoTime;
  }

  @Override
  public void busy(boolean isBusy) {
    this.isBusy = isBusy;
    if (!isBusy) {
      engine.idle();
    }
  }

  /** Returns whether a request is in flight. */
  boolean isBusy() {
    return isBusy;
  }

  @Override
  public void onStop(Runnable action) {
    stopAction.set(action);
    if (engine.isStopping()) {
      stopping();
    }
  }

  /** The server begins to stop. */
  void stopping() {
    Runnable action = stopAction.getAndSet(null);
    if (action != null) {
      action.run();
    }
  }

  @Override
  public void run() {
    boolean isParked = false;
    canPark = !Threads.isVirtual(Thread.currentThread());
    try {
      isParked = http == null && engine.isSecure() && canPark && !wire.hasArrived();
      if (!isParked) { // A client that sends nothing takes no thread for its handshake.
        open();
        if (engine.isSecure() && tls == null) {
          http.rejectClear();
        } else {
          serve();
        }
      }
    } catch (SocketTimeoutException e) {
      isParked = true;
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "connection closed", e);
    } catch (Throwable e) {
      LOG.log(System.Logger.Level.ERROR, "connection failed", e);
    } finally {
      if (isParked) {
        park();
      } else {
        close();
      }
    }
  }

  private void serve() throws IOException {
    do {
      parksWhileReading(true);
      if (input.available() == 0 && !input.fill()) {
        return;
      }
      http.requestStarts();
    } while (!isHandedOver() && http.serve());
  }

  /**
   * Says whether reading may end with {@link SocketTimeoutException}, after which the connection parks
   * and later starts again with {@link #serve}; nothing in the buffer must have been used then.
   */
  void parksWhileReading(boolean isParking) throws IOException {
    wire.socket().setSoTimeout(isParking && canPark ? STAY_MILLIS : 0);
  }

  private void open() throws IOException {
    if (http == null) {
      if (engine.isSecure()) {
        int first = wire.peek(); // Until then it is no handshake under way.
        if (first < 0) {
          throw new IOException("closed without a request");
        }
        tls = Tls.isFirstByte(first) ? engine.handshake(this) : null;
      }
      int maxBytes = engine.settings().maxHeadBytes();
      input = new Input(wire.input(tls), maxBytes);
      http = new Http1(this, engine);
    }
    output = new BufferedOutputStream(wire.output(tls), OUTPUT_BYTES);
  }

  private void park() {
    if (input != null && input.available() == 0) {
      input.release();
    }
    output = null;
    try {
      engine.park(this);
    } catch (IOException | RuntimeException e) {
      close();
    }
  }

  /** Lets another protocol serve the connection if the client has chosen one. */
  private boolean isHandedOver() throws IOException {
    if (!isNew) {
      return false;
    }
    for (EngineProtocol protocol : engine.protocols()) {
      boolean isChosen =
          tls == null
              ? input.startsWith(protocol.preface())
              : protocol.name().equals(tls.getApplicationProtocol());
      if (isChosen) {
        busy(false);
        parksWhileReading(false);
        expireIn(engine.settings().timeouts().idle());
        protocol.serve(this);
        return true;
      }
    }
    isNew = false;
    return false;
  }

  /** With TLS this says that the response is complete. */
  void shutdownOutput() throws IOException {
    (tls == null ? wire.socket() : tls).shutdownOutput();
  }

  /** Closes the connection if its time has passed; {@code looks}: or if its client has gone. */
  void check(long now, boolean looks) {
    if (now - deadlineNanos >= 0) {
      close();
    } else if (looks && http != null) {
      http.look();
    }
  }

  /** Closes the connection; harmless if it is closed. */
  void close() {
    wire.close();
    if (http != null) {
      http.close();
    }
    engine.closed(this);
  }
}
