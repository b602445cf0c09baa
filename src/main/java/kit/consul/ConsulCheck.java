// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Says how a Consul agent is to find out whether a service is well.
 *
 * <pre>{@code
 * ConsulCheck.http("web-1:up", "http://10.0.0.5:8081/health", Duration.ofSeconds(5))
 *     .withTimeout(Duration.ofSeconds(2))
 *     .withStatus(ConsulClient.Status.PASSING)
 *     .withDeregisterAfter(Duration.ofMinutes(10));
 * }</pre>
 *
 * <p>Which one? HTTP where the agent can reach the service. TTL where it cannot, behind NAT or in
 * another container network: the service then reports by itself, see {@link
 * ConsulRegistration.Heartbeat}. TCP for services that do not speak HTTP; it finds out only that
 * somebody accepts connections. gRPC is for services in other languages.
 *
 * <p>A check is critical until its first run, which comes at a random moment within the interval,
 * unless {@link #withStatus} says otherwise.
 *
 * <p>Immutable.
 *
 * @param definition the fields of Consul's check definition by name, {@code CheckID} among them:
 *     unique on the agent
 * @see <a href="https://developer.hashicorp.com/consul/api-docs/agent/check">Consul: checks</a>
 */
public record ConsulCheck(Map<String, String> definition) {
  private static final Duration SHORTEST = Duration.ofMillis(1); // The unit written.
  private static final Duration SHORTEST_UNTIL_REMOVED = Duration.ofMinutes(1); // Consul's bound.

  /** Checks that there is an id. */
  public ConsulCheck {
    definition = Map.copyOf(definition);
    if (definition.getOrDefault("CheckID", "").isBlank()) {
      throw new IllegalArgumentException("CheckID blank");
    }
  }

  /** Gets the URL: 2xx is passing, 429 warning, all else critical. */
  public static ConsulCheck http(String id, String url, Duration interval) {
    return every(interval, id, "HTTP", url);
  }

  /** Connects to {@code host:port}: passing if somebody accepts. */
  public static ConsulCheck tcp(String id, String address, Duration interval) {
    return every(interval, id, "TCP", address);
  }

  /** Asks {@code host:port} or {@code host:port/service}, by gRPC's health checking protocol. */
  public static ConsulCheck grpc(String id, String target, Duration interval) {
    return every(interval, id, "GRPC", target);
  }

  /** Waits for {@link ConsulClient#updateTtl}, whose status holds for this long. */
  public static ConsulCheck ttl(String id, Duration ttl) {
    return new ConsulCheck(Map.of("CheckID", id)).with("TTL", ttl, SHORTEST);
  }

  private static ConsulCheck every(Duration interval, String id, String kind, String target) {
    return new ConsulCheck(Map.of("CheckID", id, kind, target))
        .with("Interval", interval, SHORTEST);
  }

  /** Returns the id, which is unique on the agent. */
  public String id() {
    return definition.get("CheckID");
  }

  /** How long one run may take, 10 seconds if not set; best less than the interval. */
  public ConsulCheck withTimeout(Duration timeout) {
    return with("Timeout", timeout, SHORTEST);
  }

  /**
   * Removes a service that was critical for this long, at least 1 minute; Consul looks every 30
   * seconds. It is for those who died: far longer than any outage that one recovers from.
   */
  public ConsulCheck withDeregisterAfter(Duration span) {
    return with("DeregisterCriticalServiceAfter", span, SHORTEST_UNTIL_REMOVED);
  }

  /** The status until the first run. */
  public ConsulCheck withStatus(ConsulClient.Status status) {
    return with("Status", status.name().toLowerCase(Locale.ROOT));
  }

  /** Any other field that is a string, by Consul's name: Name, Notes, Method, Body. */
  public ConsulCheck with(String field, String value) {
    Map<String, String> fields = new TreeMap<>(definition);
    fields.put(field, requireNonNull(value, field));
    return new ConsulCheck(fields);
  }

  private ConsulCheck with(String field, Duration span, Duration min) {
    if (span.compareTo(min) < 0) {
      throw new IllegalArgumentException(field + " < " + min + ": " + span);
    }
    return with(field, ConsulClient.goDuration(span));
  }
}
