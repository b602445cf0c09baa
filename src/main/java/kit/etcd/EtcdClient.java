// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Reads, writes and watches keys in etcd, and keeps leases: what a registry of services needs.
 *
 * <pre>{@code
 * EtcdClient etcd = new EtcdClient(List.of(URI.create("http://127.0.0.1:2379")));
 * long lease = etcd.grant(Duration.ofSeconds(10)); // then etcd.keepAlive(lease) every 3 s
 * etcd.put("/services/web/web-1", "10.0.0.5:8081", lease);
 * Listing all = etcd.list("/services/web/");
 * etcd.watch("/services/web/", all.revision() + 1, Duration.ofMinutes(1), changes -> true);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Each method is one request, in the JSON that etcd 3.4 and newer take for gRPC. The endpoint that
 * answered last is asked first; one that does not, or with a 5xx, is passed over. A late or interrupted
 * call is disconnected. When etcd rejects a user's token, a call gets a new one and is sent again.
 *
 * <h2>Errors</h2>
 *
 * <p>An error status or a malformed response is an {@link EtcdException}, an {@link IOException} because
 * callers treat it like none. Exceptions of the connection pass untouched; a late response is an {@link
 * HttpTimeoutException}, one above 16 MiB an IOException. No message has password or token.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads; share one. Nothing needs closing: its threads are daemons.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/">etcd's gRPC gateway</a>
 */
public final class EtcdClient {
  static final int MAX_BODY_BYTES = 16 << 20; // about 50,000 keys
  private static final int NOT_FOUND = 5; // gRPC's numbers
  private static final int FAILED_PRECONDITION = 9;
  private static final int UNAUTHENTICATED = 16;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final List<String> endpoints;
  private final HttpClient http;
  private final String user; // Empty: none.
  private final String password;
  private final Duration timeout;
  private final AtomicInteger current = new AtomicInteger(); // Modulo: the endpoint to ask first.
  private final AtomicReference<String> token = new AtomicReference<>(); // Null: to be asked for.

  /** Calls endpoints such as {@code http://127.0.0.1:2379}, without a user; 3 seconds for a call. */
  public EtcdClient(List<URI> endpoints) {
    this(
        endpoints,
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(2))
            .proxy(HttpClient.Builder.NO_PROXY)
            .build());
  }

  /** Calls endpoints over this HTTP client, for instance one with a trust store of its own. */
  public EtcdClient(List<URI> endpoints, HttpClient http) {
    this(endpoints.stream().map(EtcdClient::checked).toList(), http, "", "", Duration.ofSeconds(3));
  }

  private EtcdClient(
      List<String> endpoints, HttpClient http, String user, String password, Duration timeout) {
    require(!endpoints.isEmpty(), "no endpoints");
    require(user.isEmpty() == password.isEmpty(), "user and password go together");
    require(timeout.toMillis() >= 1, "timeout < 1 ms: " + timeout);
    this.endpoints = endpoints;
    this.http = requireNonNull(http, "http");
    this.user = user;
    this.password = password;
    this.timeout = timeout;
  }

  /** Returns a client that authenticates as this user; both empty: without a user. */
  public EtcdClient withUser(String user, String password) {
    return new EtcdClient(endpoints, http, user, password, timeout);
  }

  /** Returns a client whose calls take at most this long, whatever the number of endpoints. */
  public EtcdClient withTimeout(Duration timeout) {
    return new EtcdClient(endpoints, http, user, password, timeout);
  }

  /** A key with its lease, 0 for none, and the revision of its last change. */
  public record Entry(String key, String value, long lease, long revision) {}

  /** Keys in their order, and the revision of all of etcd that they were read at. */
  public record Listing(List<Entry> entries, long revision) {}

  /** A change of a key; one that was deleted or has expired comes without a value. */
  public record Event(boolean isDeletion, Entry entry) {}

  /** Why a watch has ended; COMPACTED: etcd has forgotten what was at the revision it began with. */
  public enum WatchEnd {
    TIME_IS_UP,
    ENOUGH,
    COMPACTED
  }

  /** etcd responded with an error status or a malformed response. */
  public static final class EtcdException extends IOException {
    private final int status;
    private final int code;

    private EtcdException(HttpRequest request, int status, int code, String problem) {
      super((nameOf(request) + ": " + status + " " + problem).strip());
      this.status = status;
      this.code = code;
    }

    /** Returns gRPC's number for what went wrong, such as 5 for not found; 0 if etcd gave none. */
    public int code() {
      return code;
    }
  }

  /** Returns a new lease, of whole seconds (rounded up); etcd may grant it for longer. */
  public long grant(Duration ttl) throws IOException, InterruptedException {
    require(ttl.toMillis() >= 1, "ttl < 1 ms: " + ttl);
    JsonNode body = JSON.createObjectNode().put("TTL", (ttl.toMillis() + 999) / 1000);
    return call("/v3/lease/grant", body, answer -> number(answer, "ID"));
  }

  /** Has a lease hold for its whole span again, and returns that; zero if the lease has ended. */
  public Duration keepAlive(long lease) throws IOException, InterruptedException {
    JsonNode body = JSON.createObjectNode().put("ID", Long.toString(lease));
    Function<JsonNode, Long> seconds = answer -> number(answer.path("result"), "TTL");
    return Duration.ofSeconds(call("/v3/lease/keepalive", body, seconds));
  }

  /** Ends a lease and deletes its keys; one that has ended already is no error. */
  public void revoke(long lease) throws IOException, InterruptedException {
    JsonNode body = JSON.createObjectNode().put("ID", Long.toString(lease));
    try {
      call("/v3/lease/revoke", body, answer -> answer);
    } catch (EtcdException e) {
      if (e.code() != NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Sets a key, with a lease or 0 for none; that the lease has ended is an error with code 5. */
  public void put(String key, String value, long lease) throws IOException, InterruptedException {
    ObjectNode body = key(key, false).put("value", value.getBytes(UTF_8));
    call("/v3/kv/put", body.put("lease", Long.toString(lease)), answer -> answer);
  }

  /** Deletes a key; an unknown one is no error. */
  public void delete(String key) throws IOException, InterruptedException {
    call("/v3/kv/deleterange", key(key, false), answer -> answer);
  }

  /** Returns a single key, if it is there. */
  public Optional<Entry> get(String key) throws IOException, InterruptedException {
    return call("/v3/kv/range", key(key, false), EtcdClient::listing).entries().stream()
        .findFirst();
  }

  /** Returns all keys that begin with the prefix; end it with a slash to have those of one folder. */
  public Listing list(String prefix) throws IOException, InterruptedException {
    return call("/v3/kv/range", key(prefix, true), EtcdClient::listing);
  }

  /**
   * Calls the listener, on this thread, with each change of keys that begin with the prefix, until it
   * returns false or the time is up. A dead connection is silent, too: list the keys now and then.
   *
   * @param revision where to begin; usually that of a {@link Listing}, plus 1
   */
  public WatchEnd watch(
      String prefix, long revision, Duration atMost, Predicate<List<Event>> listener)
      throws IOException, InterruptedException {
    ObjectNode create = key(prefix, true).put("start_revision", Long.toString(revision));
    ObjectNode body = JSON.createObjectNode().set("create_request", create);
    long begin = System.nanoTime();
    String secret = secret(begin + timeout.toNanos());
    int at = current.get();
    HttpRequest request = request(at, "/v3/watch", body, secret);
    Lines lines = new Lines();
    var exchange = http.sendAsync(request, lines::of);
    exchange.whenComplete((answer, failure) -> lines.queue.add(Lines.END));
    try {
      byte[] line = lines.next(begin + timeout.toNanos()); // The first one confirms the watch.
      if (line == null) {
        throw new HttpTimeoutException(nameOf(request) + ": no answer within " + timeout);
      }
      while (line != null) {
        if (line == Lines.END) {
          await(exchange, request, 0); // Throws what is wrong, if etcd did not end it in order.
          throw new EtcdException(request, lines.status, 0, "ended by etcd");
        }
        Optional<List<Event>> events = read(request, lines.status, line, EtcdClient::events);
        if (events.isEmpty()) {
          return WatchEnd.COMPACTED;
        }
        if (!events.get().isEmpty() && !listener.test(events.get())) {
          return WatchEnd.ENOUGH;
        }
        line = lines.next(begin + atMost.toNanos());
      }
      return WatchEnd.TIME_IS_UP;
    } catch (IOException e) {
      current.compareAndSet(at, at + 1);
      throw e;
    } finally {
      exchange.cancel(true); // Closes the connection.
    }
  }

  /** An answer, cut into lines by the connection's thread. Only that of a watch has several. */
  private static final class Lines {
    static final byte[] END = {};
    final BlockingQueue<byte[]> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger unreadBytes = new AtomicInteger();
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    volatile int status;

    HttpResponse.BodySubscriber<Void> of(HttpResponse.ResponseInfo head) {
      status = head.statusCode();
      return HttpResponse.BodySubscribers.ofByteArrayConsumer(
          chunk -> cut(chunk.orElse(new byte[] {'\n'})));
    }

    // What throws here ends the exchange and closes its connection.
    private void cut(byte[] chunk) {
      require(unreadBytes.addAndGet(chunk.length) <= MAX_BODY_BYTES, "answer > 16 MiB");
      for (byte octet : chunk) {
        if (octet != '\n') {
          line.write(octet);
        } else if (line.size() > 0) {
          queue.add(line.toByteArray());
          line.reset();
        }
      }
    }

    byte[] next(long deadline) throws InterruptedException {
      byte[] next = queue.poll(deadline - System.nanoTime(), NANOSECONDS); // Null: not in time.
      unreadBytes.addAndGet(next == null || next == END ? 0 : -next.length - 1);
      return next;
    }
  }

  private <T> T call(String path, JsonNode body, Function<JsonNode, T> reader)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    String secret = secret(deadline);
    try {
      return call(path, body, secret, deadline, reader);
    } catch (EtcdException e) {
      if (user.isEmpty() || e.code() != UNAUTHENTICATED) {
        throw e;
      }
      token.compareAndSet(secret, null);
      return call(path, body, secret(deadline), deadline, reader);
    }
  }

  private String secret(long deadline) throws IOException, InterruptedException {
    String known = user.isEmpty() ? "" : token.get();
    if (known != null) {
      return known;
    }
    ObjectNode body = JSON.createObjectNode().put("name", user).put("password", password);
    String path = "/v3/auth/authenticate";
    String secret = ""; // For now; users may be enabled later.
    try {
      secret = call(path, body, "", deadline, answer -> answer.required("token").asText());
    } catch (EtcdException e) {
      if (e.code() != FAILED_PRECONDITION) { // "authentication is not enabled"
        throw e;
      }
    }
    token.set(secret);
    return secret;
  }

  private <T> T call(
      String path, JsonNode body, String secret, long deadline, Function<JsonNode, T> reader)
      throws IOException, InterruptedException {
    int first = current.get();
    IOException failure = null;
    for (int i = 0; i < endpoints.size(); i++) {
      HttpRequest request = request(first + i, path, body, secret);
      long share = (deadline - System.nanoTime()) / (endpoints.size() - i);
      Lines lines = new Lines();
      var exchange = http.sendAsync(request, lines::of);
      try {
        await(exchange, request, share);
        lines.queue.add(Lines.END); // If there is no line at all.
        return read(request, lines.status, lines.queue.remove(), reader);
      } catch (IOException e) {
        if (e instanceof EtcdException refusal && refusal.status < 500) {
          throw e; // The others would say the same.
        }
        failure = e;
        current.compareAndSet(first + i, first + i + 1);
      } finally {
        exchange.cancel(true); // Closes the connection, unless all is done.
      }
    }
    throw failure;
  }

  private HttpRequest request(int at, String path, JsonNode body, String secret)
      throws IOException {
    String endpoint = endpoints.get(Math.floorMod(at, endpoints.size()));
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(endpoint + path));
    builder.POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body)));
    builder.version(HttpClient.Version.HTTP_1_1); // HTTP/2 would ask for an upgrade each time.
    // Else a member that is cut off from the others lets a watch wait (etcd-io/etcd#10819).
    builder.header("Grpc-Metadata-hasleader", "true");
    return (secret.isEmpty() ? builder : builder.header("Authorization", secret)).build();
  }

  private void await(CompletableFuture<?> exchange, HttpRequest request, long nanos)
      throws IOException, InterruptedException {
    try {
      exchange.get(nanos, NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException(nameOf(request) + ": no answer within " + timeout);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      throw cause instanceof IOException known ? known : new IOException(nameOf(request), cause);
    }
  }

  private <T> T read(HttpRequest request, int status, byte[] line, Function<JsonNode, T> reader)
      throws EtcdException {
    String text = new String(line, UTF_8);
    JsonNode json = JSON.missingNode();
    try {
      json = JSON.readTree(text);
      JsonNode result = json.path("result");
      boolean isCanceled = result.has("cancel_reason") && !result.has("compact_revision");
      boolean isError = status / 100 != 2 || json.path("error").isObject() || isCanceled;
      if (json.isObject() && !isError) {
        return reader.apply(json);
      }
    } catch (IOException | IllegalArgumentException e) {
      // Jackson's message has several lines and does not name the request.
    }
    JsonNode nested = json.path("error").isObject() ? json.path("error") : json.path("result");
    JsonNode error = nested.isObject() ? nested : json; // It is nested in a stream.
    String reason = error.path("cancel_reason").asText("not as expected: " + text);
    String problem = error.path("message").asText(reason);
    boolean isAuth = problem.matches("(?s).*(user name is empty|auth store is old).*"); // etcd: 3
    int code = isAuth ? UNAUTHENTICATED : error.path("grpc_code").asInt(error.path("code").asInt());
    throw new EtcdException(request, error.path("http_code").asInt(status), code, shown(problem));
  }

  private String shown(String text) {
    String safe = text.strip().replaceAll("[\\p{Cc}\\u2028\\u2029]", "?");
    for (String secret : List.of(password, Optional.ofNullable(token.get()).orElse(""))) {
      safe = secret.isEmpty() ? safe : safe.replace(secret, "[secret]");
    }
    return safe.substring(0, Math.min(safe.length(), 200)); // fits a log line
  }

  private static String nameOf(HttpRequest request) {
    return request.uri().getAuthority() + request.uri().getPath();
  }

  private static Listing listing(JsonNode json) {
    List<Entry> entries = new ArrayList<>();
    json.path("kvs").forEach(entry -> entries.add(entry(entry)));
    return new Listing(List.copyOf(entries), number(json.path("header"), "revision"));
  }

  private static Optional<List<Event>> events(JsonNode json) {
    List<Event> events = new ArrayList<>();
    for (JsonNode event : json.path("result").path("events")) {
      boolean isDeletion = event.path("type").asText().equals("DELETE"); // PUT is left out.
      events.add(new Event(isDeletion, entry(event.path("kv"))));
    }
    return Optional.of(events).filter(all -> !json.path("result").has("compact_revision"));
  }

  private static Entry entry(JsonNode json) {
    long revision = number(json, "mod_revision");
    return new Entry(text(json, "key"), text(json, "value"), number(json, "lease"), revision);
  }

  // What is 0 or empty is left out.
  private static long number(JsonNode json, String name) {
    return Long.parseLong(json.path(name).asText("0"));
  }

  private static String text(JsonNode json, String name) {
    return new String(Base64.getDecoder().decode(json.path(name).asText("")), UTF_8);
  }

  private static ObjectNode key(String key, boolean isPrefix) {
    require(!key.isEmpty(), "key is empty");
    byte[] end = key.getBytes(UTF_8);
    end[end.length - 1]++; // The first key after all that begin so; UTF-8 has no 0xff.
    ObjectNode body = JSON.createObjectNode().put("key", key.getBytes(UTF_8)); // base64
    return isPrefix ? body.put("range_end", end) : body;
  }

  @Override
  public String toString() {
    return "etcd at " + String.join(",", endpoints);
  }

  private static String checked(URI endpoint) {
    String text = endpoint.toString().replaceFirst("/$", "");
    boolean legal = endpoint.getHost() != null && text.matches("https?://[^/?#@]+");
    require(legal, "endpoint is not http(s)://host:port"); // Not shown: it may hold a password.
    return text;
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }
}
