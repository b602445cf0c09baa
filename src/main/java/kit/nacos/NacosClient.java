// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Client of the service registry of Nacos 3: registers, renews, deregisters and lists instances.
 *
 * <p>Each method is one HTTP request of the client API v3: no loop, no cache.
 *
 * <pre>{@code
 * List<URI> servers = List.of(URI.create("http://127.0.0.1:8848"));
 * NacosClient nacos = new NacosClient(servers, HttpClient.newHttpClient(), Duration.ofSeconds(3));
 * Service web = Service.of("web");
 * nacos.register(web, Instance.of("10.0.0.5", 8081)); // then nacos.heartbeat(...) every 5 s
 * nacos.list(web, List.of()).forEach(System.out::println);
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>The server that responded last is tried first; one that does not respond, or responds with a
 * 5xx, is skipped. The timeout covers all servers and the whole response. A late or interrupted call is
 * disconnected. A call is successful only if its response says code 0: for metadata that it cannot
 * parse, Nacos responds with status 200 and an empty body.
 *
 * <p>With a user, the client logs in before the first call, again when nine tenths of the lifetime of
 * its token have passed, and once when the server rejects the token.
 *
 * <h2>Errors</h2>
 *
 * <p>An error status, an error code or a malformed response is a {@link NacosException}, an {@link
 * IOException} because callers treat it like no response. Exceptions of the connection are thrown
 * unchanged; a late response is an {@link HttpTimeoutException}, one above 16 MiB an IOException. A
 * name that the server would reject is an {@link IllegalArgumentException}. No message has the password
 * or a token.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Thread-safe; share one. Nothing needs closing.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file, the JDK (17 or newer) and jackson-databind 2.15 or newer are all it needs.
 *
 * @see <a href="https://nacos.io/en/docs/latest/manual/user/open-api/">Nacos: open API</a>
 */
public final class NacosClient {
  private static final int MAX_BODY_BYTES = 16 << 20; // About 50,000 instances.
  private static final int MAX_METADATA_CHARS = 1024;
  private static final int INSTANCE_NOT_FOUND = 21003;
  private static final String INSTANCE = "/nacos/v3/client/ns/instance";
  private static final String LOGIN = "/nacos/v3/auth/user/login";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<String> servers;
  private final HttpClient http;
  private final String user; // Empty: none.
  private final String password;
  private final Duration timeout;
  private final AtomicInteger current = new AtomicInteger(); // Modulo: the server to try first.
  private volatile Token token = new Token("", System.nanoTime());

  /**
   * Creates a client of {@code servers}, such as {@code http://127.0.0.1:8848}, without a user.
   *
   * @param timeout the timeout of a call, whatever the number of servers; at least 1 ms, 3 s is usual
   */
  public NacosClient(List<URI> servers, HttpClient http, Duration timeout) {
    this(servers.stream().map(NacosClient::checked).toList(), http, "", "", timeout);
  }

  private NacosClient(
      List<String> servers, HttpClient http, String user, String password, Duration timeout) {
    require(!servers.isEmpty(), "no servers");
    require(user.isEmpty() == password.isEmpty(), "user and password go together");
    require(timeout.toMillis() >= 1, "timeout < 1 ms: " + timeout);
    this.servers = servers;
    this.http = http;
    this.user = user;
    this.password = password;
    this.timeout = timeout;
  }

  /** Returns a client that logs in as {@code user}; both empty: without a user. */
  public NacosClient withUser(String user, String password) {
    return new NacosClient(servers, http, user, password, timeout);
  }

  /**
   * Identifies a service.
   *
   * @param namespace at most 64 letters, digits, {@code _} and {@code -}; usually {@code public}
   * @param group at most 128 letters, digits and {@code -_:.}; usually {@code DEFAULT_GROUP}
   * @param name at most 512 characters, without blanks, control characters, {@code @@} and CJK
   */
  public record Service(String namespace, String group, String name) {
    private static final String NAME = "(?!.*@@)[^\\s\\p{Cc}\\p{Cs}\\u4e00-\\u9fa5]{1,512}";

    /** Checks the names by the rules of the server. */
    public Service {
      check("namespace", "[\\w-]{1,64}", namespace, "1 to 64 letters, digits, '_' or '-'");
      check("group", "[\\w:.-]{1,128}", group, "1 to 128 letters, digits, '-', '_', ':' or '.'");
      check("service name", NAME, name, "1 to 512 characters without blanks, '@@' and CJK");
    }

    /** Returns a service of the default group in the default namespace. */
    public static Service of(String name) {
      return new Service("public", "DEFAULT_GROUP", name);
    }
  }

  /**
   * An instance of a service.
   *
   * @param host a name or an IP address, as registered
   * @param port 0 to 65535
   * @param weight its share of the calls, 0 to 10,000; 1 is usual
   * @param cluster at most 64 letters, digits and {@code -}; usually {@code DEFAULT}
   * @param metadata metadata by name, at most 1,024 characters in all
   * @param isHealthy whether its heartbeats arrive
   * @param isEnabled whether the operator has enabled it
   * @param heartbeatInterval the interval of heartbeats that the server expects
   */
  public record Instance(
      String host,
      int port,
      double weight,
      String cluster,
      Map<String, String> metadata,
      boolean isHealthy,
      boolean isEnabled,
      Duration heartbeatInterval) {
    /** Copies the metadata. */
    public Instance {
      metadata = Map.copyOf(metadata);
    }

    /** Returns an instance in the default cluster, of weight 1, without metadata. */
    public static Instance of(String host, int port) {
      return new Instance(host, port, 1, "DEFAULT", Map.of(), true, true, Duration.ofSeconds(5));
    }

    /** Returns this instance in a cluster, with metadata. */
    public Instance in(String cluster, Map<String, String> metadata) {
      return new Instance(
          host, port, weight, cluster, metadata, isHealthy, isEnabled, heartbeatInterval);
    }
  }

  /** Nacos responded with an error or a malformed response. */
  public static final class NacosException extends IOException {
    private final int status;
    private final int code;

    private NacosException(String request, int status, int code, String problem) {
      super((request + ": " + status + " " + problem).strip());
      this.status = status;
      this.code = code;
    }

    /** Returns the code of Nacos, such as 10000 for a missing parameter; 0 if it sent none. */
    public int code() {
      return code;
    }
  }

  /** A token of the server, and when to log in again. */
  private record Token(String value, long renewAtNanos) {}

  /** Registers an ephemeral instance, or replaces its weight and metadata. */
  public void register(Service service, Instance instance)
      throws IOException, InterruptedException {
    call("POST", INSTANCE, parameters(service, instance));
  }

  /**
   * Renews the registration of an instance. A missing heartbeat makes it unhealthy after three
   * intervals, and removes it after six.
   *
   * @return false if the instance is not registered: register it again
   */
  public boolean heartbeat(Service service, Instance instance)
      throws IOException, InterruptedException {
    Map<String, String> parameters = parameters(service, instance);
    parameters.put("heartBeat", "true");
    try {
      call("POST", INSTANCE, parameters);
      return true;
    } catch (NacosException e) {
      if (e.code == INSTANCE_NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** Deregisters an ephemeral instance; one that is not registered is no error. */
  public void deregister(Service service, Instance instance)
      throws IOException, InterruptedException {
    call("DELETE", INSTANCE, parameters(service, instance));
  }

  /** Returns the instances of a service in {@code clusters}, unhealthy ones included; empty: all. */
  public List<Instance> list(Service service, List<String> clusters)
      throws IOException, InterruptedException {
    Map<String, String> parameters = parameters(service);
    // Without names Nacos returns the cluster DEFAULT only, with an empty list of names all.
    parameters.put("clusterName", clusters.isEmpty() ? "," : String.join(",", clusters));
    JsonNode data = call("GET", INSTANCE + "/list", parameters).path("data");
    if (!data.isArray()) {
      throw new NacosException("GET " + INSTANCE + "/list", 200, 0, "no list in the response");
    }
    List<Instance> instances = new ArrayList<>();
    for (JsonNode json : data) {
      instances.add(instance(json));
    }
    return List.copyOf(instances);
  }

  private static Map<String, String> parameters(Service service) {
    Map<String, String> parameters = new LinkedHashMap<>();
    parameters.put("namespaceId", service.namespace);
    parameters.put("groupName", service.group);
    parameters.put("serviceName", service.name);
    return parameters;
  }

  private static Map<String, String> parameters(Service service, Instance instance) {
    check("cluster", "[0-9a-zA-Z-]{1,64}", instance.cluster, "1 to 64 letters, digits or '-'");
    require(instance.port >>> 16 == 0, "port not in 0..65535: " + instance.port);
    require(fits(instance.metadata), "metadata > 1024 characters");

    Map<String, String> parameters = parameters(service);
    parameters.put("ip", instance.host);
    parameters.put("port", Integer.toString(instance.port));
    parameters.put("clusterName", instance.cluster);
    parameters.put("weight", Double.toString(instance.weight));
    parameters.put("metadata", JSON.valueToTree(instance.metadata).toString());
    return parameters;
  }

  /** Returns whether the server accepts that much metadata. */
  static boolean fits(Map<String, String> metadata) {
    return JSON.valueToTree(metadata).toString().length() <= MAX_METADATA_CHARS;
  }

  private static Instance instance(JsonNode json) {
    Map<String, String> metadata = new LinkedHashMap<>();
    json.path("metadata")
        .properties()
        .forEach(e -> metadata.put(e.getKey(), e.getValue().asText()));
    return new Instance(
        json.path("ip").asText(""),
        json.path("port").asInt(),
        json.path("weight").asDouble(1),
        json.path("clusterName").asText("DEFAULT"),
        metadata,
        json.path("healthy").asBoolean(),
        json.path("enabled").asBoolean(),
        Duration.ofMillis(json.path("instanceHeartBeatInterval").asLong(5000)));
  }

  private JsonNode call(String method, String path, Map<String, String> parameters)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    if (!user.isEmpty() && token.renewAtNanos - System.nanoTime() <= 0) {
      logIn(deadline);
    }
    try {
      return send(method, path, parameters, token.value, deadline);
    } catch (NacosException e) {
      boolean isRejected = e.status == 403 && e.getMessage().contains("Code: 401");
      if (user.isEmpty() || !isRejected) {
        throw e;
      }
    }
    logIn(deadline);
    return send(method, path, parameters, token.value, deadline);
  }

  private void logIn(long deadline) throws IOException, InterruptedException {
    Map<String, String> credentials = Map.of("username", user, "password", password);
    JsonNode json = send("POST", LOGIN, credentials, "", deadline);
    long lifeNanos = TimeUnit.SECONDS.toNanos(json.path("tokenTtl").asLong());
    token = new Token(json.path("accessToken").asText(), System.nanoTime() + lifeNanos / 10 * 9);
  }

  private JsonNode send(
      String method, String path, Map<String, String> parameters, String token, long deadline)
      throws IOException, InterruptedException {
    int first = current.get();
    for (int i = 0; ; i++) {
      int left = servers.size() - i;
      String server = servers.get(Math.floorMod(first + i, servers.size()));
      try {
        HttpRequest request = request(method, server + path, parameters, token);
        return success(exchange(request, (deadline - System.nanoTime()) / left), token);
      } catch (IOException e) {
        boolean isRefusal = e instanceof NacosException known && known.status < 500;
        if (isRefusal || left == 1) { // The other servers would reject it, too.
          throw e;
        }
        current.compareAndSet(first + i, first + i + 1);
      }
    }
  }

  private static HttpRequest request(
      String method, String url, Map<String, String> parameters, String token) {
    String form =
        parameters.entrySet().stream()
            .map(e -> e.getKey() + "=" + URLEncoder.encode(e.getValue(), StandardCharsets.UTF_8))
            .collect(Collectors.joining("&"));
    boolean isPost = method.equals("POST");
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(isPost ? url : url + "?" + form));
    request.version(HttpClient.Version.HTTP_1_1); // HTTP/2 would send an upgrade each time.
    request.method(method, HttpRequest.BodyPublishers.ofString(isPost ? form : ""));
    request.header("Content-Type", "application/x-www-form-urlencoded");
    if (!token.isEmpty()) {
      request.header("accessToken", token);
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
      throw e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
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

  /** Returns the body of a successful response: code 0, or a login, which has a token instead. */
  private JsonNode success(HttpResponse<byte[]> response, String token) throws NacosException {
    JsonNode json = JSON.missingNode();
    try {
      json = JSON.readTree(response.body());
    } catch (IOException e) {
      // Not JSON: some errors are bare text.
    }
    int code = json.path("code").asInt();
    boolean isOk =
        json.has("code") ? json.path("code").asInt(-1) == 0 : json.path("accessToken").isTextual();
    if (response.statusCode() == 200 && isOk) {
      return json;
    }
    String body = new String(response.body(), StandardCharsets.UTF_8).strip();
    String problem = json.path("message").asText(body.isEmpty() ? "empty response" : body);
    String request = nameOf(response.request());
    String hint = request.endsWith(LOGIN) ? " (wrong user or password?)" : "";
    throw new NacosException(request, response.statusCode(), code, safe(problem, token) + hint);
  }

  private String safe(String problem, String token) {
    String noToken = token.isEmpty() ? problem : problem.replace(token, "***");
    String hidden = password.isEmpty() ? noToken : noToken.replace(password, "***");
    // Fits a log line.
    return hidden.replaceAll("[\\p{Cc}\\u2028\\u2029]", "?").replaceAll("(?<=.{200}).", "");
  }

  private static String nameOf(HttpRequest request) {
    return request.method() + " " + request.uri().getAuthority() + request.uri().getRawPath();
  }

  private static String checked(URI server) {
    String text = server.toString().replaceFirst("/$", "");
    boolean legal = server.getHost() != null && text.matches("https?://[^/?#@]+");
    require(legal, "server is not http(s)://host:port"); // Not shown: it may hold a password.
    return text;
  }

  private static void check(String what, String regex, String value, String rule) {
    require(value.matches(regex), what + " is not " + rule);
  }

  private static void require(boolean legal, String message) {
    if (!legal) {
      throw new IllegalArgumentException(message);
    }
  }

  /** Returns the servers, for messages. */
  @Override
  public String toString() {
    return "Nacos at " + String.join(",", servers);
  }
}
