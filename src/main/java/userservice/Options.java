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
import kit.cli.RateFlags;
import kit.cli.TracingFlags;
import kit.discovery.Instance;
import kit.registry.RegistryFlags;

/** What can be set from outside; each option is one flag. */
final class Options {
  // The JDK's server counts in whole seconds.
  private static final Flags.Type<Duration> WHOLE_SECONDS =
      Flags.DURATION.where(
          "of whole seconds, 1s or more",
          duration -> duration.toSeconds() >= 1 && duration.toNanosPart() == 0);

  private final Flags flags =
      new Flags(
          "java -jar user-service.jar",
          "Answers GET and DELETE /user/{uid}, and registers itself.",
          System.getenv());

  final Supplier<String> name = flags.required("name", Flags.TEXT, "service name");

  final Supplier<Integer> port =
      flags.required("port", 'p', Flags.PORT, "TCP port; 0 = any free one");

  final Supplier<String> bind =
      flags.optional("bind", HttpAddress.HOST, "127.0.0.1", "address that is bound");

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

  final AccessFlags access = new AccessFlags(flags);

  final Supplier<Integer> maxInFlight =
      flags.optional(
          "max-in-flight", Flags.integer(1, 1_000_000), "1024", "above it: 503 with Retry-After");

  final Supplier<Duration> requestTimeout =
      flags.optional(
          "request-timeout", WHOLE_SECONDS, "10s", "for a request to arrive, its body included");

  final Supplier<Duration> responseTimeout =
      flags.optional(
          "response-timeout", WHOLE_SECONDS, "60s", "from there to the end of its answer");

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

  final Supplier<Duration> drainDelay =
      flags.optional("drain-delay", Flags.DURATION, "1s", "pause after deregistration");

  final Supplier<Duration> drainTimeout =
      flags.optional("drain-timeout", Flags.DURATION, "10s", "longest wait for requests in flight");

  final Supplier<Logs> logs = Logs.flags(flags, "info");

  final Supplier<String> accessLog =
      flags.optional(
          "access-log", Flags.oneOf("off", "on"), "off", "a line for each request, on stderr");

  /** Reads them from the command line, the environment and the defaults, in this order. */
  Options(String... args) {
    flags.parse(args);
    registry.get(); // What is wrong with it is told at once.
    proxy.get().ifPresent(peers -> peers.refuse(name.get(), ownAddress()));
  }

  /** Returns {@code host:port}; port 0 is not known yet, and equal to that of no peer. */
  private String ownAddress() {
    return port.get() == 0 ? "" : Instance.of(bind.get(), port.get()).authority();
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
