// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import kit.Context;
import kit.http.Json;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.client.LazyTls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;
import testing.Eventually;
import testing.FakeConsul;
import testing.RecordingLogger;

/** The embedded agent with long waits and a thousand clients, which the contract leaves out. */
class DevAgentTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private DevAgent agent;

  @BeforeEach
  void start() throws Exception {
    agent = DevAgent.start("127.0.0.1", 0, () -> 0); // Each first run is due at once.
  }

  @AfterEach
  void stop() {
    agent.close();
  }

  private HttpRequest request(String method, String path, String body) {
    return HttpRequest.newBuilder(agent.uri().resolve(path))
        .timeout(Duration.ofSeconds(20))
        .method(method, BodyPublishers.ofString(body.replace('\'', '"')))
        .build();
  }

  private HttpResponse<String> send(String method, String path, String body) throws Exception {
    return HTTP.send(request(method, path, body), BodyHandlers.ofString());
  }

  private JsonNode get(String path) throws Exception {
    HttpResponse<String> answer = send("GET", path, "");
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return Json.readTree(answer.body().getBytes());
  }

  private void register(String json) throws Exception {
    HttpResponse<String> answer = send("PUT", "/v1/agent/service/register", json);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
  }

  private String index(String service) throws Exception {
    HttpResponse<String> answer = send("GET", "/v1/health/service/" + service, "");
    awaitInFlight(0); // Not to be taken for a waiter.
    return answer.headers().firstValue("X-Consul-Index").orElseThrow();
  }

  /** Waits until the check of the service "web" has been run. */
  private JsonNode checked() throws Exception {
    Eventually.within(
        SOON,
        () -> assertThat(get("/v1/agent/checks").at("/service:web/Output").asText()).isNotEmpty());
    return get("/v1/agent/checks").get("service:web");
  }

  private void register(String kind, Object target, String more) throws Exception {
    register("{'Name':'web','Check':{'%s':'%s','Interval':'10s'%s}}".formatted(kind, target, more));
  }

  @ParameterizedTest
  @CsvSource({
    "200, passing",
    "204, passing",
    "299, passing",
    "429, warning",
    "302, critical",
    "304, critical",
    "404, critical",
    "428, critical",
    "430, critical",
    "500, critical",
    "503, critical"
  })
  void statusOfTheResponseDecidesAnHttpCheck(int status, String found) throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target
          .on("GET", "/health")
          .answer(
              status, status == 204 || status == 304 ? "" : "because", "Location", "/elsewhere");
      target.on("GET", "/elsewhere").answer(200, "a redirect is not followed");
      register("HTTP", target.uri() + "/health", "");

      JsonNode check = checked();

      assertThat(check.get("Status").asText()).isEqualTo(found);
      assertThat(check.get("Output").asText())
          .startsWith("HTTP GET " + target.uri() + "/health: " + status + " Output: ");
    }
  }

  @Test
  void httpCheckSendsTheConfiguredRequest() throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target.on("POST", "/health").answer(200, "");
      register(
          "HTTP",
          target.uri() + "/health",
          ",'Method':'POST','Body':'ping','Header':{'X-A':['1','2'],'User-Agent':['me']}");

      FakeConsul.Request request = target.awaitRequest();
      assertThat(request.method()).isEqualTo("POST");
      assertThat(request.body()).isEqualTo("ping");
      assertThat(request.headers().get("X-A")).containsExactly("1", "2");
      assertThat(request.headers().get("User-Agent")).containsExactly("me");
      assertThat(request.headers().getFirst("Accept")).isEqualTo("text/plain, text/*, */*");
    }
  }

  @Test
  void timeoutOfAnHttpCheckCoversTheBody() throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target.on("GET", "/health").trickle(100_000);
      register("HTTP", target.uri() + "/health", ",'Timeout':'1s','Status':'passing'");

      JsonNode check = checked();

      assertThat(check.get("Status").asText()).isEqualTo("critical");
      assertThat(check.get("Output").asText()).endsWith("no response within 1000 ms");
      target.awaitAbandoned();
    }
  }

  @Test
  void onlyTheBeginningOfALongResponseIsKept() throws Exception {
    try (FakeConsul target = new FakeConsul()) {
      target.on("GET", "/health").answer(200, "a".repeat(4_096) + "b".repeat(1_000_000));
      register("HTTP", target.uri() + "/health", "");

      String output = checked().get("Output").asText();

      assertThat(output).hasSize(4_096).endsWith("a");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "HTTP, no url",
    "HTTP, ftp://127.0.0.1/",
    "HTTP, http://127.0.0.1:1/",
    "TCP, 127.0.0.1",
    "TCP, 127.0.0.1:1",
    "TCP, no-such-host.invalid:1"
  })
  void unreachableTargetIsCriticalWithTheReason(String kind, String target) throws Exception {
    register(kind, target, ",'Status':'passing'");

    JsonNode check = checked();

    assertThat(check.get("Status").asText()).isEqualTo("critical");
    assertThat(check.get("Output").asText()).startsWith(target + ": ").doesNotContain("null");
  }

  @Test
  void blockingQueryReturnsAfter45SecondsAtMost() throws Exception {
    for (String query : List.of("", "?wait=0s", "?wait=-1s", "?wait=1m", "?wait=10m")) {
      assertThat(waitOf(query)).as(query).isEqualTo(Duration.ofSeconds(45));
    }
    assertThat(waitOf("?wait=44s")).isEqualTo(Duration.ofSeconds(44));
  }

  private static Duration waitOf(String query) {
    return Duration.ofNanos(CatalogQueries.waitNanos(request("/v1/health/service/web" + query)));
  }

  private static Request request(String target) {
    ByteArrayInputStream empty = new ByteArrayInputStream(new byte[0]);
    return new Request("GET", RequestTarget.parse(target, ""), new Headers(), empty);
  }

  private List<CompletableFuture<HttpResponse<String>>> waiters(int count, String path) {
    List<CompletableFuture<HttpResponse<String>>> waiters = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      waiters.add(HTTP.sendAsync(request("GET", path, ""), BodyHandlers.ofString()));
    }
    return waiters;
  }

  private void awaitInFlight(int count) throws Exception {
    Eventually.within(SOON, () -> assertThat(agent.inFlight()).isEqualTo(count));
  }

  @Test
  void oneChangeWakesExactlyTheWaitersOfItsService() throws Exception {
    register("{'Name':'web','ID':'1'}");
    register("{'Name':'other'}");
    String web = "/v1/health/service/web?index=" + index("web");
    String other = "/v1/health/service/other?index=" + index("other");
    var waiting = waiters(1_000, web);
    var elsewhere = waiters(1, other);
    awaitInFlight(1_001);

    register("{'Name':'web','ID':'2'}");

    for (CompletableFuture<HttpResponse<String>> waiter : waiting) {
      HttpResponse<String> answer = waiter.get(10, TimeUnit.SECONDS);
      assertThat(Json.readTree(answer.body().getBytes())).hasSize(2);
    }
    assertThat(elsewhere.get(0)).isNotDone();
    awaitInFlight(1);
  }

  private static Object end(HttpResponse<String> answer, Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return answer != null
        ? answer.statusCode()
        : cause instanceof IOException && !(cause instanceof HttpTimeoutException)
            ? "cut off"
            : cause;
  }

  @Test
  void closeEndsABlockingQueryWithAResponse() throws Exception {
    var waiting = waiters(1, "/v1/health/service/none?index=" + index("none"));
    awaitInFlight(1);
    agent.close();
    HttpResponse<String> answer = waiting.get(0).get(10, TimeUnit.SECONDS);
    assertThat(answer.statusCode()).isEqualTo(503);
    assertThat(answer.body()).isEqualTo("the agent is shutting down");
  }

  @Test
  void closeEndsAThousandWaitersAndFreesThePort() throws Exception {
    register("{'Name':'web'}");
    String web = "/v1/health/service/web?index=" + index("web");
    String none = "/v1/health/service/none?index=" + index("none");
    var waiting = waiters(500, web);
    waiting.addAll(waiters(250, none));
    waiting.addAll(waiters(250, "/v1/catalog/services?index=1000000"));
    awaitInFlight(1_000);

    long startedAtNanos = System.nanoTime();
    agent.close();
    // Under a second where the processor is not shared.
    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos)).isLessThan(SOON);

    for (CompletableFuture<HttpResponse<String>> waiter : waiting) {
      // On a busy machine the time may end before all responses are sent.
      assertThat(waiter.handle(DevAgentTest::end).get(10, TimeUnit.SECONDS)).isIn(503, "cut off");
    }
    agent.close();
    assertThatThrownBy(() -> send("GET", "/v1/status/leader", ""))
        .isInstanceOf(ConnectException.class);
    try (DevAgent next = DevAgent.start("127.0.0.1", agent.port())) {
      assertThat(next.port()).isEqualTo(agent.port());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP", "TCP"})
  void closeEndsItsThreadsAndTheChecksThatTheyRun(String kind) throws Exception {
    try (FakeConsul target = new FakeConsul();
        ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket first = new Socket(full.getInetAddress(), full.getLocalPort());
        Socket second = new Socket(full.getInetAddress(), full.getLocalPort())) {
      target.on("GET", "/health").hang();
      String address = "127.0.0.1:" + full.getLocalPort(); // A third connect hangs.
      register(kind, kind.equals("TCP") ? address : target.uri() + "/health", ",'Timeout':'1h'");
      Eventually.within(SOON, () -> assertThat(stacks()).contains("CheckProbe"));

      agent.close();

      Eventually.within(SOON, () -> assertThat(stacks()).isEmpty());
    }
  }

  /** What the threads of agents are doing. */
  private static String stacks() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(it -> it.getKey().getName().startsWith("dev-agent-"))
        .map(it -> it.getKey().getName() + List.of(it.getValue()))
        .collect(Collectors.joining());
  }

  @Test
  void portInUseIsRejected() {
    assertThatThrownBy(() -> DevAgent.start("127.0.0.1", agent.port()))
        .isInstanceOf(BindException.class);
  }

  @Test
  void servicesWithoutAnAddressGetTheOneThatIsBound() throws Exception {
    try (DevAgent everywhere = DevAgent.start("0.0.0.0", 0)) {
      assertThat(everywhere.uri()).isEqualTo(URI.create("http://127.0.0.1:" + everywhere.port()));
    }
    register("{'Name':'web'}");
    assertThat(get("/v1/health/service/web").at("/0/Node/Address").asText()).isEqualTo("127.0.0.1");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          {'Name':'web','Connect':{'Native':true}}                    | "Connect"
          {'Name':'web','Kind':'connect-proxy'}                       | "Kind"
          {'Name':'web','Check':{'Args':['true'],'Interval':'5s'}}    | "Args"
          {'Name':'web','Check':{'AliasService':'x'}}                 | "AliasService"
          {'Name':'a/b'}                                              | ID with a slash
          {'Name':'..'}                                               | ID with a slash
          {'Name':'a/b','ID':'ab'}                                    | Name with a slash
          {'Name':'web','Check':{'CheckID':'a/b','TTL':'5s'}}         | CheckID with a slash
          """)
  void unsupportedFeaturesOfConsulAreRejectedByName(String body, String named) throws Exception {
    HttpResponse<String> answer = send("PUT", "/v1/agent/service/register", body);
    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains(named);
    assertThat(get("/v1/agent/services")).isEmpty();
  }

  @Test
  void filtersAndOtherDataCentersAreRejected() throws Exception {
    assertThat(send("GET", "/v1/health/service/web?filter=x", "").statusCode()).isEqualTo(400);
    assertThat(send("GET", "/v1/agent/services?filter=x", "").statusCode()).isEqualTo(400);
    assertThat(send("GET", "/v1/agent/checks?filter=x", "").statusCode()).isEqualTo(400);
    assertThat(send("GET", "/v1/health/service/web?dc=dc1", "").statusCode()).isEqualTo(200);
    assertThat(send("GET", "/v1/health/service/web?dc=dc2", "").statusCode()).isEqualTo(500);
  }

  @Test
  void unknownPathIs404AndLoggedOnce() throws Exception {
    RecordingLogger log = new RecordingLogger();
    AgentChecks checks = new AgentChecks(() -> 0, new CheckProbe(LazyTls.context()));
    AgentState state = new AgentState(ServiceDefinition.ofServer(8300), checks);
    AgentRoutes routes = new AgentRoutes(state, new AgentJson("127.0.0.1"), "a:1", "a:2", log);

    for (String path : List.of("/v1/kv/a", "/v1/kv/a", "/v1/agent/health/service/id/none")) {
      assertThat(routes.call(Context.background(), request(path)).status()).isEqualTo(404);
    }

    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN GET /v1/kv/a: not served by this agent, rejected with 404");
    checks.close();
  }

  @Test
  void loneSurrogateDoesNotBreakResponses() throws Exception {
    register("{'Name':'web','Tags':['\\ud83d','a']}");
    assertThat(get("/v1/health/service/web?tag=a")).hasSize(1);
    assertThat(get("/v1/catalog/services").has("web")).isTrue();
  }

  @Test
  void hugeBodyIsRejected() throws Exception {
    String huge = "{'Name':'web','Address':'" + "a".repeat(1 << 20) + "'}";
    assertThat(send("PUT", "/v1/agent/service/register", huge).statusCode()).isEqualTo(413);
  }
}
