// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.net.InetSocketAddress;

/**
 * Creates the engine of a server: what is beneath {@code com.sun.net.httpserver}.
 *
 * <pre>{@code
 * Settings.of("127.0.0.1", 8081)
 *     .withEngine((settings, rejections) -> new EngineProvider(limits(settings)));
 * }</pre>
 *
 * <p>An engine that is given enforces the limits of the settings for this one server, finds the end
 * of each request for certain, and releases its port when it is stopped, also before it was started.
 * {@link #INSTALLED} is taken not to: its limits are set for the whole JVM, see {@link
 * ServerSettings}, and {@link HttpService} works around what the JDK's own engine lacks.
 */
@FunctionalInterface
public interface ServerEngine {
  /** The engine that is installed in the JVM, by default the JDK's own. */
  ServerEngine INSTALLED = (settings, rejections) -> HttpServerProvider.provider();

  /**
   * Returns what creates the server; called once for each server.
   *
   * @param rejections for access log and metrics
   */
  HttpServerProvider provider(HttpService.Settings settings, Rejections rejections);

  /** Receives the requests that an engine rejects by itself. Thread-safe. */
  @FunctionalInterface
  interface Rejections {
    /**
     * A request was rejected with {@code status} (400 to 599).
     *
     * @param reason one line, without bytes of the request
     */
    void rejected(InetSocketAddress remote, int status, String reason);
  }
}
