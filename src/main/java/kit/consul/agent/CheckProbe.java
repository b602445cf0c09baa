// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import kit.LogSafe;
import kit.consul.agent.CheckDefinition.Status;
import kit.http.client.LazyTls;

/** Looks once whether a service is well, over HTTP or TCP, with Consul's judgement. */
final class CheckProbe {
  private static final int MAX_BODY_BYTES = 4096; // What is kept of an answer; Consul's size.
  private static final int MAX_REDIRECTS = 10; // Go's limit.
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final Set<Integer> REDIRECTS_AS_SENT = Set.of(307, 308);

  private final Executor callbacks;
  private HttpClient http; // Guarded by this.

  /** Uses threads of {@code callbacks} for HTTP, for moments only. */
  CheckProbe(Executor callbacks) {
    this.callbacks = callbacks;
  }

  /** Made when first needed, because it takes time and starts a thread. */
  private synchronized HttpClient http() {
    if (http == null) {
      http =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .proxy(HttpClient.Builder.NO_PROXY)
              .executor(callbacks)
              .sslContext(LazyTls.context())
              .build();
    }
    return http;
  }

  /** What was found, and why. */
  record Result(Status status, String output) {}

  /** Looks; takes at most the timeout of the check. */
  Result run(CheckDefinition check) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + check.timeoutNanos();
    try {
      return check.type() == CheckDefinition.Type.HTTP
          ? get(check, deadlineNanos)
          : connect(check.target(), deadlineNanos);
    } catch (IOException | IllegalArgumentException | TimeoutException e) {
      return new Result(Status.CRITICAL, check.target() + ": " + why(e, check));
    }
  }

  private static String why(Exception e, CheckDefinition check) {
    if (e instanceof TimeoutException) {
      return "no answer within " + TimeUnit.NANOSECONDS.toMillis(check.timeoutNanos()) + " ms";
    }
    if (e instanceof ConnectException && e.getMessage() == null) {
      return "cannot connect"; // The JDK's client does not say why.
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private Result get(CheckDefinition check, long deadlineNanos)
      throws IOException, TimeoutException, InterruptedException {
    URI uri = URI.create(check.target());
    String method = check.method();
    String body = check.body();
    for (int redirects = 0; ; redirects++) {
      HttpResponse<byte[]> answer = send(request(check, uri, method, body), deadlineNanos);
      int status = answer.statusCode();
      Optional<String> location = answer.headers().firstValue("Location");
      // By hand: jdk.httpclient.redirects.retrylimit may have switched the JDK's own way off.
      if (!REDIRECTS.contains(status) || location.isEmpty()) {
        String text = new String(answer.body(), StandardCharsets.UTF_8);
        return new Result(
            judge(status),
            "HTTP " + check.method() + " " + check.target() + ": " + status + " Output: " + text);
      }
      if (redirects == MAX_REDIRECTS) {
        throw new IOException("stopped after " + MAX_REDIRECTS + " redirects");
      }
      uri = uri.resolve(location.get());
      if (!REDIRECTS_AS_SENT.contains(status)) {
        method = "GET";
        body = "";
      }
    }
  }

  private static Status judge(int status) {
    return status / 100 == 2 ? Status.PASSING : status == 429 ? Status.WARNING : Status.CRITICAL;
  }

  private static HttpRequest request(CheckDefinition check, URI uri, String method, String body) {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri);
    if (!method.equals("GET") || !body.isEmpty()) { // A plain GET should not say "length 0".
      request.method(
          method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    }
    request.setHeader("User-Agent", "Consul Health Check");
    request.setHeader("Accept", "text/plain, text/*, */*");
    check
        .headers()
        .forEach(
            (name, values) -> {
              if (!values.isEmpty()) {
                request.setHeader(name, values.get(0));
                values.stream().skip(1).forEach(value -> request.header(name, value));
              }
            });
    return request.build();
  }

  private HttpResponse<byte[]> send(HttpRequest request, long deadlineNanos)
      throws IOException, TimeoutException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> exchange =
        http()
            .sendAsync(
                request,
                head -> {
                  ByteArrayOutputStream kept = new ByteArrayOutputStream();
                  Consumer<Optional<byte[]>> keep =
                      chunk -> {
                        byte[] bytes = chunk.orElse(new byte[0]);
                        kept.write(bytes, 0, Math.min(bytes.length, MAX_BODY_BYTES - kept.size()));
                      };
                  return BodySubscribers.mapping(
                      BodySubscribers.ofByteArrayConsumer(keep), end -> kept.toByteArray());
                });
    try {
      return exchange.get(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
    } finally {
      exchange.cancel(true); // Closes the connection, unless all is done.
    }
  }

  /** With a selector, because its wait has a timeout and ends when the thread is interrupted. */
  private static Result connect(String authority, long deadlineNanos)
      throws IOException, TimeoutException {
    int colon = authority.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("not host:port: " + LogSafe.of(authority));
    }
    // Not an Instance: a name that no URL can hold, such as my_database, can be connected to.
    InetSocketAddress address =
        new InetSocketAddress(
            authority.substring(0, colon).replaceAll("^\\[|]$", ""),
            Integer.parseInt(authority.substring(colon + 1)));
    if (address.isUnresolved()) {
      throw new UnknownHostException("no such host");
    }
    try (Selector selector = Selector.open();
        SocketChannel channel = SocketChannel.open()) {
      channel.configureBlocking(false);
      if (!channel.connect(address)) {
        channel.register(selector, SelectionKey.OP_CONNECT);
        long millis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
        if (selector.select(Math.max(1, millis)) == 0) {
          throw new TimeoutException();
        }
        channel.finishConnect();
      }
    }
    return new Result(Status.PASSING, "TCP connect " + authority + ": Success");
  }
}
