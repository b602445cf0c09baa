// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.Authenticator;
import java.net.ConnectException;
import java.net.CookieHandler;
import java.net.InetAddress;
import java.net.NoRouteToHostException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * HTTP client that tries each IP address of a host name until one accepts the connection.
 *
 * <p>The JDK's client connects to the first address of a name only. With {@code localhost} as ::1
 * and 127.0.0.1, a server that listens on one of them may be out of reach.
 *
 * <h2>How it works</h2>
 *
 * <p>A request for {@code http://name:port} whose name has several addresses is sent to {@code
 * http://address:port} with the header field {@code Host: name:port}. If the connection fails,
 * nothing was sent, and the next address is tried, within the timeout of the request. The address
 * that accepted last is tried first. Other requests are passed to the JDK's client unchanged: an IP
 * address, a name with one address, and {@code https}, whose certificate is for the name.
 *
 * <p>When no address accepts, the last failure is thrown, with the others suppressed in it.
 *
 * <p>Thread-safe.
 */
public final class EachAddressClient extends HttpClient {
  private static final Pattern IP_ADDRESS = Pattern.compile("[0-9.]+|\\[.*");
  private static final int MAX_REMEMBERED = 1_000; // Names; programs call far fewer.

  private final HttpClient http;
  private final Resolver resolver;
  private final Map<String, InetAddress> accepted = new ConcurrentHashMap<>(); // By host:port.

  /** Resolves a name. */
  @FunctionalInterface
  interface Resolver {
    InetAddress[] addresses(String name) throws UnknownHostException;
  }

  EachAddressClient(HttpClient http, Resolver resolver) {
    this.http = requireNonNull(http, "http");
    this.resolver = requireNonNull(resolver, "resolver");
  }

  /**
   * Returns a client that sends with {@code http}; or {@code http} itself if this JVM does not
   * allow setting the Host header. A main method allows it with the system property {@code
   * jdk.httpclient.allowRestrictedHeaders=host}, before the first client is created.
   */
  public static HttpClient over(HttpClient http) {
    try {
      HttpRequest.newBuilder().setHeader("Host", "name");
    } catch (IllegalArgumentException e) {
      return http;
    }
    return new EachAddressClient(http, InetAddress::getAllByName);
  }

  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
      throws IOException, InterruptedException {
    List<InetAddress> addresses = addresses(request);
    if (addresses.size() < 2) {
      return http.send(request, handler);
    }
    CompletableFuture<HttpResponse<T>> response = sendAsync(request, handler);
    try {
      return response.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException cause ? cause : new IOException(e.getCause());
    } finally {
      response.cancel(true); // Closes the connection, unless all is done.
    }
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    return sendAsync(request, handler, null);
  }

  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> push) {
    List<InetAddress> addresses = addresses(request);
    if (addresses.size() < 2) {
      return http.sendAsync(request, handler, push);
    }
    CompletableFuture<HttpResponse<T>> result = new CompletableFuture<>();
    Attempts<T> attempts =
        new Attempts<>(request, handler, push, System.nanoTime(), addresses.iterator(), result);
    next(attempts, null);
    return result;
  }

  /** The attempts of one call of {@link #sendAsync}. */
  private record Attempts<T>(
      HttpRequest request,
      BodyHandler<T> handler,
      PushPromiseHandler<T> push,
      long startNanos,
      Iterator<InetAddress> addresses,
      CompletableFuture<HttpResponse<T>> result) {}

  private <T> void next(Attempts<T> call, Throwable before) {
    InetAddress address = call.addresses().next();
    CompletableFuture<HttpResponse<T>> attempt;
    try {
      HttpRequest request = at(address, call.request(), call.startNanos());
      attempt = http.sendAsync(request, call.handler(), call.push());
    } catch (HttpConnectTimeoutException e) {
      call.result().completeExceptionally(after(before, e));
      return;
    }
    // As with the JDK's client, cancelling the result closes the connection.
    call.result()
        .whenComplete(
            (response, thrown) -> {
              if (call.result().isCancelled()) {
                attempt.cancel(true);
              }
            });
    attempt.whenComplete(
        (response, thrown) -> {
          if (thrown == null) {
            accepted(call.request(), address);
            call.result().complete(response);
            return;
          }
          Throwable failure = after(before, original(thrown));
          boolean isOver = call.result().isDone() || !call.addresses().hasNext();
          if (isOver || !isNotConnected(failure)) {
            call.result().completeExceptionally(failure);
          } else {
            next(call, failure);
          }
        });
  }

  /** Returns the addresses to try, in this order; empty if the request is sent unchanged. */
  private List<InetAddress> addresses(HttpRequest request) {
    URI uri = request.uri();
    String name = uri.getHost();
    boolean isPlain = "http".equalsIgnoreCase(uri.getScheme()) && uri.getRawUserInfo() == null;
    if (!isPlain || IP_ADDRESS.matcher(name).matches()) {
      return List.of();
    }
    try {
      InetAddress[] all = resolver.addresses(name);
      InetAddress first = all.length < 2 ? null : accepted.get(hostOf(request));
      List<InetAddress> ordered = new ArrayList<>(Arrays.asList(all));
      if (first != null && ordered.remove(first)) {
        ordered.add(0, first);
      }
      return ordered;
    } catch (UnknownHostException e) {
      return List.of(); // The JDK's client reports it.
    }
  }

  private void accepted(HttpRequest request, InetAddress address) {
    if (accepted.size() >= MAX_REMEMBERED) {
      accepted.clear();
    }
    accepted.put(hostOf(request), address);
  }

  private static HttpRequest at(InetAddress address, HttpRequest request, long startNanos)
      throws HttpConnectTimeoutException {
    URI uri = request.uri();
    String ip = address.getHostAddress();
    String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
    HttpRequest.Builder copy =
        HttpRequest.newBuilder(request, (name, value) -> true)
            .uri(
                URI.create(
                    "http://"
                        + (ip.indexOf(':') < 0 ? ip : "[" + ip + "]")
                        + (uri.getPort() < 0 ? "" : ":" + uri.getPort())
                        + uri.getRawPath()
                        + query));
    if (request.headers().firstValue("Host").isEmpty()) {
      copy.setHeader("Host", hostOf(request));
    }
    if (request.timeout().isPresent()) {
      Duration left = request.timeout().get().minusNanos(System.nanoTime() - startNanos);
      if (left.isNegative() || left.isZero()) {
        throw new HttpConnectTimeoutException("connect timed out");
      }
      copy.timeout(left);
    }
    return copy.build();
  }

  private static String hostOf(HttpRequest request) {
    return request.uri().getRawAuthority();
  }

  private static Throwable original(Throwable thrown) {
    boolean isWrapped = thrown instanceof CompletionException && thrown.getCause() != null;
    return isWrapped ? thrown.getCause() : thrown;
  }

  private static <T extends Throwable> T after(Throwable before, T failure) {
    if (before != null && before != failure) {
      failure.addSuppressed(before);
    }
    return failure;
  }

  /**
   * Returns whether the connection failed, also if the JDK's client wrapped the failure in "Too
   * many retries".
   */
  private static boolean isNotConnected(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException
          || cause instanceof NoRouteToHostException
          || cause instanceof HttpConnectTimeoutException) {
        return true;
      }
    }
    return false;
  }

  @Override
  public Optional<CookieHandler> cookieHandler() {
    return http.cookieHandler();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return http.connectTimeout();
  }

  @Override
  public Redirect followRedirects() {
    return http.followRedirects();
  }

  @Override
  public Optional<ProxySelector> proxy() {
    return http.proxy();
  }

  @Override
  public SSLContext sslContext() {
    return http.sslContext();
  }

  @Override
  public SSLParameters sslParameters() {
    return http.sslParameters();
  }

  @Override
  public Optional<Authenticator> authenticator() {
    return http.authenticator();
  }

  @Override
  public Version version() {
    return http.version();
  }

  @Override
  public Optional<Executor> executor() {
    return http.executor();
  }

  @Override
  public WebSocket.Builder newWebSocketBuilder() {
    return http.newWebSocketBuilder();
  }
}
