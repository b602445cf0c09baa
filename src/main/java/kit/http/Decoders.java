// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import kit.StatusException;

/**
 * Common decoders of HTTP requests for {@link EndpointHandler}.
 *
 * <pre>{@code
 * new EndpointHandler<>(Decoders.json(Greeting.class, 4_096), greet, Encoders.json())
 * }</pre>
 *
 * <p>A request that is only in path and query needs a lambda: {@code (context, request) ->
 * request.variable("name")}.
 */
public final class Decoders {
  private Decoders() {}

  /**
   * Returns a decoder that reads the body as one JSON value, with the rules of {@link Json}.
   *
   * <pre>
   *   415   Content-Type is not application/json, or its charset not UTF-8; with Accept
   *   415   the body is compressed; with Accept-Encoding
   *   413   the body is longer than maxBytes
   *   400   no body; malformed JSON, with line and column; JSON of another type
   * </pre>
   *
   * <p>The required Content-Type also prevents cross-site forms: a browser sends a form of another
   * site without a preflight request, but JSON only after one (CORS).
   *
   * @param type a record, usually
   * @param maxBytes the maximum length of the body, which is held in memory with the result
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
