// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import kit.Context;

/**
 * The usual ways to make an HTTP answer of an endpoint's response; for {@link EndpointHandler}.
 *
 * <pre>{@code
 * Encoders.json()              // 200, application/json
 * Encoders.json(201)
 * Encoders.text()              // 200, text/plain
 * Encoders.empty()             // 204, whatever the response
 * Encoders.streaming("text/csv", (rows, out) -> rows.writeTo(out))
 * }</pre>
 *
 * <p>Each but {@link #empty} knows its media type, so that a client whose {@code Accept} rules it out
 * is refused with 406, before any work is done.
 */
public final class Encoders {
  /** Writes a response piece by piece. */
  @FunctionalInterface
  public interface StreamWriter<R> {
    /** Writes all of it; the caller closes {@code out}. */
    void write(R response, OutputStream out) throws IOException;
  }

  private Encoders() {}

  /** As JSON, with status 200. */
  public static <R> EndpointHandler.Encoder<R> json() {
    return json(200);
  }

  /** As JSON. */
  public static <R> EndpointHandler.Encoder<R> json(int status) {
    return typed(
        MediaTypes.JSON, (context, response) -> Response.json(status, Json.write(response)));
  }

  /** As plain text in UTF-8, with status 200. */
  public static <R> EndpointHandler.Encoder<R> text() {
    return typed("text/plain", (context, response) -> Response.text(200, String.valueOf(response)));
  }

  /** As nothing at all, with status 204. */
  public static <R> EndpointHandler.Encoder<R> empty() {
    return (context, response) -> Response.empty(204);
  }

  /**
   * Piece by piece, with status 200: for what is too large to hold. The status is out when the first
   * piece is written, so a failure after that can only break the connection.
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
