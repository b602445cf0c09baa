// SPDX-License-Identifier: Apache-2.0
package client.gateway;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.Node;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaking;
import kit.cli.HttpEngine;
import kit.client.ServiceClient;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.RouteMeta;
import kit.discovery.Services;
import kit.http.Response;
import kit.http.client.EachAddressClient;
import kit.http.proxy.ReverseProxy;
import kit.http.proxy.ReverseProxy.Forward;
import kit.metrics.Instrumenting;
import kit.tracing.Tracing;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The services that a gateway exposes, each with a watch of its instances and a client.
 *
 * <p>A service of the allow-list is exposed from the start. A service with the tag is added when it is
 * registered, and removed when it is no longer listed and has no instance: a registry that has lost its
 * data must not remove services that still run.
 *
 * <p>Thread-safe.
 */
final class GatewayServices implements AutoCloseable {
  /** The tag of services that are exposed by every gateway. */
  static final String TAG = "gateway";

  /**
   * Time limits of an upstream.
   *
   * @param attempt until the response head, of one instance, to a request without a body
   * @param whole for a request with all its attempts
   */
  record Limits(Duration attempt, Duration whole) {}

  private record Upstream(String name, Instances instances, ServiceClient<Forward, Response> chain)
      implements AutoCloseable {
    /** Waits for the first list of instances, but not for an instance to be registered. */
    Response call(Context context, Forward forward) throws Exception {
      if (instances.snapshot().isEmpty()) {
        instances.awaitFirst(FIRST_LIST_TIMEOUT);
        if (instances.snapshot().isEmpty()) {
          throw PeerException.noInstance(
              "no instance of " + name, instances.failure().orElse(null));
        }
      }
      return chain.call(context, forward);
    }

    @Override
    public void close() {
      chain.close();
      instances.close();
    }
  }

  private static final Logger log = LoggerFactory.getLogger(GatewayServices.class);

  private static final Duration FIRST_LIST_TIMEOUT = Duration.ofSeconds(2);

  private final Function<String, Instances> watch;
  private final ReverseProxy.Clients http;
  private final Function<Instance, URI> base;
  private final ReverseProxy.Settings settings;
  private final Limits limits;
  private final Tracing tracing;
  private final Instrumenting instrumenting;
  private final Map<String, Upstream> upstreams = new ConcurrentSkipListMap<>();
  private final AtomicInteger changes = new AtomicInteger(); // Of the registry, not processed yet.
  private volatile boolean closed;

  /**
   * Starts without services; {@code watch} opens a watch of a service's instances, and {@code http}
   * sends the requests to the {@code base} of an instance.
   */
  GatewayServices(
      Function<String, Instances> watch,
      ReverseProxy.Clients http,
      Function<Instance, URI> base,
      ReverseProxy.Settings settings,
      Limits limits,
      Tracing tracing,
      Instrumenting instrumenting) {
    this.watch = watch;
    this.http = http;
    this.base = base;
    this.settings = settings;
    this.limits = limits;
    this.tracing = tracing;
    this.instrumenting = instrumenting;
  }

  /** Adds an allow-list of services, which are never removed. */
  void add(List<String> names) {
    names.forEach(name -> upstreams.put(name, open(name)));
  }

  /** Exposes the services with the tag; the caller closes {@code services}, before this. */
  void follow(Services services) {
    services.onChange(() -> update(services));
    update(services);
  }

  /**
   * Synchronizes the upstreams with the registry. Whether a service is removed depends on the list of
   * services and on the list of its instances, so both watches call this, each on its own thread. The
   * first thread does the work, also for calls during it. No thread waits for another, because closing an
   * upstream waits for the end of its watch's thread.
   */
  private void update(Services services) {
    if (changes.getAndIncrement() > 0) {
      return;
    }
    int seen = 1;
    do {
      Set<String> listed = listed(services);
      listed.stream().filter(name -> !upstreams.containsKey(name)).forEach(it -> add(it, services));
      for (Upstream upstream : upstreams.values()) {
        if (!listed.contains(upstream.name()) && upstream.instances().snapshot().isEmpty()) {
          remove(upstream);
        }
      }
      seen = changes.addAndGet(-seen);
    } while (seen > 0);
  }

  private static Set<String> listed(Services services) {
    Set<String> listed = new TreeSet<>();
    services
        .snapshot()
        .forEach(
            (name, tags) -> {
              if (tags.contains(TAG)) {
                listed.add(name);
              }
            });
    return listed;
  }

  private void add(String name, Services services) {
    if (closed) {
      return;
    }
    try {
      Upstream upstream = open(name);
      upstreams.put(name, upstream);
      Instances instances = upstream.instances();
      instances.onChange(
          () -> {
            if (instances.snapshot().isEmpty()) {
              update(services);
            }
          });
      if (closed) { // By another thread, which may have missed this one.
        remove(upstream);
      }
    } catch (RuntimeException e) { // Other services are not affected.
      log.error("cannot forward to service {}: {}", LogSafe.of(name), LogSafe.of(e));
    }
  }

  private void remove(Upstream upstream) {
    if (upstreams.remove(upstream.name(), upstream)) {
      upstream.close();
    }
  }

  private Upstream open(String name) {
    Instances instances = watch.apply(name);
    LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
    ServiceClient.Settings<Forward, Response> chain =
        ServiceClient.Settings.<Forward, Response>defaults()
            .withIdempotent(Forward::isRepeatable)
            .withAttempts(3, limits.whole())
            .withPicker(nodes -> leastLoaded.pick(nodes, Node::inFlight))
            // Every response is forwarded, but those that show a failing instance open its breaker.
            .withBreaker(
                CircuitBreaking.settings()
                    .withClassifier(
                        (result, error) ->
                            result instanceof Response response
                                    && PeerException.isInstanceFailure(response.status())
                                ? Outcome.FAILURE
                                : CircuitBreaking.outcomeOf(result, error)))
            .withAroundAttempt(instance -> attempt(name, instance));
    return new Upstream(
        name,
        instances,
        new ServiceClient<>(
            name,
            instances,
            instance ->
                new ReverseProxy(http, base.apply(instance), settings).before(Tracing::inject),
            chain,
            instrumenting));
  }

  /** A timeout of its own, since the chain's timeout would apply to uploads, too. */
  private Middleware<Forward, Response> attempt(String name, Instance instance) {
    String span = "/" + name;
    return next -> {
      Endpoint<Forward, Response> traced =
          tracing
              .<Forward, Response>calls(
                  forward -> forward.request().method() + " " + span, instance.authority())
              .around(next);
      return (context, forward) ->
          traced.call(
              forward.request().hasBody() ? context : context.withTimeout(limits.attempt()),
              forward);
    };
  }

  /** Returns the client of a service; empty if the service is not exposed. */
  Optional<Endpoint<Forward, Response>> find(String name) {
    return Optional.ofNullable(upstreams.get(name)).map(upstream -> upstream::call);
  }

  /** Entry of {@code GET /} for a service: its instances and routes. */
  record Listing(List<String> instances, Set<String> routes) {}

  /** Returns all services by name. */
  Map<String, Listing> list() {
    Map<String, Listing> list = new TreeMap<>();
    upstreams.forEach((name, upstream) -> list.put(name, listing(upstream.instances().snapshot())));
    return list;
  }

  /** Returns the clients of an engine: that of {@code kit.engine} needs only one. */
  static ReverseProxy.Clients clients(HttpEngine engine, SSLContext tls) {
    if (engine == HttpEngine.KIT) {
      HttpClient only = engine.newClient(tls, ReverseProxy.CONNECT_TIMEOUT);
      return new ReverseProxy.Clients(only, only);
    }
    ReverseProxy.Clients clients = ReverseProxy.newClients(tls);
    return new ReverseProxy.Clients(
        EachAddressClient.over(clients.quick()), EachAddressClient.over(clients.streaming()));
  }

  private static Listing listing(List<Instance> instances) {
    Set<String> routes = new TreeSet<>();
    instances.forEach(instance -> routes.addAll(RouteMeta.routes(instance)));
    return new Listing(instances.stream().map(Instance::authority).sorted().toList(), routes);
  }

  /** Closes all services; in-flight requests are completed. */
  @Override
  public void close() {
    closed = true;
    upstreams.values().forEach(this::remove);
  }
}
