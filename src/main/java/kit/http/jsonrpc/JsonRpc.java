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
 * Serves endpoints as the methods of JSON-RPC 2.0, all at one path.
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
 * <p>Parameters come by name, or by position in the order of a record's components; they are read
 * as strictly as {@link Json} reads. A request without id is a notification, and has no answer. The
 * calls of a batch are made one after the other, in their order; a limiter around this handler
 * counts the batch as one, one around a method's endpoint counts each call.
 *
 * <h2>Errors</h2>
 *
 * <pre>
 *   -32700       not JSON; says line and column
 *   -32600       not a request; an id that is no string, whole number or null; an empty batch, or one
 *                that is too long
 *   -32601       no such method
 *   -32602       params that do not fit; says which
 *   -32603       what would be a 500, with a text that gives nothing away
 *   400 to 599   what would be this status (see {@link Problem}): a method's StatusException, or
 *                502 to 504 for its PeerException
 *   any          what a method has thrown as an {@link ErrorException}
 * </pre>
 *
 * <p>All of these are HTTP's 200; 204 is for a request that wants no answer. Before there is a
 * message to answer, HTTP speaks: 405 for anything but POST, 415 and 406 for media types, 413 for a
 * long body.
 *
 * <h2>Threads</h2>
 *
 * <p>Register all methods, then publish it safely; from then on it serves any number of threads.
 *
 * <p>Source: https://www.jsonrpc.org/specification. Go kit's word: {@code transport/http/jsonrpc}.
 * The other side of the wire is {@link JsonRpcEndpoint}.
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

  /** Serves with the {@linkplain Settings#defaults() default} limits. */
  public JsonRpc() {
    this(Settings.defaults());
  }

  /** Serves no method yet. */
  public JsonRpc(Settings settings) {
    this.settings = requireNonNull(settings, "settings");
  }

  /**
   * Adds a method and returns this.
   *
   * @param params what its parameters are read as; a record, usually
   * @throws IllegalArgumentException if there is one of this name, or the name is empty or reserved
   *     ({@code rpc.} and whatever follows)
   */
  public <Q> JsonRpc method(String name, Class<Q> params, Endpoint<Q, ?> endpoint) {
    if (name.isEmpty() || name.startsWith("rpc.")) {
      throw new IllegalArgumentException("empty or reserved method name: \"" + name + "\"");
    }
    Method<Q> method =
        new Method<>(requireNonNull(params, "params"), requireNonNull(endpoint, "endpoint"));
    if (methods.putIfAbsent(name, method) != null) {
      throw new IllegalArgumentException("second method of this name: " + name);
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
      return answer(error(null, new ErrorException(PARSE_ERROR, e.getMessage())));
    }
    if (!message.isArray()) {
      Reply reply = one(context, message);
      return answer(reply.json(), reply.error());
    }
    if (message.isEmpty() || message.size() > settings.maxBatch()) {
      String why = "batch of " + message.size() + " not in 1.." + settings.maxBatch();
      return answer(error(null, new ErrorException(INVALID_REQUEST, why)));
    }
    return batch(context, message);
  }

  private static Response answer(byte[] json) {
    return json == null ? Response.empty(204) : Response.json(200, json);
  }

  /** With an error for access log and metrics, if there is one: to HTTP, all is well. */
  private static Response answer(byte[] json, Exception error) {
    return error == null ? answer(json) : answer(json).withError(error);
  }

  /**
   * The body is empty if all were notifications; the error is that of the first call that failed.
   */
  private Response batch(Context context, JsonNode messages) throws Exception {
    ByteArrayOutputStream answers = new ByteArrayOutputStream();
    Exception error = null;
    for (JsonNode message : messages) {
      Reply reply = one(context, message);
      error = error == null ? reply.error() : error;
      if (reply.json() != null) {
        answers.write(answers.size() == 0 ? '[' : ',');
        answers.writeBytes(reply.json());
      }
    }
    answers.write(']');
    return answer(answers.size() == 1 ? null : answers.toByteArray(), error);
  }

  /**
   * What one call led to.
   *
   * @param json the response, or null if the call was a notification
   * @param error why the call failed, or null
   */
  private record Reply(byte[] json, Exception error) {}

  private Reply one(Context context, JsonNode message) throws Exception {
    JsonNode id = message.get("id"); // Null if there is none; a null that was sent is a NullNode.
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
      throw e; // Cancelled: nobody waits for an answer.
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

  /** Fractions are left out: they come back as other digits than were sent, if at all. */
  private static boolean isId(JsonNode id) {
    return id != null && (id.isTextual() || id.isIntegralNumber() || id.isNull());
  }

  /** Says it in the words of a {@link Problem}, so that REST and RPC agree. */
  private static ErrorException errorOf(Context context, Exception e) {
    if (e instanceof ErrorException error) {
      return error;
    }
    Response problem = Problem.of(e, context);
    int code = problem.status() == 500 ? INTERNAL_ERROR : problem.status();
    return new ErrorException(code, Problem.detail(problem.bytes()));
  }

  /** Tells the operator what the caller must not know. A plain refusal is no failure of ours. */
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

  /** An endpoint, and what its requests are read as. */
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

  /** An error of JSON-RPC: thrown by a method, it is the answer; a client finds it as a cause. */
  public static final class ErrorException extends RuntimeException {
    private final int code;

    /** Answers {@code code}, and a text that the caller may read. */
    public ErrorException(int code, String message) {
      super(requireNonNull(message, "message"), null, false, false); // An answer, and not a fault.
      this.code = code;
    }

    /** The number that says what went wrong; from -32768 to -32000 it is the standard's. */
    public int code() {
      return code;
    }
  }

  /**
   * How much one request may ask for.
   *
   * @param maxBytes the longest body, in bytes
   * @param maxBatch the most calls in one batch
   */
  public record Settings(int maxBytes, int maxBatch) {
    /** Checks that both are 1 or more. */
    public Settings {
      if (maxBytes < 1 || maxBatch < 1) {
        throw new IllegalArgumentException(
            "maxBytes or maxBatch < 1: " + maxBytes + ", " + maxBatch);
      }
    }

    /** 64 KiB, and 20 calls. */
    public static Settings defaults() {
      return new Settings(64 * 1024, 20);
    }
  }
}
