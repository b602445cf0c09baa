// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kit.consul.ConsulClient.ConsulException;
import kit.consul.ConsulClient.Entry;
import kit.consul.ConsulClient.Health;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Result;
import kit.consul.ConsulClient.Service;
import kit.consul.ConsulClient.Status;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ClientEngine;
import testing.FakeConsul;

@Timeout(30)
class ConsulClientTest {
  private static final String SERVICES = "/v1/agent/services";
  private static final String INSTANCE = "/v1/agent/health/service/id/web-1";
  private static final String WEB = "/v1/health/service/web";
  private static final HealthQuery WEB_QUERY = HealthQuery.passing("web", List.of());
  private static final Service SERVICE =
      new Service("web-1", "web", "10.0.0.5", 8081, List.of("v1", "main"), Map.of("zone", "a"));
  private static final Duration SECONDS_5 = Duration.ofSeconds(5);

  private FakeConsul fake;
  private ConsulClient client;

  private static ConsulClient consul(URI agent) {
    return ClientEngine.other()
        .map(http -> new ConsulClient(agent, http))
        .orElseGet(() -> new ConsulClient(agent));
  }

  @BeforeEach
  void start() throws IOException {
    fake = new FakeConsul();
    client = consul(fake.uri());
  }

  @AfterEach
  void stop() {
    fake.close();
  }

  // Requests

  @Test
  void registersWithTheDocumentedFields() throws Exception {
    fake.on("PUT", "/v1/agent/service/register").answer(200, "");

    client.register(
        SERVICE,
        List.of(
            Map.of("CheckID", "web-1:alive", "TTL", "60s"),
            Map.of("CheckID", "web-1:db", "TCP", "db:5432", "Interval", "5s")));

    FakeConsul.Request request = fake.awaitRequest();
    assertThat(request.target())
        .isEqualTo("/v1/agent/service/register?replace-existing-checks=true");
    assertThat(request.headers().getFirst("Content-Length")).isNotNull();
    assertJson(
        request.body(),
        """
        {
          "ID": "web-1",
          "Name": "web",
          "Address": "10.0.0.5",
          "Port": 8081,
          "Tags": ["v1", "main"],
          "Meta": {"zone": "a"},
          "Checks": [
            {"CheckID": "web-1:alive", "TTL": "60s"},
            {"CheckID": "web-1:db", "TCP": "db:5432", "Interval": "5s"}
          ]
        }
        """);
  }

  @Test
  void registersWithTheAgentsAddressIfNoneIsGiven() throws Exception {
    fake.on("PUT", "/v1/agent/service/register").answer(200, "");

    client.register(new Service("web-1", "web", "", 0, List.of(), Map.of()), List.of());

    assertJson(
        fake.awaitRequest().body(),
        """
        {
          "ID": "web-1", "Name": "web", "Address": "", "Port": 0,
          "Tags": [], "Meta": {}, "Checks": []
        }
        """);
  }

  @Test
  void updatesATtlCheck() throws Exception {
    fake.on("PUT", "/v1/agent/check/update/web-1%3Aalive").answer(200, "");

    client.updateTtl("web-1:alive", Status.WARNING, "disk \"full\"");

    assertJson(
        fake.awaitRequest().body(),
        """
        {"Status": "warning", "Output": "disk \\"full\\""}
        """);
  }

  static List<Arguments> queries() {
    HealthQuery all = new HealthQuery("web", List.of(), false, false, 0, SECONDS_5);
    return List.of(
        arguments(all, "?index=0&wait=5s"),
        arguments(WEB_QUERY.changedSince(7, Duration.ofMinutes(1)), "?index=7&wait=60s&passing=1"),
        arguments(all.changedSince(-1, SECONDS_5), "?index=18446744073709551615&wait=5s"),
        arguments(
            new HealthQuery("web", List.of("a b", "c&d"), true, true, 1, Duration.ofMillis(250)),
            "?index=1&wait=250ms&passing=1&stale=1&tag=a%20b&tag=c%26d"));
  }

  @ParameterizedTest
  @MethodSource("queries")
  void sendsOnlyTheParametersThatAreSet(HealthQuery query, String sent) throws Exception {
    fake.on("GET", WEB).answerWithIndex("1", "[]");

    client.health(query);

    assertThat(fake.awaitRequest().target()).isEqualTo(WEB + sent);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          web-1,        web-1
          a b,          a%20b
          a/b,          a%2Fb
          a/,           a%2F
          a?b#c,        a%3Fb%23c
          100%,         100%25
          a+b;c,        a%2Bb%3Bc
          straße,       stra%C3%9Fe
          ...,          ...
          """)
  void encodesIdsAsOneSegment(String id, String segment) throws Exception {
    fake.on("PUT", "/v1/agent/service/deregister/" + segment).answer(200, "");

    client.deregister(id);

    assertThat(fake.awaitRequest().path()).endsWith("/" + segment);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", " ", "a\nb", "a\0", "\u0085", "\ud800", "/", "/a", "a//b", "a/../b", "..", "."
      })
  void rejectsIdsThatConsulCouldNotRemove(String id) {
    assertThatIllegalArgumentException().isThrownBy(() -> client.deregister(id));
    assertThatIllegalArgumentException().isThrownBy(() -> client.instance(id));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.register(SERVICE, List.of(Map.of("CheckID", id, "TTL", "5s"))));
    assertThatIllegalArgumentException().isThrownBy(() -> HealthQuery.passing(id, List.of()));
    assertThatIllegalArgumentException().isThrownBy(() -> client.updateTtl(id, Status.PASSING, ""));
    for (String name : List.of("web", id)) {
      Service service = new Service(id, name, "", 1, List.of(), Map.of());
      assertThatIllegalArgumentException().isThrownBy(() -> client.register(service, List.of()));
    }
    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void rejectsValuesOutOfBounds() {
    Duration tooShort = Duration.ofNanos(999_999);

    assertThatIllegalArgumentException().isThrownBy(() -> client.withTimeout(tooShort));
    assertThatIllegalArgumentException().isThrownBy(() -> WEB_QUERY.changedSince(1, tooShort));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WEB_QUERY.changedSince(1, Duration.ofSeconds(601)))
        .withMessage("atMost not in 1 ms..10 min: PT10M1S");
    for (int port : new int[] {-1, 65_536}) {
      Service service = new Service("a", "a", "", port, List.of(), Map.of());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client.register(service, List.of()))
          .withMessage("port not in 0..65535: " + port);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost:8500",
        "ftp://127.0.0.1",
        "http:///v1",
        "http://under_score:8500",
        "http://name:secret@127.0.0.1",
        "http://127.0.0.1/ui",
        "http://127.0.0.1?token=secret"
      })
  void rejectsInvalidBaseUris(String base) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ConsulClient(URI.create(base)))
        .withMessage("base is not http(s)://host:port");
  }

  @Test
  void namesTheArgumentThatIsNull() {
    assertThatNullPointerException()
        .isThrownBy(() -> new ConsulClient(fake.uri(), null))
        .withMessage("http");
    assertThatNullPointerException().isThrownBy(() -> consul(fake.uri()).withToken(null));
    assertThatNullPointerException()
        .isThrownBy(() -> new Service("web-1", "web", null, 0, List.of(), Map.of()))
        .withMessage("host");
    assertThatNullPointerException()
        .isThrownBy(() -> new Service(null, "web", "", 0, List.of(), Map.of()))
        .withMessage("id");
  }

  // The token

  @Test
  void sendsTheTokenInItsHeaderOnly() throws Exception {
    fake.on("GET", SERVICES).answer(200, "{}");
    URI base = URI.create(fake.uri() + "/");

    consul(base).withToken("s3cret").services();
    FakeConsul.Request request = fake.awaitRequest();
    assertThat(request.headers().getFirst("X-Consul-Token")).isEqualTo("s3cret");
    assertThat(request.target()).isEqualTo(SERVICES);

    consul(base).withToken("").services();
    assertThat(fake.awaitRequest().headers().getFirst("X-Consul-Token")).isNull();
  }

  @Test
  void keepsTheTokenOutOfAllTexts() {
    ConsulClient secretive = consul(fake.uri()).withToken("s3cret");
    fake.on("GET", SERVICES).answer(403, "token 's3cret' lacks permission");

    assertThatThrownBy(secretive::services)
        .hasMessage("GET /v1/agent/services: 403 token '[token]' lacks permission");
    assertThat(secretive.toString()).doesNotContain("s3cret");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> consul(fake.uri()).withToken("s3cret\n"))
        .withMessage("token not in visible ASCII");
  }

  // Responses

  @Test
  void readsHealth() throws Exception {
    String instances =
        """
        [
          {
            "Node": {"Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1"},
            "Service": {
              "ID": "web-1", "Service": "web", "Address": "10.0.0.5", "Port": 8081,
              "Tags": ["v1"], "Meta": {"zone": "a"}
            },
            "Checks": [
              {"CheckID": "serfHealth", "Status": "passing", "Output": "Agent alive"},
              {"CheckID": "up", "Status": "warning", "Output": "429"},
              {"Status": "passing"}
            ]
          },
          {
            "Node": {"Node": "n2", "Address": "10.0.0.2"},
            "Service": {"ID": "web-1", "Service": "web", "Address": "", "Tags": null, "Meta": null},
            "Checks": [{"Status": "critical"}, {"Status": "warning"}]
          },
          {
            "Node": {"Node": "n3", "Address": "fd00::3"},
            "Service": {"ID": "web-3", "Service": "web", "Port": 80},
            "Checks": null
          }
        ]
        """;
    fake.on("GET", WEB).answerWithIndex("18446744073709551615", instances);

    Health health = client.health(WEB_QUERY);

    Map<String, String> zone = Map.of("zone", "a");
    assertThat(health)
        .isEqualTo(
            new Health(
                List.of(
                    new Entry(
                        "n1",
                        new Service("web-1", "web", "10.0.0.5", 8081, List.of("v1"), zone),
                        List.of(
                            new Result("serfHealth", Status.PASSING, "Agent alive"),
                            new Result("up", Status.WARNING, "429"),
                            new Result("", Status.PASSING, ""))),
                    new Entry(
                        "n2",
                        new Service("web-1", "web", "10.0.0.2", 0, List.of(), Map.of()),
                        List.of(
                            new Result("", Status.CRITICAL, ""),
                            new Result("", Status.WARNING, ""))),
                    new Entry(
                        "n3",
                        new Service("web-3", "web", "fd00::3", 80, List.of(), Map.of()),
                        List.of())),
                -1L,
                false));
    assertThat(health.entries())
        .extracting(Entry::status)
        .containsExactly(Status.WARNING, Status.CRITICAL, Status.PASSING);
  }

  @Test
  void reportsResultsFilteredByAcls() throws Exception {
    fake.on("GET", WEB)
        .answer(200, "[]", "X-Consul-Index", "1", "X-Consul-Results-Filtered-By-ACLs", "true");

    assertThat(client.health(WEB_QUERY)).isEqualTo(new Health(List.of(), 1, true));
  }

  @Test
  void readsNullAsEmpty() throws Exception {
    fake.on("GET", WEB).answerWithIndex("1", "null");
    fake.on("GET", SERVICES).answer(200, "null");

    assertThat(client.health(WEB_QUERY).entries()).isEmpty();
    assertThat(client.services()).isEmpty();
  }

  @Test
  void readsServices() throws Exception {
    String web =
        """
        {
          "ID": "web-1", "Service": "web", "Address": "10.0.0.5", "Port": 8081,
          "Tags": ["v1", "main"], "Meta": {"zone": "a"}, "ContentHash": "5"
        }
        """;
    String bare =
        """
        {"ID": "a//b", "Service": "bare"}
        """;
    fake.on("GET", SERVICES).answer(200, "{\"web-1\": " + web + ", \"a//b\": " + bare + "}");

    assertThat(client.services())
        .containsExactly(
            Map.entry("web-1", SERVICE),
            Map.entry("a//b", new Service("a//b", "bare", "", 0, List.of(), Map.of())));
  }

  @ParameterizedTest
  @CsvSource({"200, passing", "429, warning", "503, critical"})
  void readsAnInstanceWhateverItsHealth(int status, String word) throws Exception {
    String web =
        """
        {
          "AggregatedStatus": "%1$s",
          "Service": {"ID": "web-1", "Service": "web", "Port": 80, "Address": ""},
          "Checks": [{"Node": "n", "CheckID": "up", "Status": "%1$s", "Output": "because"}]
        }
        """
            .formatted(word);
    fake.on("GET", INSTANCE).answer(status, web);

    Status expected = Status.valueOf(word.toUpperCase(Locale.ROOT));
    assertThat(client.instance("web-1"))
        .contains(
            new Entry(
                "",
                new Service("web-1", "web", "", 80, List.of(), Map.of()),
                List.of(new Result("up", expected, "because"))));
  }

  /** A newer Consul may have more words; none of them may have traffic sent to an instance. */
  @ParameterizedTest
  @ValueSource(strings = {"unknown", "maintenance", "PASSING", "passing ", ""})
  void unknownStatusCountsAsCritical(String word) throws Exception {
    fake.on("GET", INSTANCE)
        .answer(
            200,
            "{\"Service\": {\"ID\": \"web-1\", \"Service\": \"web\"}, \"Checks\": [{\"Status\": \"passing\"}, {\"Status\": \"%s\"}]}"
                .formatted(word));

    Entry entry = client.instance("web-1").orElseThrow();
    assertThat(entry.checks())
        .extracting(Result::status)
        .containsExactly(Status.PASSING, Status.CRITICAL);
    assertThat(entry.status()).isEqualTo(Status.CRITICAL);
  }

  @ParameterizedTest
  @CsvSource({"503, the agent is shutting down", "429, slow down", "500, {}", "403, denied"})
  void rejectsAResponseThatIsNoInstance(int status, String body) {
    fake.on("GET", INSTANCE).answer(status, body);

    assertThatThrownBy(() -> client.instance("web-1"))
        .isInstanceOfSatisfying(
            ConsulException.class, e -> assertThat(e.status()).isEqualTo(status));
  }

  @Test
  void unknownIdsAreNoErrors() throws Exception {
    fake.on("GET", INSTANCE).answer(404, "{\"AggregatedStatus\": \"critical\", \"Service\": null}");
    fake.on("PUT", "/v1/agent/service/deregister/web-1").answer(404, "Unknown service ID");

    assertThat(client.instance("web-1")).isEmpty();
    client.deregister("web-1");

    assertThat(fake.requests()).hasSize(2);
  }

  // Invalid responses

  static List<Arguments> refusals() {
    return List.of(
        arguments(301, "", "301"),
        arguments(403, "Permission denied\n", "403 Permission denied"),
        arguments(500, "No cluster leader", "500 No cluster leader"),
        arguments(500, "a\r\nb\u001b[2J\u2028c", "500 a\\u000d\\u000ab\\u001b[2J\\u2028c"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void quotesTheErrorOfConsul(int status, String body, String message) {
    fake.on("PUT", "/v1/agent/service/register").answer(status, body);

    ConsulException e =
        catchThrowableOfType(ConsulException.class, () -> client.register(SERVICE, List.of()));

    assertThat(e).hasMessage("PUT /v1/agent/service/register: " + message);
    assertThat(e.status()).isEqualTo(status);
  }

  @Test
  void quotesOnlyTheBeginningOfALongBody() {
    fake.on("GET", SERVICES).answer(500, "x".repeat(100_000));

    assertThatThrownBy(client::services)
        .hasMessage("GET /v1/agent/services: 500 " + "x".repeat(200));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "<html>", "{", "{} {}", "[]", "\"text\"", "1"})
  void rejectsUnexpectedJson(String body) {
    fake.on("GET", SERVICES).answer(200, body);

    ConsulException e = catchThrowableOfType(ConsulException.class, client::services);

    assertThat(e)
        .hasMessage(("GET /v1/agent/services: 200 not the JSON expected: " + body).strip())
        .hasNoCause();
    assertThat(e.status()).isEqualTo(200);
  }

  @Test
  void rejectsJsonThatIsTooDeep() {
    fake.on("GET", SERVICES).answer(200, "{\"a\":".repeat(100_000));

    assertThatThrownBy(client::services).isInstanceOf(ConsulException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-1", "abc", "1.5", "18446744073709551616"})
  void rejectsAnIndexThatIsNoNumber(String index) {
    fake.on("GET", WEB).answerWithIndex(index, "[]");

    assertThatThrownBy(() -> client.health(WEB_QUERY))
        .isInstanceOf(ConsulException.class)
        .hasMessage("GET " + WEB + ": 200 X-Consul-Index is not a number: " + index);
  }

  @Test
  void rejectsHealthWithoutAnIndex() {
    fake.on("GET", WEB).answer(200, "[]");

    assertThatThrownBy(() -> client.health(WEB_QUERY))
        .isInstanceOf(ConsulException.class)
        .hasMessage("GET " + WEB + ": 200 X-Consul-Index is not a number:");
  }

  @Test
  void readsABodyOfExactlyTheBound() throws Exception {
    String padding = " ".repeat(ConsulClient.MAX_BODY_BYTES - 2);
    fake.on("GET", SERVICES).answer(200, "{}" + padding);

    assertThat(client.services()).isEmpty();
  }

  @Test
  void abortsABodyThatIsTooLarge() throws Exception {
    fake.on("GET", SERVICES).trickle(1 << 20);

    assertThatThrownBy(client::services)
        .isInstanceOf(IOException.class)
        .hasMessage("GET /v1/agent/services: response > 16777216 bytes");
    fake.awaitAbandoned();
  }

  // Time

  @Test
  void timesOutWithoutAResponse() {
    fake.on("GET", SERVICES).hang();

    assertThatThrownBy(client.withTimeout(Duration.ofMillis(50))::services)
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessage("GET /v1/agent/services: no response within PT0.05S");
  }

  @Test
  void timesOutOnAnEndlessBody() throws Exception {
    fake.on("GET", SERVICES).trickle(1);

    assertThatThrownBy(client.withTimeout(Duration.ofMillis(300))::services)
        .isInstanceOf(HttpTimeoutException.class);
    fake.awaitAbandoned();
  }

  @Test
  void addsTheWaitOfABlockingQueryToTheTimeout() {
    fake.on("GET", WEB).hang();
    ConsulClient hasty = client.withTimeout(Duration.ofMillis(40));
    Duration wait = Duration.ofMillis(160);

    assertThatThrownBy(() -> hasty.health(WEB_QUERY.changedSince(1, wait)))
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessage("GET " + WEB + ": no response within PT0.21S"); // 160 + 160 / 16 + 40
    assertThatThrownBy(() -> hasty.health(WEB_QUERY.changedSince(0, wait)))
        .hasMessage("GET " + WEB + ": no response within PT0.04S");
  }

  @Test
  void interruptionClosesTheConnection() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      URI base = URI.create("http://127.0.0.1:" + server.getLocalPort());
      CompletableFuture<Throwable> outcome = new CompletableFuture<>();
      Thread caller =
          new Thread(
              () -> {
                try {
                  consul(base).services();
                  outcome.complete(null);
                } catch (Throwable e) {
                  outcome.complete(e);
                }
              });
      caller.start();
      try (Socket connection = server.accept()) {
        connection.setSoTimeout(10_000);
        assertThat(connection.getInputStream().read()).isEqualTo('G'); // The request is sent.

        caller.interrupt();

        assertThat(outcome.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
        assertThat(connection.getInputStream().readAllBytes()).isNotEmpty(); // Ends: it is closed.
      }
    }
  }

  // Connections

  @Test
  void reportsARefusedConnection() {
    fake.close();

    assertThatThrownBy(client::services).isInstanceOf(ConnectException.class);
  }

  @Test
  void reportsALostConnection() {
    fake.on("PUT", "/v1/agent/service/deregister/a").drop();

    assertThatThrownBy(() -> client.deregister("a"))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ConsulException.class);
  }

  @Test
  void requestsNoUpgradeWithAnyHttpClient() throws Exception {
    fake.on("GET", SERVICES).answer(200, "{}");

    new ConsulClient(fake.uri(), HttpClient.newHttpClient()).services();

    assertThat(fake.awaitRequest().headers().getFirst("Upgrade")).isNull();
  }

  private static void assertJson(String actual, String expected) throws IOException {
    ObjectMapper json = new ObjectMapper();
    assertThat(json.readTree(actual)).isEqualTo(json.readTree(expected));
  }
}
