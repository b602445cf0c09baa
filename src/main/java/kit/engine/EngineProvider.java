// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
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
 * <p>Immutable.
 */
public final class EngineProvider extends HttpServerProvider {
  /**
   * The name of the attribute of an exchange that holds the trailers of its request, as {@link
   * com.sun.net.httpserver.Headers}: none before the body was read to its end.
   */
  public static final String TRAILERS = "kit.engine.trailers";

  private final Supplier<EngineSettings> settings;
  private final List<EngineProtocol> protocols;
  private final RejectionListener rejections;

  /** Receives the requests that are rejected before any handler sees them. */
  @FunctionalInterface
  public interface RejectionListener {
    /**
     * A request was rejected. Called on the thread of its connection, so it returns soon.
     *
     * @param status the status of the response
     * @param reason the body of the response, one line without bytes of the request
     */
    void rejected(InetSocketAddress remote, int status, String reason);
  }

  /** Creates servers with the limits of {@link EngineSettings#ofProperties} at that time. */
  public EngineProvider() {
    this(EngineSettings::ofProperties, List.of(), (remote, status, reason) -> {});
  }

  /** Creates servers with these limits. */
  public EngineProvider(EngineSettings settings) {
    this(() -> settings, List.of(), (remote, status, reason) -> {});
    requireNonNull(settings, "settings");
  }

  private EngineProvider(
      Supplier<EngineSettings> settings,
      List<EngineProtocol> protocols,
      RejectionListener rejections) {
    this.settings = settings;
    this.protocols = List.copyOf(protocols);
    this.rejections = requireNonNull(rejections, "rejections");
  }

  /**
   * Returns a provider whose servers speak these protocols besides HTTP/1, first ones preferred. With
   * TLS, application protocols that the configurator sets are preferred to all of these.
   */
  public EngineProvider withProtocols(List<EngineProtocol> protocols) {
    return new EngineProvider(settings, protocols, rejections);
  }

  /** Returns a provider whose servers pass rejected requests to {@code rejections}. */
  public EngineProvider withRejections(RejectionListener rejections) {
    return new EngineProvider(settings, protocols, rejections);
  }

  EngineSettings settings() {
    return settings.get();
  }

  List<EngineProtocol> protocols() {
    return protocols;
  }

  RejectionListener rejections() {
    return rejections;
  }

  @Override
  public HttpServer createHttpServer(InetSocketAddress address, int backlog) throws IOException {
    EngineServer server = new EngineServer(this);
    if (address != null) {
      server.bind(address, backlog);
    }
    return server;
  }

  @Override
  public HttpsServer createHttpsServer(InetSocketAddress address, int backlog) throws IOException {
    EngineHttpsServer server = new EngineHttpsServer(this);
    if (address != null) {
      server.bind(address, backlog);
    }
    return server;
  }
}
