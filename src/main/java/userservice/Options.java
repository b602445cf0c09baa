// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import kit.cli.CallTlsFlags;
import kit.cli.Flags;
import kit.cli.GrpcFlags;
import kit.cli.HttpAddress;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.RateFlags;
import kit.cli.ServerFlags;
import kit.cli.ThriftFlags;
import kit.cli.TracingFlags;
import kit.discovery.Instance;
import kit.registry.RegistryFlags;

/** The settings of the user service; each is one flag. */
final class Options {
  private final Flags flags =
      new Flags(
          "java -jar user-service.jar",
          "Serves GET and DELETE /user/{uid}, and registers itself with a service registry.",
          Program.ENVIRONMENT_PREFIX,
          Program.environment());

  final Supplier<String> name = flags.group("Service").required("name", Flags.TEXT, "service name");

  final ServerFlags server = new ServerFlags(flags).declareEngine();

  final GrpcFlags grpc = new GrpcFlags(flags);

  final ThriftFlags thrift = new ThriftFlags(flags);

  final RegistryFlags registry = new RegistryFlags(flags, System.getenv(), server::engine);

  final Supplier<Optional<String>> advertise =
      flags
          .group("Registry")
          .optional(
              "advertise",
              HttpAddress.HOST.where("(not 0.0.0.0 or ::)", host -> !isWildcard(host)).or("auto"),
              "auto",
              "address to register; unset = bound or routed address");

  final Supplier<List<String>> tags =
      flags.optional("tags", Flags.LIST, "primary", "tags of the instance");

  final Supplier<String> check =
      flags.optional(
          "check",
          Flags.oneOf("TYPE", "http", "ttl", "grpc"),
          "http",
          "health check: http, grpc (polled), ttl (heartbeat)");

  final Supplier<Duration> checkInterval =
      flags.optional(
          "check-interval", atLeast("1s", Duration.ofSeconds(1)), "5s", "health check interval");

  final Supplier<Duration> deregisterAfter =
      flags.optional(
          "deregister-after",
          atLeast("1m", Duration.ofMinutes(1)), // Consul's minimum.
          "1m",
          "deregister after critical for this long");

  final RateFlags rate = new RateFlags(flags);

  final Supplier<Optional<Access>> access = Access.flags(flags);

  {
    server.declareMaxInFlight().declareTimeouts().declareTls();
  }

  final CallTlsFlags callTls = new CallTlsFlags(flags).declareScheme();

  final Supplier<Double> failRatio =
      flags
          .group("Fault injection")
          .optional("fail-ratio", Flags.RATIO, "0", "fraction of requests to fail, 0..1");

  final Supplier<FaultInjecting.Delay> delay =
      flags.optional(
          "delay",
          new Flags.Type<>("RANGE", "a duration or a range (200ms, 0s..3s)", Options::delay),
          "0s",
          "added latency: 200ms, or a range 0s..3s");

  final Supplier<Optional<Peers>> proxy =
      flags
          .group("Service")
          .optional(
              "proxy",
              Peers.TYPE.or("none"),
              "none",
              "forward getName to host:port,... or consul:NAME");

  final TracingFlags tracing = new TracingFlags(flags, "0.1", server::engine);

  {
    server.declareDrain("delay between deregistration and shutdown");
  }

  final Supplier<Logs> logs = Logs.flags(flags, "info");

  {
    server.declareAccessLog();
  }

  /** Parses the command line and the environment. */
  Options(String... args) {
    flags.parse(args);
    grpc.check(server);
    thrift.check(server, grpc);
    if (check.get().equals("grpc") && !grpc.isOn()) {
      throw new Flags.UsageException("--check grpc: needs --grpc-port or --grpc");
    }
    registry.get(); // Reports a wrong registry at once.
    proxy.get().ifPresent(peers -> peers.refuse(name.get(), ownAddress()));
  }

  /** Returns {@code host:port}; empty for port 0, which no peer has. */
  private String ownAddress() {
    return server.port() == 0 ? "" : Instance.of(server.host(), server.port()).authority();
  }

  /** Does no DNS lookup: an accepted host of this form is an IP address. */
  private static boolean isWildcard(String host) {
    try {
      boolean isAddress = host.contains(":") || host.matches("[0-9.]+");
      return isAddress && InetAddress.getByName(host).isAnyLocalAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private static Flags.Type<Duration> atLeast(String text, Duration least) {
    Predicate<Duration> isWithin = duration -> duration.compareTo(least) >= 0;
    return Flags.DURATION.where("of " + text + " or more", isWithin);
  }

  private static FaultInjecting.Delay delay(String text) {
    String[] ends = text.split("\\.\\.", 2);
    Duration min = Flags.DURATION.parser().apply(ends[0]);
    return new FaultInjecting.Delay(
        min, ends.length == 1 ? min : Flags.DURATION.parser().apply(ends[1]));
  }

  /** Returns the settings in effect, in one line. */
  @Override
  public String toString() {
    return flags.effective();
  }
}
