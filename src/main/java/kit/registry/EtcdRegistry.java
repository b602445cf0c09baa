// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.cli.FlagFile;
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
 * </pre>
 *
 * <p>Files are read once, at the start. Client certificates are not supported: the gateway of etcd
 * does not authenticate users with them.
 */
final class EtcdRegistry extends Registry {
  private static final String SCHEME = "etcd://";
  private static final String TLS_SCHEME = "etcd+https://";
  private static final String USER = "--etcd-user";
  private static final String USER_FILE = "--etcd-user-file";
  private static final String TOOLS_USER = "ETCDCTL_USER";

  // A third of the TTL of a registration, so that one call may time out.
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "etcd[+https]://host:port,...",
          "etcd cluster",
          List.of(SCHEME, TLS_SCHEME),
          true,
          Set.of("etcd-user", "etcd-user-file", "etcd-ca-file"),
          new Settings(Optional.empty(), Optional.empty(), Optional.empty(), Map.of()),
          EtcdRegistry::declare,
          EtcdRegistry::new);

  private final List<Instance> members = new ArrayList<>();
  private final List<URI> endpoints = new ArrayList<>();
  private final String user; // name:password, or empty
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
    user = user(at < 0 ? Optional.empty() : Optional.of(decoded(rest.substring(0, at))), settings);
    tls =
        new CaFile("--etcd-ca-file", settings.caFile(), "ETCDCTL_CACERT", settings.environment())
            .context(withTls, "etcd+https://host:port");
  }

  /** The flags, and the variables of etcd's own tool. */
  private record Settings(
      Optional<String> user,
      Optional<String> userFile,
      Optional<String> caFile,
      Map<String, String> environment) {}

  private static Supplier<Settings> declare(Flags flags, Map<String, String> environment) {
    Supplier<Optional<String>> user =
        flags.secret(
            "etcd-user", Flags.TEXT.or("none"), "none", "etcd name:password; prefer the file");
    Supplier<Optional<String>> userFile =
        flags.optional("etcd-user-file", CaFile.PATH, "none", "file with the etcd name:password");
    Supplier<Optional<String>> caFile =
        flags.optional(
            "etcd-ca-file", CaFile.PATH, "none", "CA certificates (PEM) for TLS to etcd");
    return () -> new Settings(user.get(), userFile.get(), caFile.get(), environment);
  }

  /** Returns name:password, or an empty text if there is none. */
  private static String user(Optional<String> userInfo, Settings settings) {
    if (settings.user().isPresent() && settings.userFile().isPresent()) {
      throw new Flags.UsageException(USER + " and " + USER_FILE + ": only one of them is allowed");
    }
    if (userInfo.isPresent()) {
      return checked("--registry", userInfo.get());
    }
    if (settings.user().isPresent()) {
      return checked(USER, settings.user().get());
    }
    if (settings.userFile().isPresent()) {
      Path file = Path.of(settings.userFile().get());
      return checked(USER_FILE, FlagFile.read(USER_FILE, file, Files::readString).strip());
    }
    String user = Flags.decoded(TOOLS_USER, settings.environment().getOrDefault(TOOLS_USER, ""));
    return user.isEmpty() ? "" : checked(TOOLS_USER, user);
  }

  /** The message does not show the password. */
  private static String checked(String name, String user) {
    if (!user.matches("(?s)[^:]+:.+")) {
      throw new Flags.UsageException(name + ": not name:password");
    }
    return user;
  }

  private static String decoded(String userInfo) {
    String decoded = "\ufffd"; // The decoder's replacement for bytes that are not UTF-8.
    try {
      decoded = URLDecoder.decode(userInfo.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      // Malformed; the exception is not a cause, because it quotes the password.
    }
    if (decoded.indexOf('\ufffd') >= 0) {
      throw new IllegalArgumentException("user info is not percent-encoded UTF-8");
    }
    return decoded;
  }

  private synchronized EtcdClient client() {
    if (client == null) {
      client = new EtcdClient(endpoints, newHttpClient(tls), TIMEOUT);
      if (!user.isEmpty()) {
        int colon = user.indexOf(':'); // A password may have one, a name may not.
        client = client.withUser(user.substring(0, colon), user.substring(colon + 1));
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
  Optional<Instance> address() {
    return Optional.of(members.get(0));
  }
}
