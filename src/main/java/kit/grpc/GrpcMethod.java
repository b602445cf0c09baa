// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.util.Iterator;
import java.util.regex.Pattern;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.http.Request;
import kit.http.Response;

/**
 * A method of a {@link GrpcService}: its path, the codecs of its messages and what serves it.
 *
 * <pre>{@code
 * GrpcMethod.unary("/user.UserService/GetName", uidCodec, nameCodec, getName)
 * GrpcMethod.serverStream("/user.UserService/List", queryCodec, userCodec, listUsers)
 * GrpcMethod.stream("/user.UserService/Import", userCodec, countCodec, importUsers)
 * }</pre>
 *
 * <p>Middleware of the messages goes around the endpoint; middleware of requests, such as a token
 * check, around the method: see {@link #around}.
 *
 * <p>Immutable; thread-safe if the endpoint is.
 */
public final class GrpcMethod {
  private static final Pattern PATH = Pattern.compile("/[\\w.]+/\\w+");
  private static final Response DONE = Response.empty(200);

  private final String path;
  private final Endpoint<Request, Response> endpoint;

  private GrpcMethod(String path, Endpoint<Request, Response> endpoint) {
    if (!PATH.matcher(path).matches()) {
      throw new IllegalArgumentException("not /package.Service/Method: " + path);
    }
    this.path = path;
    this.endpoint = requireNonNull(endpoint, "endpoint");
  }

  /**
   * Returns a method with one request and one response.
   *
   * @param path such as {@code /package.Service/Method}
   */
  public static <Q, R> GrpcMethod unary(
      String path, GrpcCodec<Q> requests, GrpcCodec<R> responses, Endpoint<Q, R> endpoint) {
    requireNonNull(endpoint, "endpoint");
    return of(
        path,
        (context, call) -> {
          Q request = onlyRequest(call, requests);
          call.send(encoded(responses, endpoint.call(context, request)));
        });
  }

  /**
   * Returns a method with one request and any number of responses. The iterator is used on the thread
   * of the call; if it is {@link AutoCloseable}, it is closed at the end of the call, however that
   * comes. One that waits throws {@link java.util.concurrent.CancellationException} if it is
   * interrupted.
   */
  public static <Q, R> GrpcMethod serverStream(
      String path,
      GrpcCodec<Q> requests,
      GrpcCodec<R> responses,
      Endpoint<Q, ? extends Iterator<? extends R>> endpoint) {
    requireNonNull(endpoint, "endpoint");
    return of(
        path,
        (context, call) -> {
          Q request = onlyRequest(call, requests);
          sendAll(call, responses, endpoint.call(context, request));
        });
  }

  /** Returns a method with any number of requests and responses. */
  public static <Q, R> GrpcMethod stream(
      String path, GrpcCodec<Q> requests, GrpcCodec<R> responses, GrpcStreamHandler<Q, R> handler) {
    requireNonNull(handler, "handler");
    return of(
        path,
        (context, call) -> {
          call.allowPauses();
          handler.handle(
              context,
              () -> decoded(requests, call.next()),
              response -> {
                call.send(encoded(responses, response));
                call.flush();
              });
        });
  }

  /** Reads the requests of a call and sends its responses. */
  private interface Work {
    void run(Context context, GrpcCall call) throws Exception;
  }

  private static GrpcMethod of(String path, Work work) {
    return new GrpcMethod(
        path,
        (context, request) -> {
          work.run(context, GrpcCall.in(context));
          return DONE;
        });
  }

  /**
   * Returns the method with middleware for requests around it, which sees the metadata as header
   * fields, an empty body, and the method POST. It runs before the message is read; an exception of it
   * is the status of the call; what it returns is ignored.
   */
  public GrpcMethod around(Middleware<Request, Response> middleware) {
    return new GrpcMethod(path, middleware.around(endpoint));
  }

  /** Returns the path, such as {@code /package.Service/Method}. */
  public String path() {
    return path;
  }

  /** Returns the service of the path, such as {@code package.Service}. */
  public String service() {
    return path.substring(1, path.lastIndexOf('/'));
  }

  /** Serves a call that is in the context. */
  void serve(Context context, Request request) throws Exception {
    endpoint.call(context, request);
  }

  private static <Q> Q onlyRequest(GrpcCall call, GrpcCodec<Q> codec) throws IOException {
    byte[] request = call.next();
    if (request == null || call.next() != null) { // UNIMPLEMENTED as the standard has it.
      String count = request == null ? "none" : "more than one";
      throw new GrpcException(
          GrpcStatus.UNIMPLEMENTED, "the method takes one request, the client sent " + count);
    }
    return decoded(codec, request);
  }

  private static <R> void sendAll(
      GrpcCall call, GrpcCodec<R> codec, Iterator<? extends R> responses) throws Exception {
    try {
      while (responses.hasNext()) {
        call.send(encoded(codec, responses.next()));
        call.flush();
      }
    } finally {
      if (responses instanceof AutoCloseable resource) {
        resource.close();
      }
    }
  }

  private static <Q> Q decoded(GrpcCodec<Q> codec, byte[] message) {
    if (message == null) {
      return null; // The end.
    }
    try {
      return requireNonNull(codec.decode(message), "decoded message");
    } catch (IOException e) {
      // Not INTERNAL: the fault is the client's, and must not open circuit breakers.
      throw new GrpcException(GrpcStatus.INVALID_ARGUMENT, "malformed message: " + e.getMessage());
    }
  }

  private static <R> byte[] encoded(GrpcCodec<R> codec, R response) {
    return codec.encode(requireNonNull(response, "response"));
  }
}
