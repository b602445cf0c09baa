// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.LinkedHashMap;
import java.util.Map;
import kit.Context;
import kit.Endpoint;
import kit.auth.JwtAuthenticating;
import kit.cli.Flags;
import kit.client.ServiceClient;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.http.Json;
import kit.http.client.HttpEndpoint;
import kit.metrics.Instrumenting;
import kit.registry.Registry;
import kit.tracing.Tracing;

/**
 * The instances of {@code --proxy}, and the client that calls them.
 *
 * <pre>
 *   127.0.0.1:8082, 127.0.0.1:8083         these two
 *   http://127.0.0.1:8080/userservice      this one, behind a path: a gateway
 *   consul:userservice                     all instances of a service; KIND:NAME for any registry
 * </pre>
 */
final class Peers {
  /** The type of the flag. */
  static final Flags.Type<Peers> TYPE =
      new Flags.Type<>("PEERS", "host:port,... or KIND:NAME", Peers::parse);

  private static final String HTTP = "http://";

  private final String service; // Null if the instances are known.
  private final String registryScheme; // Null likewise.
  private final Map<String, URI> bases; // By authority; empty if they are found by name.

  private Peers(String service, String registryScheme, Map<String, URI> bases) {
    this.service = service;
    this.registryScheme = registryScheme;
    this.bases = bases;
  }

  static Peers parse(String text) {
    int colon = text.indexOf(':');
    String scheme = text.substring(0, Math.max(0, colon));
    String name = text.substring(colon + 1);
    boolean isPort = name.matches("\\d+"); // Then the kind is the name of a host.
    if (Registry.kinds().contains(scheme) && !isPort) {
      if (!name.matches("[A-Za-z0-9._-]+")) {
        throw new IllegalArgumentException("not the name of a service: \"" + name + "\"");
      }
      return new Peers(name, scheme, Map.of());
    }
    Map<String, URI> bases = new LinkedHashMap<>();
    for (String item : text.split(",", -1)) {
      URI base = base(item.strip());
      bases.put(base.getAuthority(), base);
    }
    return new Peers(null, null, bases);
  }

  /** With a slash at its end, so that a path can be resolved behind it. */
  private static URI base(String item) {
    if (item.isEmpty()) {
      throw new IllegalArgumentException("empty item in the list");
    }
    String address = item.startsWith(HTTP) ? item.substring(HTTP.length()) : item;
    int slash = address.indexOf('/');
    String authority = slash < 0 ? address : address.substring(0, slash);
    String path = slash < 0 ? "/" : address.substring(slash);
    if (!path.matches("[/A-Za-z0-9._~-]*")) {
      throw new IllegalArgumentException("not a path: \"" + path + "\"");
    }
    return URI.create(
        HTTP + Instance.parse(authority).authority() + (path.endsWith("/") ? path : path + "/"));
  }

  /**
   * Rejects a service that would call itself in an endless chain: timeouts end each call, but not the
   * chain.
   *
   * @throws Flags.UsageException if this service or this address is among the peers
   */
  void refuse(String ownName, String ownAddress) {
    if (ownName.equals(service) || bases.containsKey(ownAddress)) {
      String self = service == null ? ownAddress : registryScheme + ":" + service;
      throw new Flags.UsageException("--proxy: would call itself: " + self);
    }
  }

  /** Returns the operation, forwarded to the peers with {@code http}; it lasts as long as the program. */
  Endpoint<Integer, String> getName(
      Registry registry, HttpClient http, Tracing tracing, Instrumenting instrumenting) {
    return new ServiceClient<>(
        service == null ? "the peers" : service,
        instances(registry),
        instance ->
            new HttpEndpoint<>(http, base(instance), Peers::encode, Peers::decode)
                .before(Tracing::inject)
                .before(JwtAuthenticating.passingOn()), // The peers authenticate callers, too.
        ServiceClient.Settings.<Integer, String>defaults()
            .withIdempotent(uid -> true)
            .withAroundAttempt(
                instance -> tracing.calls(uid -> "GET /user/{uid}", instance.authority())),
        instrumenting);
  }

  private Instances instances(Registry registry) {
    if (service == null) {
      return Instances.fixed(bases.keySet().stream().map(Instance::parse).toList());
    }
    if (!registry.toString().startsWith(registryScheme)) {
      throw new Flags.UsageException(
          "--proxy: " + registryScheme + ":" + service + " needs a --registry of that kind");
    }
    return registry.instances(service);
  }

  private URI base(Instance instance) {
    URI known = bases.get(instance.authority());
    return known == null ? URI.create(HTTP + instance.authority() + "/") : known;
  }

  private static HttpRequest.Builder encode(Context context, URI base, Integer uid) {
    return HttpRequest.newBuilder(base.resolve("user/" + uid));
  }

  private static String decode(Context context, HttpResponse<byte[]> response) throws IOException {
    String result = Json.read(response.body(), UserResponse.class).result();
    if (result == null) {
      throw new IOException("no member \"result\"");
    }
    return result;
  }
}
