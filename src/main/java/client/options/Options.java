// SPDX-License-Identifier: Apache-2.0
package client.options;

import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.balancer.BalancedEndpoint;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.Node;
import kit.balancer.Picker;
import kit.balancer.RandomPicker;
import kit.cli.CallTlsFlags;
import kit.cli.Flags;
import kit.cli.HttpAddress;
import kit.cli.HttpEngine;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.TracingFlags;
import kit.client.ServiceClient;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import kit.discovery.Services;
import kit.http.RequestId;
import kit.registry.Registry;
import kit.registry.RegistryFlags;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The common flags of commands, and the client of the user service that they configure. */
public final class Options {
  /** A duration above 0. */
  public static final Flags.Type<Duration> POSITIVE =
      Flags.DURATION.where("above 0", duration -> !duration.isZero());

  private static final String OWN = "Command";

  private static final List<String> GROUPS =
      List.of(
          OWN, "Service", "Calls", "Registry", "Registries", "Security", "TLS", "Observability");

  private final Flags flags;
  private final Supplier<Registry> registry;
  private final Supplier<Duration> timeout;
  private final Supplier<HttpEngine> engine;
  private final Supplier<Logs> logs;

  // Null for a command without --service.
  private Supplier<String> service;
  private Supplier<Optional<List<String>>> tags;

  // Null for a command without calls.
  private Supplier<Optional<URI>> target;
  private CallTlsFlags tls;
  private TokenFlags token;
  private Supplier<String> picker;
  private Transport transport;
  private Supplier<Integer> attempts;
  private Supplier<Duration> attemptTimeout;
  private TracingFlags tracing;

  /** Declares the flags of all commands: registry, timeout and logs. */
  public Options(String command, String description) {
    this(command, description, "warn");
  }

  /** As above; {@code leastLevel} is the default of {@code --log-level}. */
  public Options(String command, String description, String leastLevel) {
    flags =
        new Flags(
            "java -jar client.jar " + command,
            description,
            Program.ENVIRONMENT_PREFIX,
            Program.environment());
    GROUPS.forEach(flags::group); // In the order of the help.
    registry = new RegistryFlags(flags, System.getenv(), this::engine);
    flags.group("Calls");
    timeout =
        flags.optional("timeout", POSITIVE, "2s", "deadline of a call, including all attempts");
    engine = HttpEngine.declare(flags, "HTTP client: jdk (the JDK's own), kit (faster)");
    logs = Logs.flags(flags, leastLevel);
  }

  /** Returns the flags, for a command to declare its own. */
  public Flags flags() {
    return flags.group(OWN);
  }

  /** Declares the flags that choose the instances of a service. */
  public Options forService() {
    flags.group("Service");
    service = flags.optional("service", Flags.TEXT, "userservice", "service name");
    tags =
        flags.optional("tags", Flags.LIST.or("any"), "any", "only instances with all these tags");
    return this;
  }

  /** Declares the flags of commands that call one instance. */
  public Options forTarget() {
    forService();
    target =
        flags.optional(
            "target",
            HttpAddress.TYPE_OF_CALLS.or("none"),
            "none",
            "call http[s]://host:port, without discovery");
    tls = new CallTlsFlags(flags).declareScheme();
    return this;
  }

  /** Declares the flags of commands that make calls. */
  public Options forCalls() {
    forTarget();
    token = new TokenFlags(flags, System::nanoTime);
    flags.group("Calls");
    picker =
        flags.optional(
            "picker",
            Flags.oneOf("NAME", "round-robin", "random", "least-loaded"),
            "round-robin",
            "balancing: round-robin, random, least-loaded");
    transport = new Transport(flags, token, tls, engine);
    attempts =
        flags.optional("attempts", Flags.integer(1, 100), "3", "maximum attempts per call, 1..100");
    attemptTimeout = flags.optional("attempt-timeout", POSITIVE, "1s", "timeout of one attempt");
    tracing = new TracingFlags(flags, "1", engine); // A call by hand is to be traced always.
    return this;
  }

  /** Parses the flags, and configures the logs. */
  public void parse(String... args) {
    flags.parse(args);
    registry.get(); // Reports a wrong registry at once.
    logs.get();
    log().debug("settings: {}", flags.effective());
    if (tls != null) {
      tls.check();
    }
    if (token != null) {
      token.check();
      transport.check();
    }
  }

  // No constant: the first logger that is created fixes the level of all.
  private static Logger log() {
    return LoggerFactory.getLogger(Options.class);
  }

  /** Returns a context for one call, with a request id that all its attempts share. */
  public Context newCall() {
    return Context.background().with(RequestId.KEY, RequestId.newId()).withTimeout(timeout.get());
  }

  /** Returns the engine of calls. */
  public HttpEngine engine() {
    return engine.get();
  }

  /** Returns the deadline of a call, all attempts included. */
  public Duration timeout() {
    return timeout.get();
  }

  /** Returns the server to call without discovery, if it is given. */
  public Optional<Instance> target() {
    return target.get().map(HttpAddress::instance);
  }

  /** Returns the flags of calls over TLS. */
  public CallTlsFlags tls() {
    return tls;
  }

  /** Returns the service name. */
  public String service() {
    return service.get();
  }

  /** Returns the registry. */
  public Registry registry() {
    return registry.get();
  }

  /** Returns the name under which the service is registered for the transport of the calls. */
  public String registered() {
    return transport == null ? service.get() : transport.registered(service.get());
  }

  /** Watches the instances of the service; the caller closes the result. */
  public Instances instances() {
    return registry.get().instances(registered(), tags.get().orElse(List.of()));
  }

  /** As above, without the grace period of an empty list; see {@link Registry#rawInstances}. */
  public Instances rawInstances() {
    return registry.get().rawInstances(registered(), tags.get().orElse(List.of()));
  }

  /**
   * Returns the current instances of the service.
   *
   * @throws Program.FailedException if the registry does not respond within {@code --timeout}
   */
  public List<Instance> currentInstances() throws InterruptedException {
    try (Instances instances = instances()) {
      if (!instances.awaitFirst(timeout())) {
        throw noAnswer(instances.failure());
      }
      return instances.snapshot();
    }
  }

  /** Returns the exception that ends a command with status 1 because the registry is down. */
  public static Program.FailedException noAnswer(Optional<Exception> failure) {
    String why = failure.map(e -> ": " + OutageLog.cause(e)).orElse("");
    return new Program.FailedException("the registry does not respond" + why, failure.orElse(null));
  }

  /** Watches the list of services; the caller closes the result. */
  public Services services() {
    return registry.get().services();
  }

  /** Returns a client of the user service; the caller closes the result. */
  public Users users() {
    return users(instance -> next -> next);
  }

  /** As above; {@code aroundAttempt} goes around each attempt at an instance. */
  public Users users(Function<Instance, Middleware<UserCall, String>> aroundAttempt) {
    CallTraces traces = traces();
    Function<Instance, Middleware<UserCall, String>> around =
        instance ->
            Middleware.chain(
                traces.attempts(instance, transport::route), aroundAttempt.apply(instance));
    AutoCloseable following = tls.follow();
    if (target().isPresent()) {
      Instance instance = target().get();
      Endpoint<UserCall, String> only = transport.connector().apply(instance);
      return new Users(
          Middleware.chain(traces.calls(), around.apply(instance)).around(only),
          () -> {
            close(only);
            close(following);
            traces.close();
          });
    }
    Instances instances = instances();
    ServiceClient<UserCall, String> chain =
        new ServiceClient<>(
            registered(),
            instances,
            transport.connector(),
            ServiceClient.Settings.<UserCall, String>defaults()
                // DELETE is idempotent, too.
                .withIdempotent(call -> true)
                .withAttempts(attempts.get(), attemptTimeout.get())
                .withPicker(picker())
                .withAroundCall(traces.calls())
                .withAroundAttempt(around));
    return new Users(
        chain,
        () -> {
          chain.close();
          instances.close();
          close(following);
          traces.close();
        });
  }

  /** Opens tracing, if {@code --zipkin} is given; the caller closes the result. */
  public CallTraces traces() {
    return CallTraces.open(tracing);
  }

  /** Returns a function to a client of one instance; the caller closes each result. */
  public Function<Instance, Users> clients(CallTraces traces) {
    Function<Instance, Endpoint<UserCall, String>> connector = transport.connector();
    return instance -> {
      Endpoint<UserCall, String> endpoint = connector.apply(instance);
      return new Users(
          Middleware.chain(traces.calls(), traces.attempts(instance, transport::route))
              .around(endpoint),
          () -> close(endpoint));
    };
  }

  private static void close(Object it) {
    if (it instanceof AutoCloseable closeable) {
      try {
        closeable.close();
      } catch (Exception e) {
        log().debug("closing failed: {}", LogSafe.of(e));
      }
    }
  }

  private Picker<Node<UserCall, String>> picker() {
    return switch (picker.get()) {
      case "random" -> new RandomPicker()::pick;
      case "least-loaded" -> {
        LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
        yield nodes -> leastLoaded.pick(nodes, Node::inFlight);
      }
      default -> BalancedEndpoint.roundRobin();
    };
  }

  /** Client of the user service, to be closed after use. */
  public record Users(Endpoint<UserCall, String> endpoint, Runnable cleanUp)
      implements AutoCloseable {
    /** Makes a call, and logs its request id, which the logs of the service contain, too. */
    public String call(Context context, UserCall call) throws Exception {
      log().debug("{} is request {}", call, context.get(RequestId.KEY));
      return endpoint.call(context, call);
    }

    @Override
    public void close() {
      cleanUp.run();
    }
  }
}
