// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.io.IOException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Waits for the next request of connections that have given their threads back, on one thread, which
 * starts with the first of them. Thread-safe.
 */
final class Parking {
  private final Engine engine;
  private final Queue<Connection> arriving = new ConcurrentLinkedQueue<>();

  // Guarded by this.
  private Selector selector;
  private boolean isClosed;

  Parking(Engine engine) {
    this.engine = engine;
  }

  /** Waits until the connection has bytes to read, or has ended, and runs it then. */
  void park(Connection connection) throws IOException {
    arriving.add(connection);
    synchronized (this) {
      if (isClosed) {
        throw new IOException("the server has stopped");
      }
      if (selector == null) {
        selector = Selector.open();
        Selector opened = selector;
        Threads.startDaemon(() -> run(opened), "http-park-" + engine.address().getPort());
      }
    }
    selector.wakeup();
  }

  private void run(Selector selector) {
    while (selector.isOpen()) {
      try {
        selector.select();
        takeReady(selector).forEach(this::resume);
        for (Connection connection; (connection = arriving.poll()) != null; ) {
          register(connection, selector);
        }
      } catch (ClosedSelectorException e) {
        return; // With the server, which closes the connections.
      } catch (Throwable e) { // Such as no memory.
        Threads.logFailure("waiting for requests failed", e);
      }
    }
  }

  /** Returns the connections with bytes to read, which are no longer registered. */
  private static List<Connection> takeReady(Selector selector) throws IOException {
    List<Connection> ready = new ArrayList<>();
    for (SelectionKey key : selector.selectedKeys()) {
      ready.add((Connection) key.attachment());
      key.cancel();
    }
    selector.selectedKeys().clear();
    selector.selectNow(key -> {}); // Completes the cancellations.
    return ready;
  }

  private static void register(Connection connection, Selector selector) {
    try {
      connection.wire().setBlocking(false);
      connection.wire().channel().register(selector, SelectionKey.OP_READ, connection);
    } catch (IOException | RuntimeException e) {
      connection.close(); // Its time has passed, or the server stops.
    }
  }

  private void resume(Connection connection) {
    try {
      connection.wire().setBlocking(true);
      engine.execute(connection);
    } catch (IOException e) {
      connection.close(); // As above.
    }
  }

  /** Ends the thread. */
  synchronized void close() {
    isClosed = true;
    if (selector != null) {
      try {
        selector.close();
      } catch (IOException e) {
        // The thread ends anyway.
      }
    }
  }
}
