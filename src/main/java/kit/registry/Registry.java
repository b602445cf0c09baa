// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;
import kit.LogSafe;
import kit.cli.Flags;
import kit.cli.HttpEngine;
import kit.cli.Program;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;
import kit.discovery.Watch;
import kit.http.client.LazyTls;
import kit.tls.ReloadingTls;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A service registry, chosen by its URI: watches instances and services, and registers instances.
 *
 * <pre>
 *   consul://127.0.0.1:8500              a Consul agent
 *   consul+https://consul.example:8501   the same, over TLS
 *   etcd://127.0.0.1:2379,127.0.0.1:2381 the members of an etcd cluster; etcd+https:// over TLS
 *   nacos://127.0.0.1:8848,10.0.0.2:8848 the servers of a Nacos cluster; nacos+https:// over TLS
 *   eureka://127.0.0.1:8761/eureka       the servers of Eureka, and their path; eureka+https:// over TLS
 *   zookeeper://127.0.0.1:2181/services  the servers of a ZooKeeper ensemble, and a path
 *   dns://127.0.0.1:8600/service.consul  SRV records; with :port after the name, address records
 *   file:/etc/kit/userservice            a file with one host:port per line
 *   static:127.0.0.1:8081,127.0.0.1:8082 a fixed list; of https://host:port with TLS
 *   none                                 no registry
 * </pre>
 *
 * <p>The last four do not support registration. Programs get a registry from {@link RegistryFlags}.
 * Thread-safe. Each call of {@link #instances} opens a watch, which costs a thread and a
 * connection.
 */
public abstract class Registry implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);

  private final String uri;
  private volatile HttpEngine engine = HttpEngine.JDK;
  private Optional<ReloadingTls> tls = Optional.empty(); // Before the registry is shared.

  /**
   * For backends.
   *
   * @param uri without secrets
   */
  Registry(String uri) {
    this.uri = requireNonNull(uri, "uri");
  }

  /**
   * Parses a URI, without flags and environment variables.
   *
   * @throws IllegalArgumentException if the form is none of the above
   */
  public static Registry parse(String uri) {
    return RegistryKinds.of(uri).open(uri);
  }

  /**
   * Returns the kinds that name a service as {@code KIND:NAME}: {@code consul}, {@code etcd} and all
   * others that are servers.
   */
  public static Set<String> kinds() {
    return RegistryKinds.serverSchemes();
  }

  /**
   * Returns the default URI: {@code CONSUL_HTTP_ADDR}, the variable of Consul's own tools ({@code
   * host:port}, {@code http://...} or {@code https://...}), else an agent on this machine.
   */
  public static String defaultUri(Map<String, String> environment) {
    return ConsulRegistry.localOrVariable(environment);
  }

  /** Returns whether there is no registry. */
  public boolean isNone() {
    return false;
  }

  /**
   * Watches the instances of {@code service}; the caller closes the result.
   *
   * @throws Flags.UsageException if the registry is {@code none}
   */
  public final Instances instances(String service) {
    return instances(service, List.of());
  }

  /**
   * Watches the instances of {@code service} that have all these tags; the caller closes the
   * result. An empty list is published only after a grace period, because a registry that has lost
   * its data returns one, too.
   *
   * @throws Flags.UsageException if the registry is {@code none}, or has no tags
   */
  public final Instances instances(String service, List<String> tags) {
    return watch(service, tags, emptyGrace());
  }

  /**
   * As above, without the grace period: to show the content of the registry, not to route calls.
   *
   * @throws Flags.UsageException if the registry is {@code none}, or has no tags
   */
  public final Instances rawInstances(String service, List<String> tags) {
    return watch(service, tags, Duration.ZERO);
  }

  /**
   * Watches the list of services; the caller closes the result.
   *
   * @throws Flags.UsageException if the registry has no such list
   */
  public Services services() {
    throw new Flags.UsageException("--registry: only Consul lists services");
  }

  /**
   * Prepares the registration of an instance; the caller starts and closes it.
   *
   * @throws Flags.UsageException if the registry does not support registration
   */
  public abstract Registration registration(InstanceRegistration instance);

  /**
   * Returns the time for which clients may still call an instance that has deregistered, if that is far
   * above a second because lists are cached; an instance should serve for as long.
   */
  public Optional<Duration> recommendedDrainDelay() {
    return Optional.empty();
  }

  /**
   * Loads the classes for the first request to the registry on a separate thread, so that an
   * instance is registered as soon as it serves, not a third of a second later.
   */
  public final void prepare() {
    Program.ahead("prepare-registry", this::load);
  }

  /** Returns a reader of all that the registry holds about a service, for diagnosis. */
  public Inspection inspection() {
    return new WatchInspection(this);
  }

  /** No longer follows the files of TLS; for the time when watches and registrations are closed. */
  @Override
  public final void close() {
    tls.ifPresent(ReloadingTls::close);
  }

  /** Returns the URI, without a password. */
  @Override
  public final String toString() {
    return uri;
  }

  /** Watches instances; {@code emptyGrace} zero publishes an empty list at once. */
  abstract Instances watch(String service, List<String> tags, Duration emptyGrace);

  /** Returns how long {@link #instances} keeps its list when the registry returns an empty one. */
  Duration emptyGrace() {
    return Watch.EMPTY_GRACE;
  }

  /** Sends any request, so that all classes are loaded. */
  void load() throws IOException, InterruptedException {}

  /** Returns the address of the registry server; empty if it is not on the network. */
  Optional<Instance> address() {
    return Optional.empty();
  }

  /** Returns whether the registry adds the address of an instance that registers without one. */
  boolean addsAddress() {
    return false;
  }

  /** Sets the engine of the clients that are created from now on; the default is the JDK's. */
  final void callWith(HttpEngine engine) {
    this.engine = requireNonNull(engine, "engine");
  }

  /**
   * For the constructor of a backend: returns the TLS context of its settings, which follows the files
   * until {@link #close}.
   *
   * @param tlsForm the form of the URIs that allow the flags
   * @throws Flags.UsageException if the flags contradict each other, or a file cannot be used
   */
  final SSLContext open(TlsSettings settings, boolean withTls, String tlsForm) {
    tls = settings.open(withTls, tlsForm, new LoggedEvents(uri));
    tls.ifPresent(ReloadingTls::start);
    return tls.map(ReloadingTls::context).orElseGet(LazyTls::context);
  }

  /** Returns a client that tries each address of the registry's name. */
  final HttpClient newHttpClient(SSLContext tls) {
    return engine.newClient(tls, CONNECT_TIMEOUT);
  }

  /** For registries without tags. */
  static void refuse(List<String> tags) {
    if (!tags.isEmpty()) {
      throw new Flags.UsageException("--tags: this kind of registry has no tags");
    }
  }

  /** Logs what happens to the files of TLS. */
  private record LoggedEvents(String uri) implements ReloadingTls.Listener {
    /** Not a constant: files are read before logs are set up, and the first logger fixes their form. */
    private static Logger log() {
      return LoggerFactory.getLogger(Registry.class);
    }

    @Override
    public void reloaded(Optional<Instant> expiresAt) {
      log().info("TLS files for registry {} reloaded", uri);
    }

    @Override
    public void failed(String reason) {
      log()
          .warn(
              "TLS files for registry {} not reloaded, the old ones stay in use: {}",
              uri,
              LogSafe.of(reason));
    }

    @Override
    public void expires(Instant at) {
      log().warn("TLS certificate for registry {} expires at {}; replace its files", uri, at);
    }
  }
}
