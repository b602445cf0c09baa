// SPDX-License-Identifier: Apache-2.0
package tour;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** A user service in one handler of the JDK's HTTP server, with nothing of the toolkit. */
public final class Step1Handler {
  private Step1Handler() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpServer server = start(Integer.parseInt(args[0]));
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort());
  }

  static HttpServer start(int port) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/", Step1Handler::handle);
    server.start();
    return server;
  }

  // docs: handler
  private static void handle(HttpExchange exchange) throws IOException {
    String query = exchange.getRequestURI().getQuery();
    if (query == null || !query.startsWith("uid=")) {
      answer(exchange, 400, "missing parameter: uid");
      return;
    }
    int uid = Integer.parseInt(query.substring("uid=".length()));
    String name = uid == 101 ? "jerry" : "guest";
    answer(exchange, 200, "{\"result\":\"" + name + "\"}");
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }
  // end of handler
}
