// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.StatusException;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import userservice.InMemoryUserService;
import userservice.PermissionDeniedException;
import userservice.UserRequest;
import userservice.UserResponse;
import userservice.UserService;

/** Errors as problem responses with the right status. */
public final class Step4Errors {
  private Step4Errors() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpService http = start(Integer.parseInt(args[0]));
    System.out.println("listening on http://127.0.0.1:" + http.port());
  }

  static HttpService start(int port) throws IOException {
    UserService users = new InMemoryUserService("");
    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(context, request.uid()));
    Endpoint<UserRequest, UserResponse> deleteUser =
        (context, request) -> {
          users.deleteUser(context, request.uid());
          return new UserResponse("user " + request.uid() + " deleted");
        };

    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    http.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/user/{uid:\\d+}", onTheWire(getName))
                .route("DELETE", "/user/{uid:\\d+}", onTheWire(deleteUser))
                .route("GET", "/health", http::health)));
    return http;
  }

  private static Endpoint<Request, Response> onTheWire(
      Endpoint<UserRequest, UserResponse> endpoint) {
    // docs: wrapped
    return new EndpointHandler<>(Step4Errors::decode, refusals().around(endpoint), Encoders.json());
    // end of wrapped
  }

  // docs: refusals
  private static Middleware<UserRequest, UserResponse> refusals() {
    return next ->
        (context, request) -> {
          try {
            return next.call(context, request);
          } catch (PermissionDeniedException e) {
            throw new StatusException(403, e.getMessage(), e);
          }
        };
  }

  // end of refusals

  // docs: decode
  private static UserRequest decode(Context context, Request request) {
    try {
      return new UserRequest(Integer.parseInt(request.variable("uid")));
    } catch (NumberFormatException e) {
      // The route accepts any number of digits.
      throw new StatusException(400, "uid not in 0.." + Integer.MAX_VALUE, e);
    }
  }
  // end of decode
}
