// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.Endpoint;
import kit.Shutdown;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.Status;
import kit.consul.ConsulRegistration;
import kit.discovery.Registration;
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

/** A service that registers, and that stops without losing a request. */
public final class Step7Service {
  private Step7Service() {}

  /** Serves on the port, and registers with the Consul agent, in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    start(Integer.parseInt(args[0]), URI.create(args[1]), System.out).onSignal();
  }

  static Shutdown start(int port, URI consul, PrintStream out) throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    // docs: registration
    String id = "userservice-127.0.0.1-" + http.port();
    Registration registration =
        new ConsulRegistration(
            new ConsulClient(consul),
            new ConsulClient.Service(
                id, "userservice", "127.0.0.1", http.port(), List.of("primary"), Map.of()),
            List.of(
                ConsulCheck.http(
                        "service:" + id,
                        "http://127.0.0.1:" + http.port() + "/health",
                        Duration.ofSeconds(5))
                    .withStatus(Status.PASSING)));
    // end of registration

    // docs: lifecycle
    http.start(new RoutingHandler(routes(http)));
    http.selfCheck("/health");
    out.println("listening on http://127.0.0.1:" + http.port());
    registration.start();

    return http.shutdown(registration, Duration.ofSeconds(1), Duration.ofSeconds(10));
    // end of lifecycle
  }

  private static Router<Endpoint<Request, Response>> routes(HttpService http) {
    // Distinguishes the instances.
    UserService users = new InMemoryUserService(Integer.toString(http.port()));
    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(context, request.uid()));
    return new Router<Endpoint<Request, Response>>()
        .route(
            "GET",
            "/user/{uid:\\d+}",
            new EndpointHandler<>(
                (context, request) -> new UserRequest(Integer.parseInt(request.variable("uid"))),
                getName,
                Encoders.json()))
        .route("GET", "/health", http::health);
  }
}
