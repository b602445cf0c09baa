// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.http.Encoders;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.Response;
import kit.http.server.HttpService;

/** The same service in three layers: service, endpoint, transport. */
public final class Step2Layers {
  private Step2Layers() {}

  /** Serves on the port in {@code args} until Ctrl-C. */
  public static void main(String... args) throws IOException {
    HttpService http = start(Integer.parseInt(args[0]));
    System.out.println("listening on http://127.0.0.1:" + http.port());
  }

  // docs: service
  interface UserService {
    String getName(int uid);
  }

  // end of service

  // docs: messages
  record UserRequest(int uid) {}

  record UserResponse(String result) {}

  // end of messages

  static HttpService start(int port) throws IOException {
    // docs: layers
    UserService users = uid -> uid == 101 ? "jerry" : "guest";

    Endpoint<UserRequest, UserResponse> getName =
        (context, request) -> new UserResponse(users.getName(request.uid()));

    Endpoint<Request, Response> handler =
        new EndpointHandler<>(Step2Layers::decode, getName, Encoders.json());

    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", port));
    http.start(handler);
    // end of layers
    return http;
  }

  // docs: decode
  private static UserRequest decode(Context context, Request request) {
    String uid =
        request
            .target()
            .query("uid")
            .orElseThrow(() -> new StatusException(400, "missing parameter: uid"));
    try {
      return new UserRequest(Integer.parseInt(uid));
    } catch (NumberFormatException e) {
      throw new StatusException(400, "uid is not a number", e);
    }
  }
  // end of decode
}
