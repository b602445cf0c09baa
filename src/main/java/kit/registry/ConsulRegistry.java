// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.consul.ConsulServices;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.Services;
import kit.discovery.SharedInstances;

/** {@code consul://} or {@code consul+https://}: a Consul agent. */
final class ConsulRegistry implements Registry {
  static final String SCHEME = "consul://";
  static final String TLS_SCHEME = "consul+https://";
  static final Set<String> FLAGS =
      Set.of(
          "tags",
          "check",
          "check-interval",
          "deregister-after",
          "consul-token",
          "consul-token-file",
          "consul-ca-file");

  static final String ADDRESS_VARIABLE = "CONSUL_HTTP_ADDR";

  private static final String LOCAL = "127.0.0.1:8500";
  private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(5); // At most the interval.
  private static final int REPORTS_PER_TTL = 3; // One or two may get lost.

  private final Instance agent;
  private final URI uri;
  private final ConsulAccess access;
  private final SharedInstances<ConsulInstances.Settings> watches =
      new SharedInstances<>(settings -> new ConsulInstances(client(), settings));
  private ConsulClient client; // Guarded by this. Made when first needed: it takes time.

  private ConsulRegistry(String authority, boolean withTls, Map<String, String> settings) {
    this.agent = Instance.parse(authority);
    this.uri = URI.create((withTls ? "https://" : "http://") + agent.authority());
    this.access = ConsulAccess.of(settings, withTls);
  }

  /** Whether {@link #parse} is for this address. */
  static boolean isFor(String uri) {
    return uri.startsWith(SCHEME) || uri.startsWith(TLS_SCHEME);
  }

  static ConsulRegistry parse(String uri, Map<String, String> settings) {
    boolean withTls = uri.startsWith(TLS_SCHEME);
    return new ConsulRegistry(
        uri.substring(withTls ? TLS_SCHEME.length() : SCHEME.length()), withTls, settings);
  }

  /** The agent that Consul's own tools would take. */
  static String uriByDefault(Map<String, String> environment) {
    String address = environment.getOrDefault(ADDRESS_VARIABLE, "").strip();
    boolean withTls =
        address.startsWith("https://")
            || environment.getOrDefault("CONSUL_HTTP_SSL", "").matches("1|t|T|true|TRUE|True");
    String authority = address.replaceFirst("^https?://", "").replaceFirst("/+$", "");
    return (withTls ? TLS_SCHEME : SCHEME) + (authority.isEmpty() ? LOCAL : authority);
  }

  private synchronized ConsulClient client() {
    if (client == null) {
      client = access.client(uri);
    }
    return client;
  }

  @Override
  public Instances instances(String service, List<String> tags) {
    return watches.open(ConsulInstances.Settings.of(service).withTags(tags));
  }

  @Override
  public Instances instancesToTheLetter(String service, List<String> tags) {
    return watches.open(
        ConsulInstances.Settings.of(service).withTags(tags).withEmptyGrace(Duration.ZERO));
  }

  @Override
  public Services services() {
    return new ConsulServices(client());
  }

  @Override
  public Registration registration(RegistryUri.Offer offer) {
    return Registration.deferred(() -> register(offer));
  }

  @Override
  public void prepare() throws IOException, InterruptedException {
    client().instance("none");
  }

  private Registration register(RegistryUri.Offer offer) {
    Instance instance = offer.instance();
    ConsulClient.Service service =
        new ConsulClient.Service(
            offer.id(),
            offer.name(),
            offer.hasRegistrysAddress() ? "" : instance.host(),
            instance.port(),
            instance.tags(),
            instance.meta());
    String checkId = "service:" + offer.id();
    if (offer.selfCheck().isPresent()) {
      Duration ttl = offer.checkInterval().multipliedBy(REPORTS_PER_TTL);
      return new ConsulRegistration(
          client(),
          service,
          List.of(complete(ConsulCheck.ttl(checkId, ttl), offer)),
          heartbeat(checkId, ttl, offer.selfCheck().get()));
    }
    String url = "http://" + instance.authority() + offer.healthPath();
    boolean isBrief = offer.checkInterval().compareTo(CHECK_TIMEOUT) < 0;
    ConsulCheck check =
        ConsulCheck.http(checkId, url, offer.checkInterval())
            .withTimeout(isBrief ? offer.checkInterval() : CHECK_TIMEOUT);
    return new ConsulRegistration(client(), service, List.of(complete(check, offer)));
  }

  private static ConsulCheck complete(ConsulCheck check, RegistryUri.Offer offer) {
    return check
        .withDeregisterAfter(offer.deregisterAfter())
        // True, because it is registered when it has answered itself. Consul's default would keep
        // callers away until the first check.
        .withStatus(ConsulClient.Status.PASSING);
  }

  private static ConsulRegistration.Heartbeat heartbeat(
      String checkId, Duration ttl, RegistryUri.SelfCheck selfCheck) {
    return new ConsulRegistration.Heartbeat(
        checkId,
        ttl,
        () -> {
          selfCheck.run();
          return ConsulClient.Status.PASSING;
        });
  }

  @Override
  public Set<String> flags() {
    return FLAGS;
  }

  @Override
  public Optional<Instance> address() {
    return Optional.of(agent);
  }

  /** An agent knows its own address, by which the others know it too. */
  @Override
  public boolean givesAddress() {
    return true;
  }
}
