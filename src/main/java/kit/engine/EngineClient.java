// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.PushPromiseHandler;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

/**
 * HTTP/1.1 client beneath the JDK's interface: each request on the thread of its caller.
 *
 * <pre>{@code
 * HttpClient client = EngineClient.create(); // In place of HttpClient.newHttpClient().
 * HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>{@code send} connects, or takes a connection that is idle, writes the request, reads the head of
 * the response and feeds the body to the subscriber of the handler, all on the caller's thread. {@code
 * sendAsync} does the same on the executor of the settings, or on a thread of the client: a virtual one
 * from JDK 24 on. A thread of the client also sends a request body that is longer than 16 KiB or of
 * unknown length, so that an early response is noticed, and waits for bytes of a response body if its
 * handler streams it ({@code ofInputStream}, {@code ofLines}, {@code ofPublisher}).
 *
 * <p>Idle connections are kept for each scheme, host and port, the last one first, and are used again
 * if the server has neither ended them nor sent anything. A request is sent a second time by itself
 * only if it is GET, HEAD, PUT, DELETE, OPTIONS or TRACE, was written at once, its connection was used
 * before, and not one byte of a response came.
 *
 * <p>All addresses of a name are tried in turn, the next one after a failure or after 250 ms.
 *
 * <h2>Time limits</h2>
 *
 * <p>The timeout of a request applies from the call to the result of the body handler: with {@code
 * ofString} and others that collect, the body included; with those that stream, to the head. When it
 * has passed, the connection is closed; so it is when the thread is interrupted, when a future is
 * cancelled, and when a body is not read to its end. Looking up a name cannot be interrupted, nor can a
 * publisher that blocks within {@code request}.
 *
 * <h2>What it does not do</h2>
 *
 * <p>Redirects, cookies, proxies, authenticators, HTTP/2, upgrades; the methods for these return what
 * a client without them returns. {@link #newWebSocketBuilder} is not supported. There is no field
 * User-Agent unless the request has one. {@code Content-Length} and {@code Transfer-Encoding} of a
 * request are those of its body publisher.
 *
 * <h2>Errors</h2>
 *
 * <p>As with the JDK's client: {@link java.net.ConnectException} if nothing was sent, {@link
 * java.net.http.HttpTimeoutException}, {@link java.net.ProtocolException} if the response is malformed,
 * {@link IOException} if the connection broke. Responses are malformed by RFC 9112 and nothing else: an
 * ambiguous length, a head longer than 64 KiB or with more than 200 fields, more than 8 interim
 * responses. A value of a header field is sent as one byte for each character; {@link
 * IllegalArgumentException} if a character has none.
 *
 * <h2>Threads</h2>
 *
 * <p>Thread-safe. One daemon thread closes connections in time; it ends when there is none. From JDK 21
 * on, {@code HttpClient} has {@link #close} and the other methods of its end, too.
 */
public final class EngineClient extends HttpClient {
  private static final Duration DAY = Duration.ofDays(1);

  private final EngineClientSettings settings;
  private final ClientPool pool;
  private final Executor tasks = Threads.newClientExecutor();

  /** Creates a client with these settings; connections are made when they are needed. */
  public EngineClient(EngineClientSettings settings) {
    this.settings = requireNonNull(settings, "settings");
    this.pool = new ClientPool(settings);
  }

  /** Creates a client with the default settings. */
  public static EngineClient create() {
    return new EngineClient(EngineClientSettings.defaults());
  }

  /**
   * Sends a request on this thread.
   *
   * @throws IOException if there is no response, or the client was closed
   * @throws InterruptedException if the thread is interrupted; the connection is closed
   * @throws IllegalArgumentException if the request cannot be sent as it is
   */
  @Override
  public <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> handler)
      throws IOException, InterruptedException {
    return exchange(request, handler).send();
  }

  private <T> ClientExchange<T> exchange(HttpRequest request, BodyHandler<T> handler) {
    requireNonNull(request, "request");
    requireNonNull(handler, "handler");
    return new ClientExchange<>(pool, settings, tasks, request, handler);
  }

  /**
   * Sends a request on a thread of the executor.
   *
   * @return a future; to cancel it closes the connection
   */
  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler) {
    return AsyncExchange.start(exchange(request, handler), settings.executor().orElse(tasks));
  }

  /** Sends a request on a thread of the executor; there are no push promises in HTTP/1.1. */
  @Override
  public <T> CompletableFuture<HttpResponse<T>> sendAsync(
      HttpRequest request, BodyHandler<T> handler, PushPromiseHandler<T> push) {
    return sendAsync(request, handler);
  }

  /**
   * Accepts no more requests, waits until those in flight have ended, and closes the connections; if
   * the thread is interrupted, closes them at once.
   */
  public void close() {
    shutdown();
    boolean isInterrupted = false;
    while (!isTerminated()) {
      try {
        awaitTermination(DAY);
      } catch (InterruptedException e) {
        isInterrupted = true;
        shutdownNow();
      }
    }
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Accepts no more requests; those in flight continue. */
  public void shutdown() {
    pool.shutdown();
  }

  /** Accepts no more requests, and closes the connections of those in flight, which fail. */
  public void shutdownNow() {
    pool.abort();
  }

  /** Waits until no request is in flight after a shutdown; returns whether that is so. */
  public boolean awaitTermination(Duration timeout) throws InterruptedException {
    return pool.awaitEnd(timeout.compareTo(DAY) > 0 ? DAY.toNanos() : timeout.toNanos());
  }

  /** Returns whether the client was shut down and no request is in flight. */
  public boolean isTerminated() {
    return pool.isTerminated();
  }

  ClientTimer timer() {
    return pool.timer();
  }

  /** Returns nothing: cookies are not stored. */
  @Override
  public Optional<CookieHandler> cookieHandler() {
    return Optional.empty();
  }

  @Override
  public Optional<Duration> connectTimeout() {
    return Optional.of(settings.connectTimeout());
  }

  /** Returns {@link HttpClient.Redirect#NEVER}. */
  @Override
  public Redirect followRedirects() {
    return Redirect.NEVER;
  }

  /** Returns nothing: servers are called directly. */
  @Override
  public Optional<ProxySelector> proxy() {
    return Optional.empty();
  }

  @Override
  public SSLContext sslContext() {
    return settings.tls();
  }

  @Override
  public SSLParameters sslParameters() {
    return settings.sslParameters().orElseGet(settings.tls()::getDefaultSSLParameters);
  }

  /** Returns nothing: credentials are fields of the request. */
  @Override
  public Optional<Authenticator> authenticator() {
    return Optional.empty();
  }

  /** Returns {@link HttpClient.Version#HTTP_1_1}, also for requests that prefer HTTP/2. */
  @Override
  public Version version() {
    return Version.HTTP_1_1;
  }

  /** Returns the executor of the settings. */
  @Override
  public Optional<Executor> executor() {
    return settings.executor();
  }

  /**
   * Not supported.
   *
   * @throws UnsupportedOperationException always
   */
  @Override
  public WebSocket.Builder newWebSocketBuilder() {
    throw new UnsupportedOperationException("this client has no WebSocket");
  }
}
