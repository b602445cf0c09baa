// SPDX-License-Identifier: Apache-2.0
package kit.http.jsonrpc;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.RecordComponent;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.StatusException;
import kit.http.Json;
import kit.http.MediaTypes;
import kit.http.Problem;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JSON-RPC 2.0 server: serves endpoints as methods at one path.
 *
 * <pre>{@code
 * router.route("POST", "/rpc",
 *     new JsonRpc()
 *         .method("user.get", UserRequest.class, getName)
 *         .method("user.delete", UserRequest.class, deleteUser));
 *
 * {"jsonrpc":"2.0","method":"user.get","params":{"uid":101},"id":1}
 * {"jsonrpc":"2.0","result":{"result":"jerry8081"},"id":1}
 * }</pre>
 *
 * <p>Parameters are by name, or by position in the order of a record's components; they are read
 * with the rules of {@link Json}. A request without id is a notification without a response. The
 * calls of a batch are executed in order, one after the other; a rate limiter around this handler
 * counts a batch as one request, one around a method's endpoint counts each call.
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   -32700       malformed JSON, with line and column
 *   -32600       invalid request; an id that is no string, whole number or null; an empty batch,
 *                or one that is too long
 *   -32601       no such method
 *   -32602       invalid params, with their place
 *   -32603       internal error, a 500 over HTTP, with a generic text
 *   400 to 599   the HTTP status (see {@link Problem}) of a method's StatusException, or 502 to
 *                504 for its PeerException
 *   any          the code of an {@link ErrorException} that a method throws
 * </pre>
 *
 * <p>All of these have the HTTP status 200; notifications have 204. Errors of HTTP itself have
 * other statuses: 405 for other methods than POST, 415 and 406 for media types, 413 for a long
 * body.
 *
 * <h2>Threads</h2>
 *
 * <p>Register all methods before publishing it to other threads; from then on it is thread-safe.
 *
 * <p>Source: https://www.jsonrpc.org/specification. Equivalent in Go kit: {@code
 * transport/http/jsonrpc}. The client side is {@link JsonRpcEndpoint}.
 */
public final class JsonRpc implements Endpoint<Request, Response> {
  static final int PARSE_ERROR = -32700;
  static final int INVALID_REQUEST = -32600;
  static final int METHOD_NOT_FOUND = -32601;
  static final int INVALID_PARAMS = -32602;
  static final int INTERNAL_ERROR = -32603;

  private static final Logger log = LoggerFactory.getLogger(JsonRpc.class);

  private final Map<String, Method<?>> methods = new HashMap<>();
  private final Settings settings;

  /** Creates a server with the {@linkplain Settings#defaults() default} limits. */
  public JsonRpc() {
    this(Settings.defaults());
  }

  /** Creates a server without methods. */
  public JsonRpc(Settings settings) {
    this.settings = requireNonNull(settings, "settings");
  }

  /**
   * Adds a method and returns this.
   *
   * @param params the type of its parameters, usually a record
   * @throws IllegalArgumentException if the name is taken, empty or reserved (prefix {@code rpc.})
   */
  public <Q> JsonRpc method(String name, Class<Q> params, Endpoint<Q, ?> endpoint) {
    if (name.isEmpty() || name.startsWith("rpc.")) {
      throw new IllegalArgumentException("empty or reserved method name: \"" + name + "\"");
    }
    Method<Q> method =
        new Method<>(requireNonNull(params, "params"), requireNonNull(endpoint, "endpoint"));
    if (methods.putIfAbsent(name, method) != null) {
      throw new IllegalArgumentException("duplicate method name: " + name);
    }
    return this;
  }

  @Override
  public Response call(Context context, Request request) throws Exception {
    if (!request.method().equals("POST")) {
      throw new StatusException(405, "method not allowed; allowed: POST").with("Allow", "POST");
    }
    MediaTypes.checkJson(request);
    MediaTypes.checkAccepted(request, MediaTypes.JSON);
    JsonNode message;
    try {
      message = Json.readTree(request.body(settings.maxBytes()));
    } catch (Json.MalformedException e) {
      return response(error(null, new ErrorException(PARSE_ERROR, e.getMessage())));
    }
    if (!message.isArray()) {
      Reply reply = one(context, message);
      return response(reply.json(), reply.error());
    }
    if (message.isEmpty() || message.size() > settings.maxBatch()) {
      String why = "batch of " + message.size() + " not in 1.." + settings.maxBatch();
      return response(error(null, new ErrorException(INVALID_REQUEST, why)));
    }
    return batch(context, message);
  }

  private static Response response(byte[] json) {
    return json == null ? Response.empty(204) : Response.json(200, json);
  }

  /**
   * Returns a response with an error for access log and metrics, if any; its HTTP status is that of
   * success.
   */
  private static Response response(byte[] json, Exception error) {
    return error == null ? response(json) : response(json).withError(error);
  }

  /**
   * Returns the response to a batch: without body if all calls were notifications, with the error
   * of the first failed call.
   */
  private Response batch(Context context, JsonNode messages) throws Exception {
    ByteArrayOutputStream responses = new ByteArrayOutputStream();
    Exception error = null;
    for (JsonNode message : messages) {
      Reply reply = one(context, message);
      error = error == null ? reply.error() : error;
      if (reply.json() != null) {
        responses.write(responses.size() == 0 ? '[' : ',');
        responses.writeBytes(reply.json());
      }
    }
    responses.write(']');
    return response(responses.size() == 1 ? null : responses.toByteArray(), error);
  }

  /**
   * Result of one call.
   *
   * @param json the response, or null if the call was a notification
   * @param error why the call failed, or null
   */
  private record Reply(byte[] json, Exception error) {}

  private Reply one(Context context, JsonNode message) throws Exception {
    JsonNode id = message.get("id"); // Null if missing; a JSON null is a NullNode.
    boolean isRequest = false;
    try {
      check(message);
      isRequest = true;
      Method<?> method = methods.get(message.get("method").textValue());
      if (method == null) {
        throw new ErrorException(METHOD_NOT_FOUND, "no such method");
      }
      Object result = method.call(context, message.get("params"));
      return new Reply(id == null ? null : message(id, "result", result), null);
    } catch (InterruptedException e) {
      throw e; // Cancelled: no client waits for a response.
    } catch (Exception e) {
      ErrorException error = errorOf(context, e);
      if (error != e && (error.code() == INTERNAL_ERROR || error.code() >= 500)) {
        logFailure(context, message, e);
      }
      return new Reply(id == null && isRequest ? null : error(isId(id) ? id : null, error), e);
    }
  }

  private static void check(JsonNode message) {
    if (!message.isObject()) {
      throw new ErrorException(INVALID_REQUEST, "a request is an object");
    }
    if (!"2.0".equals(message.path("jsonrpc").textValue())) {
      throw new ErrorException(INVALID_REQUEST, "jsonrpc is not \"2.0\"");
    }
    if (message.has("id") && !isId(message.get("id"))) {
      throw new ErrorException(INVALID_REQUEST, "id is no string, whole number or null");
    }
    if (!message.path("method").isTextual()) {
      throw new ErrorException(INVALID_REQUEST, "method is not a string");
    }
    if (message.has("params") && !message.get("params").isContainerNode()) {
      throw new ErrorException(INVALID_REQUEST, "params is no object or array");
    }
  }

  /**
   * Returns whether an id is valid; fractions are not, because they may be returned with other
   * digits.
   */
  private static boolean isId(JsonNode id) {
    return id != null && (id.isTextual() || id.isIntegralNumber() || id.isNull());
  }

  /** Returns the error for an exception, with the text of a {@link Problem}. */
  private static ErrorException errorOf(Context context, Exception e) {
    if (e instanceof ErrorException error) {
      return error;
    }
    Response problem = Problem.of(e, context);
    int code = problem.status() == 500 ? INTERNAL_ERROR : problem.status();
    return new ErrorException(code, Problem.detail(problem.bytes()));
  }

  /** Logs the cause, which is not sent to the client. A rejection without a cause is not logged. */
  private static void logFailure(Context context, JsonNode message, Exception e) {
    Throwable cause = Problem.unwrap(e);
    cause = cause instanceof StatusException ? cause.getCause() : cause;
    if (cause != null) {
      String method = LogSafe.of(message.path("method").textValue());
      log.error("{} failed: {} ({})", method, LogSafe.of(cause), RequestId.idsIn(context));
    }
  }

  private record ErrorMember(int code, String message) {}

  private static byte[] error(JsonNode id, ErrorException error) {
    return message(id, "error", new ErrorMember(error.code(), error.getMessage()));
  }

  private static byte[] message(JsonNode id, String member, Object value) {
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("jsonrpc", "2.0");
    message.put(member, value);
    message.put("id", id);
    return Json.write(message);
  }

  /** An endpoint and the type of its requests. */
  private record Method<Q>(Class<Q> type, Endpoint<Q, ?> endpoint) {
    Object call(Context context, JsonNode params) throws Exception {
      return endpoint.call(context, read(params));
    }

    private Q read(JsonNode params) {
      try {
        if (params == null) {
          return Json.read(JsonNodeFactory.instance.objectNode(), type);
        }
        return Json.read(params.isArray() && type.isRecord() ? byName(params) : params, type);
      } catch (Json.MalformedException e) {
        throw new ErrorException(INVALID_PARAMS, "params: " + e.getMessage());
      }
    }

    private ObjectNode byName(JsonNode params) {
      RecordComponent[] components = type.getRecordComponents();
      if (params.size() > components.length) {
        throw new ErrorException(
            INVALID_PARAMS, "params: " + params.size() + ", at most " + components.length);
      }
      ObjectNode named = JsonNodeFactory.instance.objectNode();
      for (int i = 0; i < params.size(); i++) {
        named.set(components[i].getName(), params.get(i));
      }
      return named;
    }
  }

  /**
   * JSON-RPC error: a method throws it to return the error; on the client it is the cause of a
   * PeerException.
   */
  public static final class ErrorException extends RuntimeException {
    private final int code;

    /** Creates an error with a code and a text that is sent to the client. */
    public ErrorException(int code, String message) {
      super(
          requireNonNull(message, "message"), null, false, false); // An response, and not a fault.
      this.code = code;
    }

    /** Returns the code; -32768 to -32000 are reserved by the standard. */
    public int code() {
      return code;
    }
  }

  /**
   * Limits of a request.
   *
   * @param maxBytes the maximum length of the body in bytes
   * @param maxBatch the maximum number of calls in a batch
   */
  public record Settings(int maxBytes, int maxBatch) {
    /** Checks the ranges. */
    public Settings {
      if (maxBytes < 1 || maxBatch < 1) {
        throw new IllegalArgumentException(
            "maxBytes or maxBatch < 1: " + maxBytes + ", " + maxBatch);
      }
    }

    /** Returns limits of 64 KiB and 20 calls. */
    public static Settings defaults() {
      return new Settings(64 * 1024, 20);
    }
  }
}
