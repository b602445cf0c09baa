// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.etcd.EtcdClient;
import kit.etcd.EtcdInstances;
import kit.etcd.EtcdRegistration;

/**
 * {@code etcd://} or {@code etcd+https://}: the members of an etcd cluster, in any order.
 *
 * <p>Credentials are those of the URI, of flags, or else of the variables of etcd's own tool:
 *
 * <pre>
 *   etcd://name:password@...
 *   --etcd-user              ETCDCTL_USER     name:password
 *   --etcd-user-file                          a file with name:password
 *   --etcd-ca-file           ETCDCTL_CACERT   PEM; else the authorities that Java trusts
 *   --etcd-client-cert       ETCDCTL_CERT     PEM; for an etcd that requires certificates of clients
 *   --etcd-client-key        ETCDCTL_KEY      PEM
 * </pre>
 *
 * <p>The file of a user is read once, at the start; renewed files of TLS are taken over. A certificate
 * is no user: the gateway of etcd ignores its name.
 */
final class EtcdRegistry extends Registry {
  private static final String SCHEME = "etcd://";
  private static final String TLS_SCHEME = "etcd+https://";
  private static final String TOOLS_USER = "ETCDCTL_USER";

  // A third of the TTL of a registration, so that one call may time out.
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "etcd[+https]://host:port,...",
          "etcd cluster",
          List.of(SCHEME, TLS_SCHEME),
          true,
          Set.of(
              "etcd-user", "etcd-user-file", "etcd-ca-file", "etcd-client-cert", "etcd-client-key"),
          new Settings(UserSettings.none("etcd"), TlsSettings.none("etcd"), Map.of()),
          EtcdRegistry::declare,
          EtcdRegistry::new);

  private final List<Instance> members = new ArrayList<>();
  private final List<URI> endpoints = new ArrayList<>();
  private final UserSettings.Credentials user;
  private final SSLContext tls;
  private EtcdClient client; // Guarded by this. Created when first needed, because that is slow.

  private EtcdRegistry(String uri, Settings settings) {
    super(uri.replaceFirst("(?s)://.*@", "://***@"));
    boolean withTls = uri.startsWith(TLS_SCHEME);
    String rest = uri.substring(withTls ? TLS_SCHEME.length() : SCHEME.length());
    int at = rest.lastIndexOf('@');
    for (String authority : rest.substring(at + 1).split(",", -1)) {
      Instance member = Instance.parse(authority);
      members.add(member);
      endpoints.add(URI.create((withTls ? "https://" : "http://") + member.authority()));
    }
    Optional<String> userInfo = at < 0 ? Optional.empty() : Optional.of(rest.substring(0, at));
    String variable = settings.environment().getOrDefault(TOOLS_USER, "");
    user = settings.user().resolve(userInfo, TOOLS_USER, variable);
    tls = open(settings.tls(), withTls, "etcd+https://host:port");
  }

  /** The flags, and the variables of etcd's own tool. */
  private record Settings(UserSettings user, TlsSettings tls, Map<String, String> environment) {}

  private static Supplier<Settings> declare(Flags flags, Map<String, String> environment) {
    Supplier<UserSettings> user = UserSettings.declare(flags, "etcd", "etcd");
    TlsSettings.Variables variables =
        new TlsSettings.Variables("ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY", environment);
    Supplier<TlsSettings> tls = TlsSettings.declare(flags, "etcd", "etcd", variables);
    return () -> new Settings(user.get(), tls.get(), environment);
  }

  private synchronized EtcdClient client() {
    if (client == null) {
      client = new EtcdClient(endpoints, newHttpClient(tls), TIMEOUT);
      if (user.isPresent()) {
        client = client.withUser(user.name(), user.password());
      }
    }
    return client;
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    refuse(tags);
    if (isUnusable(service)) {
      throw new Flags.UsageException("--service: must be non-empty and contain no slash (etcd)");
    }
    return new EtcdInstances(client(), service, emptyGrace);
  }

  @Override
  public Registration registration(InstanceRegistration wanted) {
    if (isUnusable(wanted.name())) {
      throw new Flags.UsageException("--name: must be non-empty and contain no slash (etcd)");
    }
    return new EtcdRegistration(client(), wanted.name(), wanted.id(), wanted.instance());
  }

  @Override
  void load() throws IOException, InterruptedException {
    client().get("/services//");
  }

  private static boolean isUnusable(String name) {
    return name.isEmpty() || name.contains("/");
  }

  @Override
  public Inspection inspection() {
    return new EtcdInspection(endpoints, newHttpClient(tls), client());
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(members.get(0));
  }
}
