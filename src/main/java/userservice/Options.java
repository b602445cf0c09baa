// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import kit.cli.Flags;
import kit.cli.HttpAddress;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.RateFlags;
import kit.cli.ServerFlags;
import kit.cli.TracingFlags;
import kit.discovery.Instance;
import kit.registry.RegistryFlags;

/** What can be set from outside; each option is one flag. */
final class Options {
  private final Flags flags =
      new Flags(
          "java -jar user-service.jar",
          "Answers GET and DELETE /user/{uid}, and registers itself.",
          Program.ENVIRONMENT_PREFIX,
          System.getenv());

  final Supplier<String> name = flags.required("name", Flags.TEXT, "service name");

  final ServerFlags server = new ServerFlags(flags);

  final Supplier<Optional<String>> advertise =
      flags.optional(
          "advertise",
          HttpAddress.HOST.where("(not 0.0.0.0 or ::)", host -> !isWildcard(host)).or("auto"),
          "auto",
          "where others call us");

  final RegistryFlags registry =
      new RegistryFlags(
          flags,
          System.getenv(),
          "consul[+https]://host:port, etcd[+https]://host:port,... or none");

  final Supplier<List<String>> tags =
      flags.optional("tags", Flags.LIST, "primary", "labels in Consul");

  final Supplier<String> check =
      flags.optional(
          "check", Flags.oneOf("http", "ttl"), "http", "Consul asks for /health, or we report it");

  final Supplier<Duration> checkInterval =
      flags.optional(
          "check-interval",
          atLeast("1s", Duration.ofSeconds(1)),
          "5s",
          "from check to check by Consul");

  final Supplier<Duration> deregisterAfter =
      flags.optional(
          "deregister-after",
          atLeast("1m", Duration.ofMinutes(1)), // Consul's minimum.
          "1m",
          "how long unhealthy until Consul removes us");

  final RateFlags rate = new RateFlags(flags);

  final Supplier<Optional<Access>> access = Access.flags(flags);

  {
    server.declareMaxInFlight().declareTimeouts();
  }

  final Supplier<Double> failRatio =
      flags.optional(
          "fail-ratio", Flags.RATIO, "0", "share of calls that fail, to try out callers");

  final Supplier<FaultInjecting.Delay> delay =
      flags.optional(
          "delay",
          new Flags.Type<>("RANGE", "a duration or a range (200ms, 0s..3s)", Options::delay),
          "0s",
          "of each call, to try out callers");

  final Supplier<Optional<Peers>> proxy =
      flags.optional("proxy", Peers.TYPE.or("none"), "none", "who answers getName instead");

  final TracingFlags tracing = new TracingFlags(flags, "0.1");

  {
    server.declareDrain("pause after deregistration");
  }

  final Supplier<Logs> logs = Logs.flags(flags, "info");

  {
    server.declareAccessLog();
  }

  /** Reads them from the command line, the environment and the defaults, in this order. */
  Options(String... args) {
    flags.parse(args);
    registry.get(); // What is wrong with it is told at once.
    proxy.get().ifPresent(peers -> peers.refuse(name.get(), ownAddress()));
  }

  /** Returns {@code host:port}; port 0 is not known yet, and equal to that of no peer. */
  private String ownAddress() {
    return server.port() == 0 ? "" : Instance.of(server.host(), server.port()).authority();
  }

  /** Looks up no name: of a host that has been accepted, these are IP addresses only. */
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

  /** All of them in one line. */
  @Override
  public String toString() {
    return flags.effective();
  }
}
