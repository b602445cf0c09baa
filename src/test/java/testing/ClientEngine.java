// SPDX-License-Identifier: Apache-2.0
package testing;

import com.sun.net.httpserver.spi.HttpServerProvider;
import java.net.http.HttpClient;
import java.util.Optional;

/**
 * The HTTP client that tests of parts call with: the JDK's, or that of {@code kit.engine}, as with
 * {@code mvn -Pengine test}. Copied with these tests, so it knows no class of the toolkit.
 */
public final class ClientEngine {
  private static final String KIT_CLIENT = "kit.engine.EngineClient";

  private ClientEngine() {}

  /** Returns a client in place of {@link HttpClient#newHttpClient}. */
  public static HttpClient newHttpClient() {
    return other().orElseGet(HttpClient::newHttpClient);
  }

  /** Returns a client of the engine if it is not the JDK's. */
  public static Optional<HttpClient> other() {
    boolean isServer = HttpServerProvider.provider().getClass().getName().startsWith("kit.");
    if (!isServer && !"kit".equals(System.getenv("KIT_ENGINE"))) {
      return Optional.empty();
    }
    try {
      return Optional.of((HttpClient) Class.forName(KIT_CLIENT).getMethod("create").invoke(null));
    } catch (ClassNotFoundException e) {
      return Optional.empty(); // The part was copied without it.
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }
}
