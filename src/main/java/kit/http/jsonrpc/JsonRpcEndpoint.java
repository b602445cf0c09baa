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
 * Calls one method of a JSON-RPC 2.0 server as an endpoint: the client side of {@link JsonRpc}.
 *
 * <pre>{@code
 * Endpoint<UserRequest, UserResponse> getName =
 *     JsonRpcEndpoint.of(
 *         http, URI.create("http://127.0.0.1:8081/rpc"), "user.get", UserResponse.class);
 * }</pre>
 *
 * <p>The endpoint's request is the parameters: a record or a map for named ones, a list for those by
 * position, null for none.
 *
 * <h2>Errors</h2>
 *
 * <p>As those of {@link HttpEndpoint}. An error of JSON-RPC, whatever the status of HTTP, is a {@link PeerException} of kind STATUS,
 * so that breakers and retry know what to make of it, with a {@link JsonRpc.ErrorException} as its
 * cause:
 *
 * <pre>
 *   code                     status
 *   400 to 599               the same
 *   -32700, -32600, -32602   400: our fault
 *   -32601                   404
 *   -32768 to -32000         500: these are the standard's, and the server's own failures
 *   any other                422: the server has done its work, and its answer is no
 * </pre>
 */
public final class JsonRpcEndpoint {
  // HTTP tells answers apart; the id is there because without one it would be a notification.
  private static final int ID = 1;

  private JsonRpcEndpoint() {}

  /**
   * Returns an endpoint for one method.
   *
   * @param uri where the server takes its requests
   * @param result what results are read as; {@code Void.class} for a method that has none
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

  /** Some servers send an error of JSON-RPC with a status of 400 and above. */
  private static PeerException failure(HttpResponse<byte[]> response, String instance) {
    PeerException failure = PeerExceptions.of(response, instance);
    boolean isJson =
        PeerExceptions.only(response, "Content-Type")
            .filter(type -> MediaTypes.is(type, MediaTypes.JSON))
            .isPresent();
    if (isJson) {
      try {
        JsonNode answer = Json.readTree(response.body());
        if (isVersion2(answer) && answer.path("error").isObject()) {
          return failure(answer.path("error"), instance, failure.retryAfter().orElse(null));
        }
      } catch (IOException e) {
        return failure; // The status says it all.
      }
    }
    return failure;
  }

  private static boolean isVersion2(JsonNode answer) {
    return "2.0".equals(answer.path("jsonrpc").textValue());
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
    JsonNode answer = Json.readTree(body);
    if (!isVersion2(answer)) {
      throw new IOException("no answer of JSON-RPC 2.0");
    }
    JsonNode error = answer.path("error");
    if (error.isObject()) {
      throw failure(error, instance, null);
    }
    JsonNode result = answer.get("result");
    JsonNode id = answer.path("id");
    if (result == null || !id.isInt() || id.intValue() != ID) {
      throw new IOException(result == null ? "no result" : "the answer to another call");
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
