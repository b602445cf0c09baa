// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import kit.StatusException;

/**
 * HTTP request as a handler receives it.
 *
 * <p>An HTTP handler is an ordinary {@link kit.Endpoint} from a request to a {@link Response}, so
 * all middleware applies to it. A request needs no socket: a handler can be tested by calling it.
 *
 * <p>Immutable except for its body, which can be read once. A router passes a copy with {@link
 * #route()} and {@link #variables()} to the handler, see {@link #matched}.
 *
 * <p>Not thread-safe because of the body: use it on one thread at a time.
 */
public final class Request {
  /** The route of a request without a matching route, as a label in access log and metrics. */
  public static final String NO_ROUTE = "-";

  private final String method;
  private final RequestTarget target;
  private final Headers headers;
  private final RequestBody body;
  private final InetSocketAddress remote;
  private final String version;
  private final Tracker tracker;
  private final String route;
  private final Map<String, String> variables;

  /**
   * Creates a request without a connection, such as for the test of a handler: its version is 1.1,
   * and its finalizers are not called.
   *
   * @param headers names in any case, values as received
   * @param body read at most once
   */
  public Request(String method, RequestTarget target, Headers headers, InputStream body) {
    this(
        method,
        target,
        headers,
        new RequestBody(body, announcedLength(headers)),
        null,
        "1.1",
        finalizer -> {});
  }

  /**
   * Creates a request that a server received.
   *
   * @param headers names in any case, values as received
   * @param body read at most once
   * @param remote the address of the peer
   * @param version the version of HTTP, such as 1.1
   * @param tracker the server's listener to the route and finalizers of the request
   */
  public Request(
      String method,
      RequestTarget target,
      Headers headers,
      RequestBody body,
      InetSocketAddress remote,
      String version,
      Tracker tracker) {
    this(method, target, headers, body, remote, version, tracker, NO_ROUTE, Map.of());
  }

  private Request(
      String method,
      RequestTarget target,
      Headers headers,
      RequestBody body,
      InetSocketAddress remote,
      String version,
      Tracker tracker,
      String route,
      Map<String, String> variables) {
    this.method = requireNonNull(method, "method");
    this.target = requireNonNull(target, "target");
    this.headers = requireNonNull(headers, "headers");
    this.body = requireNonNull(body, "body");
    this.remote = remote;
    this.version = requireNonNull(version, "version");
    this.tracker = requireNonNull(tracker, "tracker");
    this.route = requireNonNull(route, "route");
    this.variables = requireNonNull(variables, "variables");
  }

  /**
   * Receives the route and the finalizers of a request, for the server's access log and metrics.
   */
  @FunctionalInterface
  public interface Tracker {
    /** Adds a function to call after the response was sent or sending failed. */
    void onCompleted(Consumer<RequestSummary> finalizer);

    /** Records the template of the matching route. */
    default void matched(String route) {}
  }

  private static long announcedLength(Headers headers) {
    if (headers.containsKey("Transfer-Encoding")) {
      return -1;
    }
    String length = headers.getFirst("Content-Length");
    return length == null ? 0 : Long.parseLong(length);
  }

  /** Returns the method in upper case, such as {@code GET}. */
  public String method() {
    return method;
  }

  /** Returns path and query. */
  public RequestTarget target() {
    return target;
  }

  /**
   * Returns the value of a header that must not be repeated, or null; {@code name} in any case. For
   * lists, such as {@code Accept}, use {@link #headers(String)}.
   *
   * @throws StatusException 400 if there is more than one: a proxy may have checked another one
   */
  public String header(String name) {
    List<String> values = headers.get(name);
    if (values != null && values.size() > 1) {
      throw new StatusException(400, "more than one " + name + " header");
    }
    return headers.getFirst(name);
  }

  /** Returns all values of a header, one per header line; {@code name} in any case. */
  public List<String> headers(String name) {
    List<String> values = headers.get(name);
    return values == null ? List.of() : List.copyOf(values);
  }

  /** Returns all headers by name, ignoring case, with all their values; unmodifiable. */
  public Map<String, List<String>> headers() {
    return Collections.unmodifiableMap(headers);
  }

  /** Returns the address of the peer, which may be a proxy; null without a connection. */
  public InetSocketAddress remote() {
    return remote;
  }

  /** Returns whether there is a body, which may be empty if its length is unknown. */
  public boolean hasBody() {
    return bodyLength() != 0;
  }

  /** Returns the declared length of the body in bytes, 0 without a body, -1 if unknown. */
  public long bodyLength() {
    return Math.max(-1, body.length());
  }

  /** Returns the body as a stream, for handlers that do not hold it in memory. */
  public RequestBody bodyStream() {
    return body;
  }

  /**
   * Returns the whole body, always the same array, if its declared length is at most {@code
   * maxBytes}; otherwise reads nothing and returns null.
   *
   * @throws IOException if it is incomplete
   */
  public byte[] shortBody(int maxBytes) throws IOException {
    boolean isShort = body.length() >= 0 && body.length() <= maxBytes;
    return isShort ? body.readOnce(maxBytes) : null;
  }

  /** Returns the template of the route that matched, or {@link #NO_ROUTE}. */
  public String route() {
    return route;
  }

  /** Returns the decoded path variables of the route. */
  public Map<String, String> variables() {
    return variables;
  }

  /**
   * Returns one decoded path variable.
   *
   * @throws IllegalArgumentException if the route has no such variable, an error of the program
   */
  public String variable(String name) {
    String value = variables.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no variable in route " + route + ": " + name);
    }
    return value;
  }

  /**
   * Reads the whole body. A body whose declared length exceeds the limit is rejected before it is
   * read.
   *
   * @throws StatusException 413 if it is longer than {@code maxBytes}
   * @throws IOException if it is incomplete; the service then responds with 400 in any case
   */
  public byte[] body(int maxBytes) throws IOException {
    if (maxBytes < 0) {
      throw new IllegalArgumentException("maxBytes < 0: " + maxBytes);
    }
    if (body.length() > maxBytes) {
      throw tooLong(maxBytes);
    }
    // In pieces even if the length is known: a declared megabyte must not allocate one.
    byte[] bytes = body.readNBytes(maxBytes);
    if (bytes.length == maxBytes && body.read() >= 0) {
      throw tooLong(maxBytes);
    }
    return bytes;
  }

  private static StatusException tooLong(int maxBytes) {
    return new StatusException(413, "body longer than " + maxBytes + " bytes");
  }

  /** Adds a function to call after the response was sent or sending failed. */
  public void onCompleted(Consumer<RequestSummary> finalizer) {
    tracker.onCompleted(requireNonNull(finalizer, "finalizer"));
  }

  /** Returns the version of HTTP of the request, such as 1.1. */
  public String version() {
    return version;
  }

  /**
   * Returns a copy with the matching route, for a router to pass to the handler. The server records
   * the route for access log, metrics and trace.
   *
   * @param route the template of the route
   * @param variables the decoded path variables by name
   */
  public Request matched(String route, Map<String, String> variables) {
    tracker.matched(route);
    return new Request(
        method, target, headers, body, remote, version, tracker, route, Map.copyOf(variables));
  }
}
