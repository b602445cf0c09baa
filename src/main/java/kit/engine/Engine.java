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
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;

/**
 * A server: accepts connections on one thread, runs each on a thread of the executor, and closes
 * those whose time has passed or whose client has gone on a third.
 *
 * <pre>
 *   created --bind--> bound --start--> serving --stop--> stopped
 * </pre>
 *
 * <p>Thread-safe.
 */
final class Engine {
  private static final System.Logger LOG = System.getLogger("kit.engine");
  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
          .withZone(ZoneOffset.UTC);
  private static final int BACKLOG = 1024;
  private static final long TICK_MILLIS = 100;
  private static final int TICKS_PER_LOOK = 10;
  private static final long ACCEPT_JOIN_MILLIS = 500; // It takes as long as a thread to wake up.
  private static final long ACCEPT_PAUSE_MILLIS = 20; // After a failure, such as too many files.

  private final HttpServer facade;
  private final EngineSettings settings;
  private final EngineProvider provider;
  private final boolean isSecure;
  private final Contexts contexts = new Contexts();
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final ServerSocketChannel listener;
  private final Parking parking = new Parking(this);
  private final Handshakes handshakes;

  // Guarded by this.
  private ExecutorService ownThreads;
  private Thread acceptor;
  private Thread timer;
  private boolean isStarted;

  private volatile Executor executor;
  private volatile Executor threads;
  private volatile HttpsConfigurator tls;
  private volatile String date = date(Instant.now());
  private volatile boolean isStopping; // Each response closes its connection.
  private volatile boolean isStopped; // All connections are closed.

  Engine(HttpServer facade, EngineProvider provider, boolean isSecure) throws IOException {
    this.facade = facade;
    this.settings = provider.settings();
    this.provider = provider;
    this.isSecure = isSecure;
    this.listener = ServerSocketChannel.open();
    this.handshakes = new Handshakes(settings.maxHandshakes());
  }

  EngineSettings settings() {
    return settings;
  }

  List<EngineProtocol> protocols() {
    return provider.protocols();
  }

  boolean isSecure() {
    return isSecure;
  }

  Contexts contexts() {
    return contexts;
  }

  /** Returns the line of the field Date, with its end. */
  String date() {
    return date;
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

  synchronized void executor(Executor executor) {
    if (isStarted) {
      throw new IllegalStateException("the server was started");
    }
    this.executor = executor;
  }

  Executor executor() {
    return executor;
  }

  /** Returns the executor, or the engine's own threads. */
  Executor threads() {
    return threads;
  }

  void rejected(InetSocketAddress remote, BadRequest problem) {
    try {
      provider.rejections().rejected(remote, problem.status(), problem.getMessage());
    } catch (Throwable e) { // The client still gets its response.
      LOG.log(System.Logger.Level.DEBUG, "the listener to rejections failed", e);
    }
  }

  void tls(HttpsConfigurator configurator) {
    tls = configurator;
  }

  HttpsConfigurator tls() {
    return tls;
  }

  /** Returns the secured connection; the handshake runs on this thread. */
  SSLSocket handshake(Connection connection) throws IOException {
    handshakes.begin(connection).ifPresent(Connection::close);
    try {
      return Tls.handshake(connection.wire(), tls, protocols());
    } finally {
      handshakes.end(connection);
    }
  }

  synchronized void start() {
    if (address() == null || isStarted || isStopping) {
      throw new IllegalStateException("not bound, or already started");
    }
    isStarted = true;
    threads = executor;
    if (executor == null) {
      ownThreads = Threads.newExecutor(settings.maxThreads());
      threads = ownThreads;
    }
    int port = address().getPort();
    acceptor = new Thread(this::accept, "http-accept-" + port); // Keeps the JVM alive.
    acceptor.start();
    timer = Threads.startDaemon(this::watch, "http-timer-" + port);
  }

  private void accept() {
    boolean hasFailed = false; // Logged once, and again after a success.
    while (!isStopping) {
      try {
        admit(listener.accept());
        hasFailed = false;
      } catch (ClosedChannelException e) {
        return;
      } catch (Throwable e) { // Such as too many files, or no memory.
        if (!hasFailed) {
          Threads.logFailure("cannot accept connections, retrying", e);
        }
        hasFailed = true;
        pause(ACCEPT_PAUSE_MILLIS);
      }
    }
  }

  private void admit(SocketChannel channel) throws IOException {
    if (connections.size() >= settings.maxConnections()) {
      channel.close();
      return;
    }
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
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
    } catch (Throwable e) { // Such as too many threads.
      Threads.logFailure("connection closed: no thread for it", e);
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

  private void watch() {
    for (int tick = 0; !isStopped; tick++) {
      pause(TICK_MILLIS);
      try {
        date = date(Instant.now());
        check(tick % TICKS_PER_LOOK == 0);
      } catch (Throwable e) { // Such as no memory.
        Threads.logFailure("closing connections in time failed", e);
      }
    }
  }

  /** Closes the connections whose time has passed; {@code looks}: and those whose client has gone. */
  void check(boolean looks) {
    long now = System.nanoTime();
    connections.forEach(connection -> connection.check(now, looks));
  }

  private static String date(Instant now) {
    return "Date: " + HTTP_DATE.format(now) + "\r\n";
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
    try {
      closeListener();
      isStopping = true; // Not before: clients whose connection ends now come back at once.
      connections.forEach(Connection::stopping);
      awaitIdle(TimeUnit.SECONDS.toNanos(delaySeconds));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    isStopping = true;
    isStopped = true;
    connections.forEach(Connection::close);
    parking.close();
    synchronized (this) {
      if (timer != null) {
        timer.interrupt();
      }
      if (ownThreads != null) {
        ownThreads.shutdown();
      }
    }
  }

  /** Returns when new connections are refused: as long as a thread accepts, its port is open. */
  private void closeListener() throws InterruptedException {
    try {
      listener.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.DEBUG, "closing the listener failed", e);
    }
    Thread accepting;
    synchronized (this) {
      accepting = acceptor;
    }
    if (accepting != null) {
      accepting.join(ACCEPT_JOIN_MILLIS);
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
}
