// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
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
  private static final String STATIC = "static:";
  private static final String NONE = "none";

  private final String uri;
  private final Registry registry;

  private RegistryUri(String uri, Registry registry) {
    this.uri = uri;
    this.registry = registry;
  }

  /** What the flag {@code --registry} takes; secrets may stand in the environment. */
  public static Flags.Type<RegistryUri> type(Map<String, String> environment) {
    return new Flags.Type<>(
        "URI", "consul://host:port, static:host:port,... or none", uri -> parse(uri, environment));
  }

  /**
   * Reads an address.
   *
   * @throws IllegalArgumentException if it is none of the known forms
   */
  public static RegistryUri parse(String uri, Map<String, String> environment) {
    if (uri.equals(NONE)) {
      return new RegistryUri(uri, new NoRegistry());
    }
    if (uri.startsWith(STATIC)) {
      return new RegistryUri(uri, FixedRegistry.parse(uri.substring(STATIC.length())));
    }
    if (uri.startsWith(ConsulRegistry.SCHEME)) {
      String authority = uri.substring(ConsulRegistry.SCHEME.length());
      return new RegistryUri(uri, ConsulRegistry.parse(authority));
    }
    throw new IllegalArgumentException("unknown registry: " + uri);
  }

  /**
   * Returns the address to use when nobody gives one: what {@code CONSUL_HTTP_ADDR} says, the variable
   * of Consul's own tools ({@code host:port} or {@code http://host:port}), else an agent on this
   * machine.
   */
  public static String byDefault(Map<String, String> environment) {
    return ConsulRegistry.uriByDefault(environment);
  }

  /**
   * Watches the instances of {@code service}; the caller closes the result.
   *
   * @throws Flags.UsageException if this is no registry
   */
  public Instances instances(String service) {
    return registry.instances(service);
  }

  /**
   * Prepares the registration of an instance; the caller starts and closes it.
   *
   * @throws Flags.UsageException if nobody can register here
   */
  public Registration registration(Offer offer) {
    return registry.registration(offer);
  }

  /**
   * Returns the address of this machine that leads to the registry, for a server that is bound to all
   * of them. No packet is sent.
   */
  public String localAddress() throws IOException {
    Instance target = registry.address().orElse(Instance.of("127.0.0.1", 1));
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(InetAddress.getByName(target.host()), target.port()));
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

    /** The same after a restart, so that an instance takes the place of its predecessor. */
    String id() {
      return name + "-" + instance.host().replace(':', '.') + "-" + instance.port();
    }
  }
}
