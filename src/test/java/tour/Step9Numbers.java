// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.io.OutputStream;
import kit.Endpoint;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.AccessLog;
import kit.http.server.HttpService;
import kit.log.KeyValueLog;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.tracing.Tracing;
import userservice.InMemoryUserService;
import userservice.UserRequest;
import userservice.UserResponse;
import userservice.UserService;

/** A log line, metrics and a trace for each request. */
public final class Step9Numbers {
  private Step9Numbers() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpService http = start(Integer.parseInt(args[0]), System.out);
    System.out.println("listening on http://127.0.0.1:" + http.port());
  }

  static HttpService start(int port, OutputStream log) throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));

    // docs: observed
    http.onCompleted(new AccessLog(KeyValueLog.logfmt(log)::log));

    Tracing tracing = new Tracing(0, span -> {}); // Propagates traces, records none.
    tracing.serve(http);

    Instrumenting instrumenting = new Instrumenting(new Metrics());
    instrumenting.serve(http);
    // end of observed

    UserService users = new InMemoryUserService("");
    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(context, request.uid()));
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route(
                    "GET",
                    "/user/{uid:\\d+}",
                    new EndpointHandler<>(
                        (context, request) ->
                            new UserRequest(Integer.parseInt(request.variable("uid"))),
                        getName,
                        Encoders.json()))
                .route("GET", "/metrics", instrumenting::page)
                .route("GET", "/health", http::health)));
    return http;
  }
}
