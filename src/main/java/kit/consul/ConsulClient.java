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
 * Registers services with a Consul agent and asks it which instances of a service are healthy.
 *
 * <p>Each method is one HTTP request: no loop, no retry, no cache.
 *
 * <pre>{@code
 * ConsulClient consul = new ConsulClient(URI.create("http://127.0.0.1:8500"), null);
 * Service service = new Service("web-1", "web", "10.0.0.5", 8081, List.of("v1"), Map.of());
 * Check check = Check.http("web-1:up", "http://10.0.0.5:8081/health", Duration.ofSeconds(5));
 * consul.register(service, List.of(check.withStatus(Status.PASSING)));
 * consul.health(HealthQuery.passing("web", List.of("v1"))).entries().forEach(System.out::println);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>Services are registered with the agent, not in the catalog, where agents undo changes. A call
 * has a deadline for the whole answer, 10 seconds or {@link #withTimeout} ({@link
 * HttpRequest.Builder#timeout} ends at the headers, until JDK 26); a blocking query has its wait on
 * top, and the sixteenth of it that Consul may add. A late or interrupted call is disconnected.
 *
 * <p>Ids and names may hold anything but control characters. Consul cleans paths even if encoded:
 * {@code /a}, {@code a//b} or {@code ..} could never be removed again; they are refused.
 *
 * <h2>Errors</h2>
 *
 * <p>An answer that is no success or makes no sense is a {@link ConsulException}, an {@link
 * IOException} because callers treat a bad answer like none: keep what they have, ask again later.
 * Exceptions of the connection pass untouched; a late answer is an {@link HttpTimeoutException},
 * one above 16 MiB an IOException. The token is in no message.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Safe for any number of threads; share one. Nothing needs closing: its threads are daemons.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://developer.hashicorp.com/consul/api-docs">Consul HTTP API</a>
 */
public final class ConsulClient {
  static final int MAX_BODY_BYTES = 16 << 20; // about 10,000 instances of 1 to 2 KB
  private static final int MAX_EXCERPT_CHARS = 200; // fits a log line
  private static final Duration SHORTEST = Duration.ofMillis(1); // the unit written
  private static final Pattern UNUSABLE_ID =
      Pattern.compile("\\s*|.*[\\p{Cc}\\p{Cs}].*|(.*/)?\\.{0,2}/.*|(.*/)?\\.{1,2}", Pattern.DOTALL);
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final String base;
  private final String token;
  private final HttpClient http;
  private final Duration timeout;

  /** For an agent like {@code http://127.0.0.1:8500}; the token may be null. */
  public ConsulClient(URI base, String token) {
    this(base, token, newHttpClient());
  }

  /** Uses the caller's HTTP client (TLS!), which must not take the token along on redirects. */
  public ConsulClient(URI base, String token, HttpClient http) {
    this(checkedBase(base), checkedToken(token), http, Duration.ofSeconds(10));
  }

  private ConsulClient(String base, String token, HttpClient http, Duration timeout) {
    this.base = base;
    this.token = token;
    this.http = Objects.requireNonNull(http, "http");
    this.timeout = timeout;
    require(timeout.compareTo(SHORTEST) >= 0, "timeout < " + SHORTEST + ": " + timeout);
  }

  /** The same agent over the same connections; a call takes at most this long. */
  public ConsulClient withTimeout(Duration timeout) {
    return new ConsulClient(base, token, http, timeout);
  }

  /** A service as its agent knows it; an empty (or null) host is the agent's own address. */
  public record Service(
      String id, String name, String host, int port, List<String> tags, Map<String, String> meta) {
    public Service {
      Objects.requireNonNull(id, "id");
      Objects.requireNonNull(name, "name");
      host = Objects.requireNonNullElse(host, "");
      tags = List.copyOf(tags);
      meta = Map.copyOf(meta);
    }
  }

  /** What a check found. A service has the worst status of its checks; maintenance is CRITICAL. */
  public enum Status {
    PASSING,
    WARNING,
    CRITICAL;

    private String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    private static Status of(String word) {
      return word.equals("passing") ? PASSING : word.equals("warning") ? WARNING : CRITICAL;
    }
  }

  /**
   * How an agent checks a service: fields of Consul's check definition, by name. Ids are unique on
   * the agent. Others than those below: {@code new Check(Map.of("CheckID", id, "TCP", "db:5432"))}.
   */
  public record Check(Map<String, String> definition) {
    public Check {
      definition = Map.copyOf(definition);
      checkedId("CheckID", definition.getOrDefault("CheckID", ""));
    }

    /** Gets the URL: 2xx is passing, 429 warning, all else critical. */
    public static Check http(String id, String url, Duration interval) {
      return new Check(Map.of("CheckID", id, "HTTP", url)).with("Interval", interval, SHORTEST);
    }

    /** Waits for {@link #updateTtl}, whose status holds for this long. */
    public static Check ttl(String id, Duration ttl) {
      return new Check(Map.of("CheckID", id)).with("TTL", ttl, SHORTEST);
    }

    /** How long one check may take; 10 seconds if not set. */
    public Check withTimeout(Duration timeout) {
      return with("Timeout", timeout, SHORTEST);
    }

    /** Removes a service that was critical for this long: at least 1 minute, Consul's bound. */
    public Check withDeregisterAfter(Duration span) {
      return with("DeregisterCriticalServiceAfter", span, Duration.ofMinutes(1));
    }

    /** Holds until the first check, which comes within the interval; CRITICAL if not set. */
    public Check withStatus(Status status) {
      return with("Status", status.word());
    }

    /** Any other field that is a string, by Consul's name: Name, Notes, Method, Body. */
    public Check with(String key, String value) {
      Map<String, String> fields = new LinkedHashMap<>(definition);
      fields.put(key, value);
      return new Check(fields);
    }

    private Check with(String key, Duration span, Duration min) {
      require(span.compareTo(min) >= 0, key + " < " + min + ": " + span);
      return with(key, goDuration(span));
    }
  }

  /**
   * Which instances of a service to list, and when to answer.
   *
   * @param tags an instance must have them all
   * @param stale any server may answer, even without a leader; usually less than 50 ms behind
   * @param index answer once there is news after it (unsigned); 0: now
   * @param atMost or after this long; 1 millisecond to 10 minutes, not used with index 0
   */
  public record HealthQuery(
      String name, List<String> tags, boolean passing, boolean stale, long index, Duration atMost) {
    public HealthQuery {
      checkedId("name", name);
      tags = List.copyOf(tags);
      long millis = atMost.toMillis();
      require(millis >= 1 && millis <= 600_000, "atMost not in 1 ms..10 min: " + atMost);
    }

    /** All instances whose checks pass, now. */
    public static HealthQuery passing(String name, List<String> tags) {
      return new HealthQuery(name, tags, true, false, 0, SHORTEST);
    }

    /** A blocking query. Its answer is no proof of a change: compare. */
    public HealthQuery changedSince(long index, Duration atMost) {
      return new HealthQuery(name, tags, passing, stale, index, atMost);
    }

    private String target() {
      StringBuilder target = new StringBuilder("/v1/health/service/" + encoded(name));
      target.append("?index=").append(Long.toUnsignedString(index)); // 0 does not block.
      target.append("&wait=").append(goDuration(atMost));
      // Flags are sent only if set: some agents take passing=false for true.
      target.append(passing ? "&passing=1" : "").append(stale ? "&stale=1" : "");
      tags.forEach(tag -> target.append("&tag=").append(encoded(tag)));
      return target.toString();
    }
  }

  /** An instance of a service; if it has no address of its own, its node's takes the place. */
  public record Entry(String node, Service service, Status status) {}

  /**
   * The instances of a service, and the index for {@link HealthQuery#changedSince}: unsigned; when
   * it falls, start from 0. Filtered: the token may not see all of them (Consul 1.11 and newer).
   */
  public record Health(List<Entry> entries, long index, boolean filteredByAcl) {}

  /** Consul said no, or something that makes no sense. */
  public static final class ConsulException extends IOException {
    private final int status;

    private ConsulException(HttpRequest request, int status, String problem) {
      super((nameOf(request) + ": " + status + " " + problem).strip());
      this.status = status;
    }

    /** The HTTP status; that of a success if the answer makes no sense. */
    public int status() {
      return status;
    }
  }

  /** Adds or replaces the service and its checks; a check that was there keeps its status. */
  public void register(Service service, List<Check> checks)
      throws IOException, InterruptedException {
    require(service.port() >>> 16 == 0, "port not in 0..65535: " + service.port());
    ObjectNode body = JSON.createObjectNode();
    body.put("ID", checkedId("id", service.id())).put("Name", checkedId("name", service.name()));
    body.put("Address", service.host()).put("Port", service.port());
    body.putPOJO("Tags", service.tags()).putPOJO("Meta", service.meta());
    body.putPOJO("Checks", checks.stream().map(Check::definition).toList());
    success(call("PUT", "/v1/agent/service/register?replace-existing-checks=true", body, timeout));
  }

  /** Removes the service and its checks; an unknown id is no error. */
  public void deregister(String id) throws IOException, InterruptedException {
    String target = "/v1/agent/service/deregister/" + encoded(checkedId("id", id));
    var answer = call("PUT", target, null, timeout);
    if (answer.statusCode() != 404) { // Newer agents say so; Consul 1.8 and its manual say 200.
      success(answer);
    }
  }

  /** The services of this agent, by id. */
  public Map<String, Service> services() throws IOException, InterruptedException {
    Map<String, Service> services = new LinkedHashMap<>();
    var answer = call("GET", "/v1/agent/services", null, timeout);
    json(answer, JsonNodeType.OBJECT)
        .forEach(json -> services.put(json.path("ID").asText(""), service(json, "")));
    return services;
  }

  /** What this agent knows under the id, if anything. */
  public Optional<Service> service(String id) throws IOException, InterruptedException {
    String target = "/v1/agent/service/" + encoded(checkedId("id", id));
    var answer = call("GET", target, null, timeout);
    return answer.statusCode() == 404
        ? Optional.empty()
        : Optional.of(service(json(answer, JsonNodeType.OBJECT), ""));
  }

  /** The instances of a service in the whole data center. */
  public Health health(HealthQuery query) throws IOException, InterruptedException {
    Duration wait = query.index() == 0 ? Duration.ZERO : query.atMost();
    var answer = call("GET", query.target(), null, wait.plus(wait.dividedBy(16)).plus(timeout));
    List<Entry> entries = new ArrayList<>();
    for (JsonNode json : json(answer, JsonNodeType.ARRAY)) {
      Status worst = Status.PASSING;
      for (JsonNode check : json.path("Checks")) {
        Status status = Status.of(check.path("Status").asText(""));
        worst = status.compareTo(worst) > 0 ? status : worst;
      }
      JsonNode node = json.path("Node");
      Service service = service(json.path("Service"), node.path("Address").asText(""));
      entries.add(new Entry(node.path("Node").asText(""), service, worst));
    }
    String index = answer.headers().firstValue("X-Consul-Index").orElse("");
    String filtered = answer.headers().firstValue("X-Consul-Results-Filtered-By-ACLs").orElse("");
    try {
      long number = Long.parseUnsignedLong(index);
      return new Health(List.copyOf(entries), number, filtered.equals("true"));
    } catch (NumberFormatException e) {
      throw refused(answer, "X-Consul-Index is not a number: ", index);
    }
  }

  /** Reports the status of a TTL check. */
  public void updateTtl(String checkId, Status status, String output)
      throws IOException, InterruptedException {
    JsonNode body = JSON.createObjectNode().put("Status", status.word()).put("Output", output);
    String target = "/v1/agent/check/update/" + encoded(checkedId("check id", checkId));
    success(call("PUT", target, body, timeout));
  }

  /** The address of the servers' leader; empty if there is none. */
  public String leader() throws IOException, InterruptedException {
    var answer = call("GET", "/v1/status/leader", null, timeout);
    return json(answer, JsonNodeType.STRING).textValue();
  }

  private HttpResponse<byte[]> call(String method, String target, JsonNode body, Duration deadline)
      throws IOException, InterruptedException {
    byte[] bytes = body == null ? new byte[0] : JSON.writeValueAsBytes(body);
    HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(base + target));
    builder.method(method, HttpRequest.BodyPublishers.ofByteArray(bytes));
    builder.version(HttpClient.Version.HTTP_1_1); // HTTP/2 would ask for an upgrade each time.
    if (token != null) {
      builder.header("X-Consul-Token", token);
    }
    HttpRequest request = builder.build();
    var exchange = http.sendAsync(request, bounded());
    try {
      return exchange.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException(nameOf(request) + ": no answer within " + deadline);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      String problem = nameOf(request) + ": " + cause.getMessage();
      throw cause instanceof IOException known ? known : new IOException(problem, cause);
    } finally {
      exchange.cancel(true); // Closes the connection, unless all is done.
    }
  }

  // A consumer that throws ends the exchange and closes its connection.
  private static HttpResponse.BodyHandler<byte[]> bounded() {
    return head -> {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      Consumer<Optional<byte[]>> collect =
          chunk -> {
            body.writeBytes(chunk.orElse(new byte[0]));
            require(body.size() <= MAX_BODY_BYTES, "answer > " + MAX_BODY_BYTES + " bytes");
          };
      return BodySubscribers.mapping(
          BodySubscribers.ofByteArrayConsumer(collect), end -> body.toByteArray());
    };
  }

  private String success(HttpResponse<byte[]> answer) throws ConsulException {
    String body = new String(answer.body(), StandardCharsets.UTF_8);
    if (answer.statusCode() / 100 != 2) {
      throw refused(answer, "", body);
    }
    return body;
  }

  private JsonNode json(HttpResponse<byte[]> answer, JsonNodeType type) throws ConsulException {
    String body = success(answer);
    try {
      JsonNode json = JSON.readTree(body);
      if (json.getNodeType() == type || (json.isNull() && type != JsonNodeType.STRING)) {
        return json;
      }
    } catch (IOException e) {
      // Jackson's message has several lines and does not name the request.
    }
    throw refused(answer, "not the JSON expected: ", body);
  }

  private ConsulException refused(HttpResponse<?> answer, String problem, String text) {
    String safe = token == null ? text.strip() : text.strip().replace(token, "[token]");
    String shown = safe.substring(0, Math.min(safe.length(), MAX_EXCERPT_CHARS));
    var controls = Pattern.compile("[\\p{Cc}\\u2028\\u2029]").matcher(shown);
    shown = controls.replaceAll(c -> "\\\\u%04x".formatted((int) c.group().charAt(0)));
    return new ConsulException(answer.request(), answer.statusCode(), problem + shown);
  }

  private static String nameOf(HttpRequest request) {
    return request.method() + " " + request.uri().getRawPath();
  }

  private static Service service(JsonNode json, String nodeAddress) {
    String address = json.path("Address").asText("");
    String host = address.isEmpty() ? nodeAddress : address;
    List<String> tags = new ArrayList<>();
    json.path("Tags").forEach(tag -> tags.add(tag.asText()));
    Map<String, String> meta = new LinkedHashMap<>();
    json.path("Meta").properties().forEach(e -> meta.put(e.getKey(), e.getValue().asText()));
    String name = json.path("Service").asText("");
    int port = json.path("Port").asInt();
    return new Service(json.path("ID").asText(""), name, host, port, tags, meta);
  }

  private static HttpClient newHttpClient() {
    HttpClient.Builder builder = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2));
    return builder.proxy(HttpClient.Builder.NO_PROXY).build();
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

  private static String checkedToken(String token) {
    require(token == null || token.matches("[!-~]*"), "token not in visible ASCII");
    return token == null || token.isEmpty() ? null : token;
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

  private static String goDuration(Duration span) {
    long millis = span.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
  }
}
