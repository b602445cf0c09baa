// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.util.function.Consumer;
import kit.Endpoint;
import kit.Middleware;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;
import userservice.InMemoryUserService;
import userservice.UserRequest;
import userservice.UserResponse;
import userservice.UserService;

/** A log and a rate limit around an endpoint. */
public final class Step5Middleware {
  private Step5Middleware() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpService http = start(Integer.parseInt(args[0]), System.out::println);
    System.out.println("listening on http://127.0.0.1:" + http.port());
  }

  static HttpService start(int port, Consumer<String> log) throws IOException {
    UserService users = new InMemoryUserService("");
    // docs: chain
    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(context, request.uid()));

    TokenBucket bucket = new TokenBucket(0.1, 3); // One request in 10 seconds, bursts of 3.
    Middleware<UserRequest, UserResponse> guard =
        Middleware.chain(logging("getName", log), RateLimiting.rejecting(bucket::tryAcquireNanos));

    Endpoint<UserRequest, UserResponse> guarded = guard.around(getName);
    // end of chain

    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route(
                    "GET",
                    "/user/{uid:\\d+}",
                    new EndpointHandler<>(
                        (context, request) ->
                            new UserRequest(Integer.parseInt(request.variable("uid"))),
                        guarded,
                        Encoders.json()))
                .route("GET", "/health", http::health)));
    return http;
  }

  // docs: logging
  private static <Q, R> Middleware<Q, R> logging(String method, Consumer<String> log) {
    return next ->
        (context, request) -> {
          try {
            R response = next.call(context, request);
            log.accept(method + " " + request + " -> " + response);
            return response;
          } catch (Exception e) {
            log.accept(method + " " + request + " -> " + e.getMessage());
            throw e;
          }
        };
  }
  // end of logging
}
