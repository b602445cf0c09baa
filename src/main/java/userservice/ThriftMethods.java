// SPDX-License-Identifier: Apache-2.0
package userservice;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.Middleware;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.Response;
import kit.thrift.ThriftCodec;
import kit.thrift.ThriftMethod;
import kit.thrift.ThriftReader;
import kit.thrift.ThriftServer;
import kit.thrift.ThriftType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Thrift methods of a {@link UserService}, with the interface definition in {@code
 * src/main/thrift/users.thrift}.
 */
final class ThriftMethods {
  static final ThriftCodec<UserRequest> UID =
      new ThriftCodec<>(
          (request, to) -> to.write(1, ThriftType.I32, request.uid()), ThriftMethods::uid);
  static final ThriftCodec<Failure> FAILURE =
      new ThriftCodec<>(
          (e, to) ->
              to.write(1, ThriftType.I32, e.status()).write(2, ThriftType.STRING, e.getMessage()),
          ThriftMethods::failure);
  static final ThriftMethod<UserRequest, String> GET_NAME = method("getName");
  static final ThriftMethod<UserRequest, String> DELETE_USER = method("deleteUser");

  private static final Logger log = LoggerFactory.getLogger(ThriftMethods.class);

  private ThriftMethods() {}

  /** The exception that the methods declare. */
  static final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    private final int status;

    Failure(int status, String detail) {
      super(detail);
      this.status = status;
    }

    int status() {
      return status;
    }
  }

  private static ThriftMethod<UserRequest, String> method(String name) {
    return ThriftMethod.of(name, UID, ThriftType.STRING).declaring(1, Failure.class, FAILURE);
  }

  /**
   * Returns a server of the methods.
   *
   * @param guard wraps each method: limits, fault injection
   */
  static ThriftServer server(UserService users, Middleware<Request, Response> guard) {
    return new ThriftServer(ThriftServer.MAX_MESSAGE_BYTES)
        .add(GET_NAME, served(GET_NAME, UserRoutes.getName(users), guard))
        .add(DELETE_USER, served(DELETE_USER, UserRoutes.deleteUser(users), guard));
  }

  private static Endpoint<UserRequest, String> served(
      ThriftMethod<UserRequest, String> method,
      Endpoint<UserRequest, UserResponse> endpoint,
      Middleware<Request, Response> guard) {
    RequestTarget target = RequestTarget.parse("/" + method.name(), "thrift");
    return (context, user) -> {
      UserResponse[] response = new UserResponse[1];
      Endpoint<Request, Response> guarded =
          guard.around(
              (inner, request) -> {
                response[0] = endpoint.call(inner, user);
                return Response.empty(200);
              });
      try {
        InputStream body = InputStream.nullInputStream();
        guarded.call(context, new Request("POST", target, new Headers(), body));
        return response[0].result();
      } catch (Exception e) {
        throw failure(method.name(), e, context);
      }
    };
  }

  private static Failure failure(String method, Exception e, Context context) {
    Throwable cause = Problem.unwrap(e);
    Response problem = Problem.of(cause, context);
    if (problem.status() >= 500) {
      log.error("{} failed: {}", method, LogSafe.of(cause));
    }
    return new Failure(problem.status(), Problem.detail(problem.bytes()));
  }

  private static UserRequest uid(ThriftReader from) throws IOException {
    int uid = 0;
    while (from.next()) {
      uid = from.field() == 1 ? from.read(ThriftType.I32) : uid;
    }
    try {
      return new UserRequest(uid);
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static Failure failure(ThriftReader from) throws IOException {
    int status = 500;
    String detail = "";
    while (from.next()) {
      switch (from.field()) {
        case 1 -> status = from.read(ThriftType.I32);
        case 2 -> detail = from.read(ThriftType.STRING);
        default -> {}
      }
    }
    return new Failure(status, detail);
  }
}
