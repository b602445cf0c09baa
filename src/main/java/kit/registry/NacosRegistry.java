// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
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
import kit.nacos.NacosClient;
import kit.nacos.NacosInstances;
import kit.nacos.NacosRegistration;

/**
 * {@code nacos://} or {@code nacos+https://}: the servers of a Nacos cluster, in any order.
 *
 * <pre>
 *   nacos://host:port,host:port?namespace=public&amp;group=DEFAULT_GROUP&amp;cluster=DEFAULT
 * </pre>
 *
 * <p>The query is optional. {@code cluster} is the cluster to register with (DEFAULT if missing), and the
 * clusters to watch, separated by commas (all if missing).
 *
 * <p>Credentials come from the URI ({@code nacos://name:password@...}), from {@code --nacos-user} or from
 * {@code --nacos-user-file}, which is read once, at the start. {@code --nacos-ca-file} has CA certificates,
 * {@code --nacos-client-cert} and {@code --nacos-client-key} a certificate for servers that require one
 * of their clients; renewed files of TLS are taken over.
 */
final class NacosRegistry extends Registry {
  private static final String SCHEME = "nacos://";
  private static final String TLS_SCHEME = "nacos+https://";
  private static final Set<String> PARAMETERS = Set.of("namespace", "group", "cluster");
  private static final Duration POLL = Duration.ofSeconds(2);
  private static final Duration SHORTEST_POLL = Duration.ofMillis(100);

  // Shorter than the interval of heartbeats, so that one call may time out.
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "nacos[+https]://host:port,...",
          "Nacos 3 cluster; ?namespace=, group= and cluster= follow",
          List.of(SCHEME, TLS_SCHEME),
          true,
          Set.of(
              "nacos-user",
              "nacos-user-file",
              "nacos-ca-file",
              "nacos-client-cert",
              "nacos-client-key",
              "nacos-poll",
              "tags"),
          new Settings(UserSettings.none("nacos"), TlsSettings.none("nacos"), POLL),
          NacosRegistry::declare,
          NacosRegistry::new);

  private final List<Instance> members = new ArrayList<>();
  private final List<URI> servers = new ArrayList<>();
  private final Map<String, String> parameters;
  private final UserSettings.Credentials user;
  private final SSLContext tls;
  private final Duration poll;
  private NacosClient client; // Guarded by this. Created when first needed, because that is slow.

  private NacosRegistry(String uri, Settings settings) {
    super(uri.replaceFirst("(?s)://.*@", "://***@"));
    boolean withTls = uri.startsWith(TLS_SCHEME);
    String rest = uri.substring(withTls ? TLS_SCHEME.length() : SCHEME.length());
    int at = rest.lastIndexOf('@');
    Optional<String> userInfo = at < 0 ? Optional.empty() : Optional.of(rest.substring(0, at));
    String[] parts = rest.substring(at + 1).split("\\?", 2);
    for (String authority : parts[0].split(",", -1)) {
      Instance member = Instance.parse(authority);
      members.add(member);
      servers.add(URI.create((withTls ? "https://" : "http://") + member.authority()));
    }
    parameters = parameters(parts.length == 1 ? "" : parts[1]);
    service("any"); // Checks namespace and group.
    checkClusters(parameters.getOrDefault("cluster", "DEFAULT"));
    user = settings.user().resolve(userInfo);
    tls = open(settings.tls(), withTls, "nacos+https://host:port");
    poll = settings.poll();
  }

  private record Settings(UserSettings user, TlsSettings tls, Duration poll) {}

  private static Supplier<Settings> declare(Flags flags, Map<String, String> environment) {
    Supplier<UserSettings> user = UserSettings.declare(flags, "nacos", "Nacos");
    Supplier<TlsSettings> tls =
        TlsSettings.declare(flags, "nacos", "Nacos", TlsSettings.Variables.NONE);
    Flags.Type<Duration> interval =
        Flags.DURATION.where("at least 100ms", poll -> poll.compareTo(SHORTEST_POLL) >= 0);
    Supplier<Duration> poll =
        flags.optional("nacos-poll", interval, "2s", "interval of polling Nacos for instances");
    return () -> new Settings(user.get(), tls.get(), poll.get());
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new HashMap<>();
    for (String parameter : query.isEmpty() ? new String[0] : query.split("&", -1)) {
      String[] pair = parameter.split("=", 2);
      boolean isNew = pair.length == 2 && parameters.put(pair[0], pair[1]) == null;
      if (!isNew || !PARAMETERS.contains(pair[0])) {
        throw new IllegalArgumentException(
            "query is not namespace=, group= or cluster=, each once");
      }
    }
    return parameters;
  }

  private static void checkClusters(String names) {
    for (String name : names.split(",", -1)) {
      if (!name.matches("[0-9a-zA-Z-]{1,64}")) {
        throw new IllegalArgumentException("cluster is not 1 to 64 letters, digits or '-'");
      }
    }
  }

  private NacosClient.Service service(String name) {
    return new NacosClient.Service(
        parameters.getOrDefault("namespace", "public"),
        parameters.getOrDefault("group", "DEFAULT_GROUP"),
        name);
  }

  private NacosClient.Service service(String flag, String name) {
    try {
      return service(name);
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(flag + ": " + e.getMessage());
    }
  }

  private synchronized NacosClient client() {
    if (client == null) {
      client = new NacosClient(servers, newHttpClient(tls), TIMEOUT);
      if (user.isPresent()) {
        client = client.withUser(user.name(), user.password());
      }
    }
    return client;
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    String cluster = parameters.get("cluster");
    List<String> clusters = cluster == null ? List.of() : List.of(cluster.split(","));
    return new NacosInstances(
        client(),
        new NacosInstances.Settings(
            service("--service", service), clusters, tags, poll, emptyGrace));
  }

  @Override
  public Registration registration(InstanceRegistration wanted) {
    String cluster = parameters.getOrDefault("cluster", "DEFAULT");
    if (cluster.contains(",")) {
      throw new Flags.UsageException("--registry: an instance registers with one cluster");
    }
    return new NacosRegistration(
        client(), service("--name", wanted.name()), cluster, wanted.instance());
  }

  @Override
  void load() throws IOException, InterruptedException {
    client().list(service("none"), List.of());
  }

  @Override
  public Inspection inspection() {
    return new NacosInspection(
        servers, newHttpClient(tls), client(), name -> service("--service", name));
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(members.get(0));
  }
}
