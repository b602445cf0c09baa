// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import kit.Context;
import kit.Endpoint;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import userservice.InMemoryUserService;
import userservice.UserRequest;
import userservice.UserResponse;
import userservice.UserService;

/** Two operations, each with its own route. */
public final class Step3Routes {
  private Step3Routes() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpService http = start(Integer.parseInt(args[0]));
    System.out.println("listening on http://127.0.0.1:" + http.port());
  }

  static HttpService start(int port) throws IOException {
    UserService users = new InMemoryUserService("");
    // docs: endpoints
    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(context, request.uid()));
    Endpoint<UserRequest, UserResponse> deleteUser =
        (context, request) -> {
          users.deleteUser(context, request.uid());
          return new UserResponse("user " + request.uid() + " deleted");
        };
    // end of endpoints

    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    // docs: routes
    Router<Endpoint<Request, Response>> router =
        new Router<Endpoint<Request, Response>>()
            .route("GET", "/user/{uid:\\d+}", onTheWire(getName))
            .route("DELETE", "/user/{uid:\\d+}", onTheWire(deleteUser))
            .route("GET", "/health", http::health);
    http.start(new RoutingHandler(router));
    // end of routes
    return http;
  }

  // docs: decode
  private static Endpoint<Request, Response> onTheWire(
      Endpoint<UserRequest, UserResponse> endpoint) {
    return new EndpointHandler<>(Step3Routes::decode, endpoint, Encoders.json());
  }

  private static UserRequest decode(Context context, Request request) {
    return new UserRequest(Integer.parseInt(request.variable("uid")));
  }
  // end of decode
}
