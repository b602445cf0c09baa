// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * Creates servers of {@code com.sun.net.httpserver} that run on this engine.
 *
 * <p>For one server, call it directly:
 *
 * <pre>{@code
 * HttpServer server = new EngineProvider().createHttpServer(new InetSocketAddress(8080), 0);
 * }</pre>
 *
 * <p>For all servers of a JVM, name it in the system property {@code
 * com.sun.net.httpserver.HttpServerProvider}, or in the file {@code
 * META-INF/services/com.sun.net.httpserver.spi.HttpServerProvider}.
 *
 * <p>Thread-safe.
 */
public final class EngineProvider extends HttpServerProvider {
  /**
   * The name of the attribute of an exchange that holds the trailers of its request, as {@link
   * com.sun.net.httpserver.Headers}: none before the body was read to its end.
   */
  public static final String TRAILERS = "kit.engine.trailers";

  private final Supplier<EngineSettings> settings;
  private final List<EngineProtocol> protocols;

  /** Creates servers with the limits of {@link EngineSettings#ofProperties} at that time. */
  public EngineProvider() {
    this.settings = EngineSettings::ofProperties;
    this.protocols = List.of();
  }

  /** Creates servers with these limits. */
  public EngineProvider(EngineSettings settings) {
    this(settings, List.of());
  }

  /** Creates servers that speak these protocols besides HTTP/1, the first ones preferred. */
  public EngineProvider(EngineSettings settings, List<EngineProtocol> protocols) {
    Objects.requireNonNull(settings, "settings");
    this.settings = () -> settings;
    this.protocols = List.copyOf(protocols);
  }

  @Override
  public HttpServer createHttpServer(InetSocketAddress address, int backlog) throws IOException {
    EngineServer server = new EngineServer(settings.get(), protocols);
    if (address != null) {
      server.bind(address, backlog);
    }
    return server;
  }

  @Override
  public HttpsServer createHttpsServer(InetSocketAddress address, int backlog) throws IOException {
    EngineHttpsServer server = new EngineHttpsServer(settings.get(), protocols);
    if (address != null) {
      server.bind(address, backlog);
    }
    return server;
  }
}
