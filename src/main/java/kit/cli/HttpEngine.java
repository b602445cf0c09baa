// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.http.client.EachAddressClient;
import kit.http.client.HttpEndpoint;
import kit.http.client.LazyTls;

/**
 * The HTTP engine of a program, as {@code --engine} chooses it: the JDK's own, or that of {@code
 * kit.engine}.
 *
 * <p>Servers choose theirs in {@link ServerFlags}. Clients get theirs here, for calls to services,
 * registries and Zipkin; on both engines a client tries each IP address of a name.
 */
public enum HttpEngine {
  /** The JDK's own. */
  JDK {
    @Override
    public HttpClient newClient() {
      return EachAddressClient.over(HttpEndpoint.newClient());
    }

    @Override
    public HttpClient newClient(SSLContext tls) {
      return EachAddressClient.over(HttpEndpoint.newClient(tls, TLS_CONNECT_TIMEOUT));
    }

    @Override
    public HttpClient newClient(SSLContext tls, Duration connectTimeout) {
      return EachAddressClient.over(
          HttpEndpoint.newClientBuilder().sslContext(tls).connectTimeout(connectTimeout).build());
    }
  },

  /** That of {@code kit.engine}. */
  KIT {
    @Override
    public HttpClient newClient() {
      return KitEngine.newClient(LazyTls.context(), HttpEndpoint.CONNECT_TIMEOUT);
    }

    @Override
    public HttpClient newClient(SSLContext tls) {
      return KitEngine.newClient(tls, TLS_CONNECT_TIMEOUT);
    }

    @Override
    public HttpClient newClient(SSLContext tls, Duration connectTimeout) {
      return KitEngine.newClient(tls, connectTimeout);
    }
  };

  // As long as servers give a handshake: the first one of two programs on a busy machine takes
  // seconds, and a call has a shorter deadline.
  private static final Duration TLS_CONNECT_TIMEOUT = Duration.ofSeconds(10);

  /** Declares {@code --engine} in the current group of flags; the default is the JDK's. */
  public static Supplier<HttpEngine> declare(Flags flags, String help) {
    Supplier<String> name =
        flags.optional("engine", Flags.oneOf("ENGINE", "jdk", "kit"), "jdk", help);
    return () -> valueOf(name.get().toUpperCase(Locale.ROOT));
  }

  /**
   * Returns a client for calls to services, with a connect timeout of half a second; one serves the
   * whole program. Bodies are sent from memory, see {@link HttpEndpoint#newClient}.
   */
  public abstract HttpClient newClient();

  /**
   * As {@link #newClient()}, with other certificates and keys for {@code https}, and a connect timeout
   * of ten seconds, the TLS handshake included: what ends it before is the deadline of a call.
   */
  public abstract HttpClient newClient(SSLContext tls);

  /** Returns a client for any other server, also with bodies that stream. */
  public abstract HttpClient newClient(SSLContext tls, Duration connectTimeout);
}
