// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.http.client.BodyCollector;
import kit.http.client.HttpEndpoint;
import kit.http.client.LazyTls;
import kit.http.client.ResponseFraming;

/**
 * Reverse proxy: forwards a request to another server and streams the response back.
 *
 * <pre>{@code
 * ReverseProxy.Clients http = ReverseProxy.newClients(); // shared by the whole program
 * Endpoint<Forward, Response> upstream =
 *     new ReverseProxy(http, "127.0.0.1:8081", ReverseProxy.Settings.defaults());
 * upstream.call(context, new Forward(request, "/user/101?verbose=1"));
 * }</pre>
 *
 * <h2>Changes to messages</h2>
 *
 * <ul>
 *   <li>Hop-by-hop headers are removed in both directions: those of RFC 9110, section 7.6.1, and
 *       those that {@code Connection} names.
 *   <li>{@code Forwarded} and {@code X-Forwarded-For}, {@code -Host} and {@code -Proto} name the
 *       client. Received fields with these and similar names, also with {@code _} for {@code -},
 *       are dropped unless they are from a trusted proxy: {@code docs/http.md} has the rule.
 *   <li>{@code Max-Forwards} of OPTIONS and TRACE is decremented; at 0 the proxy responds itself.
 *   <li>{@code Via} names this proxy; request id and trace are those of the {@link Context}.
 * </ul>
 *
 * <p>Redirects are returned and not followed. A status of 200 to 599 is returned unchanged, 5xx
 * included. Bytes above 0x7F in the header fields of a response are unchanged (RFC 9110, section
 * 5.5). A 204 that declares a body is returned without its header fields, which the JDK's client
 * does not return.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link PeerException} without a response, as with {@link HttpEndpoint}: no connection, no
 * status line within the deadline of the context, an incomplete response. Only a request that
 * {@linkplain Forward#isRepeatable can be repeated}, or one that certainly was not sent, may then
 * be sent to another instance; a request whose body has begun to stream never counts as not sent.
 * An incomplete body of the caller is a {@link java.util.concurrent.CancellationException}. When a
 * streamed response is incomplete, the connection to the caller is closed; when the caller closes
 * its connection, so is the one to the upstream.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. Some tens of KB per request: bodies of up to 16 KiB are held in memory, longer
 * ones are streamed. A streamed request uses a thread of the client that sends it.
 *
 * <p>Equivalent in Go kit: {@code transport/httprp.Server}.
 */
public final class ReverseProxy implements Endpoint<ReverseProxy.Forward, Response> {
  /**
   * The connect timeout of {@link #newClients}: a lost packet is sent again after 1 and 3 seconds,
   * and a busy upstream is not an unreachable one.
   */
  public static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  private static final Set<String> EXPECT_A_BODY = Set.of("POST", "PUT", "PATCH");
  private static final int BUFFER_BYTES = 16 * 1024; // The size of HttpClient's buffers.
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Clients http;
  private final String base; // Without a slash at its end.
  private final String instance;
  private final Settings settings;
  private final List<HttpEndpoint.Before> before;

  /**
   * Creates a proxy to {@code instance}, as {@code host:port}; {@code http} are {@link
   * #newClients}.
   *
   * @throws IllegalArgumentException if the JDK's client cannot call that address
   */
  public ReverseProxy(Clients http, String instance, Settings settings) {
    this(http, HttpEndpoint.checkCallable("http://" + instance), settings);
  }

  /**
   * Creates a proxy to the server at {@code base}, such as {@code https://10.0.0.5:8443}: scheme and
   * authority, without a path.
   *
   * @throws IllegalArgumentException if it has a path, or the JDK's client cannot call that address
   */
  public ReverseProxy(Clients http, URI base, Settings settings) {
    this(http, HttpEndpoint.checkCallable(base.toString()), settings, List.of());
    String authority = base.getScheme() + "://" + instance;
    if (!base.toString().equals(authority)) {
      throw new IllegalArgumentException("not scheme://host:port: " + LogSafe.of(base.toString()));
    }
  }

  private ReverseProxy(
      Clients http, URI base, Settings settings, List<HttpEndpoint.Before> before) {
    this.http = requireNonNull(http, "http");
    this.base = base.toString();
    this.instance = base.getAuthority();
    this.settings = requireNonNull(settings, "settings");
    this.before = before;
  }

  /** Returns this proxy with one more function between copying the headers and sending. */
  public ReverseProxy before(HttpEndpoint.Before more) {
    List<HttpEndpoint.Before> longer = new ArrayList<>(before);
    longer.add(requireNonNull(more, "more"));
    return new ReverseProxy(http, URI.create(base), settings, List.copyOf(longer));
  }

  /** Returns clients that all proxies of a program share. */
  public static Clients newClients() {
    return newClients(LazyTls.context());
  }

  /** As {@link #newClients()}, with other certificates and keys for {@code https}. */
  public static Clients newClients(SSLContext tls) {
    HttpClient.Builder builder =
        HttpEndpoint.newClientBuilder().sslContext(tls).connectTimeout(CONNECT_TIMEOUT);
    HttpClient streaming = builder.build(); // Without an executor, it creates a pool.
    return new Clients(builder.executor(Runnable::run).build(), streaming);
  }

  /**
   * The JDK's clients that proxies send with.
   *
   * @param quick for requests that are at hand as a whole; its selector's thread does all the
   *     reading and writing, which is fastest for a proxy
   * @param streaming for bodies that stream; with as many threads as are busy, because on one a
   *     slow caller would delay all others
   */
  public record Clients(HttpClient quick, HttpClient streaming) {
    /** Checks that nothing is missing. */
    public Clients {
      requireNonNull(quick, "quick");
      requireNonNull(streaming, "streaming");
    }
  }

  @Override
  public Response call(Context context, Forward forward) throws Exception {
    if (forward.ownResponse() != null) {
      return forward.ownResponse();
    }
    long nanos = context.hasDeadline() ? context.remainingNanos() : DEFAULT_TIMEOUT_NANOS;
    if (nanos <= 0) {
      throw PeerException.timeout(instance, null);
    }
    long deadlineNanos = System.nanoTime() + nanos;
    ProxyRequestBody request = new ProxyRequestBody(forward.request());
    HttpRequest message = message(context, forward, nanos, request);
    ProxyResponseBody received = new ProxyResponseBody(message.method());
    boolean through = false;
    try {
      HttpResponse<?> head = request.send(http.quick(), http.streaming(), message, received, nanos);
      Response response = response(forward.request(), head, received, deadlineNanos);
      through = true;
      return response;
    } catch (TimeoutException e) {
      throw PeerException.timeout(instance, e);
    } catch (IOException e) {
      if (ResponseFraming.isNoContent(e)) {
        return Response.empty(204);
      }
      throw request.failure(e, instance);
    } finally {
      if (!through) {
        received.cancel(); // Also if the head arrives later.
      }
      request.end();
    }
  }

  private HttpRequest message(Context context, Forward forward, long nanos, ProxyRequestBody body) {
    Request request = forward.request();
    try {
      HttpRequest.Builder builder =
          HttpRequest.newBuilder(URI.create(base + forward.target()))
              .timeout(Duration.ofNanos(nanos)) // For the head of the response.
              .method(request.method(), body.publisher());
      boolean isTrusted = settings.isTrusted().test(request.remote().getAddress());
      ProxyHeaders.ofRequest(request, isTrusted, settings.scheme())
          .forEach((name, values) -> values.forEach(value -> builder.header(name, value)));
      String requestId = context.get(RequestId.KEY);
      if (requestId != null) {
        builder.setHeader(RequestId.HEADER, requestId);
      }
      before.forEach(function -> function.before(context, builder));
      HttpRequest message = builder.build();
      return request.hasBody() || EXPECT_A_BODY.contains(request.method())
          ? message
          : new BodilessRequest(message);
    } catch (IllegalArgumentException e) { // A header that HttpClient does not send.
      throw new StatusException(400, "request cannot be forwarded", e);
    }
  }

  private Response response(
      Request request, HttpResponse<?> head, ProxyResponseBody body, long deadlineNanos)
      throws IOException, InterruptedException, TimeoutException {
    body.check();
    int status = head.statusCode();
    if (status < 200 || status > 599) {
      throw PeerException.status(instance, status, "status not in 200..599", null);
    }
    long length = lengthOf(head, request.method());
    Map<String, List<String>> headers = ProxyHeaders.ofAnswer(head.headers());
    try {
      if (length > settings.maxResponseBytes()) {
        throw new BodyCollector.TooLongException(settings.maxResponseBytes());
      }
      if (!body.isStream() && !request.method().equals("HEAD")) {
        return Response.of(status, headers, body.await(deadlineNanos - System.nanoTime()));
      }
      long endNanos = System.nanoTime() + settings.bodyTimeout().toNanos();
      Response response =
          Response.streaming(status, headers, length, out -> copy(body.stream(), out, endNanos));
      closeAfterwards(body, request);
      return response;
    } catch (IllegalArgumentException e) { // A header field that the server does not send.
      throw PeerException.malformed(instance, "malformed response: " + e.getMessage(), e);
    }
  }

  /** Returns the length in bytes; for HEAD, that of GET; -1 if unknown. */
  private static long lengthOf(HttpResponse<?> received, String method) {
    if (received.statusCode() == 204 || received.statusCode() == 304) {
      return 0;
    }
    long unknown = method.equals("HEAD") ? 0 : -1;
    return received.headers().firstValueAsLong("Content-Length").orElse(unknown);
  }

  /**
   * Closes the body when the response was sent, the caller has gone, or the time limit has passed.
   */
  private void closeAfterwards(ProxyResponseBody body, Request request) {
    CompletableFuture<Void> end = new CompletableFuture<>();
    end.orTimeout(settings.bodyTimeout().toNanos(), TimeUnit.NANOSECONDS)
        .whenComplete((done, late) -> body.cancel());
    request.onCompleted(done -> end.complete(null));
  }

  private void copy(InputStream from, OutputStream to, long endNanos) throws IOException {
    try {
      copy(from, to);
    } catch (IOException e) {
      boolean isLate = System.nanoTime() - endNanos >= 0; // Then closeAfterwards closed it.
      throw isLate
          ? new IOException("response body not complete within " + settings.bodyTimeout(), e)
          : e;
    }
  }

  private void copy(InputStream from, OutputStream to) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long copied = 0;
    if (from.available() == 0) {
      to.flush(); // On JDK 25 the head waits for this; a stream of events may be silent at first.
    }
    for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
      copied += count;
      if (copied > settings.maxResponseBytes()) {
        throw new BodyCollector.TooLongException(settings.maxResponseBytes());
      }
      to.write(buffer, 0, count);
      if (from.available() == 0) {
        to.flush(); // Small pieces, such as events, are sent at once.
      }
    }
  }

  /**
   * A request to forward.
   *
   * @param request the request as received
   * @param target path and query for the upstream, encoded
   */
  public record Forward(Request request, String target) {
    private static final Set<String> IDEMPOTENT =
        Set.of("GET", "HEAD", "OPTIONS", "PUT", "DELETE"); // RFC 9110, section 9.2.2.

    /** Checks that nothing is missing. */
    public Forward {
      requireNonNull(request, "request");
      if (!target.startsWith("/")) {
        throw new IllegalArgumentException("target does not begin with '/': " + target);
      }
    }

    /**
     * Returns whether it may be sent twice: idempotent, and without a body, which can be read only
     * once.
     */
    public boolean isRepeatable() {
      return IDEMPOTENT.contains(request.method()) && !request.hasBody();
    }

    /**
     * Returns the proxy's own response if the request is not forwarded (Max-Forwards: 0); else
     * null.
     */
    public Response ownResponse() {
      return ProxyHeaders.ownResponse(request);
    }

    /** Returns method and target, for messages. */
    @Override
    public String toString() {
      return request.method() + " " + target;
    }
  }

  /**
   * Limits and trusted proxies.
   *
   * @param isTrusted whether {@code Forwarded} and {@code X-Forwarded-...} are accepted from the
   *     proxy at an address
   * @param bodyTimeout the time limit of a response body, from its headers on
   * @param maxResponseBytes the maximum length of a response body
   */
  public record Settings(
      Predicate<InetAddress> isTrusted,
      Duration bodyTimeout,
      long maxResponseBytes,
      String scheme) {
    /** Checks the ranges. */
    public Settings {
      requireNonNull(isTrusted, "isTrusted");
      if (bodyTimeout.isNegative() || bodyTimeout.isZero()) {
        throw new IllegalArgumentException("bodyTimeout <= 0: " + bodyTimeout);
      }
      if (maxResponseBytes < 0) {
        throw new IllegalArgumentException("maxResponseBytes < 0: " + maxResponseBytes);
      }
      if (!scheme.equals("http") && !scheme.equals("https")) {
        throw new IllegalArgumentException("scheme neither http nor https: " + scheme);
      }
    }

    /** Returns settings without trusted proxies, with limits of 300 seconds and 16 GiB. */
    public static Settings defaults() {
      return new Settings(address -> false, Duration.ofSeconds(300), 16L << 30, "http");
    }

    /** Returns these settings with other trusted proxies. */
    public Settings withTrusted(Predicate<InetAddress> isTrusted) {
      return new Settings(isTrusted, bodyTimeout, maxResponseBytes, scheme);
    }

    /** Returns these settings with another time limit. */
    public Settings withBodyTimeout(Duration bodyTimeout) {
      return new Settings(isTrusted, bodyTimeout, maxResponseBytes, scheme);
    }

    /** Returns these settings for a proxy that clients reach by this scheme: http or https. */
    public Settings withScheme(String scheme) {
      return new Settings(isTrusted, bodyTimeout, maxResponseBytes, scheme);
    }

    /** Returns these settings with another maximum length. */
    public Settings withMaxResponseBytes(long maxResponseBytes) {
      return new Settings(isTrusted, bodyTimeout, maxResponseBytes, scheme);
    }
  }
}
