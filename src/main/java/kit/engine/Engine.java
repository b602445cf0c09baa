// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.InstantSource;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * A server: accepts connections on one thread, runs each on a thread of the executor, and closes
 * those whose time has passed on a third.
 *
 * <pre>
 *   created --bind--> bound --start--> serving --stop--> stopped
 * </pre>
 *
 * <p>Thread-safe.
 */
final class Engine {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final int BACKLOG = 1024;
  private static final long TICK_MILLIS = 100;
  private static final long ACCEPT_PAUSE_MILLIS = 20; // After a failure, such as too many files.

  private final HttpServer facade;
  private final EngineSettings settings;
  private final boolean isSecure;
  private final Contexts contexts = new Contexts();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Deque<Selector> selectors = new ConcurrentLinkedDeque<>();
  private final HttpDate date = new HttpDate(InstantSource.system());
  private final ServerSocketChannel listener;
  private final Parking parking = new Parking(this);

  // Guarded by this.
  private ExecutorService ownThreads;
  private Thread timer;
  private boolean isStarted;

  private volatile Executor executor;
  private volatile Executor threads; // The executor, or the engine's own threads.
  private volatile HttpsConfigurator tls;
  private volatile boolean isStopping; // Each response closes its connection.
  private volatile boolean isStopped; // All connections are closed.

  Engine(HttpServer facade, EngineSettings settings, boolean isSecure) throws IOException {
    this.facade = facade;
    this.settings = settings;
    this.isSecure = isSecure;
    this.listener = ServerSocketChannel.open();
  }

  EngineSettings settings() {
    return settings;
  }

  Contexts contexts() {
    return contexts;
  }

  HttpDate date() {
    return date;
  }

  boolean isSecure() {
    return isSecure;
  }

  boolean isStopping() {
    return isStopping;
  }

  void bind(InetSocketAddress address, int backlog) throws IOException {
    if (listener.getLocalAddress() != null) {
      throw new BindException("already bound");
    }
    try {
      listener.bind(address, backlog <= 0 ? BACKLOG : backlog);
    } catch (IOException e) {
      listener.close();
      throw e;
    }
  }

  InetSocketAddress address() {
    return (InetSocketAddress) listener.socket().getLocalSocketAddress();
  }

  HttpContext createContext(String path, HttpHandler handler) {
    EngineContext context = new EngineContext(facade, path, handler);
    contexts.add(context);
    return context;
  }

  void removeContext(HttpContext context) {
    contexts.remove(context.getPath());
  }

  void removeContext(String path) {
    contexts.remove(path);
  }

  synchronized void executor(Executor executor) {
    if (isStarted) {
      throw new IllegalStateException("the server was started");
    }
    this.executor = executor;
  }

  Executor executor() {
    return executor;
  }

  void tls(HttpsConfigurator configurator) {
    tls = configurator;
  }

  HttpsConfigurator tls() {
    return tls;
  }

  synchronized void start() {
    if (address() == null || isStarted || isStopping) {
      throw new IllegalStateException("not bound, or already started");
    }
    isStarted = true;
    if (executor == null) {
      ownThreads = Threads.newExecutor(settings.maxThreads());
    }
    threads = executor == null ? ownThreads : executor;
    int port = address().getPort();
    new Thread(this::accept, "http-accept-" + port).start(); // Keeps the JVM alive.
    timer = Threads.startDaemon(this::watchTime, "http-timer-" + port);
  }

  private void accept() {
    boolean hasFailed = false; // Logged once, and again after a success.
    while (!isStopping) {
      try {
        SocketChannel channel = listener.accept();
        hasFailed = false;
        admit(new ChannelWire(channel));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        if (!hasFailed) {
          LOG.log(System.Logger.Level.WARNING, "cannot accept connections, retrying", e);
        }
        hasFailed = true;
        pause(ACCEPT_PAUSE_MILLIS);
      }
    }
  }

  private void admit(ChannelWire channel) {
    if (connections.size() >= settings.maxConnections()) {
      channel.close();
      return;
    }
    try {
      channel.channel().setOption(StandardSocketOptions.TCP_NODELAY, true);
      Connection connection = new Connection(this, channel);
      connections.add(connection);
      execute(connection);
    } catch (IOException e) { // The client has reset the connection.
      channel.close();
    }
  }

  /** Runs a connection that has bytes to read, or is new. */
  void execute(Connection connection) {
    try {
      threads.execute(connection);
    } catch (RejectedExecutionException e) {
      connection.close();
    } catch (Throwable e) { // Such as too many threads: this thread must go on.
      LOG.log(System.Logger.Level.ERROR, "connection closed: no thread for it", e);
      connection.close();
    }
    if (isStopped) {
      connection.close(); // It may have been added after stop closed all.
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watchTime() {
    while (!isStopped) {
      pause(TICK_MILLIS);
      long now = System.nanoTime();
      for (Connection connection : connections) {
        connection.closeIfExpired(now);
      }
    }
  }

  Wire secured(ChannelWire channel) throws IOException {
    return isSecure ? Tls.handshake(channel, tls) : channel;
  }

  boolean isOnVirtualThread() {
    return Threads.isVirtual(Thread.currentThread());
  }

  Selector takeSelector() throws IOException {
    Selector free = selectors.poll();
    return free == null ? Selector.open() : free;
  }

  void returnSelector(Selector selector) throws IOException {
    if (isStopped) {
      selector.close();
    } else {
      selectors.push(selector);
    }
  }

  void park(Connection connection) throws IOException {
    parking.park(connection);
  }

  void closed(Connection connection) {
    connections.remove(connection);
    idle();
  }

  /** A connection has sent its response, or is closed. */
  void idle() {
    if (isStopping) {
      synchronized (connections) {
        connections.notifyAll();
      }
    }
  }

  void stop(int delaySeconds) {
    if (delaySeconds < 0) {
      throw new IllegalArgumentException("delay < 0: " + delaySeconds);
    }
    isStopping = true;
    try {
      listener.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing the listener failed", e);
    }
    try {
      awaitIdle(TimeUnit.SECONDS.toNanos(delaySeconds));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    isStopped = true;
    connections.forEach(Connection::close);
    parking.close();
    for (Selector selector; (selector = selectors.poll()) != null; ) {
      closeQuietly(selector);
    }
    synchronized (this) {
      if (timer != null) {
        timer.interrupt();
      }
      if (ownThreads != null) {
        ownThreads.shutdown();
      }
    }
  }

  /** Waits until no request is in flight. */
  private void awaitIdle(long nanos) throws InterruptedException {
    long deadline = System.nanoTime() + nanos;
    synchronized (connections) {
      for (long left = nanos; isBusy() && left > 0; left = deadline - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(connections, left);
      }
    }
  }

  private boolean isBusy() {
    return connections.stream().anyMatch(Connection::isBusy);
  }

  private static void closeQuietly(Selector selector) {
    try {
      selector.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing a selector failed", e);
    }
  }
}
