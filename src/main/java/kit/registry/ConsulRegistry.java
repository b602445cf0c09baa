// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.cli.FlagFile;
import kit.cli.Flags;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.consul.ConsulServices;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;

/**
 * {@code consul://} or {@code consul+https://}: a Consul agent.
 *
 * <p>Credentials are those of flags, or else of the variables of Consul's own tools:
 *
 * <pre>
 *   --consul-token       CONSUL_HTTP_TOKEN
 *   --consul-token-file  CONSUL_HTTP_TOKEN_FILE   has priority over the variable above
 *   --consul-ca-file     CONSUL_CACERT            PEM; else the authorities that Java trusts
 *   --consul-client-cert CONSUL_CLIENT_CERT       PEM; for an agent that requires certificates of clients
 *   --consul-client-key  CONSUL_CLIENT_KEY        PEM
 * </pre>
 *
 * <p>The file of a token is read once, at the start; renewed files of TLS are taken over. The check of
 * the server's certificate cannot be switched off.
 */
final class ConsulRegistry extends Registry {
  static final String ADDRESS_VARIABLE = "CONSUL_HTTP_ADDR";

  private static final String SCHEME = "consul://";
  private static final String TLS_SCHEME = "consul+https://";
  private static final String TOKEN = "--consul-token";
  private static final String TOKEN_FILE = "--consul-token-file";
  private static final String TOOLS_TOKEN = "CONSUL_HTTP_TOKEN";
  private static final String TOOLS_TOKEN_FILE = "CONSUL_HTTP_TOKEN_FILE";
  private static final String LOCAL = "127.0.0.1:8500";
  private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(5); // At most the interval.
  private static final int REPORTS_PER_TTL = 3; // One or two may get lost.

  static final RegistryKind<?> KIND =
      new RegistryKind<>(
          "consul[+https]://host:port",
          "Consul agent",
          List.of(SCHEME, TLS_SCHEME),
          false,
          Set.of(
              "tags",
              "check",
              "check-interval",
              "deregister-after",
              "consul-token",
              "consul-token-file",
              "consul-ca-file",
              "consul-client-cert",
              "consul-client-key"),
          new Settings(Optional.empty(), Optional.empty(), TlsSettings.none("consul"), Map.of()),
          ConsulRegistry::declare,
          ConsulRegistry::new);

  private final Instance agent;
  private final URI base;
  private final String token; // Empty if there is none.
  private final SSLContext tls;
  private ConsulClient client; // Guarded by this. Created when first needed, because that is slow.

  private ConsulRegistry(String uri, Settings settings) {
    super(uri);
    boolean withTls = uri.startsWith(TLS_SCHEME);
    agent = Instance.parse(uri.substring(withTls ? TLS_SCHEME.length() : SCHEME.length()));
    base = URI.create((withTls ? "https://" : "http://") + agent.authority());
    tls = open(settings.tls(), withTls, "consul+https://host:port");
    token = token(settings);
  }

  /** The flags, and the variables of Consul's own tools. */
  private record Settings(
      Optional<String> token,
      Optional<Path> tokenFile,
      TlsSettings tls,
      Map<String, String> environment) {
    String variable(String name) {
      return Flags.decoded(name, environment.getOrDefault(name, "")).strip();
    }
  }

  private static Supplier<Settings> declare(Flags flags, Map<String, String> environment) {
    Supplier<Optional<String>> token =
        flags.secret(
            "consul-token", Flags.TEXT.or("none"), "none", "Consul ACL token; prefer the file");
    Supplier<Optional<Path>> tokenFile =
        flags.optional(
            "consul-token-file",
            FlagFile.TYPE.or("none"),
            "none",
            "file with the Consul ACL token");
    TlsSettings.Variables variables =
        new TlsSettings.Variables(
            "CONSUL_CACERT", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY", environment);
    Supplier<TlsSettings> tls = TlsSettings.declare(flags, "consul", "Consul", variables);
    return () -> new Settings(token.get(), tokenFile.get(), tls.get(), environment);
  }

  private static String token(Settings settings) {
    if (settings.token().isPresent() && settings.tokenFile().isPresent()) {
      throw new Flags.UsageException(
          TOKEN + " and " + TOKEN_FILE + ": only one of them is allowed");
    }
    if (settings.token().isPresent()) {
      return checked(TOKEN, settings.token().get());
    }
    if (settings.tokenFile().isPresent()) {
      return tokenIn(TOKEN_FILE, settings.tokenFile().get());
    }
    if (!settings.variable(TOOLS_TOKEN_FILE).isEmpty()) {
      return tokenIn(TOOLS_TOKEN_FILE, Path.of(settings.environment().get(TOOLS_TOKEN_FILE)));
    }
    String token = settings.variable(TOOLS_TOKEN);
    return token.isEmpty() ? "" : checked(TOOLS_TOKEN, token);
  }

  private static String tokenIn(String name, Path file) {
    return checked(name, FlagFile.read(name, file, Files::readString).strip());
  }

  /** The message does not show the token. */
  private static String checked(String name, String token) {
    if (!token.matches("[!-~]+")) {
      throw new Flags.UsageException(name + ": not a token (visible ASCII characters)");
    }
    return token;
  }

  /** Returns the URI of the agent that Consul's own tools use. */
  static String localOrVariable(Map<String, String> environment) {
    String address = environment.getOrDefault(ADDRESS_VARIABLE, "").strip();
    boolean withTls =
        address.startsWith("https://")
            || environment.getOrDefault("CONSUL_HTTP_SSL", "").matches("1|t|T|true|TRUE|True");
    String authority = address.replaceFirst("^https?://", "").replaceFirst("/+$", "");
    return (withTls ? TLS_SCHEME : SCHEME) + (authority.isEmpty() ? LOCAL : authority);
  }

  private synchronized ConsulClient client() {
    if (client == null) {
      client = new ConsulClient(base, newHttpClient(tls)).withToken(token);
    }
    return client;
  }

  @Override
  Instances watch(String service, List<String> tags, Duration emptyGrace) {
    return new ConsulInstances(
        client(), ConsulInstances.Settings.of(service).withTags(tags).withEmptyGrace(emptyGrace));
  }

  @Override
  public Services services() {
    return new ConsulServices(client());
  }

  @Override
  void load() throws IOException, InterruptedException {
    client().instance("none");
  }

  @Override
  public Registration registration(InstanceRegistration wanted) {
    Instance instance = wanted.instance();
    ConsulClient.Service service =
        new ConsulClient.Service(
            wanted.id(),
            wanted.name(),
            wanted.useAgentAddress() ? "" : instance.host(),
            instance.port(),
            instance.tags(),
            instance.meta());
    String checkId = "service:" + wanted.id();
    if (wanted.check() instanceof HealthCheck.SelfReported reported) {
      Duration ttl = wanted.checkInterval().multipliedBy(REPORTS_PER_TTL);
      return new ConsulRegistration(
          client(),
          service,
          List.of(complete(ConsulCheck.ttl(checkId, ttl), wanted)),
          heartbeat(checkId, ttl, reported.check()));
    }
    boolean isBrief = wanted.checkInterval().compareTo(CHECK_TIMEOUT) < 0;
    ConsulCheck check =
        polled(checkId, wanted).withTimeout(isBrief ? wanted.checkInterval() : CHECK_TIMEOUT);
    return new ConsulRegistration(client(), service, List.of(complete(check, wanted)));
  }

  private static ConsulCheck polled(String checkId, InstanceRegistration wanted) {
    String address = wanted.instance().authority();
    if (wanted.check() instanceof HealthCheck.Grpc grpc) {
      String target = grpc.service().isEmpty() ? address : address + "/" + grpc.service();
      ConsulCheck check = ConsulCheck.grpc(checkId, target, wanted.checkInterval());
      return wanted.instance().scheme().equals("https") ? check.withGrpcTls() : check;
    }
    if (wanted.check() instanceof HealthCheck.Tcp) {
      return ConsulCheck.tcp(checkId, address, wanted.checkInterval());
    }
    String path = ((HealthCheck.Http) wanted.check()).path();
    String url = wanted.instance().scheme() + "://" + address + path;
    return ConsulCheck.http(checkId, url, wanted.checkInterval());
  }

  private static ConsulCheck complete(ConsulCheck check, InstanceRegistration wanted) {
    return check
        .withDeregisterAfter(wanted.deregisterAfter())
        // The service has passed its own check before. With Consul's default, critical, it would
        // receive no calls until the first check.
        .withStatus(ConsulClient.Status.PASSING);
  }

  private static ConsulRegistration.Heartbeat heartbeat(
      String checkId, Duration ttl, HealthCheck.SelfCheck selfCheck) {
    return new ConsulRegistration.Heartbeat(
        checkId,
        ttl,
        () -> {
          selfCheck.run();
          return ConsulClient.Status.PASSING;
        });
  }

  @Override
  public Inspection inspection() {
    return new ConsulInspection(base, token, newHttpClient(tls), client());
  }

  @Override
  Optional<Instance> address() {
    return Optional.of(agent);
  }

  /** An agent publishes its own address. */
  @Override
  boolean addsAddress() {
    return true;
  }
}
