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
 * Closes the listener of a server while its open connections are served until {@link #close}.
 *
 * <p>The interface has only {@link HttpServer#stop}. It closes the listener at once, and all
 * connections as soon as no exchange is in flight, although a client may just have sent a request on
 * one of them. The JDK's engine also counts wrongly (JDK 17: JDK-8304065; all versions after a
 * broken exchange), and then waits for its delay. So {@code stop} runs on another thread, and this class holds one
 * exchange with the server until {@code close}. Connections are accepted in order, so once that
 * exchange is served, all earlier connections are accepted, too. If that exchange fails, the
 * behaviour is that of {@code stop} alone.
 *
 * <p>Limitation: a connection attempt between that exchange and the close of the listener is reset.
 */
final class ListenerClosing implements AutoCloseable {
  private static final int CONNECT_MILLIS = 500;
  private static final int MAX_TRIES = 1_000; // It takes one or two.
  private static final long JOIN_MILLIS = 500; // For an interrupted thread to end.

  private final HttpServer server;
  private final HeadTimeout heads;
  private final CountDownLatch held = new CountDownLatch(1);
  private final CountDownLatch released = new CountDownLatch(1);
  private final Socket self = new Socket();
  private final Thread stopper;

  /**
   * Creates an object for {@code server}, which must be running.
   *
   * @param heads the time limit that surrounds the server's executor
   * @param atMost after this time connections are closed even without {@code close}
   */
  ListenerClosing(HttpServer server, HeadTimeout heads, Duration atMost) {
    this.server = server;
    this.heads = heads;
    int seconds = (int) Math.max(0, atMost.toSeconds() + 1);
    this.stopper = new Thread(() -> server.stop(seconds), "http-stop");
    this.stopper.setDaemon(true);
  }

  /** Closes the listener with {@code stop} alone. */
  void begin() {
    stopper.start();
  }

  /**
   * Closes the listener of a serving server and returns when connections are refused; {@code
   * address} is its address.
   */
  void beginGently(InetSocketAddress address) throws InterruptedException {
    hold();
    begin();
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      try (Socket socket = new Socket()) {
        socket.connect(address, CONNECT_MILLIS);
      } catch (IOException e) {
        return;
      }
    }
  }

  /** Starts the exchange that lasts until {@link #close}. */
  private void hold() throws InterruptedException {
    String path = "/" + UUID.randomUUID(); // Other clients cannot guess it.
    server.createContext(
        path,
        heads.handler(
            exchange -> {
              held.countDown();
              try {
                released.await();
              } catch (InterruptedException e) {
                // The server's threads are interrupted, which ends the exchange.
              }
              throw new IOException("stopped");
            }));
    try {
      Socket secured = SelfCheck.connect(self, server, CONNECT_MILLIS);
      String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      secured.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      held.await(CONNECT_MILLIS, TimeUnit.MILLISECONDS);
    } catch (IOException e) {
      // Without that exchange.
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
      // The server has closed the connection.
    }
    stopper.interrupt(); // On JDK 17 it may be in the last 200 ms of a sleep.
    stopper.join(JOIN_MILLIS);
  }
}
