// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import kit.OneLine;
import kit.cli.Flags;
import kit.cli.Program;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;

/**
 * Chooses a registry by its address, so that programs need not know which one there is.
 *
 * <pre>
 *   consul://127.0.0.1:8500              a Consul agent
 *   consul+https://consul.example:8501   the same, over TLS
 *   etcd://127.0.0.1:2379,127.0.0.1:2381 the members of an etcd; etcd+https:// over TLS
 *   dns://127.0.0.1:8600/service.consul  SRV records; with :port behind the name, addresses
 *   static:127.0.0.1:8081,127.0.0.1:8082 a fixed list
 *   none                                 no registry at all
 * </pre>
 *
 * <p>Nobody can register in the last three. Programs take one from {@link RegistryFlags}. Safe for any
 * number of threads; those who watch the same service through one object share one watch.
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

  /**
   * Reads an address.
   *
   * @param settings what else the registry wants to know: variables of the environment, and flags
   *     under their names with dashes
   * @throws IllegalArgumentException if it is none of the known forms
   * @throws Flags.UsageException if the settings are wrong
   */
  public static RegistryUri parse(String uri, Map<String, String> settings) {
    if (uri.indexOf('@') >= 0 && !EtcdRegistry.isFor(uri)) { // Messages below quote the address.
      throw new IllegalArgumentException("user info in the address: only etcd accepts it");
    }
    if (uri.equals(NONE)) {
      return new RegistryUri(uri, new NoRegistry());
    }
    if (uri.startsWith(STATIC)) {
      return new RegistryUri(uri, FixedRegistry.parse(uri.substring(STATIC.length())));
    }
    if (ConsulRegistry.isFor(uri)) {
      return new RegistryUri(uri, ConsulRegistry.parse(uri, settings));
    }
    if (EtcdRegistry.isFor(uri)) {
      EtcdRegistry etcd = new EtcdRegistry(uri, settings);
      return new RegistryUri(etcd.toString(), etcd); // Without the password.
    }
    if (DnsRegistry.isFor(uri)) {
      return new RegistryUri(uri, new DnsRegistry(uri));
    }
    throw new IllegalArgumentException("unknown registry");
  }

  /**
   * Returns the address to use when nobody gives one: what {@code CONSUL_HTTP_ADDR} says, the variable
   * of Consul's own tools ({@code host:port}, {@code http://...} or {@code https://...}), else an agent
   * on this machine.
   */
  public static String byDefault(Map<String, String> environment) {
    return ConsulRegistry.uriByDefault(environment);
  }

  /** Whether this is no registry at all. */
  public boolean isNone() {
    return uri.equals(NONE);
  }

  /**
   * Watches the instances of {@code service}; the caller closes the result.
   *
   * @throws Flags.UsageException if this is no registry
   */
  public Instances instances(String service) {
    return instances(service, List.of());
  }

  /**
   * Watches the instances of {@code service} that have all these tags; the caller closes the result.
   *
   * @throws Flags.UsageException if this is no registry, or one that knows no tags
   */
  public Instances instances(String service, List<String> tags) {
    return registry.instances(service, tags);
  }

  /**
   * As above, and believes the registry at once when it says that nobody is left, which it also says
   * when it has lost its memory: to show what it says, not to call those whom it names.
   *
   * @throws Flags.UsageException if this is no registry, or one that knows no tags
   */
  public Instances instancesToTheLetter(String service, List<String> tags) {
    return registry.instancesToTheLetter(service, tags);
  }

  /**
   * Watches which services there are; the caller closes the result.
   *
   * @throws Flags.UsageException if the registry does not know
   */
  public Services services() {
    return registry.services();
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
   * Begins to load what a first request to the registry needs, and returns at once: so an instance can
   * be found as soon as it answers, and not a third of a second later.
   */
  public void prepare() {
    Program.ahead("prepare-registry", registry::prepare);
  }

  /** Returns the flags, without dashes, that mean something to other kinds of registry only. */
  Set<String> flagsOfOthers() {
    Set<String> others = new TreeSet<>(ConsulRegistry.FLAGS);
    others.addAll(EtcdRegistry.FLAGS);
    others.removeAll(registry.flags());
    return others;
  }

  /**
   * Returns the address to give to the registry for a server that is bound to {@code bound}:
   *
   * <ol>
   *   <li>the bound one, unless it stands for all of this machine's;
   *   <li>if a Consul agent runs on this machine: the agent's, which is that of the machine;
   *   <li>the one of this machine that leads to the registry. No packet is sent to find out.
   * </ol>
   *
   * @throws Flags.UsageException if that is a link-local IPv6 address, which other machines cannot
   *     call
   */
  public Advertised advertise(String bound) throws IOException {
    if (!InetAddress.getByName(bound).isAnyLocalAddress()) {
      return advertised(bound, "the bound address");
    }
    Instance target = registry.address().orElse(Instance.of("127.0.0.1", 1));
    InetAddress address = InetAddress.getByName(target.host());
    if (address.isLoopbackAddress() && registry.givesAddress()) {
      return new Advertised(
          target.host(), true, "its agent is on this machine; checked at " + target.host());
    }
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(new InetSocketAddress(address, target.port()));
      String local = socket.getLocalAddress().getHostAddress();
      return advertised(local, "the route to " + uri);
    }
  }

  private static Advertised advertised(String host, String why) {
    try {
      return new Advertised(Instance.of(host, 1).host(), false, why);
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(
          "--advertise: auto finds an address that other machines cannot call ("
              + why
              + "): "
              + OneLine.of(host));
    }
  }

  /**
   * An address for others to call.
   *
   * @param host the address
   * @param isRegistrys whether the registry gives its own instead, by which others know this machine
   * @param why which rule has chosen it
   */
  public record Advertised(String host, boolean isRegistrys, String why) {
    /** Says what was chosen, and why. */
    @Override
    public String toString() {
      return (isRegistrys ? "the registry's own" : host) + " (" + why + ")";
    }
  }

  /** Returns if all is well. */
  @FunctionalInterface
  public interface SelfCheck {
    void run() throws Exception;
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
   * @param hasRegistrysAddress whether callers find it at the registry's own address; then that of
   *     the instance is for the registry alone
   * @param selfCheck if present, the instance reports its health, each {@code checkInterval}, and is
   *     not asked
   */
  public record Offer(
      String name,
      Instance instance,
      String healthPath,
      Duration checkInterval,
      Duration deregisterAfter,
      boolean hasRegistrysAddress,
      Optional<SelfCheck> selfCheck) {
    /** Checks that nothing is missing. */
    public Offer {
      requireNonNull(name, "name");
      requireNonNull(instance, "instance");
      requireNonNull(healthPath, "healthPath");
      requireNonNull(checkInterval, "checkInterval");
      requireNonNull(deregisterAfter, "deregisterAfter");
      requireNonNull(selfCheck, "selfCheck");
    }

    /** What is asked for its health, at the address that others call. */
    public Offer(
        String name,
        Instance instance,
        String healthPath,
        Duration checkInterval,
        Duration deregisterAfter) {
      this(name, instance, healthPath, checkInterval, deregisterAfter, false, Optional.empty());
    }

    /** The same after a restart, so that an instance takes the place of its predecessor. */
    String id() {
      return name + "-" + instance.host().replace(':', '.') + "-" + instance.port();
    }
  }
}
