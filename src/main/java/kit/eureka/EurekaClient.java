// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Client of a Eureka server, Netflix's or Spring Cloud's: registers, renews, deregisters and lists
 * instances.
 *
 * <p>Each method is one HTTP request: no loop, no cache.
 *
 * <pre>{@code
 * List<URI> servers = List.of(URI.create("http://127.0.0.1:8761/eureka"));
 * EurekaClient eureka = new EurekaClient(servers, HttpClient.newHttpClient(), Duration.ofSeconds(3));
 * Instance web = Instance.of("web", "web-1", "10.0.0.5", 8081, Map.of());
 * eureka.register(web, Duration.ofSeconds(10)); // then eureka.heartbeat("web", "web-1") every 10 s
 * eureka.app("web").forEach(System.out::println);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The server that responded last is tried first; one that does not respond, or whose response is a
 * 5xx or malformed, is skipped. The timeout covers all servers and the whole response. A late or
 * interrupted call is disconnected.
 *
 * <p>The server stores names of applications in capitals: {@code web} and {@code WEB} are the same. Its
 * lists come from a cache, which is up to 30 seconds old by default; {@link #instance} is not cached.
 *
 * <h2>Errors</h2>
 *
 * <p>An unexpected status or a malformed response is a {@link EurekaException}, an {@link IOException}
 * because callers treat it like no response. Exceptions of the connection are thrown unchanged; a late
 * response is an {@link HttpTimeoutException}, one above 32 MiB an IOException. A name that the server
 * would reject is an {@link IllegalArgumentException}. No message has the password.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; share one. Nothing needs closing.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://github.com/Netflix/eureka/wiki/Eureka-REST-operations">Eureka: REST operations</a>
 */
public final class EurekaClient {
  private static final int MAX_BODY_BYTES = 32 << 20; // About 40,000 instances.
  private static final List<String> STATUSES =
      List.of("UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<String> servers;
  private final HttpClient http;
  private final String user; // Empty: none.
  private final String password;
  private final Duration timeout;
  private final AtomicInteger current = new AtomicInteger(); // Modulo: the server to try first.

  /**
   * Creates a client of {@code servers}, such as {@code http://127.0.0.1:8761/eureka}, without a user.
   *
   * @param timeout the timeout of a call, whatever the number of servers; at least 1 ms, 3 s is usual
   */
  public EurekaClient(List<URI> servers, HttpClient http, Duration timeout) {
    this(servers.stream().map(EurekaClient::checked).toList(), http, "", "", timeout);
  }

  private EurekaClient(
      List<String> servers, HttpClient http, String user, String password, Duration timeout) {
    require(!servers.isEmpty(), "no servers");
    require(user.isEmpty() == password.isEmpty(), "user and password go together");
    require(user.indexOf(':') < 0, "user has a colon");
    require(timeout.toMillis() >= 1, "timeout < 1 ms: " + timeout);
    this.servers = servers;
    this.http = http;
    this.user = user;
    this.password = password;
    this.timeout = timeout;
  }

  /** Returns a client that sends a user and password (basic); both empty: without a user. */
  public EurekaClient withUser(String user, String password) {
    return new EurekaClient(servers, http, user, password, timeout);
  }

  /**
   * An instance of an application.
   *
   * @param app the name of the application: at most 500 characters, without {@code / \ % ;} and control
   *     characters, not {@code .} or {@code ..}; in capitals if it comes from the server
   * @param id identifies the instance within the application; as {@code app}, in any case
   * @param host a name or an IP address, as registered ({@code hostName})
   * @param port the port for HTTP; 0 if it is disabled
   * @param securePort the port for HTTPS; 0 if it is disabled
   * @param status {@code UP}, else clients do not call it: {@code DOWN}, {@code STARTING}, {@code
   *     OUT_OF_SERVICE}, {@code UNKNOWN}
   * @param metadata metadata by name
   */
  public record Instance(
      String app,
      String id,
      String host,
      int port,
      int securePort,
      String status,
      Map<String, String> metadata) {
    /** Copies the metadata. */
    public Instance {
      metadata = Map.copyOf(metadata);
    }

    /** Returns an instance that is up, without a port for HTTPS. */
    public static Instance of(
        String app, String id, String host, int port, Map<String, String> metadata) {
      return new Instance(app, id, host, port, 0, "UP", metadata);
    }

    /** Returns whether clients may call it. */
    public boolean isUp() {
      return status.equals("UP");
    }
  }

  /** Eureka responded with an error or a malformed response. */
  public static final class EurekaException extends IOException {
    private final int status;

    private EurekaException(String request, int status, String problem) {
      super((request + ": " + status + " " + problem).strip());
      this.status = status;
    }

    /** Returns the status of the response, such as 401 for a wrong password. */
    public int status() {
      return status;
    }
  }

  /** An expected response; without JSON, the node is a missing one. */
  private record Reply(int status, JsonNode json) {}

  /**
   * Registers an instance, or replaces one of the same id.
   *
   * @param renewal the interval of its heartbeats, whole seconds, at least 1; the lease is three of them.
   *     The server removes an instance without heartbeats after one lease, or two if it has renewed, at
   *     the next of its checks: once a minute by default
   */
  public void register(Instance instance, Duration renewal)
      throws IOException, InterruptedException {
    String ports = instance.port + ", " + instance.securePort;
    require((instance.port | instance.securePort) >>> 16 == 0, "port not in 0..65535: " + ports);
    boolean isWhole = renewal.toSeconds() >= 1 && renewal.toNanosPart() == 0;
    require(isWhole, "renewal not whole seconds, at least 1: " + renewal);
    check("id", instance.id);
    call("POST", appPath(instance.app), json(instance, renewal.toSeconds()), "", List.of(204));
  }

  private static String json(Instance instance, long renewalSeconds) {
    // Without lastDirtyTimestamp, which the server then sets: it ignores a registration that is
    // older
    // than the known one, so a clock that was set back would matter.
    ObjectNode root = JSON.createObjectNode();
    ObjectNode json = root.putObject("instance");
    json.put("instanceId", instance.id);
    json.put("app", instance.app.toUpperCase(Locale.ROOT));
    json.put("vipAddress", instance.app);
    json.put("secureVipAddress", instance.app);
    json.put("hostName", instance.host);
    json.put("ipAddr", instance.host);
    json.put("status", instance.status);
    // A port that is left out would be 7001 or 7002.
    json.set("port", port(instance.port));
    json.set("securePort", port(instance.securePort));
    json.putObject("dataCenterInfo")
        .put("@class", "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo")
        .put("name", "MyOwn");
    json.putObject("leaseInfo")
        .put("renewalIntervalInSecs", renewalSeconds)
        .put("durationInSecs", 3 * renewalSeconds);
    json.set("metadata", JSON.valueToTree(instance.metadata));
    return root.toString();
  }

  private static ObjectNode port(int port) {
    return JSON.createObjectNode().put("$", port).put("@enabled", Boolean.toString(port > 0));
  }

  /**
   * Renews the registration of an instance.
   *
   * @return false if the instance is not registered: register it again
   */
  public boolean heartbeat(String app, String id) throws IOException, InterruptedException {
    return isKnown("PUT", instancePath(app, id));
  }

  /**
   * Overrides the status that an instance has registered, as operators do. An override outlives a
   * registration under the same id; {@link #clearStatus} and {@link #deregister} end it.
   *
   * @return false if the instance is not registered
   */
  public boolean overrideStatus(String app, String id, String status)
      throws IOException, InterruptedException {
    require(STATUSES.contains(status), "status is none of " + STATUSES);
    return isKnown("PUT", instancePath(app, id) + "/status?value=" + status);
  }

  /** Ends an override of the status: the instance is up again. Returns false if it is not registered. */
  public boolean clearStatus(String app, String id) throws IOException, InterruptedException {
    return isKnown("DELETE", instancePath(app, id) + "/status?value=UP");
  }

  /** Deregisters an instance; returns false if it was not registered. */
  public boolean deregister(String app, String id) throws IOException, InterruptedException {
    return isKnown("DELETE", instancePath(app, id));
  }

  private boolean isKnown(String method, String path) throws IOException, InterruptedException {
    return call(method, path, "", "", List.of(200, 404)).status == 200;
  }

  /**
   * Checks that a Eureka responds. Only this distinguishes a wrong path from an application that the
   * server does not know: both are status 404.
   */
  public void verify() throws IOException, InterruptedException {
    list("/apps/delta", "applications", 403); // Small; 403 if it is disabled.
  }

  /** Returns the instances of all applications, of any status. */
  public List<Instance> apps() throws IOException, InterruptedException {
    return list("/apps", "applications", 200);
  }

  /** Returns the instances of an application, of any status; empty if the server does not know it. */
  public List<Instance> app(String app) throws IOException, InterruptedException {
    return list(appPath(app), "application", 404);
  }

  /** Returns an instance, as it is now; empty if it is not registered. */
  public Optional<Instance> instance(String app, String id)
      throws IOException, InterruptedException {
    return list(instancePath(app, id), "instance", 404).stream().findFirst();
  }

  /** Returns no instances if the response has the status {@code none}. */
  private List<Instance> list(String path, String root, int none)
      throws IOException, InterruptedException {
    Reply reply = call("GET", path, "", root, List.of(200, none));
    List<Instance> found = new ArrayList<>();
    collect(reply.json, found);
    return List.copyOf(found);
  }

  /** Adds the instances of all levels: each level is an array, or an object if there is only one. */
  private static void collect(JsonNode json, List<Instance> found) {
    for (String level : List.of("applications", "application")) {
      each(json.path(level)).forEach(inner -> collect(inner, found));
    }
    each(json.path("instance")).forEach(instance -> found.add(instance(instance)));
  }

  private static Iterable<JsonNode> each(JsonNode json) {
    return json.isObject() ? List.of(json) : json; // Other nodes have no elements.
  }

  private static Instance instance(JsonNode json) {
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("metadata").properties()) {
      if (!entry.getKey().startsWith("@")) { // "@class" is the type of the map.
        metadata.put(entry.getKey(), entry.getValue().asText());
      }
    }
    String host = json.path("hostName").asText("");
    return new Instance(
        json.path("app").asText(""),
        json.path("instanceId").asText(host), // Old clients have no id.
        host,
        port(json.path("port")),
        port(json.path("securePort")),
        json.path("status").asText("UNKNOWN"),
        metadata);
  }

  private static int port(JsonNode json) {
    return json.path("@enabled").asBoolean() ? json.path("$").asInt() : 0;
  }

  /**
   * Sends a request to one server after the other.
   *
   * @param root the member that the JSON of a response 200 must have; empty: none
   * @param expected the statuses that are no errors
   */
  private Reply call(String method, String path, String body, String root, List<Integer> expected)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    int first = current.get();
    for (int i = 0; ; i++) {
      int left = servers.size() - i;
      String server = servers.get(Math.floorMod(first + i, servers.size()));
      try {
        HttpRequest request = request(method, server + path, body);
        long nanos = (deadline - System.nanoTime()) / left;
        return reply(exchange(request, nanos), root, expected);
      } catch (IOException e) {
        boolean isRefusal = e instanceof EurekaException known && known.status / 100 == 4;
        if (isRefusal || left == 1) { // The other servers would reject it, too.
          throw e;
        }
        current.compareAndSet(first + i, first + i + 1);
      }
    }
  }

  private HttpRequest request(String method, String url, String body) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
    request.version(HttpClient.Version.HTTP_1_1); // HTTP/2 would send an upgrade each time.
    request.method(method, HttpRequest.BodyPublishers.ofString(body));
    request.header("Content-Type", "application/json");
    request.header("Accept", "application/json"); // Else the response is XML.
    if (!user.isEmpty()) {
      byte[] both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
      request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(both));
    }
    return request.build();
  }

  private HttpResponse<byte[]> exchange(HttpRequest request, long nanos)
      throws IOException, InterruptedException {
    var exchange = http.sendAsync(request, bounded());
    try {
      return exchange.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new HttpTimeoutException(nameOf(request) + ": no response within " + timeout);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      throw cause instanceof IOException known ? known : new IOException(cause);
    } finally {
      exchange.cancel(true); // Closes the connection of an incomplete exchange.
    }
  }

  // An exception of the consumer ends the exchange and closes its connection.
  private static HttpResponse.BodyHandler<byte[]> bounded() {
    return head -> {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      var chunks =
          BodySubscribers.ofByteArrayConsumer(
              chunk -> {
                chunk.ifPresent(body::writeBytes);
                require(body.size() <= MAX_BODY_BYTES, "response > " + MAX_BODY_BYTES + " bytes");
              });
      return BodySubscribers.mapping(chunks, end -> body.toByteArray());
    };
  }

  private Reply reply(HttpResponse<byte[]> response, String root, List<Integer> expected)
      throws EurekaException {
    int status = response.statusCode();
    JsonNode json = JSON.missingNode();
    try {
      json = JSON.readTree(response.body());
    } catch (IOException e) {
      // Not JSON: some errors are bare text.
    }
    boolean isComplete = status != 200 || root.isEmpty() || json.path(root).isObject();
    if (isComplete && expected.contains(status)) {
      return new Reply(status, json);
    }
    String body = new String(response.body(), StandardCharsets.UTF_8).strip();
    String text = body.isEmpty() ? "empty response" : body;
    String problem = json.path("message").asText(json.path("error").asText(text));
    String hint = status == 401 ? " (wrong user or password?)" : "";
    throw new EurekaException(nameOf(response.request()), status, safe(problem) + hint);
  }

  private String safe(String problem) {
    String hidden = password.isEmpty() ? problem : problem.replace(password, "***");
    String shown = hidden.replaceAll("[\\p{Cc}\\u2028\\u2029]", "?");
    return shown.substring(0, Math.min(shown.length(), 200)); // Fits a log line.
  }

  private static String nameOf(HttpRequest request) {
    return request.method() + " " + request.uri().getAuthority() + request.uri().getRawPath();
  }

  private static String appPath(String app) {
    check("application", app);
    return "/apps/" + encoded(app.toUpperCase(Locale.ROOT));
  }

  private static String instancePath(String app, String id) {
    check("id", id);
    return appPath(app) + "/" + encoded(id);
  }

  private static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static String checked(URI server) {
    String text = server.toString().replaceFirst("/$", "");
    boolean legal = server.getHost() != null && text.matches("https?://[^/?#@]+(/[^?#@]*)?");
    require(legal, "server is not http(s)://host:port/path"); // Not shown: it may hold a password.
    return text;
  }

  /** Throws an IllegalArgumentException if the server would reject a name. */
  static void check(String what, String name) {
    boolean legal = name.matches("(?!\\.{1,2}$)[^/\\\\%;\\p{Cc}\\p{Cs}]{1,500}");
    require(legal, what + " is not 1 to 500 characters without / \\ % ; and controls, or . or ..");
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Returns the servers, for messages. */
  @Override
  public String toString() {
    return "Eureka at " + String.join(",", servers);
  }
}
