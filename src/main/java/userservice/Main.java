// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import kit.Endpoint;
import kit.Middleware;
import kit.Shutdown;
import kit.cli.Flags;
import kit.cli.GrpcServer;
import kit.cli.HttpClientProperties;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.TracingFlags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Registration;
import kit.discovery.RouteMeta;
import kit.http.Json;
import kit.http.Request;
import kit.http.Response;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.JvmMetrics;
import kit.metrics.Metrics;
import kit.registry.AdvertisedAddress;
import kit.registry.Registry;
import kit.thrift.ThriftServer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts the user service: all the wiring, one block per concern, top to bottom. */
public final class Main {
  private Main() {}

  /** Serves until a signal ends it. */
  public static void main(String... args) {
    HttpClientProperties.set();
    Program.ahead("prepare-json", Json::prepare); // Slow, and needed by the first request.
    Program.run(() -> serve(new Options(args)));
  }

  private static void serve(Options options) throws IOException {
    // Logs and settings.
    Logs logs = options.logs.get();
    Logger log = LoggerFactory.getLogger(Main.class); // Not before logs are set up.
    log.info("settings: {}", options);
    List<String> withoutEffect = options.registry.withoutEffect();
    if (!withoutEffect.isEmpty()) {
      String flags = String.join(", ", withoutEffect);
      log.warn("ignored, not supported by registry {}: {}", options.registry.get(), flags);
    }
    warnOfShortDrain(options, log);

    // Keys and passwords: a file that cannot be used ends the start before the port is bound.
    Optional<Access> access = options.access.get();
    if (access.isPresent() && options.thrift.isOn()) {
      throw new Flags.UsageException("--thrift-port: Thrift has no place for access tokens");
    }
    options.callTls.check();
    if (options.server.tls().isPresent() && options.thrift.isOn()) {
      throw new Flags.UsageException("--thrift-port: Thrift is not served over TLS");
    }

    // Registry client: prepared in the background while the rest starts.
    options.registry.get().prepare();

    // Server: bound first, because the address and the service need the port.
    GrpcServer grpc = GrpcServer.of(options.grpc, options.server);
    HttpService http = options.server.bind(logs, grpc.sharedProtocols());
    grpc.bind(http, logs);

    // Tracing: traceparent is always propagated; sampled spans are sent to Zipkin.
    AdvertisedAddress advertised = advertised(options);
    TracingFlags.Traces traces =
        options.tracing.open(options.name.get(), reported(advertised, http.port()));
    traces.tracing().serve(http);
    grpc.service().ifPresent(traces.tracing()::serve);

    // Metrics.
    Metrics metrics = new Metrics();
    Instrumenting instrumenting = new Instrumenting(metrics);
    instrumenting.serve(http);
    grpc.service().ifPresent(instrumenting::serveGrpc);
    traces.show(metrics);
    options.server.show(metrics);

    // Service: the business logic and its middleware.
    UserService local = new InMemoryUserService(Integer.toString(http.port()));
    UserService proxied =
        options
            .proxy
            .get()
            .map(
                peers ->
                    peers.getName(
                        options.registry.get(),
                        options.callTls.newClient(options.server.engine()),
                        options.callTls::base,
                        traces.tracing(),
                        instrumenting))
            .<UserService>map(getName -> new ProxyingUserService(local, getName))
            .orElse(local);
    UserService logged =
        log.isDebugEnabled() ? new LoggingUserService(proxied, logs.events("users")) : proxied;
    UserService users = new InstrumentingUserService(logged, metrics);

    // Guard of the routes: rate limit, then token, then fault injection if asked for.
    Middleware<Request, Response> limit = options.rate.limit(instrumenting);
    Middleware<Request, Response> token = access.map(Access::guard).orElse(next -> next);
    Middleware<Request, Response> faults =
        FaultInjecting.around(
            options.failRatio.get(),
            options.delay.get(),
            () -> ThreadLocalRandom.current().nextDouble());
    Middleware<Request, Response> guard = Middleware.chain(limit, token, faults);

    // Routes.
    Optional<Endpoint<Request, Response>> accessToken =
        access.flatMap(it -> it.accessToken(instrumenting)).map(limit::around);
    RoutingHandler handler =
        UserRoutes.handler(
            users, http::health, http::ready, instrumenting::page, accessToken, guard);

    grpc.serve(UserMethods.of(users, http::isReady, guard));

    ThriftServer thrift = ThriftMethods.server(users, Middleware.chain(limit, faults));
    Optional<Integer> thriftPort = options.thrift.serve(options.server, http, thrift);

    // Registration: one service, and one more for each port of gRPC and Thrift.
    List<Registration> offers = new ArrayList<>();
    offers.add(options.registry.get().registration(offer(options, advertised, http, handler)));
    grpc.ownPort()
        .map(port -> offerGrpc(options, advertised, http, port))
        .map(options.registry.get()::registration)
        .ifPresent(offers::add);
    thriftPort
        .map(port -> offerThrift(options, advertised, http, port))
        .map(options.registry.get()::registration)
        .ifPresent(offers::add);
    Registration registration = Registration.all(offers);

    if (!options.registry.get().isNone()) { // With "none", 0 would look like an outage.
      metrics.polledGauge(
          "registration_up",
          "Whether this instance is registered.",
          samples -> samples.add(registration.isRegistered() ? 1 : 0));
    }

    // Graceful shutdown: deregister, drain, stop serving, flush.
    Shutdown shutdown =
        options
            .server
            .shutdown(http, registration)
            .step("flush traces", traces)
            .step("stop following the TLS files of calls", options.callTls.follow())
            .step("close the registry", options.registry.get());

    // Start, in the opposite order: serve, then register.
    options.server.serve("listening", http, handler, shutdown);
    registration.start();
    JvmMetrics.register(metrics, Main.class); // Last, because it is not urgent.
  }

  private static void warnOfShortDrain(Options options, Logger log) {
    Registry registry = options.registry.get();
    Duration least = registry.recommendedDrainDelay().orElse(Duration.ZERO);
    if (options.server.drainDelay().compareTo(least) < 0) {
      log.warn(
          "--drain-delay below {}s: clients may call this instance for that long after its"
              + " deregistration, because lists of {} are cached",
          least.toSeconds(),
          registry);
    }
  }

  private static AdvertisedAddress advertised(Options options) throws IOException {
    Optional<String> host = options.advertise.get();
    return host.isPresent()
        ? new AdvertisedAddress(host.get(), false, "--advertise")
        : AdvertisedAddress.choose(options.server.host(), options.registry.get());
  }

  /** Returns the address for spans; null if the registry chooses it. */
  private static InetSocketAddress reported(AdvertisedAddress address, int port) {
    return address.useAgentAddress()
        ? null
        : InetSocketAddress.createUnresolved(address.host(), port);
  }

  private static InstanceRegistration offer(
      Options options, AdvertisedAddress address, HttpService http, RoutingHandler handler) {
    LoggerFactory.getLogger(Main.class).info("advertised address: {}", address);
    // Without the routes for monitoring.
    List<String> routes = new ArrayList<>(handler.routes());
    routes.removeIf(route -> route.matches("GET /(health|ready|metrics)"));
    boolean byGrpc = options.check.get().equals("grpc") && options.grpc.isShared();
    return offer(
        options,
        options.name.get(),
        new Instance(address.host(), http.port(), options.tags.get(), meta(http, routes)),
        check(options, http, byGrpc ? new HealthCheck.Grpc("") : new HealthCheck.Http("/health")),
        address);
  }

  private static InstanceRegistration offerGrpc(
      Options options, AdvertisedAddress address, HttpService http, int port) {
    return offer(
        options,
        options.name.get() + "-grpc",
        new Instance(address.host(), port, options.tags.get(), meta(http, List.of())),
        check(options, http, new HealthCheck.Grpc("")),
        address);
  }

  private static InstanceRegistration offerThrift(
      Options options, AdvertisedAddress address, HttpService http, int port) {
    return offer(
        options,
        options.name.get() + "-thrift",
        new Instance(address.host(), port, options.tags.get(), Map.of()),
        check(options, http, new HealthCheck.Tcp()),
        address);
  }

  /** Returns the metadata of an instance: the scheme if it is not http, and the routes. */
  private static Map<String, String> meta(HttpService http, List<String> routes) {
    Map<String, String> meta = new TreeMap<>(RouteMeta.of(routes));
    if (!http.scheme().equals("http")) {
      meta.put(Instance.SCHEME, http.scheme());
    }
    return meta;
  }

  private static HealthCheck check(Options options, HttpService http, HealthCheck polled) {
    return options.check.get().equals("ttl")
        ? new HealthCheck.SelfReported(() -> http.selfCheck("/health"))
        : polled;
  }

  private static InstanceRegistration offer(
      Options options,
      String name,
      Instance instance,
      HealthCheck check,
      AdvertisedAddress address) {
    return new InstanceRegistration(
        name,
        instance,
        check,
        options.checkInterval.get(),
        options.deregisterAfter.get(),
        address.useAgentAddress());
  }
}
