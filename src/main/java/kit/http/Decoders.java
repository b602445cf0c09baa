// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import kit.StatusException;

/**
 * The usual ways to make an endpoint's request of an HTTP request; for {@link EndpointHandler}.
 *
 * <pre>{@code
 * new EndpointHandler<>(Decoders.json(Greeting.class, 4_096), greet, Encoders.json())
 * }</pre>
 *
 * <p>What comes from path and query is a lambda's work: {@code (context, request) ->
 * request.variable("name")}.
 */
public final class Decoders {
  private Decoders() {}

  /**
   * Reads the body as one JSON value, as strictly as {@link Json} does.
   *
   * <pre>
   *   415   Content-Type is not application/json, or its charset not UTF-8; says Accept
   *   415   the body is compressed; says Accept-Encoding
   *   413   the body is longer than maxBytes
   *   400   no body; not JSON, with line and column; not that of a type
   * </pre>
   *
   * <p>That a Content-Type is asked for also keeps out forms: a browser sends a foreign page's form
   * without asking, but JSON only after it has asked the server (CORS).
   *
   * @param type a record, usually
   * @param maxBytes the longest body to take in; it is held in memory, and so is what is made of it
   */
  public static <Q> EndpointHandler.Decoder<Q> json(Class<Q> type, int maxBytes) {
    requireNonNull(type, "type");
    if (maxBytes < 1) {
      throw new IllegalArgumentException("maxBytes < 1: " + maxBytes);
    }
    return (context, request) -> {
      MediaTypes.checkJson(request);
      byte[] body = request.body(maxBytes);
      if (body.length == 0) {
        throw new StatusException(400, "no body");
      }
      try {
        return Json.read(body, type);
      } catch (Json.MalformedException e) {
        throw new StatusException(400, e.getMessage());
      }
    };
  }
}
