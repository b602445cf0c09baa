// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import kit.LogSafe;

/** Runs checks by HTTP, TCP or gRPC and judges the results as Consul does. Thread-safe. */
final class CheckProbe {
  private static final int MAX_OUTPUT = 4096; // Characters, as in Consul.

  private final SSLContext tls;
  private HttpClient http; // Guarded by this. Made when needed: it takes time and starts a thread.

  /** Creates a probe that checks services over TLS with a context for clients. */
  CheckProbe(SSLContext tls) {
    this.tls = requireNonNull(tls, "tls");
  }

  /** What was found, and why. */
  record Result(String status, String output) {}

  /** Returns what is kept of an output: no more than its beginning. */
  static String beginning(String output) {
    if (output.length() <= MAX_OUTPUT) {
      return output;
    }
    boolean splitsPair = Character.isHighSurrogate(output.charAt(MAX_OUTPUT - 1));
    return output.substring(0, splitsPair ? MAX_OUTPUT - 1 : MAX_OUTPUT);
  }

  /** Runs {@code check}; takes at most its timeout. */
  Result run(CheckDefinition check) throws InterruptedException {
    String target = check.http() + check.tcp() + check.grpc(); // One of these.
    try {
      return switch (check.type()) {
        case "http" -> request(check);
        case "grpc" -> GrpcProbe.run(check, tls);
        default -> connect(check);
      };
    } catch (TimeoutException | SocketTimeoutException e) {
      long millis = TimeUnit.NANOSECONDS.toMillis(check.timeout());
      return new Result("critical", target + ": no response within " + millis + " ms");
    } catch (IOException | RuntimeException e) {
      // The JDK's client does not give the reason when it cannot connect.
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      return new Result("critical", target + ": " + why);
    }
  }

  private Result request(CheckDefinition check)
      throws IOException, TimeoutException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(check.http()));
    if (!check.method().equals("GET") || !check.body().isEmpty()) { // Else it sends "length 0".
      request.method(check.method(), BodyPublishers.ofString(check.body()));
    }
    Map<String, List<String>> header = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    header.put("User-Agent", List.of("Consul Health Check"));
    header.put("Accept", List.of("text/plain, text/*, */*"));
    header.putAll(check.header());
    header.forEach((name, values) -> values.forEach(value -> request.header(name, value)));

    HttpResponse<String> response = send(request.build(), check.timeout());
    int status = response.statusCode();
    return new Result(
        status / 100 == 2 ? "passing" : status == 429 ? "warning" : "critical",
        "HTTP "
            + check.method()
            + " "
            + check.http()
            + ": "
            + status
            + " Output: "
            + response.body());
  }

  private synchronized HttpClient http() {
    if (http == null) {
      http =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .proxy(HttpClient.Builder.NO_PROXY)
              .sslContext(tls)
              .build();
    }
    return http;
  }

  private HttpResponse<String> send(HttpRequest request, long timeoutNanos)
      throws IOException, TimeoutException, InterruptedException {
    CompletableFuture<HttpResponse<String>> exchange =
        http().sendAsync(request, BodyHandlers.ofString()); // HttpRequest.timeout: the head.
    try {
      return exchange.get(timeoutNanos, TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
    } finally {
      exchange.cancel(true); // Closes the connection, unless all is done.
    }
  }

  private static Result connect(CheckDefinition check) throws IOException {
    String authority = check.tcp();
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
    long millis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(check.timeout()));
    try (SocketChannel channel = SocketChannel.open()) { // A plain socket ignores interrupts.
      channel.socket().connect(address, (int) Math.min(millis, Integer.MAX_VALUE));
    }
    return new Result("passing", "TCP connect " + authority + ": Success");
  }
}
