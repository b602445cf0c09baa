// SPDX-License-Identifier: Apache-2.0
package userservice;

import java.util.Optional;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.StatusException;
import kit.http.Decoders;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.jsonrpc.JsonRpc;

/** HTTP routes of a {@link UserService}: one endpoint and one route per operation. */
public final class UserRoutes {
  private static final int MAX_HELLO_BYTES = 4_096; // More than a line of text.

  private UserRoutes() {}

  /**
   * Returns the handler of all requests.
   *
   * @param accessToken handles {@code POST /access-token}, if there is such a route
   * @param guard wraps each route except {@code /health}, {@code /ready} and {@code /metrics}: limits,
   *     authentication, fault injection
   */
  public static RoutingHandler handler(
      UserService users,
      Endpoint<Request, Response> health,
      Endpoint<Request, Response> ready,
      Endpoint<Request, Response> metrics,
      Optional<Endpoint<Request, Response>> accessToken,
      Middleware<Request, Response> guard) {
    Endpoint<UserRequest, UserResponse> getName = getName(users);
    Endpoint<UserRequest, UserResponse> deleteUser = deleteUser(users);
    JsonRpc rpc =
        new JsonRpc()
            .method("user.get", UserRequest.class, getName)
            .method("user.delete", UserRequest.class, deleteUser);
    Router<Endpoint<Request, Response>> router =
        new Router<Endpoint<Request, Response>>()
            .route("GET", "/user/{uid:\\d+}", guard.around(onTheWire(getName)))
            .route("DELETE", "/user/{uid:\\d+}", guard.around(onTheWire(deleteUser)))
            .route("POST", "/rpc", guard.around(rpc))
            .route("POST", "/hello", guard.around(hello()))
            .route("GET", "/health", health)
            .route("GET", "/ready", ready)
            .route("GET", "/metrics", metrics);
    accessToken.ifPresent(endpoint -> router.route("POST", "/access-token", endpoint));
    return new RoutingHandler(router);
  }

  private static Endpoint<Request, Response> onTheWire(
      Endpoint<UserRequest, UserResponse> endpoint) {
    return new EndpointHandler<>(UserRoutes::decode, endpoint, Encoders.json());
  }

  /** Returns the endpoint of the operation, whose exceptions have statuses. */
  static Endpoint<UserRequest, UserResponse> getName(UserService users) {
    return refusals()
        .around((context, request) -> new UserResponse(users.getName(context, request.uid())));
  }

  /** Returns the endpoint of the operation, whose exceptions have statuses. */
  static Endpoint<UserRequest, UserResponse> deleteUser(UserService users) {
    return refusals()
        .around(
            (context, request) -> {
              users.deleteUser(context, request.uid());
              return new UserResponse("user " + request.uid() + " deleted");
            });
  }

  /** Returns the endpoint of {@code POST /hello}, an example of a request with a body. */
  private static Endpoint<Request, Response> hello() {
    return new EndpointHandler<>(
        Decoders.json(Hello.class, MAX_HELLO_BYTES),
        (context, hello) -> {
          if (hello.message() == null) {
            throw new StatusException(400, "message is missing");
          }
          return new Hello("Hello " + hello.message());
        },
        Encoders.json());
  }

  /** Maps exceptions of the business logic to HTTP statuses. */
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

  private static UserRequest decode(Context context, Request request) {
    try {
      return new UserRequest(Integer.parseInt(request.variable("uid")));
    } catch (NumberFormatException e) {
      // The route matches any number of digits.
      throw new StatusException(400, "uid not in 0.." + Integer.MAX_VALUE, e);
    }
  }
}
