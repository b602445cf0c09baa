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
import kit.eureka.EurekaClient;
import kit.eureka.EurekaInstances;
import kit.eureka.EurekaRegistration;

/**
 * {@code eureka://} or {@code eureka+https://}: the servers of Eureka, in any order, and the path of their
 * API.
 *
 * <pre>
 *   eureka://host:port,host:port/eureka      Spring Cloud's server
 *   eureka://host:port,host:port/eureka/v2   Netflix's war
 * </pre>
 *
 * <p>Credentials come from the URI ({@code eureka://name:password@...}), from {@code --eureka-user} or
 * from {@code --eureka-user-file}, which is read once, at the start. {@code --eureka-ca-file} has CA
 * certificates, {@code --eureka-client-cert} and {@code --eureka-client-key} a certificate for servers
 * that require one of their clients; renewed files of TLS are taken over.
 */
final class EurekaRegistry extends Registry {
  private static final String SCHEME = "eureka://";
  private static final String TLS_SCHEME = "eureka+https://";
  private static final Duration POLL = Duration.ofSeconds(2);
  private static final Duration SHORTEST_POLL = Duration.ofMillis(100);
  private static final Duration RENEWAL = Duration.ofSeconds(10);

  // 30 s in the cache of the server, and 30 s in the one of Netflix's and Spring's clients.
  private static final Duration CACHED = Duration.ofSeconds(60);

  // A third of the interval of heartbeats, so that one call may time out.
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "eureka://host:port,.../eureka",
          "Eureka servers and their path; over TLS: eureka+https://",
          List.of(SCHEME, TLS_SCHEME),
          true,
          Set.of(
              "eureka-user",
              "eureka-user-file",
              "eureka-ca-file",
              "eureka-client-cert",
              "eureka-client-key",
              "eureka-poll",
              "eureka-renewal",
              "tags"),
          new Settings(UserSettings.none("eureka"), TlsSettings.none("eureka"), POLL, RENEWAL),
          EurekaRegistry::declare,
          EurekaRegistry::new);

  private final List<Instance> members = new ArrayList<>();
  private final List<URI> servers = new ArrayList<>();
  private final UserSettings.Credentials user;
  private final SSLContext tls;
  private final Settings settings;
  private EurekaClient client; // Guarded by this. Created when first needed, because that is slow.

  private EurekaRegistry(String uri, Settings settings) {
    super(uri.replaceFirst("(?s)://.*@", "://***@"));
    this.settings = settings;
    boolean withTls = uri.startsWith(TLS_SCHEME);
    String rest = uri.substring(withTls ? TLS_SCHEME.length() : SCHEME.length());
    int at = rest.lastIndexOf('@');
    Optional<String> userInfo = at < 0 ? Optional.empty() : Optional.of(rest.substring(0, at));
    String address = rest.substring(at + 1);
    int slash = address.indexOf('/');
    if (slash < 0 || !address.substring(slash).matches("(/[\\w.~-]+)+/?")) {
      throw new IllegalArgumentException("no path behind the servers, which is usually /eureka");
    }
    for (String authority : address.substring(0, slash).split(",", -1)) {
      Instance member = Instance.parse(authority);
      members.add(member);
      String server = member.authority() + address.substring(slash);
      servers.add(URI.create((withTls ? "https://" : "http://") + server));
    }
    user = settings.user().resolve(userInfo);
    tls = open(settings.tls(), withTls, "eureka+https://host:port/path");
  }

  private record Settings(UserSettings user, TlsSettings tls, Duration poll, Duration renewal) {}

  private static Supplier<Settings> declare(Flags flags, Map<String, String> environment) {
    Supplier<UserSettings> user = UserSettings.declare(flags, "eureka", "Eureka");
    Supplier<TlsSettings> tls =
        TlsSettings.declare(flags, "eureka", "Eureka", TlsSettings.Variables.NONE);
    Flags.Type<Duration> interval =
        Flags.DURATION.where("at least 100ms", poll -> poll.compareTo(SHORTEST_POLL) >= 0);
    Supplier<Duration> poll =
        flags.optional("eureka-poll", interval, "2s", "interval of polling Eureka for instances");
    Flags.Type<Duration> wholeSeconds =
        Flags.DURATION.where(
            "of whole seconds, 1s to 1h",
            renewal ->
                renewal.toSeconds() >= 1
                    && renewal.toNanosPart() == 0
                    && renewal.compareTo(Duration.ofHours(1)) <= 0);
    Supplier<Duration> renewal =
        flags.optional(
            "eureka-renewal", wholeSeconds, "10s", "interval of heartbeats; expires after three");
    return () -> new Settings(user.get(), tls.get(), poll.get(), renewal.get());
  }

  private synchronized EurekaClient client() {
    if (client == null) {
      client = new EurekaClient(servers, newHttpClient(tls), TIMEOUT);
      if (user.isPresent()) {
        client = client.withUser(user.name(), user.password());
      }
    }
    return client;
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    EurekaInstances.Settings wanted =
        usable(
            "--service",
            () -> new EurekaInstances.Settings(service, tags, settings.poll(), emptyGrace));
    return new EurekaInstances(client(), wanted);
  }

  @Override
  public Registration registration(InstanceRegistration wanted) {
    return usable(
        "--name",
        () ->
            new EurekaRegistration(
                client(), wanted.name(), wanted.id(), wanted.instance(), settings.renewal()));
  }

  private static <T> T usable(String flag, Supplier<T> named) {
    try {
      return named.get();
    } catch (IllegalArgumentException e) {
      throw new Flags.UsageException(flag + ": " + e.getMessage());
    }
  }

  @Override
  Duration emptyGrace() {
    return EurekaInstances.EMPTY_GRACE;
  }

  @Override
  public Optional<Duration> recommendedDrainDelay() {
    return Optional.of(CACHED);
  }

  @Override
  void load() throws IOException, InterruptedException {
    client().instance("none", "none");
  }

  @Override
  public Inspection inspection() {
    return new EurekaInspection(servers, newHttpClient(tls), client());
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(members.get(0));
  }
}
