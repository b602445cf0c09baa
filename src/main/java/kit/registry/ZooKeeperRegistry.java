// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperInstances;
import kit.zookeeper.ZooKeeperRegistration;

/**
 * {@code zookeeper://}: the servers of a ZooKeeper ensemble, in any order.
 *
 * <pre>
 *   zookeeper://host:port,host:port/services
 * </pre>
 *
 * <p>The path is that of the parent of all services, {@code /services} if it is missing: instances of
 * {@code web} are children of {@code /services/web}. It is created by the first registration.
 *
 * <p>Credentials come from the URI ({@code zookeeper://name:password@...}), from {@code
 * --zookeeper-user} or from {@code --zookeeper-user-file}, which is read once, at the start. There is
 * no TLS.
 */
final class ZooKeeperRegistry extends Registry {
  private static final String SCHEME = "zookeeper://";
  private static final String DEFAULT_PATH = "/services";

  // The longest one that a server with ticks of half a second grants.
  private static final Duration SESSION_TIMEOUT = Duration.ofSeconds(10);

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "zookeeper://host:port,...",
          "ZooKeeper ensemble; the path of all services follows",
          List.of(SCHEME),
          true,
          Set.of("zookeeper-user", "zookeeper-user-file"),
          UserSettings.none("zookeeper"),
          (flags, environment) -> UserSettings.declare(flags, "zookeeper", "ZooKeeper"),
          ZooKeeperRegistry::new);

  private final List<Instance> members = new ArrayList<>();
  private final String path;
  private final ZooKeeperClient.Settings settings;

  private ZooKeeperRegistry(String uri, UserSettings userSettings) {
    super(uri.replaceFirst("(?s)://.*@", "://***@"));
    String rest = uri.substring(SCHEME.length());
    int at = rest.lastIndexOf('@');
    Optional<String> userInfo = at < 0 ? Optional.empty() : Optional.of(rest.substring(0, at));
    String[] parts = rest.substring(at + 1).split("(?=/)", 2);
    for (String authority : parts[0].split(",", -1)) {
      members.add(Instance.parse(authority));
    }
    path = parts.length == 1 ? DEFAULT_PATH : parts[1];
    settings = settings(members, path, userSettings.resolve(userInfo));
  }

  private static ZooKeeperClient.Settings settings(
      List<Instance> members, String path, UserSettings.Credentials user) {
    ZooKeeperClient.Settings settings =
        new ZooKeeperClient.Settings(
            members.stream()
                .map(member -> InetSocketAddress.createUnresolved(member.host(), member.port()))
                .toList(),
            path.equals("/") ? "" : path,
            SESSION_TIMEOUT,
            Optional.empty());
    return user.isPresent()
        ? settings.withUser(new ZooKeeperClient.User(user.name(), user.password()))
        : settings;
  }

  /** Returns the path of a service below the path of the URI. */
  private String path(String flag, String service) {
    if (service.contains("/")) {
      throw new Flags.UsageException(flag + ": must contain no slash (ZooKeeper)");
    }
    if (path.equals("/") && service.equals("zookeeper")) {
      throw new Flags.UsageException(flag + ": /zookeeper is reserved");
    }
    return "/" + service;
  }

  /** Reports a name that ZooKeeper does not accept. */
  private static <T> T checked(String flag, Supplier<T> use) {
    try {
      return use.get();
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(flag + ": " + e.getMessage());
    }
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    refuse(tags);
    String at = path("--service", service);
    return checked("--service", () -> new ZooKeeperInstances(settings, at, emptyGrace));
  }

  @Override
  public Registration registration(InstanceRegistration wanted) {
    String at = path("--name", wanted.name());
    return checked("--name", () -> new ZooKeeperRegistration(settings, at, wanted.instance()));
  }

  @Override
  void load() throws IOException, InterruptedException {
    try (ZooKeeperClient client = new ZooKeeperClient(settings)) {
      client.children("/", false);
    }
  }

  @Override
  public Inspection inspection() {
    return new ZooKeeperInspection(members, settings);
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(members.get(0));
  }
}
