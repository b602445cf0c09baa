// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * Client of a Consul agent: registers services, reports health, and queries healthy instances.
 *
 * <p>Each method is one HTTP request: no loop, no retry, no cache.
 *
 * <pre>{@code
 * ConsulClient consul = new ConsulClient(URI.create("http://127.0.0.1:8500")).withToken("s3cret");
 * Service service = new Service("web-1", "web", "10.0.0.5", 8081, List.of("v1"), Map.of());
 * consul.register(service, List.of(Map.of("CheckID", "web-1:up", "TTL", "15s")));
 * consul.updateTtl("web-1:up", Status.PASSING, "all is well");
 * consul.health(HealthQuery.passing("web", List.of("v1"))).entries().forEach(System.out::println);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Services are registered with the agent, not in the catalog, where agents undo changes. A call
 * has a timeout for the whole response, 10 seconds or {@link #withTimeout} ({@link
 * HttpRequest.Builder#timeout} covers the headers only, until JDK 26); the timeout of a blocking
 * query includes its wait, and the sixteenth of it that Consul may add. A late or interrupted call
 * is disconnected.
 *
 * <p>Ids and names may have any characters except control characters. Consul cleans paths even if
 * encoded: {@code /a}, {@code a//b} or {@code ..} could never be deregistered; they are rejected.
 *
 * <h2>Errors</h2>
 *
 * <p>An error status or a malformed response is a {@link ConsulException}, an {@link IOException}
 * because callers treat it like no response. Exceptions of the connection are thrown unchanged; a
 * late response is an {@link HttpTimeoutException}, one above 16 MiB an IOException. No message has
 * the token.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe. Cheap: all share one HTTP client. Nothing needs closing.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://developer.hashicorp.com/consul/api-docs">Consul HTTP API</a>
 */
public final class ConsulClient {
  static final int MAX_BODY_BYTES = 16 << 20; // about 10,000 instances of 1 to 2 KB
  private static final Pattern UNUSABLE_ID =
      Pattern.compile("\\s*|.*[\\p{Cc}\\p{Cs}].*|(.*/)?\\.{0,2}/.*|(.*/)?\\.{1,2}", Pattern.DOTALL);
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final String base;
  private final String token;
  private final HttpClient http;
  private final Duration timeout;

  /** Creates a client of an agent such as {@code http://127.0.0.1:8500}, without a token. */
  public ConsulClient(URI base) {
    this(base, Shared.HTTP);
  }

  /**
   * Creates a client that uses {@code http}, such as for TLS; it must not send the token on
   * redirects.
   */
  public ConsulClient(URI base, HttpClient http) {
    this(checkedBase(base), "", http, Duration.ofSeconds(10));
  }

  private ConsulClient(String base, String token, HttpClient http, Duration timeout) {
    require(token.matches("[!-~]*"), "token not in visible ASCII");
    require(timeout.toMillis() >= 1, "timeout < 1 ms: " + timeout);
    this.base = base;
    this.token = token;
    this.http = Objects.requireNonNull(http, "http");
    this.timeout = timeout;
  }

  /** Returns a client that sends an ACL token; an empty one is not sent. */
  public ConsulClient withToken(String token) {
    return new ConsulClient(base, token, http, timeout);
  }

  /** Returns a client on the same connections with another timeout. */
  public ConsulClient withTimeout(Duration timeout) {
    return new ConsulClient(base, token, http, timeout);
  }

  /** Registered service; an empty host means the agent's own address. */
  public record Service(
      String id, String name, String host, int port, List<String> tags, Map<String, String> meta) {
    /** Copies the tags and the metadata. */
    public Service {
      Objects.requireNonNull(id, "id");
      Objects.requireNonNull(name, "name");
      Objects.requireNonNull(host, "host");
      tags = List.copyOf(tags);
      meta = Map.copyOf(meta);
    }
  }

  /**
   * Status of a check. A service has the worst status of its checks; maintenance and unknown words
   * are CRITICAL: an unknown status never counts as passing.
   */
  public enum Status {
    PASSING,
    WARNING,
    CRITICAL;

    private static Status of(String word) {
      return word.equals("passing") ? PASSING : word.equals("warning") ? WARNING : CRITICAL;
    }
  }

  /**
   * Query of the instances of a service.
   *
   * @param name of the service
   * @param tags an instance must have all of them
   * @param passing whether all checks must pass
   * @param stale whether any server may respond, even without a leader; usually less than 50 ms
   *     behind
   * @param index respond when the result has changed after this index (unsigned); 0: at once
   * @param atMost or after this long; 1 millisecond to 10 minutes, not used with index 0
   */
  public record HealthQuery(
      String name, List<String> tags, boolean passing, boolean stale, long index, Duration atMost) {
    /** Checks the name and the range of the wait. */
    public HealthQuery {
      checkedId("name", name);
      tags = List.copyOf(tags);
      long millis = atMost.toMillis();
      require(millis >= 1 && millis <= 600_000, "atMost not in 1 ms..10 min: " + atMost);
    }

    /** Selects all instances whose checks pass, now. */
    public static HealthQuery passing(String name, List<String> tags) {
      return new HealthQuery(name, tags, true, false, 0, Duration.ofMillis(1));
    }

    /** Returns this as a blocking query. A response is no proof of a change: compare. */
    public HealthQuery changedSince(long index, Duration atMost) {
      return new HealthQuery(name, tags, passing, stale, index, atMost);
    }

    String target(String path) {
      String when = "?index=" + Long.toUnsignedString(index) + "&wait=" + goDuration(atMost);
      StringBuilder target = new StringBuilder(path + encoded(name) + when); // 0 does not block.
      // Flags are sent only if set: some agents read passing=false as true.
      target.append(passing ? "&passing=1" : "");
      target.append(stale ? "&stale=1" : "");
      tags.forEach(tag -> target.append("&tag=" + encoded(tag)));
      return target.toString();
    }
  }

  /** Last result of a check, with its output. */
  public record Result(String checkId, Status status, String output) {}

  /** Instance of a service; one without an address has that of its node. */
  public record Entry(String node, Service service, List<Result> checks) {
    /** Returns the worst status of its checks; PASSING without checks. */
    public Status status() {
      return checks.stream().map(Result::status).max(Status::compareTo).orElse(Status.PASSING);
    }
  }

  /**
   * Instances of a service, and the index for {@link HealthQuery#changedSince}: unsigned; when it
   * decreases, start from 0. Filtered: the token may not read all instances (Consul 1.11 and
   * newer).
   */
  public record Health(List<Entry> entries, long index, boolean filteredByAcl) {}

  /** Consul responded with an error status or a malformed response. */
  public static final class ConsulException extends IOException {
    private final int status;

    private ConsulException(HttpRequest request, int status, String problem) {
      super((nameOf(request) + ": " + status + " " + problem).strip());
      this.status = status;
    }

    /** Returns the HTTP status; that of a success if the response is malformed. */
    public int status() {
      return status;
    }
  }

  /**
   * Registers or replaces a service and its checks; an existing check keeps its status. Checks have
   * Consul's own fields: {@code Map.of("CheckID", "db", "TCP", "db:5432", "Interval", "5s")}.
   */
  public void register(Service service, List<? extends Map<String, ?>> checks)
      throws IOException, InterruptedException {
    require(service.port >>> 16 == 0, "port not in 0..65535: " + service.port);
    checks.forEach(it -> checkedId("CheckID", it.get("CheckID") instanceof String id ? id : ""));
    ObjectNode body = JSON.createObjectNode().put("ID", checkedId("id", service.id));
    body.put("Name", checkedId("name", service.name));
    body.put("Address", service.host);
    body.put("Port", service.port);
    body.putPOJO("Tags", service.tags);
    body.putPOJO("Meta", service.meta);
    body.putPOJO("Checks", checks);
    success(call("PUT", "/v1/agent/service/register?replace-existing-checks=true", body, timeout));
  }

  /** Deregisters a service and its checks; an unknown id is no error. */
  public void deregister(String id) throws IOException, InterruptedException {
    String target = "/v1/agent/service/deregister/" + encoded(checkedId("id", id));
    var response = call("PUT", target, JSON.missingNode(), timeout);
    if (response.statusCode() != 404) { // Newer agents; Consul 1.8 and its manual have 200.
      success(response);
    }
  }

  /** Returns the services of this agent, by id. */
  public Map<String, Service> services() throws IOException, InterruptedException {
    Map<String, Service> services = new LinkedHashMap<>();
    json(get("/v1/agent/services", Duration.ZERO), JsonNodeType.OBJECT)
        .forEach(json -> services.put(text(json, "ID"), service(json, "", "Service", "")));
    return services;
  }

  /** Returns the agent's service with an id, if any, without the node's own checks. */
  public Optional<Entry> instance(String id) throws IOException, InterruptedException {
    var response =
        get("/v1/agent/health/service/id/" + encoded(checkedId("id", id)), Duration.ZERO);
    return switch (response.statusCode()) {
      case 404 -> Optional.empty();
      case 429, 503 -> Optional.of(entry(parsed(response, JsonNodeType.OBJECT))); // Not passing.
      default -> Optional.of(entry(json(response, JsonNodeType.OBJECT)));
    };
  }

  /** Returns the instances of a service in the whole data center. */
  public Health health(HealthQuery query) throws IOException, InterruptedException {
    Duration wait = query.index() == 0 ? Duration.ZERO : query.atMost();
    var response = get(query.target("/v1/health/service/"), wait);
    List<Entry> entries = new ArrayList<>();
    json(response, JsonNodeType.ARRAY).forEach(json -> entries.add(entry(json)));
    String filtered = response.headers().firstValue("X-Consul-Results-Filtered-By-ACLs").orElse("");
    return new Health(List.copyOf(entries), index(response), filtered.equals("true"));
  }

  /** Reports the status of a TTL check. */
  public void updateTtl(String checkId, Status status, String output)
      throws IOException, InterruptedException {
    ObjectNode body = JSON.createObjectNode().put("Output", output);
    body.put("Status", status.name().toLowerCase(Locale.ROOT));
    String target = "/v1/agent/check/update/" + encoded(checkedId("check id", checkId));
    success(call("PUT", target, body, timeout));
  }

  /** Sends a query to which Consul may respond after {@code wait} and a sixteenth of it. */
  HttpResponse<byte[]> get(String target, Duration wait) throws IOException, InterruptedException {
    return call("GET", target, JSON.missingNode(), wait.plus(wait.dividedBy(16)).plus(timeout));
  }

  private HttpResponse<byte[]> call(String method, String target, JsonNode body, Duration deadline)
      throws IOException, InterruptedException {
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(base + target));
    builder.method(method, HttpRequest.BodyPublishers.ofString(body.toString()));
    builder.version(HttpClient.Version.HTTP_1_1); // HTTP/2 would send an upgrade header each time.
    if (!token.isEmpty()) {
      builder.header("X-Consul-Token", token);
    }
    HttpRequest request = builder.build();
    var exchange = http.sendAsync(request, bounded());
    try {
      return exchange.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException(nameOf(request) + ": no response within " + deadline);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      String problem = nameOf(request) + ": " + cause.getMessage();
      throw cause instanceof IOException known ? known : new IOException(problem, cause);
    } finally {
      exchange.cancel(true); // Closes the connection of an incomplete exchange.
    }
  }

  // An exception of the consumer ends the exchange and closes its connection.
  private static HttpResponse.BodyHandler<byte[]> bounded() {
    return head -> {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      Consumer<Optional<byte[]>> collect =
          chunk -> {
            body.writeBytes(chunk.orElse(new byte[0]));
            require(body.size() <= MAX_BODY_BYTES, "response > " + MAX_BODY_BYTES + " bytes");
          };
      return BodySubscribers.mapping(
          BodySubscribers.ofByteArrayConsumer(collect), end -> body.toByteArray());
    };
  }

  private void success(HttpResponse<byte[]> response) throws ConsulException {
    if (response.statusCode() / 100 != 2) {
      throw refused(response, "", response.body());
    }
  }

  JsonNode json(HttpResponse<byte[]> response, JsonNodeType type) throws ConsulException {
    success(response);
    return parsed(response, type);
  }

  private JsonNode parsed(HttpResponse<byte[]> response, JsonNodeType type) throws ConsulException {
    try {
      JsonNode json = JSON.readTree(response.body());
      if (json.getNodeType() == type || json.isNull()) { // Go's empty list.
        return json;
      }
    } catch (IOException e) {
      // Jackson's message has several lines and does not name the request.
    }
    throw refused(response, "not the JSON expected: ", response.body());
  }

  long index(HttpResponse<byte[]> response) throws ConsulException {
    String index = response.headers().firstValue("X-Consul-Index").orElse("");
    try {
      return Long.parseUnsignedLong(index);
    } catch (NumberFormatException e) {
      throw refused(response, "X-Consul-Index is not a number: ", index.getBytes());
    }
  }

  private ConsulException refused(HttpResponse<?> response, String problem, byte[] said) {
    String text = new String(said, StandardCharsets.UTF_8).strip();
    String safe = token.isEmpty() ? text : text.replace(token, "[token]");
    String shown = safe.substring(0, Math.min(safe.length(), 200)); // fits a log line
    var controls = Pattern.compile("[\\p{Cc}\\u2028\\u2029]").matcher(shown);
    shown = controls.replaceAll(c -> "\\\\u%04x".formatted((int) c.group().charAt(0)));
    return new ConsulException(response.request(), response.statusCode(), problem + shown);
  }

  private static String nameOf(HttpRequest request) {
    return request.method() + " " + request.uri().getRawPath();
  }

  private static Entry entry(JsonNode json) {
    List<Result> all = new ArrayList<>();
    for (JsonNode it : json.path("Checks")) {
      all.add(new Result(text(it, "CheckID"), Status.of(text(it, "Status")), text(it, "Output")));
    }
    JsonNode node = json.path("Node");
    Service service = service(json.path("Service"), "", "Service", text(node, "Address"));
    return new Entry(text(node, "Node"), service, List.copyOf(all));
  }

  /**
   * Reads a service; the catalogue has a prefix before each member, and another member for the
   * name.
   */
  static Service service(JsonNode json, String prefix, String nameMember, String nodeAddress) {
    String address = text(json, prefix + "Address");
    String host = address.isEmpty() ? nodeAddress : address;
    List<String> tags = new ArrayList<>();
    json.path(prefix + "Tags").forEach(tag -> tags.add(tag.asText()));
    Map<String, String> meta = new LinkedHashMap<>();
    JsonNode pairs = json.path(prefix + "Meta");
    pairs.properties().forEach(e -> meta.put(e.getKey(), e.getValue().asText()));
    int port = json.path(prefix + "Port").asInt();
    return new Service(text(json, prefix + "ID"), text(json, nameMember), host, port, tags, meta);
  }

  static String text(JsonNode json, String member) {
    return json.path(member).asText("");
  }

  /** Shared by all clients: before JDK 21 an HttpClient is only closed by the garbage collector. */
  private static final class Shared {
    static final HttpClient HTTP =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(2))
            .proxy(HttpClient.Builder.NO_PROXY)
            .build();
  }

  @Override
  public String toString() {
    return "Consul at " + base;
  }

  private static String checkedBase(URI base) {
    String text = base.toString().replaceFirst("/$", "");
    boolean legal = base.getHost() != null && text.matches("https?://[^/?#@]+");
    require(legal, "base is not http(s)://host:port"); // Not shown: it may hold a password.
    return text;
  }

  private static String checkedId(String what, String id) {
    boolean legal = !UNUSABLE_ID.matcher(id).matches();
    require(legal, what + " blank, with control characters or no clean path: " + encoded(id));
    return id;
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  static String goDuration(Duration span) {
    long millis = span.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
  }
}
