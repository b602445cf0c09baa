// SPDX-License-Identifier: Apache-2.0
package bench.http;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;

/**
 * The same in Helidon SE, which needs a newer JDK than all the rest and so a folder of its own. It has
 * no part for JSON with it: the bytes are ready.
 */
final class HelidonServer {
  private HelidonServer() {}

  public static void main(String... args) {
    WebServer.builder()
        .host("127.0.0.1")
        .port(Integer.parseInt(args[0]))
        .routing(
            routing ->
                routing.get(
                    "/user/{uid}",
                    (request, response) -> {
                      Integer.parseInt(request.path().pathParameters().get("uid"));
                      response.header(HeaderNames.CONTENT_TYPE, "application/json");
                      response.send(BareServer.ANSWER);
                    }))
        .build()
        .start();
  }
}
