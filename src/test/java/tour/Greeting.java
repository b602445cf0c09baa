// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import kit.Endpoint;
import kit.Shutdown;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;

/** The complete service in README.md. */
public final class Greeting {
  private Greeting() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    start(Integer.parseInt(args[0]), System.out);
  }

  static Shutdown start(int port, PrintStream out) throws IOException {
    // docs: service
    Endpoint<String, String> greet = (context, name) -> "hello " + name;

    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route(
                    "GET",
                    "/hello/{name}",
                    new EndpointHandler<>(
                        (context, request) -> request.variable("name"), greet, Encoders.text()))
                .route("GET", "/health", http::health)));
    Shutdown shutdown = new Shutdown(Duration.ofSeconds(15)).step("stop serving", http).onSignal();
    // end of service
    out.println("listening on http://127.0.0.1:" + http.port());
    return shutdown;
  }
}
