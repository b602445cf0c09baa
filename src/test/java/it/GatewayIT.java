// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kit.auth.Jwt;
import kit.auth.KeyFile;
import kit.consul.agent.DevAgent;
import kit.http.Json;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Eventually;
import testing.JarProcess;

/** The gateway and the proxying user service end to end, as processes. */
@Timeout(120)
class GatewayIT {
  private static final Duration SOON = Duration.ofSeconds(20);

  private final List<JarProcess> processes = new ArrayList<>();
  private final HttpClient http = HttpClient.newHttpClient();
  private DevAgent agent;

  @BeforeEach
  void startRegistry() throws Exception {
    agent = DevAgent.start("127.0.0.1", 0);
  }

  @AfterEach
  void stopAll() throws Exception {
    for (JarProcess process : processes) {
      process.close();
      process.exitStatus();
    }
    agent.close();
  }

  private JarProcess start(String jar, String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("--registry", "consul://" + agent.uri().getAuthority(), "--port", "0"));
    JarProcess process = JarProcess.start(jar, all.toArray(String[]::new));
    processes.add(process);
    return process;
  }

  private JarProcess startService(String... args) {
    List<String> all = new ArrayList<>(List.of("--name", "userservice"));
    all.addAll(List.of(args));
    return start("user-service", all.toArray(String[]::new));
  }

  private int startGateway(String... args) throws Exception {
    List<String> all = new ArrayList<>(List.of("gateway"));
    all.addAll(List.of(args));
    String line = start("client", all.toArray(String[]::new)).nextLine();
    assertThat(line).startsWith("gateway listening on http://127.0.0.1:");
    return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  private HttpResponse<String> send(int port, String method, String path) throws Exception {
    return send(port, method, path, "");
  }

  private HttpResponse<String> send(int port, String method, String path, String authorization)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, HttpRequest.BodyPublishers.noBody());
    if (!authorization.isEmpty()) {
      request.header("Authorization", authorization);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** Whatever does not differ from one request to the next. */
  private static Map<String, Object> essence(HttpResponse<String> response) throws Exception {
    Map<String, Object> essence = new TreeMap<>();
    essence.put("status", response.statusCode());
    essence.put("type", response.headers().firstValue("Content-Type").orElse(""));
    essence.put("allow", response.headers().firstValue("Allow").orElse(""));
    JsonNode body = Json.readTree(response.body().getBytes());
    body.properties()
        .forEach(
            member -> {
              if (!member.getKey().endsWith("Id")) {
                essence.put("body." + member.getKey(), member.getValue());
              }
            });
    return essence;
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /user/101, 200",
    "GET, /user/7?verbose=1, 200",
    "DELETE, /user/7, 200",
    "DELETE, /user/101, 403",
    "GET, /user/abc, 404",
    "GET, /user/99999999999, 400",
    "PUT, /user/101, 405",
    "GET, /nothing, 404"
  })
  void responseThroughTheGatewayIsThatOfTheService(String method, String path, int status)
      throws Exception {
    int service = startService().port();
    int gateway = startGateway();
    HttpResponse<String> direct = send(service, method, path);
    assertThat(direct.statusCode()).isEqualTo(status);
    Eventually.within(
        SOON,
        () ->
            assertThat(essence(send(gateway, method, "/userservice" + path)))
                .isEqualTo(essence(direct)));
  }

  @Test
  void taggedServicesAppearWithoutARestartAndUntaggedOnesDoNot() throws Exception {
    int gateway = startGateway("--services", "all");
    assertThat(send(gateway, "GET", "/").body()).isEqualTo("{}");
    assertThat(send(gateway, "GET", "/userservice/user/101").statusCode()).isEqualTo(404);

    int port = startService("--tags", "gateway").port();
    start("user-service", "--name", "hidden", "--tags", "primary").port();
    Eventually.within(
        SOON,
        () ->
            assertThat(send(gateway, "GET", "/userservice/user/101").body())
                .isEqualTo("{\"result\":\"jerry" + port + "\"}"));
    JsonNode listing = Json.readTree(send(gateway, "GET", "/").body().getBytes());
    assertThat(listing.fieldNames()).toIterable().containsExactly("userservice");
    assertThat(listing.get("userservice").get("instances").get(0).textValue())
        .isEqualTo("127.0.0.1:" + port);
    assertThat(listing.get("userservice").get("routes").toString())
        .contains("GET /user/{uid:\\\\d+}");
    assertThat(send(gateway, "GET", "/hidden/user/101").statusCode()).isEqualTo(404);
  }

  @Test
  void aGatewayHasHealthAndLimitsOfItsOwn() throws Exception {
    int gateway = startGateway("--rate", "0.001", "--burst", "1");
    assertThat(send(gateway, "GET", "/userservice/user/101").statusCode()).isEqualTo(503);
    assertThat(send(gateway, "GET", "/userservice/user/101").statusCode()).isEqualTo(429);
    assertThat(send(gateway, "GET", "/health").statusCode()).isEqualTo(200);
    assertThat(send(gateway, "GET", "/ready").statusCode()).isEqualTo(200);
  }

  @Test
  void gatewayRejectsRequestsWithoutAToken() throws Exception {
    Path key = Path.of("src/test/resources/kit/auth/HS256.key");
    int service = startService("--jwt-key-file", key.toString()).port();
    int gateway = startGateway("--jwt-key-file", key.toString(), "--jwt-scope", "users:read");
    String path = "/userservice/user/101";
    Eventually.within(
        SOON,
        () ->
            assertThat(send(gateway, "GET", "/metrics").body())
                .contains("client_instances{service=\"userservice\"} 1"));

    HttpResponse<String> refused = send(gateway, "GET", path);
    assertThat(refused.statusCode()).isEqualTo(401);
    assertThat(refused.headers().firstValue("WWW-Authenticate")).isPresent();
    assertThat(send(gateway, "GET", "/").statusCode()).as("the list of services").isEqualTo(401);
    assertThat(send(gateway, "GET", "/health").statusCode()).isEqualTo(200);
    assertThat(send(gateway, "GET", path, token(key, "others")).statusCode()).isEqualTo(403);
    assertThat(send(gateway, "GET", path, token(key, "users:read")).body())
        .as("the token is forwarded")
        .isEqualTo("{\"result\":\"jerry" + service + "\"}");
  }

  private static String token(Path key, String scope) throws Exception {
    return "Bearer "
        + new Jwt.Signer(
                Jwt.Algorithm.HS256,
                KeyFile.read(key).signing().orElseThrow(),
                InstantSource.system())
            .sign(Map.of("scope", scope), Duration.ofMinutes(1));
  }

  @Test
  void aGatewayShowsTheBreakerOfAnInstanceThatKeepsFailing() throws Exception {
    int service = startService("--fail-ratio", "1").port();
    int gateway = startGateway("--access-log", "on");
    Eventually.within(
        SOON,
        () -> {
          assertThat(send(gateway, "GET", "/userservice/user/101").statusCode()).isEqualTo(500);
          assertThat(send(gateway, "GET", "/metrics").body())
              .contains(
                  "client_breaker_state{service=\"userservice\",instance=\"127.0.0.1:"
                      + service
                      + "\",state=\"open\"} 1");
        });
    JarProcess process = processes.get(processes.size() - 1);
    Eventually.within(
        SOON,
        () ->
            assertThat(process.err())
                .anyMatch(
                    line ->
                        line.contains("route=/{service}/{path...} path=/userservice/user/101")
                            && line.contains("status=500")
                            && line.contains("trace_id=")));
  }

  @Test
  void proxyCallsItsPeersInTurnAndWorksWhileOneIsLeft() throws Exception {
    List<JarProcess> peers = List.of(startService(), startService(), startService());
    List<String> addresses = new ArrayList<>();
    for (JarProcess peer : peers) {
      addresses.add("127.0.0.1:" + peer.port());
    }
    int proxy = startService("--proxy", String.join(",", addresses)).port();

    Eventually.within(
        SOON, () -> assertThat(send(proxy, "GET", "/user/101").statusCode()).isEqualTo(200));
    Map<String, Integer> counts = new TreeMap<>();
    for (int i = 0; i < 30; i++) {
      counts.merge(send(proxy, "GET", "/user/101").body(), 1, Integer::sum);
    }
    assertThat(counts.values()).containsExactly(10, 10, 10);
    assertThat(send(proxy, "DELETE", "/user/101").statusCode()).as("local").isEqualTo(403);
    for (String address : addresses) {
      int port = Integer.parseInt(address.replaceFirst(".*:", ""));
      assertThat(send(port, "GET", "/metrics").body())
          .as("their own counters: a third each, and a few from before")
          .containsPattern("userservice_calls_total\\{method=\"getName\",error=\"false\"} 1\\d\n");
    }

    peers.get(0).signal("KILL");
    peers.get(1).signal("KILL");
    for (int i = 0; i < 30; i++) {
      assertThat(send(proxy, "GET", "/user/101").body())
          .isEqualTo("{\"result\":\"jerry" + addresses.get(2).replaceFirst(".*:", "") + "\"}");
    }
    String metrics = send(proxy, "GET", "/metrics").body();
    for (int i = 0; i < 3; i++) {
      assertThat(metrics)
          .containsPattern(
              "client_breaker_state\\{service=\"the peers\",instance=\""
                  + addresses.get(i)
                  + "\",state=\""
                  + (i < 2 ? "(open|half_open)" : "closed")
                  + "\"} 1\n");
    }

    peers.get(2).signal("KILL");
    peers.get(2).exitStatus();
    long startedAtNanos = System.nanoTime();
    HttpResponse<String> unavailable = send(proxy, "GET", "/user/101");
    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos)).isLessThan(SOON);
    assertThat(unavailable.statusCode()).isEqualTo(503);
    assertThat(unavailable.headers().firstValue("Content-Type"))
        .hasValue("application/problem+json");
  }
}
