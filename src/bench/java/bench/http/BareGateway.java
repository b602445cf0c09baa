// SPDX-License-Identifier: Apache-2.0
package bench.http;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import kit.http.client.HttpEndpoint;

/** A minimal gateway of the JDK's server and client: the baseline of the benchmarks. */
final class BareGateway {
  private BareGateway() {}

  /** Takes its own port, and that of the service. */
  public static void main(String... args) throws Exception {
    HttpClient client = HttpEndpoint.newClient();
    HttpServer server =
        HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 1024);
    server.createContext(
        "/",
        exchange -> {
          String path = exchange.getRequestURI().getRawPath().replaceFirst("^/userservice", "");
          URI uri = URI.create("http://127.0.0.1:" + args[1] + path);
          try {
            HttpResponse<byte[]> answer =
                client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofByteArray());
            answer
                .headers()
                .firstValue("Content-Type")
                .ifPresent(
                    type -> exchange.getResponseHeaders().put("Content-Type", List.of(type)));
            exchange.sendResponseHeaders(answer.statusCode(), answer.body().length);
            exchange.getResponseBody().write(answer.body());
          } catch (InterruptedException e) {
            throw new IOException(e);
          }
          exchange.getResponseBody().close();
        });
    server.setExecutor(BareServer.threads());
    server.start();
  }
}
