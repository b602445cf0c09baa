// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import kit.Context;
import kit.Endpoint;
import kit.Shutdown;
import kit.http.EndpointHandler;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestSummary;
import kit.http.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a handler over HTTP, from the bind to the last answer.
 *
 * <pre>{@code
 * HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 8081));
 * http.shutdown(registration, Duration.ofSeconds(1), Duration.ofSeconds(10)).onSignal();
 * http.start(routes); // answers from here on
 * http.selfCheck("/health"); // ready
 * registration.start();
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Binding and serving are two steps, because the port may be any free one and the handler may need
 * to know it. Each request passes, outermost first: a net that turns every {@link Throwable} into an
 * answer, the request id, checks that refuse what could be read in two ways, the limit of requests in
 * flight, and the handler.
 *
 * <pre>
 *   bound --start--> serving --drain--> draining --stop--> stopped
 *                       \__________________stop___________/
 * </pre>
 *
 * <p>{@link #shutdown} says how to go through the rest of it without losing a request.
 *
 * <h2>Errors</h2>
 *
 * <p>An exception of the handler is answered with a {@link Problem} and, from 500 on, logged in one
 * line (its stack trace at debug), also if an error encoder has answered it; of a {@link
 * kit.StatusException}, the cause. A request that breaks off is answered with 400, and a response that
 * breaks off closes the connection; both are logged at debug, a response cut off by a time limit at warn.
 *
 * <h2>Threads</h2>
 *
 * <p>All methods may be called from any thread, {@code drain}, {@code stop} and {@code close} as often
 * as one likes. Requests run on virtual threads from JDK 24 on, else on an elastic pool.
 */
public final class HttpService implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpService.class);

  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration LONGEST_PATIENCE = Duration.ofDays(1); // The JDK's int overflows.
  private static final int AFTERWARDS_MILLIS = 500; // For threads to end that have been told to.
  private static final Duration DEREGISTRATION = Duration.ofSeconds(2); // See Registration.close.
  private static final Duration SPARE = Duration.ofSeconds(2); // For the program's own steps.
  // A request that has arrived is with its handler by then, unless the machine is very busy.
  private static final Duration QUIET = Duration.ofMillis(50);
  private static final int BACKLOG = 1024; // The JDK's 50 refuses connections in a burst.

  private final HttpServer server;
  private final ExecutorService threads;
  private final ExchangeHandler exchanges;
  private final HeadTimeout heads;
  private boolean started; // Guarded by this.
  private boolean stopped; // Guarded by this.
  private volatile boolean selfChecked;

  private HttpService(HttpServer server, Settings settings) {
    this.server = server;
    this.threads = ServerExecutor.newExecutor(settings.maxInFlight());
    this.exchanges =
        new ExchangeHandler(settings.maxInFlight(), settings.ungated(), System::nanoTime);
    this.heads = HeadTimeout.of(server, settings.headTimeout());
  }

  /**
   * Takes the port, without answering yet.
   *
   * @throws java.net.BindException if the port is taken, or the address not ours
   */
  public static HttpService bind(Settings settings) throws IOException {
    log.debug("JVM-wide server settings: {}", settings.server().apply());
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getByName(settings.host()), settings.port());
    return new HttpService(HttpServer.create(address, BACKLOG), settings);
  }

  /**
   * Has {@code function} add to the context of each request, after the checks and before the limit of
   * requests in flight, so that {@link RequestSummary} shows what it added whatever becomes of the request.
   */
  public HttpService before(EndpointHandler.Before function) {
    exchanges.before(requireNonNull(function, "function"));
    return this;
  }

  /** Has {@code finalizer} called after each request, whatever became of it. */
  public HttpService onCompleted(Consumer<RequestSummary> finalizer) {
    exchanges.onCompleted(requireNonNull(finalizer, "finalizer"));
    return this;
  }

  /** Begins to answer requests with {@code handler}; once. */
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
   * Asks itself for {@code path} over the wire and returns if the answer is 200: proof that it can
   * be reached, before anybody is told. From here on it is {@link #ready}.
   *
   * @throws IOException if the answer is another, or none within 10 seconds
   */
  public void selfCheck(String path) throws IOException {
    SelfCheck.get(server, path);
    selfChecked = true;
  }

  /** Returns the address that is bound. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  /** Returns the port that is bound, also if any free one was asked for. */
  public int port() {
    return server.getAddress().getPort();
  }

  /** Answers {@code {"status":"ok"}}, or 503 while draining; to be mounted as {@code /health}. */
  public Response health(Context context, Request request) {
    return exchanges.isDraining() ? HealthResponses.DRAINING : HealthResponses.HEALTHY;
  }

  /**
   * Answers {@code {"status":"ready"}} if it has passed its {@link #selfCheck}, or 503 before, and
   * while draining; to be mounted as {@code /ready}. For those who route requests here by themselves:
   * it says nothing of a registry, whose outage must not take the service out of service.
   */
  public Response ready(Context context, Request request) {
    return exchanges.isDraining()
        ? HealthResponses.DRAINING
        : selfChecked ? HealthResponses.READY : HealthResponses.STARTING;
  }

  /** Returns how many requests are being answered at the moment. */
  public int inFlight() {
    return exchanges.inFlight();
  }

  /**
   * Returns the steps that end a program without losing a request; add your own, such as to flush
   * what has been collected, and have them run {@linkplain Shutdown#onSignal on a signal}.
   *
   * <pre>
   *   drain         health and ready answer 503, every answer closes its connection
   *   deregister    registration.close(): nobody finds us any more
   *   drain delay   those who have found us before still come, and are served
   *   stop          no new connections; what is in flight has the drain timeout to end
   * </pre>
   *
   * <p>The steps have 2 seconds to deregister, the two spans, and 2 seconds to spare.
   *
   * @param drainDelay how long callers take to hear that we have gone: with a watched registry a
   *     moment, with DNS or a list that somebody polls a few times its interval
   * @param drainTimeout the longest wait for requests in flight
   */
  public Shutdown shutdown(AutoCloseable registration, Duration drainDelay, Duration drainTimeout) {
    requireNonNull(registration, "registration");
    Duration delay = bounded(drainDelay);
    Duration timeout = bounded(drainTimeout);
    return new Shutdown(DEREGISTRATION.plus(delay).plus(timeout).plus(SPARE))
        .step("drain", this::drain)
        .step("deregister", registration)
        .step("wait until callers have noticed", () -> Thread.sleep(delay.toMillis()))
        .step("stop serving", () -> stop(timeout));
  }

  private static Duration bounded(Duration patience) {
    return patience.compareTo(LONGEST_PATIENCE) < 0 ? patience : LONGEST_PATIENCE;
  }

  /** Goes on answering, but says so: health is 503, and every answer closes its connection. */
  public void drain() {
    exchanges.drain();
    exchanges.closeConnections(true);
  }

  /**
   * Accepts no more connections, waits until every request that has arrived has its answer, but at
   * most {@code patience}, and closes what is left.
   *
   * @return whether every request had its answer
   */
  public boolean stop(Duration patience) throws InterruptedException {
    return stop(QUIET, bounded(patience));
  }

  boolean stop(Duration quiet, Duration patience) throws InterruptedException {
    exchanges.drain();
    boolean idle;
    try (ListenerClosing listener = new ListenerClosing(server, heads, patience)) {
      if (endServing()) {
        // Who has to connect in the moment in which the port closes is reset. So those who still
        // come keep their connection beyond that moment, and lose it with the next answer.
        if (exchanges.closeConnections(false) && exchanges.isBusy(quiet)) {
          Thread.sleep(Math.max(0, Math.min(quiet.toMillis(), patience.toMillis())));
        }
        listener.beginGently(SelfCheck.address(server));
      } else {
        listener.begin();
      }
      exchanges.closeConnections(true);
      idle = exchanges.awaitIdle(quiet, patience);
    } finally {
      threads.shutdownNow();
      heads.close();
    }
    return threads.awaitTermination(AFTERWARDS_MILLIS, TimeUnit.MILLISECONDS) && idle;
  }

  /** Returns whether it has been serving up to now. */
  private synchronized boolean endServing() {
    boolean hasServed = started && !stopped;
    if (!started) {
      started = true;
      server.start(); // The JDK's server lets go of its port only if it runs.
    }
    stopped = true;
    return hasServed;
  }

  /** Stops with a patience of 10 seconds. */
  @Override
  public void close() {
    try {
      stop(STOP_TIMEOUT);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * How to serve.
   *
   * @param host the address to bind, such as {@code 127.0.0.1}, or {@code 0.0.0.0} for all
   * @param port the TCP port; 0 = any free one
   * @param maxInFlight how many requests are answered at a time; above it they get a 503
   * @param ungated paths that are answered nevertheless, because monitors ask for them
   * @param headTimeout from the first byte of a request to the end of its head
   * @param server the JVM-wide limits
   */
  public record Settings(
      String host,
      int port,
      int maxInFlight,
      Set<String> ungated,
      Duration headTimeout,
      ServerSettings server) {
    private static final Set<String> MONITORED = Set.of("/health", "/ready", "/metrics");

    /** Checks the ranges. */
    public Settings {
      requireNonNull(host, "host");
      requireNonNull(server, "server");
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

    /** 1,024 requests in flight; /health, /ready and /metrics are always answered; 10 s for a head. */
    public static Settings of(String host, int port) {
      return new Settings(
          host, port, 1024, MONITORED, Duration.ofSeconds(10), ServerSettings.defaults());
    }

    /** Returns these settings with another bound of requests in flight. */
    public Settings withMaxInFlight(int maxInFlight) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server);
    }

    /** Returns these settings with another limit for the head of a request. */
    public Settings withHeadTimeout(Duration headTimeout) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server);
    }

    /** Returns these settings with other JVM-wide limits. */
    public Settings withServer(ServerSettings server) {
      return new Settings(host, port, maxInFlight, ungated, headTimeout, server);
    }
  }
}
