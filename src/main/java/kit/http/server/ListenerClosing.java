// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Has the JDK's server accept no more connections, and serve those it has until {@link #close}.
 *
 * <p>The JDK has only {@link HttpServer#stop}. It closes the listener at once, and all connections as
 * soon as it counts no exchange, also one whose request has just arrived and is not counted yet; or,
 * if its count is off (JDK 17: JDK-8304065; after any exchange that broke, all versions), when its
 * time is over. So it waits beside us, and there is one exchange to count until {@code close}: our
 * own, with ourselves. Connections are accepted in order, so that when ours is served, all that came
 * before it are in, too. Should it not come about, everything goes the JDK's way.
 *
 * <p>What remains: who connects between that and the end of the listener is reset.
 */
final class ListenerClosing implements AutoCloseable {
  private static final int CONNECT_MILLIS = 500;
  private static final int MAX_TRIES = 1_000; // It takes one or two.
  private static final long JOIN_MILLIS = 500; // For a thread that has been told to end.

  private final HttpServer server;
  private final HeadTimeout heads;
  private final CountDownLatch held = new CountDownLatch(1);
  private final CountDownLatch released = new CountDownLatch(1);
  private final Socket self = new Socket();
  private final Thread stopper;

  /**
   * For {@code server}, which is running.
   *
   * @param heads what the server's executor is surrounded with
   * @param atMost how long until connections are closed even without {@code close}
   */
  ListenerClosing(HttpServer server, HeadTimeout heads, Duration atMost) {
    this.server = server;
    this.heads = heads;
    int seconds = (int) Math.max(0, atMost.toSeconds() + 1);
    this.stopper = new Thread(() -> server.stop(seconds), "http-stop");
    this.stopper.setDaemon(true);
  }

  /** Closes the listener, in the JDK's way. */
  void begin() {
    stopper.start();
  }

  /**
   * Closes the listener of a server that serves, and returns when connections are refused; {@code
   * address} is where it can be reached.
   */
  void beginGently(InetSocketAddress address) throws InterruptedException {
    hold(address);
    begin();
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      try (Socket socket = new Socket()) {
        socket.connect(address, CONNECT_MILLIS);
      } catch (IOException e) {
        return;
      }
    }
  }

  /** Begins the exchange that lasts until {@link #close}. */
  private void hold(InetSocketAddress address) throws InterruptedException {
    String path = "/" + UUID.randomUUID(); // Nobody else can guess it, and hold us up.
    server.createContext(
        path,
        heads.handler(
            exchange -> {
              held.countDown();
              try {
                released.await();
              } catch (InterruptedException e) {
                // The server's threads are told to end, which comes to the same.
              }
              throw new IOException("stopped");
            }));
    try {
      self.connect(address, CONNECT_MILLIS);
      String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      self.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      held.await(CONNECT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (IOException e) {
      // No such exchange, then.
    }
  }

  /** Closes all connections. */
  @Override
  public void close() throws InterruptedException {
    server.stop(0);
    released.countDown();
    try {
      self.close();
    } catch (IOException e) {
      // The server has closed the other end.
    }
    stopper.interrupt(); // On JDK 17 it may be in the last 200 ms of a sleep.
    stopper.join(JOIN_MILLIS);
  }
}
