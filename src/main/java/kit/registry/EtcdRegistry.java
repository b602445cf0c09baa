// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.SharedInstances;
import kit.etcd.EtcdClient;
import kit.etcd.EtcdInstances;
import kit.etcd.EtcdRegistration;
import kit.http.EachAddressClient;

/** {@code etcd://} or {@code etcd+https://}: the members of an etcd, in any order. */
final class EtcdRegistry implements Registry {
  static final Set<String> FLAGS = Set.of("etcd-user", "etcd-user-file", "etcd-ca-file");

  private static final String SCHEME = "etcd://";
  private static final String TLS_SCHEME = "etcd+https://";

  // A third of the TTL of a registration, so that one call may be late.
  private static final Duration TIMEOUT = Duration.ofSeconds(3);

  private final String shown;
  private final List<Instance> members = new ArrayList<>();
  private final List<URI> endpoints = new ArrayList<>();
  private final EtcdClient.Access access;
  private final SharedInstances<Wanted> watches =
      new SharedInstances<>(
          wanted ->
              wanted.toTheLetter()
                  ? new EtcdInstances(client(), wanted.service(), Duration.ZERO)
                  : new EtcdInstances(client(), wanted.service()));
  private EtcdClient client; // Guarded by this. Made when first needed: it takes time.

  /** Whether this is the kind of registry that the address is of. */
  static boolean isFor(String uri) {
    return uri.startsWith(SCHEME) || uri.startsWith(TLS_SCHEME);
  }

  EtcdRegistry(String uri, Map<String, String> settings) {
    boolean withTls = uri.startsWith(TLS_SCHEME);
    String scheme = withTls ? TLS_SCHEME : SCHEME;
    String rest = uri.substring(scheme.length());
    int at = rest.lastIndexOf('@');
    String authorities = rest.substring(at + 1);
    for (String authority : authorities.split(",", -1)) {
      Instance member = Instance.parse(authority);
      members.add(member);
      endpoints.add(URI.create((withTls ? "https://" : "http://") + member.authority()));
    }
    shown = scheme + (at < 0 ? "" : "***@") + authorities;
    access = EtcdAccess.of(at < 0 ? null : decoded(rest.substring(0, at)), settings, withTls);
  }

  private static String decoded(String userInfo) {
    String decoded = "\ufffd"; // What the decoder puts in the place of bytes that are not UTF-8.
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
      client = new EtcdClient(endpoints, TIMEOUT, access, EachAddressClient::over);
    }
    return client;
  }

  private record Wanted(String service, boolean toTheLetter) {}

  @Override
  public Instances instances(String service, List<String> tags) {
    return open(new Wanted(service, false), tags);
  }

  @Override
  public Instances instancesToTheLetter(String service, List<String> tags) {
    return open(new Wanted(service, true), tags);
  }

  private Instances open(Wanted wanted, List<String> tags) {
    Registry.refuse(tags);
    if (isUnusable(wanted.service())) {
      throw new Flags.UsageException(
          "--service: empty or with a slash, which etcd keys cannot bear");
    }
    return watches.open(wanted);
  }

  @Override
  public Registration registration(RegistryUri.Offer offer) {
    if (isUnusable(offer.name())) {
      throw new Flags.UsageException("--name: empty or with a slash, which etcd keys cannot bear");
    }
    return Registration.deferred(
        () -> new EtcdRegistration(client(), offer.name(), offer.id(), offer.instance()));
  }

  @Override
  public void prepare() throws IOException, InterruptedException {
    client().get("/services//");
  }

  private static boolean isUnusable(String name) {
    return name.isEmpty() || name.contains("/");
  }

  @Override
  public Set<String> flags() {
    return FLAGS;
  }

  @Override
  public Optional<Instance> address() {
    return Optional.of(members.get(0));
  }

  @Override
  public String toString() {
    return shown;
  }
}
