// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * HTTP response: status, headers and a body that is complete before the status line is sent.
 *
 * <p>Nothing is sent until the handler has returned, so a failure while encoding still becomes a
 * 500. The exception is {@link #streaming}, for bodies too large to hold in memory: the status is
 * sent before the body, and a failure can only break the connection.
 *
 * <pre>{@code
 * Response.json(200, bytes).with("Cache-Control", "no-store")
 * Response.empty(204)
 * }</pre>
 *
 * <p>Immutable; the byte arrays are not copied and must not be changed afterwards. A response may
 * be a constant.
 */
public final class Response {
  /** Writes a body to the client. */
  @FunctionalInterface
  public interface BodyWriter {
    /** Writes the whole body; the caller closes {@code out}. */
    void writeTo(OutputStream out) throws IOException;
  }

  private static final Pattern NAME = // RFC 9110, section 5.6.2.
      Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");
  private static final byte[] NOTHING = new byte[0];
  private static final Map<String, List<String>> JSON =
      Map.of("Content-Type", List.of("application/json"));
  private static final Map<String, List<String>> TEXT =
      Map.of("Content-Type", List.of("text/plain; charset=utf-8"));

  private final int status;
  private final Map<String, List<String>> headers;
  private final byte[] bytes; // Null when streaming.
  private final BodyWriter writer; // Null when not streaming.
  private final long length;
  private final Throwable error; // Null after success.

  private Response(
      int status, Map<String, List<String>> headers, byte[] bytes, BodyWriter writer, long length) {
    this(status, headers, bytes, writer, length, null);
  }

  private Response(
      int status,
      Map<String, List<String>> headers,
      byte[] bytes,
      BodyWriter writer,
      long length,
      Throwable error) {
    if (status < 200 || status > 599) {
      throw new IllegalArgumentException("status not in 200..599: " + status);
    }
    this.status = status;
    this.headers = headers;
    this.bytes = bytes;
    this.writer = writer;
    this.length = length;
    this.error = error;
  }

  /** Returns a response without a body, such as 204. */
  public static Response empty(int status) {
    return new Response(status, Map.of(), NOTHING, null, 0);
  }

  /** Returns a JSON response; {@code body} is in UTF-8 (RFC 8259). */
  public static Response json(int status, byte[] body) {
    return new Response(status, JSON, requireNonNull(body, "body"), null, body.length);
  }

  /** Returns a plain-text response in UTF-8. */
  public static Response text(int status, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return new Response(status, TEXT, bytes, null, bytes.length);
  }

  /** Returns a response of any media type. */
  public static Response of(int status, String contentType, byte[] body) {
    return json(status, body).with("Content-Type", contentType);
  }

  /**
   * Returns a response whose body is streamed.
   *
   * @param length in bytes, or -1 if unknown; a writer that writes another number breaks the
   *     connection
   */
  public static Response streaming(int status, String contentType, long length, BodyWriter writer) {
    return new Response(status, Map.of(), null, requireNonNull(writer, "writer"), length)
        .with("Content-Type", contentType);
  }

  /**
   * Returns a response with the header fields of another server, for a proxy: checked as {@code
   * with} does, except that bytes above 0x7F pass (obs-text, RFC 9110, section 5.5).
   *
   * @param headers not copied; must not be changed afterwards
   * @throws IllegalArgumentException if a name or a value could be read as more than one header
   *     line
   */
  public static Response of(int status, Map<String, List<String>> headers, byte[] body) {
    requireNonNull(body, "body");
    return new Response(status, checked(headers), body, null, body.length);
  }

  /**
   * As {@link #streaming(int, String, long, BodyWriter)}, with the header fields of another server;
   * see {@link #of(int, Map, byte[])}.
   */
  public static Response streaming(
      int status, Map<String, List<String>> headers, long length, BodyWriter writer) {
    requireNonNull(writer, "writer");
    return new Response(status, checked(headers), null, writer, length);
  }

  private static Map<String, List<String>> checked(Map<String, List<String>> headers) {
    headers.forEach(
        (name, values) -> {
          checkName(name);
          values.forEach(value -> checkValue(name, value, 0xff));
        });
    return Collections.unmodifiableMap(headers);
  }

  /**
   * Returns this response with one header set, replacing values of the same name.
   *
   * @throws IllegalArgumentException if name or value could be read as more than one header line:
   *     a name that is not a token (RFC 9110, 5.6.2), a value with a control character
   */
  public Response with(String name, String value) {
    return with(name, List.of(value));
  }

  /** As {@link #with(String, String)}, with one header line per value. */
  public Response with(String name, List<String> values) {
    checkName(name);
    values.forEach(value -> checkValue(name, value, 0x7e));
    Map<String, List<String>> more = new LinkedHashMap<>(headers);
    more.keySet().removeIf(name::equalsIgnoreCase);
    more.put(name, List.copyOf(values));
    return new Response(status, Collections.unmodifiableMap(more), bytes, writer, length, error);
  }

  /**
   * Returns this response with all of {@code headers} set, as {@link #with(String, String)} does.
   */
  public Response with(Map<String, String> headers) {
    Response response = this;
    for (Map.Entry<String, String> header : headers.entrySet()) {
      response = response.with(header.getKey(), header.getValue());
    }
    return response;
  }

  /**
   * Returns this response with its error, which access log, metrics and trace show ({@link
   * RequestSummary#error}); it is not sent.
   */
  public Response withError(Throwable error) {
    requireNonNull(error, "error");
    return new Response(status, headers, bytes, writer, length, error);
  }

  private static void checkName(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("not a header name: " + printable(name));
    }
  }

  private static void checkValue(String name, String value, int highest) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      // Folded lines, too: the JDK accepts "a\r\n b: x" (RFC 9112, 5.2 forbids sending them).
      if (c < ' ' && c != '\t' || c == 0x7f || c > highest) {
        throw new IllegalArgumentException(
            "character not allowed in header " + name + ": " + printable(value));
      }
    }
  }

  private static String printable(String text) {
    return text.substring(0, Math.min(text.length(), 100)).replaceAll("[^ -~]", "?");
  }

  /** Returns the HTTP status, 200 to 599. */
  public int status() {
    return status;
  }

  /** Returns the header values by name, as they will be sent; unmodifiable. */
  public Map<String, List<String>> headers() {
    return headers;
  }

  /** Returns the first value of a header, or null; {@code name} in any case. */
  public String header(String name) {
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      if (header.getKey().equalsIgnoreCase(name)) {
        return header.getValue().isEmpty() ? null : header.getValue().get(0);
      }
    }
    return null;
  }

  /** Returns the length of the body in bytes, or -1 if it is unknown. */
  public long length() {
    return length;
  }

  /** Returns the error of this response, or null. */
  public Throwable error() {
    return error;
  }

  /**
   * Returns the body.
   *
   * @throws IllegalStateException if it is streaming
   */
  public byte[] bytes() {
    if (bytes == null) {
      throw new IllegalStateException("a streaming body has no bytes");
    }
    return bytes;
  }

  /** Writes the body, streaming or not; for a server. */
  public void writeTo(OutputStream out) throws IOException {
    if (writer != null) {
      writer.writeTo(out);
    } else {
      out.write(bytes);
    }
  }

  @Override
  public String toString() {
    return status + " " + new ArrayList<>(headers.keySet()) + " " + length + " bytes";
  }
}
