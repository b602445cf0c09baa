// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static java.nio.charset.StandardCharsets.UTF_8;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Client of etcd's JSON gateway: reads, writes and watches keys, and keeps leases alive.
 *
 * <pre>{@code
 * List<URI> endpoints = List.of(URI.create("http://127.0.0.1:2379"));
 * EtcdClient etcd = new EtcdClient(endpoints, HttpClient.newHttpClient(), Duration.ofSeconds(3));
 * long lease = etcd.grant(Duration.ofSeconds(10)); // then etcd.keepAlive(lease) every 3 s
 * etcd.put("/services/web/web-1", "10.0.0.5:8081", lease);
 * Listing all = etcd.list("/services/web/");
 * etcd.watch("/services/web/", all.revision() + 1, Duration.ofMinutes(1), changes -> true);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Each method is one request, in the JSON that etcd 3.4 and newer accept for gRPC. The endpoint
 * that responded last is tried first; one that does not respond, or responds with a 5xx, is
 * skipped. A late or interrupted call is disconnected. When etcd rejects a call without a valid
 * token, the client authenticates and sends the call again, once.
 *
 * <h2>Errors</h2>
 *
 * <p>An error status or a malformed response is an {@link EtcdException}, an {@link IOException}
 * because callers treat it like no response. Exceptions of the connection are thrown unchanged; a
 * late response is an {@link HttpTimeoutException}, one above 16 MiB an IOException. No message has
 * the password or a token.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; share one. Nothing needs closing. A thread whose token is rejected authenticates,
 * also when another thread has just done so.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/">etcd's gRPC gateway</a>
 */
public final class EtcdClient {
  private static final int MAX_BODY_BYTES = 16 << 20; // About 50,000 keys.
  private static final int NOT_FOUND = 5; // gRPC's numbers
  private static final int UNAUTHENTICATED = 16;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final List<String> endpoints;
  private final HttpClient http;
  private final String user; // Empty: none.
  private final String password;
  private final Duration timeout;
  private final AtomicInteger current = new AtomicInteger(); // Modulo: the endpoint to ask first.
  private volatile String token = ""; // Empty: none yet, or none needed.

  /**
   * Creates a client of endpoints such as {@code http://127.0.0.1:2379}, without a user.
   *
   * @param timeout the timeout of a call, whatever the number of endpoints; at least 1 ms, 3 s is
   *     usual
   */
  public EtcdClient(List<URI> endpoints, HttpClient http, Duration timeout) {
    this(endpoints.stream().map(EtcdClient::checked).toList(), http, "", "", timeout);
  }

  private EtcdClient(
      List<String> endpoints, HttpClient http, String user, String password, Duration timeout) {
    require(!endpoints.isEmpty(), "no endpoints");
    require(user.isEmpty() == password.isEmpty(), "user and password go together");
    require(timeout.toMillis() >= 1, "timeout < 1 ms: " + timeout);
    this.endpoints = endpoints;
    this.http = http;
    this.user = user;
    this.password = password;
    this.timeout = timeout;
  }

  /** Returns a client that authenticates as {@code user}; both empty: without a user. */
  public EtcdClient withUser(String user, String password) {
    return new EtcdClient(endpoints, http, user, password, timeout);
  }

  /** Key with its value, its lease (0: none) and the revision of its last change. */
  public record Entry(String key, String value, long lease, long revision) {}

  /** Sorted keys, and the revision of etcd at which they were read. */
  public record Listing(List<Entry> entries, long revision) {}

  /** Change of a key; a deleted or expired key has no value. */
  public record Event(boolean isDeletion, Entry entry) {}

  /** etcd responded with an error status or a malformed response. */
  public static final class EtcdException extends IOException {
    private final int status;
    private final int code;

    private EtcdException(String request, int status, int code, String problem) {
      super((request + ": " + status + " " + problem).strip());
      this.status = status;
      this.code = code;
    }

    /** Returns gRPC's status code, such as 5 for not found; 0 if etcd sent none. */
    public int code() {
      return code;
    }
  }

  /** Grants a lease of whole seconds (rounded up); etcd may grant it for longer. */
  public long grant(Duration ttl) throws IOException, InterruptedException {
    require(ttl.toMillis() >= 1, "ttl < 1 ms: " + ttl);
    ObjectNode body = JSON.createObjectNode().put("TTL", (ttl.toMillis() + 999) / 1000);
    return call("/v3/lease/grant", body, json -> number(json, "ID"));
  }

  /** Renews a lease and returns its time to live; zero if the lease has expired. */
  public Duration keepAlive(long lease) throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("ID", Long.toString(lease));
    Function<JsonNode, Long> seconds = json -> number(json.path("result"), "TTL");
    return Duration.ofSeconds(call("/v3/lease/keepalive", body, seconds));
  }

  /** Revokes a lease and deletes its keys; an expired lease is no error. */
  public void revoke(long lease) throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("ID", Long.toString(lease));
    try {
      call("/v3/lease/revoke", body, json -> json);
    } catch (EtcdException e) {
      if (e.code != NOT_FOUND) {
        throw e;
      }
    }
  }

  /** Sets a key, with a lease or 0 for none; an expired lease is an error with code 5. */
  public void put(String key, String value, long lease) throws IOException, InterruptedException {
    ObjectNode body = key(key, false).put("value", value.getBytes(UTF_8));
    call("/v3/kv/put", body.put("lease", Long.toString(lease)), json -> json);
  }

  /** Returns a single key, if it exists. */
  public Optional<Entry> get(String key) throws IOException, InterruptedException {
    return call("/v3/kv/range", key(key, false), EtcdClient::listing).entries.stream().findFirst();
  }

  /** Returns all keys with a prefix; end it with a slash for those of one folder. */
  public Listing list(String prefix) throws IOException, InterruptedException {
    return call("/v3/kv/range", key(prefix, true), EtcdClient::listing);
  }

  /**
   * Watches the keys with a prefix: calls the listener, on this thread, with each change, until it
   * returns false or the time is over. A dead connection cannot be noticed: list the keys
   * periodically.
   *
   * @param revision the first revision to watch, usually that of a {@link Listing} plus 1
   * @return false if etcd has compacted that revision: list the keys again
   */
  public boolean watch(
      String prefix, long revision, Duration atMost, Predicate<List<Event>> listener)
      throws IOException, InterruptedException {
    if (!user.isEmpty() && token.isEmpty()) {
      get(prefix); // Gets a token if one is needed: a watch is not retried.
    }
    ObjectNode create = key(prefix, true).put("start_revision", Long.toString(revision));
    ObjectNode body = JSON.createObjectNode().set("create_request", create);
    long begin = System.nanoTime();
    int at = current.get();
    try (Exchange exchange = new Exchange(at, "/v3/watch", body, token)) {
      byte[] line = exchange.next(begin + timeout.toNanos()); // The first one confirms the watch.
      if (line == null) {
        throw exchange.late();
      }
      while (line != null) {
        Optional<List<Event>> events = exchange.read(line, EtcdClient::events);
        if (events.isEmpty()) {
          return false;
        }
        if (!events.get().isEmpty() && !listener.test(events.get())) {
          return true;
        }
        line = exchange.next(begin + atMost.toNanos());
      }
      return true;
    } catch (IOException e) {
      current.compareAndSet(at, at + 1);
      throw e;
    }
  }

  private <T> T call(String path, ObjectNode body, Function<JsonNode, T> reader)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      return call(path, body, token, deadline, reader);
    } catch (EtcdException e) {
      if (user.isEmpty() || e.code != UNAUTHENTICATED) {
        throw e;
      }
    }
    ObjectNode credentials = JSON.createObjectNode().put("name", user).put("password", password);
    Function<JsonNode, String> tokenReader = json -> json.required("token").asText();
    token = call("/v3/auth/authenticate", credentials, "", deadline, tokenReader);
    return call(path, body, token, deadline, reader);
  }

  private <T> T call(
      String path, ObjectNode body, String token, long deadline, Function<JsonNode, T> reader)
      throws IOException, InterruptedException {
    int first = current.get();
    for (int i = 0; ; i++) {
      int left = endpoints.size() - i;
      try (Exchange exchange = new Exchange(first + i, path, body, token)) {
        exchange.await((deadline - System.nanoTime()) / left);
        return exchange.read(exchange.lines.take(), reader);
      } catch (IOException e) {
        boolean isRefusal = e instanceof EtcdException known && known.status < 500;
        if (isRefusal || left == 1) { // The other endpoints would reject it, too.
          throw e;
        }
        current.compareAndSet(first + i, first + i + 1);
      }
    }
  }

  /**
   * One request to one endpoint. The client's thread splits the response into lines; only that of a
   * watch has several.
   */
  private final class Exchange implements AutoCloseable {
    // Ends the last line, and marks the end of the response in the queue.
    private static final byte[] END = {'\n'};

    private final String name; // For messages.
    private final CompletableFuture<?> response;
    private final LinkedBlockingQueue<byte[]> lines = new LinkedBlockingQueue<>(); // END is last.
    private final AtomicInteger unreadBytes = new AtomicInteger();
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private volatile int status;

    Exchange(int at, String path, ObjectNode body, String token) {
      URI uri = URI.create(endpoints.get(Math.floorMod(at, endpoints.size())) + path);
      // HTTP/2 would send an upgrade header each time.
      HttpRequest.Builder builder =
          HttpRequest.newBuilder(uri).version(HttpClient.Version.HTTP_1_1);
      builder.POST(HttpRequest.BodyPublishers.ofString(body.toString()));
      // Else a member without a leader lets a watch wait (etcd-io/etcd#10819).
      builder.header("Grpc-Metadata-hasleader", "true");
      if (!token.isEmpty()) {
        builder.header("Authorization", token);
      }
      name = uri.getAuthority() + path;
      response = http.sendAsync(builder.build(), this::begin);
      response.whenComplete((end, failure) -> lines.add(END));
    }

    private HttpResponse.BodySubscriber<Void> begin(HttpResponse.ResponseInfo head) {
      status = head.statusCode();
      return HttpResponse.BodySubscribers.ofByteArrayConsumer(chunk -> cut(chunk.orElse(END)));
    }

    // An exception here ends the exchange and closes its connection.
    private void cut(byte[] chunk) {
      require(unreadBytes.addAndGet(chunk.length) <= MAX_BODY_BYTES, "response > 16 MiB");
      for (byte octet : chunk) {
        if (octet != '\n') {
          line.write(octet);
        } else if (line.size() > 0) {
          lines.add(line.toByteArray());
          line.reset();
        }
      }
    }

    /** Waits for the end of the response. */
    void await(long nanos) throws IOException, InterruptedException {
      try {
        response.get(nanos, NANOSECONDS);
      } catch (TimeoutException e) {
        throw late();
      } catch (ExecutionException e) {
        Throwable cause = e.getCause();
        throw cause instanceof IOException known ? known : new IOException(name, cause);
      }
    }

    /** Returns the next line; null if there is none before the deadline. */
    byte[] next(long deadline) throws IOException, InterruptedException {
      byte[] next = lines.poll(deadline - System.nanoTime(), NANOSECONDS);
      if (next == END) {
        await(0); // Throws the failure if the response is incomplete.
        throw new EtcdException(name, status, 0, "ended by etcd");
      }
      unreadBytes.addAndGet(next == null ? 0 : -next.length - 1);
      return next;
    }

    HttpTimeoutException late() {
      return new HttpTimeoutException(name + ": no response within " + timeout);
    }

    <T> T read(byte[] line, Function<JsonNode, T> reader) throws EtcdException {
      String text = new String(line, UTF_8);
      JsonNode json = JSON.missingNode();
      try {
        json = JSON.readTree(text);
        JsonNode result = json.path("result");
        boolean isCanceled = result.has("cancel_reason") && !result.has("compact_revision");
        if (json.isObject() && status / 100 == 2 && !json.has("error") && !isCanceled) {
          return reader.apply(json);
        }
      } catch (IOException | IllegalArgumentException e) {
        // Jackson's message has several lines and does not name the request.
      }

      // The place of a member depends on the version, and on whether this is a stream.
      String reason = json.findPath("cancel_reason").asText("not as expected: " + text);
      String problem = json.findPath("message").asText(reason);
      int code = json.findPath("grpc_code").asInt(json.findPath("code").asInt());
      // etcd has code 3 for these two.
      boolean isStale = problem.matches("(?s).*(user name is empty|auth store is old).*");
      int status = json.findPath("http_code").asInt(this.status);
      throw new EtcdException(name, status, isStale ? UNAUTHENTICATED : code, shown(problem));
    }

    /** Closes the connection, unless the exchange is complete. */
    @Override
    public void close() {
      response.cancel(true);
    }
  }

  private String shown(String text) {
    String safe = text.strip().replaceAll("[\\p{Cc}\\u2028\\u2029]", "?");
    for (String secret : List.of(password, token)) {
      safe = secret.isEmpty() ? safe : safe.replace(secret, "[secret]");
    }
    return safe.substring(0, Math.min(safe.length(), 200)); // fits a log line
  }

  // etcd's JSON: bytes in base64, 64-bit numbers as text; zeros and empty values are omitted.

  private static ObjectNode key(String key, boolean isPrefix) {
    require(!key.isEmpty(), "key is empty");
    byte[] end = key.getBytes(UTF_8);
    end[end.length - 1]++; // The first key after all that begin so; UTF-8 has no 0xff.
    ObjectNode body = JSON.createObjectNode().put("key", key.getBytes(UTF_8));
    return isPrefix ? body.put("range_end", end) : body;
  }

  private static Listing listing(JsonNode json) {
    List<Entry> entries = new ArrayList<>();
    json.path("kvs").forEach(entry -> entries.add(entry(entry)));
    return new Listing(List.copyOf(entries), number(json.path("header"), "revision"));
  }

  /** Returns the changes; empty if etcd has compacted the revision. */
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

  private static long number(JsonNode json, String name) {
    return Long.parseLong(json.path(name).asText("0"));
  }

  private static String text(JsonNode json, String name) {
    return new String(Base64.getDecoder().decode(json.path(name).asText("")), UTF_8);
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
