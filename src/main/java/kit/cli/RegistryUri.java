// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;

/**
 * Chooses a registry by its address, so that programs need not know which one there is.
 *
 * <pre>
 *   consul://127.0.0.1:8500              a Consul agent
 *   static:127.0.0.1:8081,127.0.0.1:8082 a fixed list; nobody can register
 *   none                                 no registry at all
 * </pre>
 *
 * <p>Immutable.
 */
public final class RegistryUri {
  /** What the flag {@code --registry} takes. */
  public static final Flags.Type<RegistryUri> TYPE =
      new Flags.Type<>(
          "URI", "consul://host:port, static:host:port,... or none", RegistryUri::parse);

  private static final String CONSUL = "consul://";
  private static final String STATIC = "static:";
  private static final String NONE = "none";
  private static final String DEFAULT = CONSUL + "127.0.0.1:8500";
  private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(5); // At most the interval.

  private final String uri;
  private final URI consul; // Null unless it is Consul.
  private final List<Instance> fixed; // Null unless it is a list.

  private RegistryUri(String uri, URI consul, List<Instance> fixed) {
    this.uri = uri;
    this.consul = consul;
    this.fixed = fixed;
  }

  /**
   * Reads an address.
   *
   * @throws IllegalArgumentException if it is none of the known forms
   */
  public static RegistryUri parse(String uri) {
    if (uri.equals(NONE)) {
      return new RegistryUri(uri, null, null);
    }
    if (uri.startsWith(STATIC)) {
      List<Instance> instances = new ArrayList<>();
      for (String authority : uri.substring(STATIC.length()).split(",", -1)) {
        instances.add(Instance.parse(authority.strip()));
      }
      return new RegistryUri(uri, null, instances);
    }
    if (uri.startsWith(CONSUL)) {
      Instance agent = Instance.parse(uri.substring(CONSUL.length()));
      return new RegistryUri(uri, URI.create("http://" + agent.authority()), null);
    }
    throw new IllegalArgumentException("unknown registry: " + uri);
  }

  /**
   * Returns the address to use when nobody gives one: what {@code CONSUL_HTTP_ADDR} says, the variable
   * of Consul's own tools ({@code host:port} or {@code http://host:port}), else an agent on this
   * machine.
   */
  public static String byDefault(Map<String, String> environment) {
    String address = environment.get("CONSUL_HTTP_ADDR");
    if (address == null || address.isBlank()) {
      return DEFAULT;
    }
    return CONSUL + address.strip().replaceFirst("^http://", "").replaceFirst("/+$", "");
  }

  /**
   * Watches the instances of {@code service}; the caller closes the result.
   *
   * @throws Flags.UsageException if this is no registry
   */
  public Instances instances(String service) {
    if (consul != null) {
      return new ConsulInstances(new ConsulClient(consul, null), service);
    }
    if (fixed != null) {
      return Instances.fixed(fixed);
    }
    throw new Flags.UsageException("--registry: nobody can be found with none");
  }

  /**
   * Prepares the registration of an instance; the caller starts and closes it.
   *
   * @throws Flags.UsageException if nobody can register here
   */
  public Registration registration(Offer offer) {
    if (consul != null) {
      return Registration.deferred(() -> consulRegistration(offer));
    }
    if (fixed != null) {
      throw new Flags.UsageException("--registry: nobody can register with a fixed list: " + uri);
    }
    return Registration.none();
  }

  private Registration consulRegistration(Offer offer) {
    Instance instance = offer.instance();
    String id = offer.name() + "-" + instance.host().replace(':', '.') + "-" + instance.port();
    Duration timeout =
        offer.checkInterval().compareTo(CHECK_TIMEOUT) < 0 ? offer.checkInterval() : CHECK_TIMEOUT;
    ConsulClient.Check check =
        ConsulClient.Check.http(
                "service:" + id,
                "http://" + instance.authority() + offer.healthPath(),
                offer.checkInterval())
            .withTimeout(timeout)
            .withDeregisterAfter(offer.deregisterAfter())
            // True, because it is registered when it has answered itself. Consul's default would
            // keep
            // callers away until the first check.
            .withStatus(ConsulClient.Status.PASSING);
    ConsulClient.Service service =
        new ConsulClient.Service(
            id, offer.name(), instance.host(), instance.port(), instance.tags(), instance.meta());
    return new ConsulRegistration(new ConsulClient(consul, null), service, List.of(check));
  }

  /**
   * Returns the address of this machine that leads to the registry, for a server that is bound to all
   * of them. No packet is sent.
   */
  public String localAddress() throws IOException {
    InetAddress target =
        consul == null
            ? InetAddress.getLoopbackAddress()
            : InetAddress.getByName(Instance.parse(consul.getAuthority()).host());
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(target, consul == null ? 1 : consul.getPort()));
      return socket.getLocalAddress().getHostAddress();
    }
  }

  @Override
  public String toString() {
    return uri;
  }

  /**
   * What an instance tells the registry.
   *
   * @param name the name of the service
   * @param instance where it is reached, and its tags
   * @param healthPath what a health check asks it for, such as {@code /health}
   * @param checkInterval from one health check to the next
   * @param deregisterAfter how long it may be unhealthy before it is removed, at least 1 minute
   */
  public record Offer(
      String name,
      Instance instance,
      String healthPath,
      Duration checkInterval,
      Duration deregisterAfter) {
    /** Checks that nothing is missing. */
    public Offer {
      requireNonNull(name, "name");
      requireNonNull(instance, "instance");
      requireNonNull(healthPath, "healthPath");
      requireNonNull(checkInterval, "checkInterval");
      requireNonNull(deregisterAfter, "deregisterAfter");
    }
  }
}
