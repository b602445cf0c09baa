// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Shutdown;
import kit.http.EndpointHandler;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestServer;
import kit.http.RequestSummary;
import kit.http.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP server of a handler: binds, serves, drains and stops without losing requests.
 *
 * <pre>{@code
 * HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 8081));
 * http.shutdown(registration, Duration.ofSeconds(1), Duration.ofSeconds(10)).onSignal();
 * http.start(routes); // serves
 * http.selfCheck("/health"); // ready
 * registration.start();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Binding and serving are separate, because the port may be any free one and the handler may
 * need it. Each request passes, outermost first: a catch-all that maps every {@link Throwable} to a
 * response, the request id, checks that reject ambiguous requests, the limit of requests in flight,
 * and the handler.
 *
 * <pre>
 *   bound --start--> serving --drain--> draining --stop--> stopped
 *                       \__________________stop___________/
 * </pre>
 *
 * <p>{@link #shutdown} goes through the last states without losing a request.
 *
 * <h2>Errors</h2>
 *
 * <p>An exception of the handler becomes a {@link Problem} and, from 500 on, a line in the log (its
 * stack trace at debug), also if an error encoder encoded it; of a {@link kit.StatusException}, the
 * cause. An incomplete request is rejected with 400, and an incomplete response closes the
 * connection; both are logged at debug, a response that exceeds the time limit at warn.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe; {@code drain}, {@code stop} and {@code close} may be called repeatedly. Requests
 * run on virtual threads from JDK 24 on, else on an elastic pool.
 */
public final class HttpService implements RequestServer, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpService.class);

  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration LONGEST_PATIENCE = Duration.ofDays(1); // The JDK's int overflows.
  private static final int AFTERWARDS_MILLIS = 500; // For interrupted threads to end.
  private static final Duration DEREGISTRATION = Duration.ofSeconds(2); // See Registration.close.
  private static final Duration SPARE = Duration.ofSeconds(2); // For the program's own steps.
  // Within this time a request that arrived reaches its handler, unless the machine is overloaded.
  private static final Duration QUIET = Duration.ofMillis(50);
  private static final int BACKLOG = 1024; // The JDK's 50 refuses connections in a burst.

  private static final Response HEALTHY = status(200, "ok");
  private static final Response READY = status(200, "ready");
  private static final Response STARTING = status(503, "starting");
  private static final Response DRAINING = status(503, "draining");

  private final HttpServer server;
  private final boolean worksAround;
  private final ExecutorService threads;
  private final ExchangeHandler exchanges;
  private final Finalizers finalizers;
  private final HeadTimeout heads;
  private final List<Companion> companions = new CopyOnWriteArrayList<>();
  private boolean started; // Guarded by this.
  private boolean stopped; // Guarded by this.
  private volatile boolean selfChecked;

  private HttpService(
      HttpServer server, Settings settings, long responseTimeoutNanos, Finalizers finalizers) {
    this.server = server;
    this.worksAround = settings.worksAround();
    this.threads = ServerExecutor.newExecutor(settings.maxInFlight());
    this.exchanges =
        new ExchangeHandler(settings, responseTimeoutNanos, finalizers, System::nanoTime);
    this.finalizers = finalizers;
    this.heads = worksAround ? HeadTimeout.of(server, settings.headTimeout()) : HeadTimeout.none();
  }

  /**
   * Binds the port, without serving yet.
   *
   * @throws java.net.BindException if the port is taken, or the address is not of this machine
   */
  public static HttpService bind(Settings settings) throws IOException {
    Finalizers finalizers = new Finalizers();
    HttpServerProvider engine = settings.engine().provider(settings, finalizers);
    long responseTimeoutNanos = settings.server().responseTimeout().toNanos();
    if (settings.worksAround()) {
      log.debug("JVM-wide server settings: {}", settings.server().apply(engine));
      responseTimeoutNanos = ServerSettings.responseTimeoutNanos(engine);
    }
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getByName(settings.host()), settings.port());
    HttpServer server = create(engine, address, settings.tls());
    return new HttpService(server, settings, responseTimeoutNanos, finalizers);
  }

  private static HttpServer create(
      HttpServerProvider engine, InetSocketAddress address, Optional<SSLContext> tls)
      throws IOException {
    if (tls.isEmpty()) {
      return engine.createHttpServer(address, BACKLOG);
    }
    HttpsServer server = engine.createHttpsServer(address, BACKLOG);
    server.setHttpsConfigurator(new ServerTls(tls.get()));
    return server;
  }

  /** Returns {@code https} with TLS, else {@code http}. */
  public String scheme() {
    return server instanceof HttpsServer ? "https" : "http";
  }

  /**
   * Adds a function that adds values to the context of each request. It runs after the checks and
   * before the limit of requests in flight, so that {@link RequestSummary} always has these values.
   */
  @Override
  public HttpService before(EndpointHandler.Before function) {
    exchanges.before(requireNonNull(function, "function"));
    return this;
  }

  /**
   * Adds a function to call after each request, successful or not; also after one that a {@link
   * ServerEngine} of its own has rejected, of which only peer, status and reason are known.
   */
  @Override
  public HttpService onCompleted(Consumer<RequestSummary> finalizer) {
    finalizers.add(requireNonNull(finalizer, "finalizer"));
    return this;
  }

  /** A server beside this one, or another protocol on its port, that stops together with it. */
  @FunctionalInterface
  public interface Companion {
    /** Accepts no more work, and waits for what is in flight for at most {@code patience}. */
    void stop(Duration patience) throws InterruptedException;
  }

  /** Adds what stops together with this server: at the same time, with the same patience. */
  public HttpService with(Companion companion) {
    companions.add(requireNonNull(companion, "companion"));
    return this;
  }

  /** Starts to serve requests with {@code handler}; to be called once. */
  public synchronized void start(Endpoint<Request, Response> handler) {
    requireNonNull(handler, "handler");
    if (started) {
      throw new IllegalStateException("already started or stopped");
    }
    started = true;
    exchanges.serve(handler);
    server.setExecutor(heads.executor(threads));
    server.createContext("/", heads.handler(exchanges));
    server.start();
  }

  /**
   * Requests {@code path} from itself over the network and returns if the status is 200: proof that
   * the service is reachable, before it is registered. From then on it is {@link #ready}.
   *
   * @throws IOException if the status is another, or there is no response within 10 seconds
   */
  public void selfCheck(String path) throws IOException {
    SelfCheck.get(server, path);
    selfChecked = true;
  }

  /** Returns the bound address. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  /** Returns the bound port, also if the port was 0 in the settings. */
  public int port() {
    return server.getAddress().getPort();
  }

  /**
   * Responds with {@code {"status":"ok"}}, or 503 while draining; to be routed as {@code /health}.
   */
  public Response health(Context context, Request request) {
    return exchanges.isDraining() ? DRAINING : HEALTHY;
  }

  /**
   * Responds with {@code {"status":"ready"}} after {@link #selfCheck} succeeded, or 503 before and
   * while draining; to be routed as {@code /ready}. It is for load balancers, and independent of
   * the registry, whose outage must not make the service unavailable.
   */
  public Response ready(Context context, Request request) {
    return isReady() ? READY : exchanges.isDraining() ? DRAINING : STARTING;
  }

  /** Returns whether {@link #selfCheck} succeeded and the server is not draining. */
  public boolean isReady() {
    return selfChecked && !exchanges.isDraining();
  }

  private static Response status(int status, String text) {
    String json = "{\"status\":\"" + text + "\"}";
    return Response.json(status, json.getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Returns the name of the engine beneath: its package, such as {@code sun.net.httpserver} for the
   * JDK's own.
   */
  public String engine() {
    return server.getClass().getPackageName();
  }

  @Override
  public int inFlight() {
    return exchanges.inFlight();
  }

  /**
   * Returns the steps of a graceful shutdown; add your own, such as flushing traces, and run them
   * {@linkplain Shutdown#onSignal on a signal}.
   *
   * <pre>
   *   drain         health and ready return 503, every response closes its connection
   *   deregister    registration.close(): new lookups do not return the instance
   *   drain delay   clients with an older list are still served
   *   stop          no new connections; what is in flight has the drain timeout to end
   * </pre>
   *
   * <p>The budget of the steps is 2 seconds to deregister, the two durations, and 2 spare seconds.
   *
   * @param drainDelay how long clients take to notice the deregistration: up to a second with a
   *     watched registry, a few polling intervals with DNS or another polled list
   * @param drainTimeout the longest wait for requests in flight
   */
  public Shutdown shutdown(AutoCloseable registration, Duration drainDelay, Duration drainTimeout) {
    requireNonNull(registration, "registration");
    Duration delay = bounded(drainDelay);
    Duration timeout = bounded(drainTimeout);
    return new Shutdown(DEREGISTRATION.plus(delay).plus(timeout).plus(SPARE))
        .step("drain", this::drain)
        .step("deregister", registration)
        .step("drain delay", () -> Thread.sleep(delay.toMillis()))
        .step("stop serving", () -> stop(timeout));
  }

  private static Duration bounded(Duration patience) {
    return patience.compareTo(LONGEST_PATIENCE) < 0 ? patience : LONGEST_PATIENCE;
  }

  /**
   * Starts draining: requests are still served, health is 503, and every response closes its
   * connection.
   */
  public void drain() {
    exchanges.drain();
    exchanges.closeConnections(true);
  }

  /**
   * Accepts no more connections, waits for the requests in flight for at most {@code patience}, and
   * closes all connections.
   *
   * @return whether every request received its response
   */
  public boolean stop(Duration patience) throws InterruptedException {
    return stop(QUIET, bounded(patience));
  }

  boolean stop(Duration quiet, Duration patience) throws InterruptedException {
    exchanges.drain();
    boolean idle;
    try (ListenerClosing listener = new ListenerClosing(server, heads, patience)) {
      if (endServing()) {
        // A connection attempt while the port closes is reset. So clients that still send keep
        // their connections until the port is closed, and lose them with the next response.
        if (exchanges.closeConnections(false) && exchanges.isBusy(quiet)) {
          Thread.sleep(Math.max(0, Math.min(quiet.toMillis(), patience.toMillis())));
        }
        listener.beginGently(SelfCheck.address(server));
      } else {
        listener.begin();
      }
      exchanges.closeConnections(true);
      List<Thread> stopping = companions.stream().map(it -> stopping(it, patience)).toList();
      idle = exchanges.awaitIdle(quiet, patience);
      for (Thread companion : stopping) {
        companion.join();
      }
    } finally {
      threads.shutdownNow();
      heads.close();
    }
    return threads.awaitTermination(AFTERWARDS_MILLIS, TimeUnit.MILLISECONDS) && idle;
  }

  private static Thread stopping(Companion companion, Duration patience) {
    Thread thread =
        new Thread(
            () -> {
              try {
                companion.stop(patience);
              } catch (InterruptedException | RuntimeException e) {
                log.warn("stopping failed: {}", LogSafe.of(e));
              }
            },
            "http-stop-with");
    thread.start();
    return thread;
  }

  /** Marks the service as stopped; returns whether it was serving. */
  private synchronized boolean endServing() {
    boolean hasServed = started && !stopped;
    if (!started) {
      started = true;
      if (worksAround) {
        server.start(); // The JDK's server releases its port only if it was started.
      }
    }
    stopped = true;
    return hasServed;
  }

  /** Stops, waiting for requests in flight for at most 10 seconds. */
  @Override
  public void close() {
    try {
      stop(STOP_TIMEOUT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Settings of a server.
   *
   * @param host the address to bind, such as {@code 127.0.0.1}, or {@code 0.0.0.0} for all
   * @param port the TCP port; 0 = any free one
   * @param maxInFlight maximum number of requests in flight; more are rejected with 503
   * @param ungated paths exempt from that limit, for monitoring
   * @param headTimeout from the first byte of a request to the end of its head
   * @param server the limits that the JDK's engine has for the whole JVM
   * @param engine creates the server
   * @param tls the context of a server of HTTPS, with its default parameters; empty: HTTP
   */
  public record Settings(
      String host,
      int port,
      int maxInFlight,
      Set<String> ungated,
      Duration headTimeout,
      ServerSettings server,
      ServerEngine engine,
      Optional<SSLContext> tls) {
    private static final Set<String> MONITORED = Set.of("/health", "/ready", "/metrics");

    /** Checks the ranges. */
    public Settings {
      requireNonNull(host, "host");
      requireNonNull(server, "server");
      requireNonNull(engine, "engine");
      requireNonNull(tls, "tls");
      if (port < 0 || port > 65_535) {
        throw new IllegalArgumentException("port not in 0..65535: " + port);
      }
      if (maxInFlight < 1) {
        throw new IllegalArgumentException("maxInFlight < 1: " + maxInFlight);
      }
      if (headTimeout.isNegative() || headTimeout.isZero()) {
        throw new IllegalArgumentException("headTimeout <= 0: " + headTimeout);
      }
      ungated = Set.copyOf(ungated);
    }

    /**
     * Returns settings with 1,024 requests in flight, /health, /ready and /metrics exempt, 10 s for
     * a head, and the engine that is installed in the JVM, which is the JDK's own by default.
     */
    public static Settings of(String host, int port) {
      return new Settings(
          host,
          port,
          1024,
          MONITORED,
          Duration.ofSeconds(10),
          ServerSettings.defaults(),
          ServerEngine.INSTALLED,
          Optional.empty());
    }

    /** Returns whether the server works around what the engine may lack. */
    boolean worksAround() {
      return engine == ServerEngine.INSTALLED;
    }

    /** Returns these settings with another time limit of heads. */
    public Settings withHeadTimeout(Duration headTimeout) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server, engine, tls);
    }

    /** Returns these settings with another limit of requests in flight. */
    public Settings withMaxInFlight(int maxInFlight) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server, engine, tls);
    }

    /** Returns these settings with other limits of requests and responses. */
    public Settings withServer(ServerSettings server) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server, engine, tls);
    }

    /** Returns these settings with HTTPS in place of HTTP. */
    public Settings withTls(SSLContext context) {
      Optional<SSLContext> tls = Optional.of(context);
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server, engine, tls);
    }

    /** Returns these settings with another engine. */
    public Settings withEngine(ServerEngine engine) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server, engine, tls);
    }
  }
}
