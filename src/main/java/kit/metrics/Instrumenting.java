// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.http.Request;
import kit.http.RequestServer;
import kit.http.RequestSummary;
import kit.http.Response;
import kit.http.server.HttpService;

/**
 * Metrics middleware: counts and times served requests, client calls and attempts.
 *
 * <pre>{@code
 * Metrics metrics = new Metrics();
 * Instrumenting instrumenting = new Instrumenting(metrics);
 *
 * instrumenting.serve(http); // each request
 * router.route("GET", "/metrics", instrumenting::page);
 *
 * new ServiceClient<>(service, instances, factory, settings, instrumenting); // each call
 * }</pre>
 *
 * <h2>Metrics</h2>
 *
 * <pre>
 *   http_requests_total             method, route, status   served; status 0: dropped without response
 *   http_request_duration_seconds   method, route           a histogram; until the last byte is sent
 *   http_response_bytes_total       method, route           bodies only
 *   http_requests_in_flight
 *   grpc_calls_total                method, grpc_code       served; the path, and the name of the status
 *   grpc_call_duration_seconds      method                  a histogram
 *   grpc_calls_in_flight
 *   http_server_info                engine                  1; the package of the HTTP engine
 *   ratelimit_refused_total         limit
 *
 *   client_calls_total              service, outcome          retries included
 *   client_call_duration_seconds    service                   a histogram
 *   client_attempts_total           service, outcome          each instance called
 *   client_attempt_duration_seconds service                   a histogram
 *   client_retries_total            service
 *   client_instances                service                   known instances
 *   client_registry_up              service                   0: the list may be out of date
 *   client_breaker_state            service, instance, state  1 for the current state
 * </pre>
 *
 * <p>The route is the template of the route, or {@code -} without one: paths are chosen by clients,
 * so their number is unbounded. The outcome is {@code ok}, {@code 4xx} or {@code 5xx}, {@code
 * cancelled}, {@code error} (a fault of this program), or else the {@linkplain PeerException.Kind
 * kind} of the failure in lower case. The instance is a label only of series that are removed with
 * the instance.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. A request costs three look-ups, less than a microsecond.
 */
public final class Instrumenting {
  private final Metrics metrics;

  private final Metrics.Family<Metrics.Counter> requests;
  private final Metrics.Family<Metrics.Observer> requestSeconds;
  private final Metrics.Family<Metrics.Counter> responseBytes;
  private final Metrics.Family<Metrics.Counter> refused;
  private final Metrics.Family<Metrics.Counter> grpcCalls;
  private final Metrics.Family<Metrics.Observer> grpcSeconds;

  private final Metrics.Family<Metrics.Counter> calls;
  private final Metrics.Family<Metrics.Observer> callSeconds;
  private final Metrics.Family<Metrics.Counter> attempts;
  private final Metrics.Family<Metrics.Observer> attemptSeconds;
  private final Metrics.Family<Metrics.Counter> retries;
  private final List<Client> clients = new CopyOnWriteArrayList<>();

  /** Registers all metrics; those without a series are not shown. */
  public Instrumenting(Metrics metrics) {
    this.metrics = requireNonNull(metrics, "metrics");
    String route = "route";
    String method = "method";
    requests =
        metrics.counterFamily("http_requests_total", "Requests served.", method, route, "status");
    requestSeconds =
        metrics.histogramFamily(
            "http_request_duration_seconds",
            "Time from the head of a request to the last byte of its response.",
            Metrics.SECONDS,
            method,
            route);
    responseBytes =
        metrics.counterFamily(
            "http_response_bytes_total", "Length of the bodies sent.", method, route);
    refused =
        metrics.counterFamily(
            "ratelimit_refused_total", "Requests and calls rejected by a rate limit.", "limit");

    grpcCalls =
        metrics.counterFamily("grpc_calls_total", "Calls of gRPC served.", method, "grpc_code");
    grpcSeconds =
        metrics.histogramFamily(
            "grpc_call_duration_seconds",
            "Time from the head of a call to its status.",
            Metrics.SECONDS,
            method);

    String service = "service";
    String outcome = "outcome";
    calls = metrics.counterFamily("client_calls_total", "Calls to a service.", service, outcome);
    callSeconds =
        metrics.histogramFamily(
            "client_call_duration_seconds",
            "Duration of calls, retries included.",
            Metrics.SECONDS,
            service);
    attempts =
        metrics.counterFamily(
            "client_attempts_total", "Attempts at an instance.", service, outcome);
    attemptSeconds =
        metrics.histogramFamily(
            "client_attempt_duration_seconds", "Duration of attempts.", Metrics.SECONDS, service);
    retries = metrics.counterFamily("client_retries_total", "Retries of calls.", service);
    metrics.polledGauge(
        "client_instances", "Known instances of a service.", this::instances, service);
    metrics.polledGauge(
        "client_registry_up", "Whether the registry responds.", this::registries, service);
    metrics.polledGauge(
        "client_breaker_state",
        "The state of an instance's circuit breaker.",
        this::breakers,
        service,
        "instance",
        "state");
  }

  /** Measures the requests that {@code http} serves; to be called once. */
  public void serve(HttpService http) {
    metrics.polledGauge(
        "http_requests_in_flight", "Requests in flight.", samples -> samples.add(http.inFlight()));
    metrics.polledGauge(
        "http_server_info",
        "The package of the HTTP engine.",
        samples -> samples.add(1, http.engine()),
        "engine");
    http.onCompleted(this::served);
  }

  /** Measures the calls that {@code grpc} serves; to be called once. */
  public void serveGrpc(RequestServer grpc) {
    metrics.polledGauge(
        "grpc_calls_in_flight", "Calls in flight.", samples -> samples.add(grpc.inFlight()));
    grpc.onCompleted(this::servedGrpc);
  }

  private void servedGrpc(RequestSummary done) {
    String code = done.context().get(RequestSummary.GRPC_CODE);
    grpcCalls.labels(done.route(), code == null ? "-" : code).inc();
    grpcSeconds.labels(done.route()).observe(done.nanos() / 1e9);
  }

  private void served(RequestSummary done) {
    String method = done.method();
    String route = done.route();
    requests.labels(method, route, Integer.toString(done.status())).inc();
    requestSeconds.labels(method, route).observe(done.nanos() / 1e9);
    responseBytes.labels(method, route).add(done.bytes());
  }

  /** Returns all metrics; to be routed as {@code GET /metrics}. */
  public Response page(Context context, Request request) {
    byte[] text = metrics.text().getBytes(StandardCharsets.UTF_8);
    return Response.of(200, Metrics.CONTENT_TYPE, text);
  }

  /**
   * Returns {@code nanosToWait} with a counter of its rejections.
   *
   * @param name the label of this limit
   * @param nanosToWait the argument of {@code RateLimiting.rejecting}: returns 0 if admitted
   */
  public LongSupplier limit(String name, LongSupplier nanosToWait) {
    Metrics.Counter counter = refused.labels(name);
    return () -> {
      long nanos = nanosToWait.getAsLong();
      if (nanos > 0) {
        counter.inc();
      }
      return nanos;
    };
  }

  /** Returns a middleware that measures whole calls to {@code service}; to be the outermost. */
  public <Q, R> Middleware<Q, R> calls(String service) {
    return measured(service, calls, callSeconds.labels(service));
  }

  /** Returns a middleware that measures attempts at the instances of {@code service}. */
  public <Q, R> Middleware<Q, R> attempts(String service) {
    return measured(service, attempts, attemptSeconds.labels(service));
  }

  private static <Q, R> Middleware<Q, R> measured(
      String service, Metrics.Family<Metrics.Counter> counts, Metrics.Observer seconds) {
    Measurement measurement = new Measurement(service, counts, seconds);
    return next -> (context, request) -> measurement.call(next, context, request);
  }

  private record Measurement(
      String service, Metrics.Family<Metrics.Counter> counts, Metrics.Observer seconds) {
    <Q, R> R call(Endpoint<Q, R> next, Context context, Q request) throws Exception {
      long startedAtNanos = System.nanoTime();
      String outcome = "ok";
      try {
        return next.call(context, request);
      } catch (Throwable e) {
        outcome = outcome(e);
        throw e;
      } finally {
        counts.labels(service, outcome).inc();
        seconds.observe((System.nanoTime() - startedAtNanos) / 1e9);
      }
    }
  }

  private static String outcome(Throwable e) {
    if (e instanceof PeerException failure) {
      return failure.kind() == PeerException.Kind.STATUS
          ? failure.status() / 100 + "xx"
          : failure.kind().name().toLowerCase(Locale.ROOT);
    }
    boolean isCancelled = e instanceof InterruptedException || e instanceof CancellationException;
    return isCancelled ? "cancelled" : "error";
  }

  /** Returns the counter of retries of calls to {@code service}. */
  public Metrics.Counter retries(String service) {
    return retries.labels(service);
  }

  /** Registers {@code client}, whose state is read at each scrape, until the result is run. */
  public Runnable show(Client client) {
    clients.add(client);
    return () -> clients.remove(client);
  }

  /**
   * State of a client of a service, read at each scrape, so it must be quick.
   *
   * @param service the called service
   * @param instances the number of known instances
   * @param isRegistryUp whether the list is up to date
   * @param breakerStates the states of the circuit breakers, by instance
   */
  public record Client(
      String service,
      IntSupplier instances,
      BooleanSupplier isRegistryUp,
      Supplier<Map<String, String>> breakerStates) {
    /** Checks that nothing is missing. */
    public Client {
      requireNonNull(service, "service");
      requireNonNull(instances, "instances");
      requireNonNull(isRegistryUp, "isRegistryUp");
      requireNonNull(breakerStates, "breakerStates");
    }
  }

  // A service may have several clients, and series must be unique. They share the list, so any of
  // them will do.

  private void instances(Metrics.Samples samples) {
    Map<String, Integer> most = new TreeMap<>();
    clients.forEach(
        client -> most.merge(client.service(), client.instances().getAsInt(), Math::max));
    most.forEach((service, count) -> samples.add(count, service));
  }

  private void registries(Metrics.Samples samples) {
    Map<String, Integer> least = new TreeMap<>();
    clients.forEach(
        client ->
            least.merge(client.service(), client.isRegistryUp().getAsBoolean() ? 1 : 0, Math::min));
    least.forEach((service, up) -> samples.add(up, service));
  }

  private void breakers(Metrics.Samples samples) {
    Set<List<String>> states = new LinkedHashSet<>();
    for (Client client : clients) {
      Map<String, String> byInstance = client.breakerStates().get();
      byInstance.forEach(
          (instance, state) -> states.add(List.of(client.service(), instance, state)));
    }
    states.forEach(labels -> samples.add(1, labels.toArray(String[]::new)));
  }
}
