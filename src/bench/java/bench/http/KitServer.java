// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.io.IOException;
import java.util.List;
import kit.Endpoint;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.tracing.Tracing;

/**
 * What {@link HttpService} is without any middleware: router, checks, request id, time limits. And, to see
 * what they cost, with metrics and traces (not recorded) around it.
 */
final class KitServer {
  private static final int ROUTES = 10;

  record Answer(String result) {}

  private KitServer() {}

  /** Takes the port, and "metrics" or "trace" or both. */
  public static void main(String... args) throws IOException {
    Endpoint<Request, Response> handler =
        new EndpointHandler<>(
            (context, request) -> Integer.parseInt(request.variable("uid")),
            (context, uid) -> new Answer(uid == 101 ? "jerry8081" : "guest8081"),
            Encoders.json());
    Router<Endpoint<Request, Response>> router = new Router<>();
    for (int i = 1; i < ROUTES; i++) {
      router.route("GET", "/" + Integer.toString(i, 36) + "/{id:\\d+}", handler);
    }
    router.route("GET", "/user/{uid:\\d+}", handler);
    HttpService http =
        HttpService.bind(HttpService.Settings.of("127.0.0.1", Integer.parseInt(args[0])));
    if (List.of(args).contains("metrics")) {
      new Instrumenting(new Metrics()).serve(http);
    }
    if (List.of(args).contains("trace")) {
      new Tracing(0, span -> {}).serve(http);
    }
    http.start(new RoutingHandler(router));
  }
}
