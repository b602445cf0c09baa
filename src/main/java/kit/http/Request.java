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
 * One HTTP request as a handler sees it.
 *
 * <p>Together with {@link Response} it makes an HTTP handler an ordinary {@link kit.Endpoint}, which
 * all middleware fits: {@code Endpoint<Request, Response>}. It needs no socket, so a handler can be
 * tested by calling it.
 *
 * <p>Immutable, but for its body, which can be read once. {@link #route()} and {@link #variables()} are
 * those of the request that a router passes to its handler, see {@link #matched}.
 *
 * <p>Not thread-safe, because of the body: one request belongs to one thread at a time.
 */
public final class Request {
  /** What access log and metrics show for a request that no route matched: few distinct labels. */
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
   * Makes a request without a connection, such as for a test of a handler: its version is 1.1, and its
   * finalizers are not called.
   *
   * @param headers names in any case, values as they came
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
   * Makes a request as a server received it.
   *
   * @param headers names in any case, values as they came
   * @param body read at most once
   * @param remote the other end of the connection
   * @param version the version of HTTP, such as 1.1
   * @param tracker the server's, which learns what is found out about the request
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

  /** Learns what handlers find out about a request: the server does, for its log and metrics. */
  @FunctionalInterface
  public interface Tracker {
    /** Adds a function to be called when the response has been sent, or could not be. */
    void onCompleted(Consumer<RequestSummary> finalizer);

    /** The route with this template has matched. */
    default void matched(String route) {}
  }

  private static long announcedLength(Headers headers) {
    if (headers.containsKey("Transfer-Encoding")) {
      return -1;
    }
    String length = headers.getFirst("Content-Length");
    return length == null ? 0 : Long.parseLong(length);
  }

  /** The method, upper case as it came: {@code GET}. */
  public String method() {
    return method;
  }

  /** Path and query. */
  public RequestTarget target() {
    return target;
  }

  /**
   * Returns the value of a header that must be single, or null; {@code name} in any case. For lists,
   * such as {@code Accept}, use {@link #headers(String)}.
   *
   * @throws StatusException 400 if there is more than one: a proxy may have checked another than the
   *     one that is used here
   */
  public String header(String name) {
    List<String> values = headers.get(name);
    if (values != null && values.size() > 1) {
      throw new StatusException(400, "more than one " + name + " header");
    }
    return headers.getFirst(name);
  }

  /** Returns all values of a header, one for each of its lines; {@code name} in any case. */
  public List<String> headers(String name) {
    List<String> values = headers.get(name);
    return values == null ? List.of() : List.copyOf(values);
  }

  /** Returns all headers by name, in any case, with all their values; unmodifiable. */
  public Map<String, List<String>> headers() {
    return Collections.unmodifiableMap(headers);
  }

  /** The other end of the connection, perhaps a proxy; null if there is no connection. */
  public InetSocketAddress remote() {
    return remote;
  }

  /** Whether there is a body to read, be it of no bytes if its length is not known. */
  public boolean hasBody() {
    return bodyLength() != 0;
  }

  /** The announced length of the body in bytes, 0 if there is none; -1 if it is not known. */
  public long bodyLength() {
    return Math.max(-1, body.length());
  }

  /** Returns the body as a stream, for handlers that need not hold the whole of it. */
  public RequestBody bodyStream() {
    return body;
  }

  /**
   * Returns the whole body if it is announced to be of {@code maxBytes} at most, the same array each
   * time; otherwise null, and nothing is read.
   *
   * @throws IOException if it breaks off
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
   * @throws IllegalArgumentException if the route has no such variable, a mistake in the wiring
   */
  public String variable(String name) {
    String value = variables.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no variable in route " + route + ": " + name);
    }
    return value;
  }

  /**
   * Reads the whole body. One that is announced to be too long is refused before it is read.
   *
   * @throws StatusException 413 if it is longer than {@code maxBytes}
   * @throws IOException if it breaks off; the service then answers 400, whatever is made of this
   */
  public byte[] body(int maxBytes) throws IOException {
    if (maxBytes < 0) {
      throw new IllegalArgumentException("maxBytes < 0: " + maxBytes);
    }
    if (body.length() > maxBytes) {
      throw tooLong(maxBytes);
    }
    // In pieces, although the length may be known: nobody gets a megabyte for announcing one.
    byte[] bytes = body.readNBytes(maxBytes);
    if (bytes.length == maxBytes && body.read() >= 0) {
      throw tooLong(maxBytes);
    }
    return bytes;
  }

  private static StatusException tooLong(int maxBytes) {
    return new StatusException(413, "body longer than " + maxBytes + " bytes");
  }

  /** Has {@code finalizer} called when the answer has been sent, or could not be. */
  public void onCompleted(Consumer<RequestSummary> finalizer) {
    tracker.onCompleted(requireNonNull(finalizer, "finalizer"));
  }

  /** The version of HTTP that the request was received with, such as 1.1. */
  public String version() {
    return version;
  }

  /**
   * Returns this request with its route, for a router to pass on to the handler that it has found. The
   * server learns of it too: access log, metrics and trace name the route.
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
