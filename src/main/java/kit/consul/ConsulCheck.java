// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Definition of a Consul health check: HTTP, TCP, gRPC or TTL.
 *
 * <pre>{@code
 * ConsulCheck.http("web-1:up", "http://10.0.0.5:8081/health", Duration.ofSeconds(5))
 *     .withTimeout(Duration.ofSeconds(2))
 *     .withStatus(ConsulClient.Status.PASSING)
 *     .withDeregisterAfter(Duration.ofMinutes(10));
 * }</pre>
 *
 * <p>Use HTTP where the agent can reach the service. Use TTL where it cannot, behind NAT or in
 * another container network: the service then reports its own health, see {@link
 * ConsulRegistration.Heartbeat}. Use TCP for services without HTTP; it only checks that the port
 * accepts connections. gRPC is for services in other languages.
 *
 * <p>Unless {@link #withStatus} is set, a check is critical until its first run, at a random time
 * within the interval.
 *
 * <p>Immutable.
 *
 * @param definition the fields of Consul's check definition by name, text or {@code Boolean}; {@code
 *     CheckID} among them, unique on the agent
 * @see <a href="https://developer.hashicorp.com/consul/api-docs/agent/check">Consul: checks</a>
 */
public record ConsulCheck(Map<String, ?> definition) {
  private static final Duration SHORTEST = Duration.ofMillis(1); // The unit written.
  private static final Duration SHORTEST_UNTIL_REMOVED = Duration.ofMinutes(1); // Consul's bound.

  /** Checks that there is an id. */
  public ConsulCheck {
    definition = Map.copyOf(definition);
    if (!(definition.get("CheckID") instanceof String id) || id.isBlank()) {
      throw new IllegalArgumentException("CheckID blank");
    }
  }

  /** Returns an HTTP check: GET of {@code url}; 2xx is passing, 429 warning, all else critical. */
  public static ConsulCheck http(String id, String url, Duration interval) {
    return every(interval, id, "HTTP", url);
  }

  /** Returns a TCP check: passing if {@code host:port} accepts a connection. */
  public static ConsulCheck tcp(String id, String address, Duration interval) {
    return every(interval, id, "TCP", address);
  }

  /**
   * Returns a gRPC check of {@code host:port} or {@code host:port/service}, by gRPC's health
   * checking protocol.
   */
  public static ConsulCheck grpc(String id, String target, Duration interval) {
    return every(interval, id, "GRPC", target);
  }

  /** Returns a TTL check, which expects {@link ConsulClient#updateTtl} within every {@code ttl}. */
  public static ConsulCheck ttl(String id, Duration ttl) {
    return new ConsulCheck(Map.of("CheckID", id)).with("TTL", ttl, SHORTEST);
  }

  private static ConsulCheck every(Duration interval, String id, String kind, String target) {
    return new ConsulCheck(Map.of("CheckID", id, kind, target))
        .with("Interval", interval, SHORTEST);
  }

  /** Returns the id, which is unique on the agent. */
  public String id() {
    return (String) definition.get("CheckID");
  }

  /**
   * Returns this check with a timeout for one run, less than the interval; Consul's default is 10
   * seconds.
   */
  public ConsulCheck withTimeout(Duration timeout) {
    return with("Timeout", timeout, SHORTEST);
  }

  /**
   * Returns this check with automatic deregistration of a service that was critical for {@code
   * span}, at least 1 minute; Consul checks every 30 seconds. Choose it far longer than any outage
   * from which an instance recovers.
   */
  public ConsulCheck withDeregisterAfter(Duration span) {
    return with("DeregisterCriticalServiceAfter", span, SHORTEST_UNTIL_REMOVED);
  }

  /** Returns this check with a status until its first run. */
  public ConsulCheck withStatus(ConsulClient.Status status) {
    return with("Status", status.name().toLowerCase(Locale.ROOT));
  }

  /**
   * Returns this gRPC check over TLS. The agent must trust the server's certificate, see Consul's {@code
   * enable_agent_tls_for_checks}.
   */
  public ConsulCheck withGrpcTls() {
    return withField("GRPCUseTLS", true);
  }

  /**
   * Returns this check with another field of type string, by Consul's name: Name, Notes, Method,
   * Body.
   */
  public ConsulCheck with(String field, String value) {
    return withField(field, requireNonNull(value, field));
  }

  private ConsulCheck withField(String field, Object value) {
    Map<String, Object> fields = new TreeMap<>(definition);
    fields.put(field, value);
    return new ConsulCheck(fields);
  }

  private ConsulCheck with(String field, Duration span, Duration min) {
    if (span.compareTo(min) < 0) {
      throw new IllegalArgumentException(field + " < " + min + ": " + span);
    }
    return with(field, ConsulClient.goDuration(span));
  }
}
