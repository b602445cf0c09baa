// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import kit.Context;

/**
 * Common encoders of HTTP responses for {@link EndpointHandler}.
 *
 * <pre>{@code
 * Encoders.json()              // 200, application/json
 * Encoders.json(201)
 * Encoders.text()              // 200, text/plain
 * Encoders.empty()             // 204, whatever the response
 * Encoders.streaming("text/csv", (rows, out) -> rows.writeTo(out))
 * }</pre>
 *
 * <p>Each except {@link #empty} has a media type, so that a client whose {@code Accept} excludes it
 * is rejected with 406 before any work is done.
 */
public final class Encoders {
  /** Writes a response to a stream. */
  @FunctionalInterface
  public interface StreamWriter<R> {
    /** Writes the whole response; the caller closes {@code out}. */
    void write(R response, OutputStream out) throws IOException;
  }

  private Encoders() {}

  /** Returns an encoder to JSON with status 200. */
  public static <R> EndpointHandler.Encoder<R> json() {
    return json(200);
  }

  /** Returns an encoder to JSON with {@code status}. */
  public static <R> EndpointHandler.Encoder<R> json(int status) {
    return typed(
        MediaTypes.JSON, (context, response) -> Response.json(status, Json.write(response)));
  }

  /** Returns an encoder to plain text in UTF-8 with status 200. */
  public static <R> EndpointHandler.Encoder<R> text() {
    return typed("text/plain", (context, response) -> Response.text(200, String.valueOf(response)));
  }

  /** Returns an encoder to an empty response with status 204. */
  public static <R> EndpointHandler.Encoder<R> empty() {
    return (context, response) -> Response.empty(204);
  }

  /**
   * Returns an encoder that streams the body with status 200, for bodies too large to hold in
   * memory. The status is sent before the body, so a later failure can only break the connection.
   */
  public static <R> EndpointHandler.Encoder<R> streaming(
      String contentType, StreamWriter<? super R> writer) {
    requireNonNull(writer, "writer");
    String mediaType = contentType.split(";", 2)[0].strip();
    return typed(
        mediaType,
        (context, response) ->
            Response.streaming(200, contentType, -1, out -> writer.write(response, out)));
  }

  private static <R> EndpointHandler.Encoder<R> typed(
      String mediaType, EndpointHandler.Encoder<R> encoder) {
    return new Typed<>(mediaType, encoder);
  }

  private record Typed<R>(String mediaType, EndpointHandler.Encoder<R> encoder)
      implements EndpointHandler.Encoder<R> {
    @Override
    public Response encode(Context context, R response) throws Exception {
      return encoder.encode(context, response);
    }
  }
}
