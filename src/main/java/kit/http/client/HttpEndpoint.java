// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.PeerException;
import kit.http.EndpointHandler;
import kit.http.Problem;
import kit.http.RequestId;

/**
 * Calls an HTTP server as an endpoint: the client side of {@link EndpointHandler}.
 *
 * <pre>{@code
 * HttpClient http = HttpEndpoint.newClient(); // shared by the whole program
 * Endpoint<Integer, String> getName =
 *     new HttpEndpoint<>(
 *         http,
 *         URI.create("http://127.0.0.1:8081"),
 *         (context, base, uid) -> HttpRequest.newBuilder(base.resolve("/user/" + uid)),
 *         (context, response) -> Json.read(response.body(), Name.class).result());
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <pre>
 *   encode -> before -> send -> (status not 2xx: PeerException) -> after -> decode
 * </pre>
 *
 * <p>The deadline of the {@link Context} applies to the whole exchange, body included; without one,
 * a timeout of 30 seconds. At the deadline, and when the thread is interrupted, the connection is
 * closed. Only resolving a host name may take longer, so use IP addresses for instances. The
 * request id in the context is sent as a header.
 *
 * <p>A response longer than {@link Settings#maxResponseBytes}, or with a head that violates RFC
 * 9112, section 6.3, fails the call, and its connection is closed. A 204 that declares a body is
 * accepted without its header fields, which the JDK's client does not return. A call beyond {@link
 * Settings#maxInFlight} is rejected and not sent: each call takes a connection, and the JDK's
 * client does not limit their number.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link IllegalArgumentException} for a header value that is not ASCII, which the client would
 * change. {@link PeerException} for failures of the peer or the connection; the detail of a {@link
 * Problem} becomes its detail. {@link InterruptedException} when cancelled. Exceptions of the
 * encoder are thrown unchanged.
 *
 * <h2>Threads</h2>
 *
 * <p>A call, decoding included, runs on the caller's thread, platform or virtual. {@code before},
 * {@code after} and {@code with} return another endpoint. Thread-safe if its functions are.
 * Equivalent in Go kit: {@code transport/http.Client}.
 */
public final class HttpEndpoint<Q, R> implements Endpoint<Q, R> {
  /** Encodes the endpoint's request as an HTTP request. */
  @FunctionalInterface
  public interface Encoder<Q> {
    /**
     * Returns the request to send; {@code base} is the address of the peer. Its body must be in
     * memory ({@code BodyPublishers.ofByteArray}): see {@link HttpEndpoint#newClient}. A timeout in
     * it is replaced by the deadline of the context.
     */
    HttpRequest.Builder encode(Context context, URI base, Q request) throws Exception;
  }

  /** Decodes a successful (2xx) HTTP response into the endpoint's response. */
  @FunctionalInterface
  public interface Decoder<R> {
    /**
     * Returns the endpoint's response, or throws {@link IOException} if the HTTP response is
     * malformed.
     */
    R decode(Context context, HttpResponse<byte[]> response) throws IOException;
  }

  /** Adds values of the context to the HTTP request. */
  @FunctionalInterface
  public interface Before {
    /** Changes {@code request} in place. */
    void before(Context context, HttpRequest.Builder request);
  }

  /** Reads a successful HTTP response before it is decoded. */
  @FunctionalInterface
  public interface After {
    /** Called after the status was checked. */
    void after(Context context, HttpResponse<byte[]> response);
  }

  /** Converts a response whose status is not 2xx into a failure. */
  @FunctionalInterface
  public interface Failure {
    /** Returns the failure; {@code instance} is the name of the peer in messages. */
    PeerException of(HttpResponse<byte[]> response, String instance);
  }

  /**
   * The connect timeout of {@link #newClient}: half of the default per-attempt timeout, so that an
   * unreachable host is NOT_CONNECTED, with failover, and not a TIMEOUT.
   */
  public static final Duration CONNECT_TIMEOUT = Duration.ofMillis(500);

  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final HttpClient http;
  private final URI base;
  private final String instance;
  private final Encoder<Q> encoder;
  private final Decoder<R> decoder;
  private final List<Before> before;
  private final List<After> after;
  private final Settings settings;
  private final Failure failure;
  private final Semaphore slots; // Shared by the endpoints that before() and after() return.

  /**
   * Creates an endpoint of the server at {@code base}, such as {@code http://127.0.0.1:8081}.
   *
   * @throws IllegalArgumentException if the JDK's client cannot call that address
   */
  public HttpEndpoint(HttpClient http, URI base, Encoder<Q> encoder, Decoder<R> decoder) {
    this.http = requireNonNull(http, "http");
    this.base = requireNonNull(base, "base");
    this.instance = checkCallable(base.toString()).getAuthority();
    this.encoder = requireNonNull(encoder, "encoder");
    this.decoder = requireNonNull(decoder, "decoder");
    this.before = List.of();
    this.after = List.of();
    this.settings = Settings.defaults();
    this.failure = PeerExceptions::of;
    this.slots = new Semaphore(settings.maxInFlight());
  }

  /**
   * Parses {@code base} as a URI that the JDK's client accepts, so that a bad address fails here
   * and not with each request.
   *
   * @throws IllegalArgumentException if the JDK's client cannot call that address
   */
  public static URI checkCallable(String base) {
    if (base.indexOf('@') >= 0) { // Messages contain the instance, which must not have a password.
      throw new IllegalArgumentException("user info in the address of an HTTP server");
    }
    try {
      URI uri = URI.create(base);
      HttpRequest.newBuilder(uri);
      if (uri.getHost().indexOf('%') < 0) { // A zone of IPv6 is not allowed in a Host header.
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Refused below.
    }
    throw new IllegalArgumentException("not the address of an HTTP server: " + LogSafe.of(base));
  }

  private HttpEndpoint(
      HttpEndpoint<Q, R> like,
      List<Before> before,
      List<After> after,
      Settings settings,
      Failure failure,
      Semaphore slots) {
    this.http = like.http;
    this.base = like.base;
    this.instance = like.instance;
    this.encoder = like.encoder;
    this.decoder = like.decoder;
    this.before = before;
    this.after = after;
    this.settings = settings;
    this.failure = failure;
    this.slots = slots;
  }

  /**
   * Returns a client for service-to-service calls: HTTP/1.1 (else every request has an upgrade
   * header), no proxy, no redirects, a connect timeout of half a second. Share one in the whole
   * program: each has a thread and a connection pool.
   *
   * <p>Before JDK 24 its one thread does all the reading and writing, without a hop to another for
   * each step; from JDK 24 on a thread for each processor does, which is a fifth more calls a
   * second for callers that are virtual threads. Nothing on them may block: send bodies from
   * memory; for files and streams, use a client with its own executor.
   *
   * <p>Some properties are JVM-wide and read before the first client is created; a main method
   * should set them:
   *
   * <pre>
   *   jdk.httpclient.redirects.retrylimit   1: else a GET is sent a second time, without being
   *                                         counted, when its connection breaks before a response
   *   jdk.httpclient.keepalive.timeout      seconds that an idle connection is kept: less than the
   *                                         server's; JDK 17 has 1200
   * </pre>
   */
  public static HttpClient newClient() {
    return newClient(LazyTls.context(), CONNECT_TIMEOUT);
  }

  /**
   * As {@link #newClient()}, with other certificates and keys for {@code https}.
   *
   * @param connectTimeout of the connection, the TLS handshake included
   */
  public static HttpClient newClient(SSLContext tls, Duration connectTimeout) {
    return newClientBuilder()
        .sslContext(tls)
        .connectTimeout(connectTimeout)
        .executor(ClientExecutor.create())
        .build();
  }

  /**
   * As {@link #newClient}, with the JDK's time to connect and threads, unless the caller sets them.
   */
  public static HttpClient.Builder newClientBuilder() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .proxy(HttpClient.Builder.NO_PROXY)
        .followRedirects(HttpClient.Redirect.NEVER)
        .sslContext(LazyTls.context())
        .cookieHandler(ResponseFraming.GUARD);
  }

  /** Returns this endpoint with one more function between encoding and sending. */
  public HttpEndpoint<Q, R> before(Before more) {
    return new HttpEndpoint<>(this, plus(before, more), after, settings, failure, slots);
  }

  /** Returns this endpoint with one more function between the response and decoding. */
  public HttpEndpoint<Q, R> after(After more) {
    return new HttpEndpoint<>(this, before, plus(after, more), settings, failure, slots);
  }

  /** Returns this endpoint with other limits, and no calls in flight yet. */
  public HttpEndpoint<Q, R> with(Settings settings) {
    return new HttpEndpoint<>(
        this, before, after, settings, failure, new Semaphore(settings.maxInFlight()));
  }

  /** Returns this endpoint with another conversion of responses that are not 2xx. */
  public HttpEndpoint<Q, R> with(Failure failure) {
    requireNonNull(failure, "failure");
    return new HttpEndpoint<>(this, before, after, settings, failure, slots);
  }

  private static <T> List<T> plus(List<T> list, T more) {
    List<T> longer = new ArrayList<>(list);
    longer.add(requireNonNull(more, "more"));
    return List.copyOf(longer);
  }

  @Override
  public R call(Context context, Q request) throws Exception {
    HttpRequest.Builder builder = encoder.encode(context, base, request);
    String requestId = context.get(RequestId.KEY);
    if (requestId != null) {
      builder.setHeader(RequestId.HEADER, requestId);
    }
    before.forEach(function -> function.before(context, builder));
    HttpResponse<byte[]> response = send(context, builder);
    if (response.statusCode() / 100 != 2) {
      throw failure.of(response, instance);
    }
    after.forEach(function -> function.after(context, response));
    try {
      return decoder.decode(context, response);
    } catch (IOException e) {
      throw PeerException.malformed(
          instance, "malformed response: " + LogSafe.of(e.getMessage()), e);
    }
  }

  private HttpResponse<byte[]> send(Context context, HttpRequest.Builder builder)
      throws InterruptedException {
    if (!slots.tryAcquire()) {
      throw PeerException.refused(instance, "too many calls in flight", null, null);
    }
    BodyCollector body = null;
    boolean through = false;
    try {
      long deadlineNanos =
          System.nanoTime()
              + (context.hasDeadline() ? context.remainingNanos() : DEFAULT_TIMEOUT_NANOS);
      HttpRequest request = untilDeadline(builder, deadlineNanos);
      body = new BodyCollector(settings.maxResponseBytes(), request.method());
      HttpResponse<byte[]> response;
      try {
        HttpResponse<?> head = ResponseFraming.send(http, request, body);
        response = WholeResponse.of(head, body.await(deadlineNanos - System.nanoTime()));
      } catch (IOException e) {
        if (!ResponseFraming.isNoContent(e)) {
          throw e;
        }
        response = WholeResponse.noContent(request);
      }
      through = true;
      return response;
    } catch (TimeoutException e) {
      throw PeerException.timeout(instance, e);
    } catch (IOException e) {
      throw PeerExceptions.of(e, instance);
    } finally {
      if (!through && body != null) {
        body.cancel(); // Also if its head arrives later.
      }
      slots.release();
    }
  }

  private static HttpRequest untilDeadline(HttpRequest.Builder builder, long deadlineNanos)
      throws TimeoutException {
    long nanos = deadlineNanos - System.nanoTime();
    if (nanos <= 0) {
      throw new TimeoutException("the deadline passed before the request was sent");
    }
    HttpRequest request = builder.timeout(Duration.ofNanos(nanos)).build();
    request.headers().map().forEach(HttpEndpoint::checkAscii);
    return request;
  }

  private static void checkAscii(String name, List<String> values) {
    if (!isAscii(values)) {
      throw new IllegalArgumentException("character that is not ASCII in header " + name);
    }
  }

  /** Returns whether the JDK's client sends these values: it replaces other characters by '?'. */
  public static boolean isAscii(List<String> values) {
    return values.stream().allMatch(value -> value.chars().allMatch(c -> c <= 0x7e));
  }

  /**
   * Limits of calls to a peer.
   *
   * @param maxResponseBytes the maximum length of a response body, which is held in memory
   * @param maxInFlight the maximum number of concurrent calls to the peer
   */
  public record Settings(int maxResponseBytes, int maxInFlight) {
    /** Checks the ranges. */
    public Settings {
      if (maxResponseBytes < 1 || maxInFlight < 1) {
        throw new IllegalArgumentException(
            "maxResponseBytes or maxInFlight < 1: " + maxResponseBytes + ", " + maxInFlight);
      }
    }

    /**
     * Returns limits of 10 MiB, and of 1,024 calls, as many as {@code HttpService} accepts by
     * default.
     */
    public static Settings defaults() {
      return new Settings(10 * 1024 * 1024, 1024);
    }

    /** Returns these settings with another {@link #maxResponseBytes}. */
    public Settings withMaxResponseBytes(int maxResponseBytes) {
      return new Settings(maxResponseBytes, maxInFlight);
    }

    /** Returns these settings with another {@link #maxInFlight}. */
    public Settings withMaxInFlight(int maxInFlight) {
      return new Settings(maxResponseBytes, maxInFlight);
    }
  }
}
