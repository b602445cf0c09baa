// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;
import kit.engine.EngineClient;
import kit.engine.EngineClientSettings;
import kit.engine.EngineProtocol;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;
import kit.http.server.HttpService;
import kit.http.server.ServerEngine;
import kit.http.server.ServerSettings;

/**
 * Runs an {@link HttpService} on the engine of {@code kit.engine}.
 *
 * <pre>{@code
 * HttpService.bind(HttpService.Settings.of("127.0.0.1", 8081).withEngine(KitEngine.ENGINE));
 * }</pre>
 *
 * <p>The time limits are those of the server's settings. The other limits are the engine's defaults,
 * which are those of the JDK's engine in {@link ServerSettings}, or else what the operator has set
 * as a system property, see {@link EngineSettings#ofProperties}. What the engine rejects is in the
 * access log and the metrics of the server.
 */
public final class KitEngine {
  /** Creates the engine of a server, with the limits of its settings. */
  public static final ServerEngine ENGINE = speaking(List.of());

  private static final Duration LONGEST = Duration.ofDays(365); // The engine's bound.

  private KitEngine() {}

  /** Creates the engine of a server that speaks other protocols, too, on the same port. */
  public static ServerEngine speaking(List<EngineProtocol> protocols) {
    return (settings, rejections) ->
        new EngineProvider(limits(settings))
            .withRejections(rejections::rejected)
            .withProtocols(protocols);
  }

  /** Returns a client of the engine; it needs no {@code EachAddressClient}. */
  static HttpClient newClient(SSLContext tls, Duration connectTimeout) {
    return new EngineClient(
        EngineClientSettings.defaults().withConnectTimeout(connectTimeout).withSslContext(tls));
  }

  /** Returns the engine's limits for a server with these settings. */
  static EngineSettings limits(HttpService.Settings settings) {
    EngineSettings limits = EngineSettings.ofProperties();
    Duration request = shorter(settings.server().requestTimeout(), LONGEST);
    Duration response = shorter(settings.server().responseTimeout(), LONGEST);
    return limits
        .withTimeouts(shorter(settings.headTimeout(), request), request, response)
        .withIdle(shorter(limits.timeouts().idle(), request), limits.timeouts().idle());
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }
}
