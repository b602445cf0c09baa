// SPDX-License-Identifier: Apache-2.0
package client.gateway;

import client.options.Options;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import kit.Endpoint;
import kit.Middleware;
import kit.Shutdown;
import kit.StatusException;
import kit.cli.CallTlsFlags;
import kit.cli.Flags;
import kit.cli.JwtFlags;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.RateFlags;
import kit.cli.ServerFlags;
import kit.cli.TracingFlags;
import kit.discovery.Services;
import kit.http.Json;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.proxy.ReverseProxy;
import kit.http.proxy.ReverseProxy.Forward;
import kit.http.server.HttpService;
import kit.http.server.ServerSettings;
import kit.metrics.Instrumenting;
import kit.metrics.JvmMetrics;
import kit.metrics.Metrics;
import kit.registry.RegistryFlags;
import org.slf4j.LoggerFactory;

/** HTTP gateway: proxies {@code /{service}/...} to an instance of that service. */
public final class Gateway {
  private static final String ALL = "all";

  private final Flags flags =
      new Flags(
          "java -jar client.jar gateway",
          "HTTP gateway: proxies /{service}/... to an instance of that service; GET / lists services.",
          Program.ENVIRONMENT_PREFIX,
          Program.environment());
  private final ServerFlags server = new ServerFlags(flags, "8080").declareEngine();
  private final Supplier<List<String>> names =
      flags
          .group("Services")
          .optional(
              "services",
              Flags.LIST,
              "userservice",
              "exposed services; all = those tagged " + GatewayServices.TAG);
  private final RateFlags rate = new RateFlags(flags);
  private final JwtFlags tokens = new JwtFlags(flags);

  {
    server.declareMaxInFlight().declareTls();
  }

  private final CallTlsFlags callTls = new CallTlsFlags(flags).declareScheme();

  private final Supplier<Duration> attemptTimeout =
      flags
          .group("Services")
          .optional("attempt-timeout", Options.POSITIVE, "10s", "time limit for a response head");
  private final RegistryFlags registry = new RegistryFlags(flags, System.getenv(), server::engine);
  private final Supplier<Duration> requestTimeout =
      flags
          .group("Server")
          .optional(
              "request-timeout",
              Options.POSITIVE.where("in whole seconds", time -> time.toNanosPart() == 0),
              "300s",
              "time limit for a request, and for a response");
  private final Supplier<Optional<List<String>>> trusted =
      flags
          .group("Security")
          .optional(
              "trusted-proxies",
              Flags.LIST.or("none"),
              "none",
              "IP addresses of proxies with trusted forwarding fields");
  private final TracingFlags tracing = new TracingFlags(flags, "0.1", server::engine);

  {
    server.declareDrain("delay between /ready = 503 and shutdown");
  }

  private final Supplier<Logs> logs = Logs.flags(flags, "info");

  {
    server.declareAccessLog();
  }

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    new Gateway(args).serve();
  }

  private Gateway(String... args) {
    flags.parse(args);
    registry.get(); // Reports a wrong registry before the port is taken.
  }

  private void serve() throws Exception {
    Logs out = logs.get();
    LoggerFactory.getLogger(Gateway.class).debug("settings: {}", flags.effective());
    callTls.check();
    ReverseProxy.Settings proxying =
        ReverseProxy.Settings.defaults()
            .withTrusted(trustedAddresses()::contains)
            .withScheme(server.tls().isPresent() ? "https" : "http")
            .withBodyTimeout(requestTimeout.get());
    Optional<JwtFlags.Tokens> needed = tokens.read();
    HttpService http =
        server.bind(out, new ServerSettings(requestTimeout.get(), requestTimeout.get()));
    Metrics metrics = new Metrics();
    Instrumenting instrumenting = new Instrumenting(metrics);
    instrumenting.serve(http);
    TracingFlags.Traces traces = tracing.open("gateway", http.address());
    traces.tracing().serve(http);
    traces.show(metrics);
    server.show(metrics);

    GatewayServices services =
        new GatewayServices(
            registry.get()::instances,
            GatewayServices.clients(server.engine(), callTls.context()),
            callTls::base,
            proxying,
            new GatewayServices.Limits(attemptTimeout.get(), requestTimeout.get()),
            traces.tracing(),
            instrumenting);
    AutoCloseable discovery = expose(services);

    Shutdown shutdown =
        server
            .shutdown(http, discovery)
            .step("close services", services)
            .step("stop following the TLS files of calls", callTls.follow())
            .step("close the registry", registry.get())
            .step("flush traces", traces);
    Middleware<Request, Response> guard =
        Middleware.chain(
            rate.limit(instrumenting), needed.map(JwtFlags.Tokens::guard).orElse(next -> next));
    server.serve(
        "gateway listening", http, handler(http, services, instrumenting, guard), shutdown);
    JvmMetrics.register(metrics, Gateway.class);
  }

  private Set<InetAddress> trustedAddresses() {
    Set<InetAddress> addresses = new HashSet<>();
    trusted.get().orElse(List.of()).forEach(address -> addresses.add(ipAddress(address)));
    return addresses;
  }

  /** Does no DNS lookup: the JDK parses text of these forms as an IP address. */
  private static InetAddress ipAddress(String text) {
    String number = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    boolean isIp =
        text.matches(number + "(\\." + number + "){3}")
            || text.indexOf(':') >= 0 && text.matches("[0-9A-Fa-f:.]+");
    try {
      if (isIp) {
        return InetAddress.getByName(text);
      }
    } catch (UnknownHostException e) {
      // Colons that are no IPv6 address.
    }
    throw new Flags.UsageException(
        "--trusted-proxies: not an IP address: \"" + Flags.shown(text) + "\"");
  }

  /** Adds the services; the result stops their discovery. */
  private AutoCloseable expose(GatewayServices services) {
    Set<String> wanted = new TreeSet<>(names.get());
    if (!wanted.equals(Set.of(ALL))) {
      services.add(List.copyOf(wanted));
      return () -> {};
    }
    Services all = registry.get().services();
    services.follow(all);
    return all;
  }

  private RoutingHandler handler(
      HttpService http,
      GatewayServices services,
      Instrumenting instrumenting,
      Middleware<Request, Response> guard) {
    return new RoutingHandler(
        new Router<Endpoint<Request, Response>>()
            .route("GET", "/health", http::health)
            .route("GET", "/ready", http::ready)
            .route("GET", "/metrics", instrumenting::page)
            .route("GET", "/", guard.around((context, request) -> list(services)))
            .routeAny(
                "/{service}/{path...}",
                guard.around(
                    (context, request) -> {
                      Endpoint<Forward, Response> service =
                          services
                              .find(request.variable("service"))
                              .orElseThrow(() -> new StatusException(404, "no such service"));
                      Forward forward = new Forward(request, target(request));
                      Response own = forward.ownResponse();
                      return own != null
                          ? own
                          : service.call(context.withTimeout(requestTimeout.get()), forward);
                    })));
  }

  private static Response list(GatewayServices services) {
    return Response.json(200, Json.write(services.list()));
  }

  /** Returns the raw request target without its first segment. */
  private static String target(Request request) {
    String path = request.target().rawPath();
    String query = request.target().rawQuery().map(raw -> "?" + raw).orElse("");
    return path.substring(path.indexOf('/', 1)) + query;
  }
}
