// SPDX-License-Identifier: Apache-2.0
package testing;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.net.URI;
import java.net.http.HttpClient;
import java.util.Map;
import kit.cli.Flags;
import kit.cli.HttpEngine;
import kit.cli.KitEngine;
import kit.consul.ConsulClient;
import kit.http.client.HttpEndpoint;
import kit.http.client.LazyTls;
import kit.http.proxy.ReverseProxy;
import kit.http.server.ServerEngine;
import kit.registry.Registry;
import kit.registry.RegistryFlags;

/**
 * The implementation of {@code com.sun.net.httpserver}: the JDK's own, or another one on the class
 * path, as with {@code mvn -Pengine test}.
 */
public enum Engine {
  /** The JDK's own. */
  JDK("sun.net.httpserver"),
  /** That of {@code kit.engine}. */
  KIT("kit.engine");

  /** The variable that names the engine of the programs that tests start: as their own is. */
  public static final String VARIABLE = "KIT_ENGINE";

  /** The engine of the servers in this JVM. */
  public static final Engine CURRENT = current();

  /** The properties of that engine begin with this. */
  public static final String NAME = CURRENT.prefix;

  private final String prefix;

  Engine(String prefix) {
    this.prefix = prefix;
  }

  /** Whether it is that of {@code kit.engine}. */
  public static boolean isKit() {
    return CURRENT == KIT;
  }

  /** Returns that engine for one server, with its limits as settings if it has them. */
  public static ServerEngine server() {
    return isKit() ? KitEngine.ENGINE : ServerEngine.INSTALLED;
  }

  /** The engine of the clients in this JVM: that of its servers, or of the programs it starts. */
  public static final HttpEngine CALLS =
      isKit() || "kit".equals(System.getenv(VARIABLE)) ? HttpEngine.KIT : HttpEngine.JDK;

  /** Returns that engine's client for calls to services. */
  public static HttpClient newClient() {
    return CALLS == HttpEngine.KIT ? CALLS.newClient() : HttpEndpoint.newClient();
  }

  /** Returns that engine's client in place of {@link HttpClient#newHttpClient}. */
  public static HttpClient newHttpClient() {
    return CALLS == HttpEngine.KIT ? CALLS.newClient() : HttpClient.newHttpClient();
  }

  /** Returns that engine's clients for proxies. */
  public static ReverseProxy.Clients newProxyClients() {
    if (CALLS == HttpEngine.JDK) {
      return ReverseProxy.newClients();
    }
    HttpClient only = CALLS.newClient(LazyTls.context(), ReverseProxy.CONNECT_TIMEOUT);
    return new ReverseProxy.Clients(only, only);
  }

  /** Returns a client of a Consul agent, on that engine. */
  public static ConsulClient consul(URI agent) {
    return CALLS == HttpEngine.KIT
        ? new ConsulClient(agent, CALLS.newClient())
        : new ConsulClient(agent);
  }

  /** Opens a registry as programs do on that engine. */
  public static Registry registry(String uri) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of(), () -> CALLS);
    flags.parse("--registry=" + uri);
    return registry.get();
  }

  private static Engine current() {
    String provider = HttpServerProvider.provider().getClass().getName();
    return provider.startsWith("kit.") ? KIT : JDK;
  }
}
