// SPDX-License-Identifier: Apache-2.0
package kit.http.jsonrpc;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import kit.LogSafe;
import kit.PeerException;
import kit.http.Json;
import kit.http.MediaTypes;
import kit.http.client.HttpEndpoint;
import kit.http.client.PeerExceptions;

/**
 * JSON-RPC 2.0 client: calls one method as an endpoint, the client side of {@link JsonRpc}.
 *
 * <pre>{@code
 * Endpoint<UserRequest, UserResponse> getName =
 *     JsonRpcEndpoint.of(
 *         http, URI.create("http://127.0.0.1:8081/rpc"), "user.get", UserResponse.class);
 * }</pre>
 *
 * <p>The endpoint's request holds the parameters: a record or a map for named ones, a list for
 * positional ones, null for none.
 *
 * <h2>Errors</h2>
 *
 * <p>As with {@link HttpEndpoint}. A JSON-RPC error, whatever the HTTP status, is a {@link
 * PeerException} of kind STATUS, which breakers and retries handle as usual, with a {@link
 * JsonRpc.ErrorException} as its cause:
 *
 * <pre>
 *   code                     status
 *   400 to 599               the same
 *   -32700, -32600, -32602   400: an error of the client
 *   -32601                   404
 *   -32768 to -32000         500: reserved by the standard for failures of the server
 *   any other                422: an error of the application
 * </pre>
 */
public final class JsonRpcEndpoint {
  // HTTP matches responses to requests; without an id it would be a notification.
  private static final int ID = 1;

  private JsonRpcEndpoint() {}

  /**
   * Returns an endpoint for one method.
   *
   * @param uri the URI of the server
   * @param result the type of results; {@code Void.class} for a method without one
   */
  public static <Q, R> HttpEndpoint<Q, R> of(
      HttpClient http, URI uri, String method, Class<R> result) {
    requireNonNull(method, "method");
    requireNonNull(result, "result");
    return new HttpEndpoint<Q, R>(
            http,
            uri,
            (context, to, params) -> request(to, method, params),
            (context, response) -> read(response.body(), result, uri.getAuthority()))
        .with(JsonRpcEndpoint::failure);
  }

  /**
   * Returns the failure for a response with a status of 400 and above, which may have a JSON-RPC
   * error.
   */
  private static PeerException failure(HttpResponse<byte[]> response, String instance) {
    PeerException failure = PeerExceptions.of(response, instance);
    boolean isJson =
        PeerExceptions.only(response, "Content-Type")
            .filter(type -> MediaTypes.is(type, MediaTypes.JSON))
            .isPresent();
    if (isJson) {
      try {
        JsonNode reply = Json.readTree(response.body());
        if (isVersion2(reply) && reply.path("error").isObject()) {
          return failure(reply.path("error"), instance, failure.retryAfter().orElse(null));
        }
      } catch (IOException e) {
        return failure; // Without a JSON-RPC error.
      }
    }
    return failure;
  }

  private static boolean isVersion2(JsonNode reply) {
    return "2.0".equals(reply.path("jsonrpc").textValue());
  }

  private static HttpRequest.Builder request(URI uri, String method, Object params) {
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("jsonrpc", "2.0");
    message.put("method", method);
    if (params != null) {
      message.put("params", params);
    }
    message.put("id", ID);
    return HttpRequest.newBuilder(uri)
        .header("Content-Type", MediaTypes.JSON)
        .header("Accept", MediaTypes.JSON)
        .POST(BodyPublishers.ofByteArray(Json.write(message)));
  }

  private static <R> R read(byte[] body, Class<R> type, String instance) throws IOException {
    JsonNode reply = Json.readTree(body);
    if (!isVersion2(reply)) {
      throw new IOException("not a response of JSON-RPC 2.0");
    }
    JsonNode error = reply.path("error");
    if (error.isObject()) {
      throw failure(error, instance, null);
    }
    JsonNode result = reply.get("result");
    JsonNode id = reply.path("id");
    if (result == null || !id.isInt() || id.intValue() != ID) {
      throw new IOException(result == null ? "no result" : "the response to another call");
    }
    return type == Void.class ? null : Json.read(result, type);
  }

  private static PeerException failure(JsonNode error, String instance, Duration retryAfter)
      throws IOException {
    JsonNode code = error.path("code");
    JsonNode message = error.path("message");
    if (!code.isInt() || !message.isTextual()) {
      throw new IOException("error without code or message");
    }
    String detail = LogSafe.of(message.textValue());
    return PeerException.status(
        instance,
        status(code.intValue()),
        detail,
        retryAfter,
        new JsonRpc.ErrorException(code.intValue(), detail));
  }

  private static int status(int code) {
    return switch (code) {
      case JsonRpc.PARSE_ERROR, JsonRpc.INVALID_REQUEST, JsonRpc.INVALID_PARAMS -> 400;
      case JsonRpc.METHOD_NOT_FOUND -> 404;
      default -> {
        boolean isStatus = code >= 400 && code <= 599;
        boolean isStandard = code >= -32768 && code <= -32000;
        yield isStatus ? code : isStandard ? 500 : 422;
      }
    };
  }
}
