// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import kit.Context;
import kit.Endpoint;
import kit.OneLine;
import kit.PeerException;

/**
 * Calls one HTTP server as an endpoint: the client side of {@link EndpointHandler}.
 *
 * <pre>{@code
 * HttpClient http = HttpEndpoint.newClient(); // one for the whole program
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
 * <p>The deadline of the {@link Context} holds for the whole exchange, body included, which {@link
 * HttpRequest#timeout()} does not before JDK 26 (JDK-8208693). Without a deadline it is 30 seconds. At
 * the deadline, and when the thread is interrupted, the connection is closed. The request id in the
 * context is sent along.
 *
 * <h2>Errors</h2>
 *
 * <p>{@link PeerException} for all that the peer or the way to it did; the detail of a {@link Problem}
 * becomes its detail. {@link InterruptedException} when cancelled. What encoding throws passes
 * through: that is our own fault.
 *
 * <p>Immutable; thread-safe if its functions are. Go kit's word: {@code transport/http.Client}.
 */
public final class HttpEndpoint<Q, R> implements Endpoint<Q, R> {
  /** Makes an HTTP request of the endpoint's request. */
  @FunctionalInterface
  public interface Encoder<Q> {
    /** Returns the request to send; {@code base} is the address of the peer. */
    HttpRequest.Builder encode(Context context, URI base, Q request) throws Exception;
  }

  /** Makes the endpoint's response of a successful (2xx) HTTP answer. */
  @FunctionalInterface
  public interface Decoder<R> {
    /** Throws {@link IOException} if the answer cannot be understood. */
    R decode(Context context, HttpResponse<byte[]> response) throws IOException;
  }

  /** Adds to the HTTP request what the context says. */
  @FunctionalInterface
  public interface Before {
    /** Changes {@code request} in place. */
    void before(Context context, HttpRequest.Builder request);
  }

  /** Looks at a successful HTTP answer before it is decoded. */
  @FunctionalInterface
  public interface After {
    /** Called after the status has been checked. */
    void after(Context context, HttpResponse<byte[]> response);
  }

  // Half of the usual second for an attempt: a host that answers nothing at all is then passed over
  // as "not connected", and not counted as "did not answer".
  private static final Duration CONNECT_TIMEOUT = Duration.ofMillis(500);
  // What a peer sends must not overflow the nanoseconds of whoever reckons with it.
  private static final Duration LONGEST_RETRY_AFTER = Duration.ofDays(365);
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final HttpClient http;
  private final URI base;
  private final String instance;
  private final Encoder<Q> encoder;
  private final Decoder<R> decoder;
  private final List<Before> before;
  private final List<After> after;

  /** Calls the server at {@code base}, such as {@code http://127.0.0.1:8081}. */
  public HttpEndpoint(HttpClient http, URI base, Encoder<Q> encoder, Decoder<R> decoder) {
    this(http, base, encoder, decoder, List.of(), List.of());
  }

  private HttpEndpoint(
      HttpClient http,
      URI base,
      Encoder<Q> encoder,
      Decoder<R> decoder,
      List<Before> before,
      List<After> after) {
    this.http = requireNonNull(http, "http");
    this.base = requireNonNull(base, "base");
    this.instance = requireNonNull(base.getAuthority(), "base has no host");
    this.encoder = requireNonNull(encoder, "encoder");
    this.decoder = requireNonNull(decoder, "decoder");
    this.before = before;
    this.after = after;
  }

  /**
   * Returns a client that suits service-to-service calls: HTTP/1.1 (else every request carries an
   * offer to upgrade), no proxy, no redirects, half a second to connect. Share one in the whole program:
   * each has a thread and a pool of connections.
   */
  public static HttpClient newClient() {
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .proxy(HttpClient.Builder.NO_PROXY)
        .followRedirects(HttpClient.Redirect.NEVER)
        .connectTimeout(CONNECT_TIMEOUT)
        .build();
  }

  /** Returns this endpoint with one more function between encoding and sending. */
  public HttpEndpoint<Q, R> before(Before more) {
    return new HttpEndpoint<>(http, base, encoder, decoder, plus(before, more), after);
  }

  /** Returns this endpoint with one more function between the answer and decoding. */
  public HttpEndpoint<Q, R> after(After more) {
    return new HttpEndpoint<>(http, base, encoder, decoder, before, plus(after, more));
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
    HttpResponse<byte[]> response = send(context, builder.build());
    if (response.statusCode() / 100 != 2) {
      throw failedStatus(response);
    }
    after.forEach(function -> function.after(context, response));
    try {
      return decoder.decode(context, response);
    } catch (IOException e) {
      throw PeerException.broken(instance, "unreadable answer: " + OneLine.of(e.getMessage()), e);
    }
  }

  private HttpResponse<byte[]> send(Context context, HttpRequest request)
      throws InterruptedException {
    long nanos = Math.min(context.remainingNanos(), DEFAULT_TIMEOUT_NANOS);
    if (nanos <= 0) {
      throw PeerException.timeout(instance, null);
    }
    return await(http.sendAsync(request, BodyHandlers.ofByteArray()), nanos, instance);
  }

  /** Waits for an answer of {@code instance}, and gives it up when the time is up. */
  static <T> HttpResponse<T> await(
      CompletableFuture<HttpResponse<T>> exchange, long nanos, String instance)
      throws InterruptedException {
    boolean through = false;
    try {
      HttpResponse<T> response = exchange.get(nanos, TimeUnit.NANOSECONDS);
      through = true;
      return response;
    } catch (TimeoutException e) {
      throw PeerException.timeout(instance, e);
    } catch (ExecutionException e) {
      throw failure(e.getCause(), instance);
    } finally {
      if (!through) {
        exchange.cancel(true); // Closes the connection; a no-op if the exchange has failed.
      }
    }
  }

  private static PeerException failure(Throwable thrown, String instance) {
    // With jdk.httpclient.redirects.retrylimit=1, which main methods should set, the client wraps
    // whatever made it want to try again, a refused connection for one.
    boolean wrapped = "Too many retries".equals(thrown.getMessage()) && thrown.getCause() != null;
    Throwable cause = wrapped ? thrown.getCause() : thrown;
    if (cause instanceof HttpConnectTimeoutException) {
      return PeerException.notConnected(instance, "no connection in time", cause);
    }
    if (cause instanceof ConnectException || cause instanceof NoRouteToHostException) {
      return PeerException.notConnected(instance, whyNotConnected(cause), cause);
    }
    if (cause instanceof HttpTimeoutException) {
      return PeerException.timeout(instance, cause);
    }
    return PeerException.broken(instance, "connection broke: " + OneLine.of(cause), cause);
  }

  /** The client makes a ConnectException of all that comes before sending, often with no message. */
  private static String whyNotConnected(Throwable cause) {
    if (cause.getCause() instanceof UnresolvedAddressException) {
      return "unknown host";
    }
    String message = cause.getMessage(); // Such as "Network is unreachable".
    return message == null ? "connection refused" : OneLine.of(message.toLowerCase(Locale.ROOT));
  }

  private PeerException failedStatus(HttpResponse<byte[]> response) {
    int status = response.statusCode();
    String detail =
        response
            .headers()
            .firstValue("Content-Type")
            .filter(type -> type.startsWith(Problem.CONTENT_TYPE))
            .map(type -> Problem.detail(response.body()))
            .orElseGet(() -> Problem.title(status));
    Duration retryAfter =
        response.headers().firstValue("Retry-After").map(HttpEndpoint::retryAfter).orElse(null);
    return PeerException.status(instance, status, OneLine.of(detail), retryAfter);
  }

  /** Seconds or a date (RFC 9110, section 10.2.3), at most a year; null if it is neither. */
  static Duration retryAfter(String value) {
    String text = value.strip();
    Duration left;
    if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      left = text.length() > 9 ? LONGEST_RETRY_AFTER : Duration.ofSeconds(Long.parseLong(text));
    } else {
      try {
        Instant at = DateTimeFormatter.RFC_1123_DATE_TIME.parse(text, Instant::from);
        left = Duration.between(Instant.now(), at);
      } catch (DateTimeException e) {
        return null;
      }
    }
    if (left.isNegative()) {
      return Duration.ZERO;
    }
    return left.compareTo(LONGEST_RETRY_AFTER) < 0 ? left : LONGEST_RETRY_AFTER;
  }
}
