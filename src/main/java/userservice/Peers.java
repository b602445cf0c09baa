// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
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
 *   http://127.0.0.1:8080/userservice      this one, behind a path: a gateway; https:// with TLS
 *   consul:userservice                     all instances of a service; KIND:NAME for any registry
 * </pre>
 */
final class Peers {
  /** The type of the flag. */
  static final Flags.Type<Peers> TYPE =
      new Flags.Type<>("PEERS", "host:port,... or KIND:NAME", Peers::parse);

  private final String service; // Null if the instances are known.
  private final String registryScheme; // Null likewise.
  private final Map<Instance, String> paths; // Empty if they are found by name.

  private Peers(String service, String registryScheme, Map<Instance, String> paths) {
    this.service = service;
    this.registryScheme = registryScheme;
    this.paths = paths;
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
    Map<Instance, String> paths = new LinkedHashMap<>();
    for (String item : text.split(",", -1)) {
      add(item.strip(), paths);
    }
    return new Peers(null, null, paths);
  }

  /** Adds a path with a slash at its end, so that another one can be resolved behind it. */
  private static void add(String item, Map<Instance, String> paths) {
    if (item.isEmpty()) {
      throw new IllegalArgumentException("empty item in the list");
    }
    int scheme = item.indexOf("://");
    int slash = item.indexOf('/', scheme < 0 ? 0 : scheme + 3);
    String address = slash < 0 ? item : item.substring(0, slash);
    String path = slash < 0 ? "/" : item.substring(slash);
    if (!path.matches("[/A-Za-z0-9._~-]*")) {
      throw new IllegalArgumentException("not a path: \"" + path + "\"");
    }
    paths.put(Instance.parseAddress(address), path.endsWith("/") ? path : path + "/");
  }

  /**
   * Rejects a service that would call itself in an endless chain: timeouts end each call, but not the
   * chain.
   *
   * @throws Flags.UsageException if this service or this address is among the peers
   */
  void refuse(String ownName, String ownAddress) {
    if (ownName.equals(service) || isAmong(ownAddress)) {
      String self = service == null ? ownAddress : registryScheme + ":" + service;
      throw new Flags.UsageException("--proxy: would call itself: " + self);
    }
  }

  private boolean isAmong(String address) {
    return paths.keySet().stream().anyMatch(peer -> peer.authority().equals(address));
  }

  /**
   * Returns the operation, forwarded to the peers; it lasts as long as the program.
   *
   * @param http sends the calls
   * @param bases returns the base URI of an instance, without a path
   */
  Endpoint<Integer, String> getName(
      Registry registry,
      HttpClient http,
      Function<Instance, URI> bases,
      Tracing tracing,
      Instrumenting instrumenting) {
    return new ServiceClient<>(
        service == null ? "the peers" : service,
        instances(registry),
        instance ->
            new HttpEndpoint<>(http, base(instance, bases), Peers::encode, Peers::decode)
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
      return Instances.fixed(List.copyOf(paths.keySet()));
    }
    if (!registry.toString().startsWith(registryScheme)) {
      throw new Flags.UsageException(
          "--proxy: " + registryScheme + ":" + service + " needs a --registry of that kind");
    }
    return registry.instances(service);
  }

  private URI base(Instance instance, Function<Instance, URI> bases) {
    return bases.apply(instance).resolve(paths.getOrDefault(instance, "/"));
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
