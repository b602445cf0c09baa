// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
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
 * <p>{@link #route()} and {@link #variables()} are filled in when the router has found a handler;
 * they are how the outer layers (access log, metrics) learn afterwards which route it was.
 *
 * <p>Not thread-safe: one request belongs to one thread at a time.
 */
public final class Request {
  /** What access log and metrics show for a request that no route matched: few distinct labels. */
  public static final String NO_ROUTE = "-";

  private final String method;
  private final RequestTarget target;
  private final Headers headers;
  private final InputStream body;

  private InetSocketAddress remote;
  private String version = "1.1";
  private byte[] shortBody; // Null unless it has been asked for.
  private String route = NO_ROUTE;
  private Map<String, String> variables = Map.of();
  private Throwable error;
  private List<Consumer<Completed>> finalizers = List.of();

  /**
   * Makes a request from its parts.
   *
   * @param headers names in any case, values as they came
   * @param body read at most once, and only by who wants it
   */
  public Request(String method, RequestTarget target, Headers headers, InputStream body) {
    this.method = requireNonNull(method, "method");
    this.target = requireNonNull(target, "target");
    this.headers = requireNonNull(headers, "headers");
    this.body = requireNonNull(body, "body");
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
    if (headers.containsKey("Transfer-Encoding")) {
      return -1;
    }
    String length = headers.getFirst("Content-Length");
    return length == null ? 0 : Long.parseLong(length);
  }

  /** The body as it comes, for those who need not have the whole of it at a time. */
  public InputStream bodyStream() {
    return body;
  }

  /**
   * Returns the whole body if it is announced to be of {@code maxBytes} at most, the same each time;
   * otherwise null, and nothing is read.
   *
   * @throws IOException if it breaks off
   */
  byte[] shortBody(int maxBytes) throws IOException {
    if (shortBody == null && bodyLength() >= 0 && bodyLength() <= maxBytes) {
      shortBody = body(maxBytes);
    }
    return shortBody;
  }

  /** Whether it is the caller's fault that the body cannot be read. */
  boolean isBodyBroken() {
    return body instanceof RequestBody own && own.isBroken();
  }

  /**
   * To be called by whoever had the body read on another thread, and no longer waits for that. If not
   * all of it has been read, the other thread may still be at it; then the connection ends with the
   * answer, or two threads would look for the next request in it.
   */
  void abandonBody() {
    if (body instanceof RequestBody shared) {
      shared.abandon();
    }
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
    if (body instanceof RequestBody announced && announced.length() > maxBytes) {
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
  public void onCompleted(Consumer<Completed> finalizer) {
    if (finalizers.isEmpty()) {
      finalizers = new ArrayList<>(2);
    }
    finalizers.add(requireNonNull(finalizer, "finalizer"));
  }

  /** The version of HTTP that the request was received with, such as 1.1. */
  String version() {
    return version;
  }

  Request from(InetSocketAddress remote) {
    this.remote = remote;
    return this;
  }

  Request withVersion(String version) {
    this.version = version;
    return this;
  }

  void matched(String route, Map<String, String> variables) {
    this.route = route;
    this.variables = variables;
  }

  /** Notes an error that has already been made into a response, for {@link Completed}. */
  void failed(Throwable error) {
    this.error = error;
  }

  Throwable error() {
    return error;
  }

  List<Consumer<Completed>> finalizers() {
    return finalizers;
  }
}
