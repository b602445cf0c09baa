// SPDX-License-Identifier: Apache-2.0
package bench.http;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import kit.engine.EngineProvider;

/**
 * The JDK's server with a minimal handler, the baseline of the benchmarks; with a second argument on
 * the engine of {@code kit.engine}.
 */
final class BareServer {
  static final byte[] ANSWER = "{\"result\":\"jerry8081\"}".getBytes(StandardCharsets.UTF_8);

  private BareServer() {}

  public static void main(String... args) throws Exception {
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
    HttpServerProvider engine =
        args.length > 1 ? new EngineProvider() : HttpServerProvider.provider();
    HttpServer server = engine.createHttpServer(address, 1024);
    server.createContext(
        "/",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, ANSWER.length);
          exchange.getResponseBody().write(ANSWER);
          exchange.getResponseBody().close();
        });
    server.setExecutor(threads());
    server.start();
  }

  /** What the kit would take: virtual threads where they are good, else as many as are needed. */
  static Executor threads() throws ReflectiveOperationException {
    return Runtime.version().feature() < 24
        ? Executors.newCachedThreadPool()
        : (Executor) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
  }
}
