// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kit.nacos.NacosClient.Instance;
import kit.nacos.NacosClient.NacosException;
import kit.nacos.NacosClient.Service;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ClientEngine;
import testing.FakeConsul;

/** The client against scripted responses; {@code it.NacosRegistryIT} has a real server. */
@Timeout(30)
class NacosClientTest {
  private static final String INSTANCE = "/nacos/v3/client/ns/instance";
  private static final String LIST = INSTANCE + "/list";
  private static final String LOGIN = "/nacos/v3/auth/user/login";
  private static final String OK = "{\"code\":0,\"message\":\"success\",\"data\":\"ok\"}";
  private static final String NONE = "{\"code\":0,\"message\":\"success\",\"data\":[]}";
  private static final Service WEB = Service.of("web");
  private static final Instance ONE = Instance.of("10.0.0.5", 8081);
  private static final HttpClient HTTP = ClientEngine.newHttpClient();

  private FakeConsul fake; // Any server with scripts.

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
  }

  @AfterEach
  void stop() {
    fake.close();
  }

  private NacosClient client(URI... servers) {
    return new NacosClient(List.of(servers), HTTP, Duration.ofSeconds(5));
  }

  private static Map<String, String> parameters(String form) {
    Map<String, String> parameters = new TreeMap<>();
    for (String parameter : form.split("&")) {
      String[] pair = parameter.split("=", 2);
      parameters.put(pair[0], URLDecoder.decode(pair[1], StandardCharsets.UTF_8));
    }
    return parameters;
  }

  private static Map<String, String> query(FakeConsul.Request request) {
    return parameters(request.target().replaceFirst(".*\\?", ""));
  }

  @Test
  void registersWithAForm() throws Exception {
    fake.on("POST", INSTANCE).answer(200, OK);
    Service service = new Service("test-1", "my:group", "web&ü");
    Instance instance = ONE.in("c1", Map.of("zone", "a=b"));

    client(fake.uri()).register(service, instance);

    FakeConsul.Request request = fake.awaitRequest();
    assertThat(request.headers().getFirst("Content-Type"))
        .isEqualTo("application/x-www-form-urlencoded");
    assertThat(parameters(request.body()))
        .containsOnly(
            Map.entry("namespaceId", "test-1"),
            Map.entry("groupName", "my:group"),
            Map.entry("serviceName", "web&ü"),
            Map.entry("ip", "10.0.0.5"),
            Map.entry("port", "8081"),
            Map.entry("clusterName", "c1"),
            Map.entry("weight", "1.0"),
            Map.entry("metadata", "{\"zone\":\"a=b\"}"));
  }

  @Test
  void deregistersWithAQuery() throws Exception {
    fake.on("DELETE", INSTANCE).answer(200, OK);
    client(fake.uri()).deregister(WEB, ONE);
    assertThat(query(fake.awaitRequest()))
        .containsEntry("serviceName", "web")
        .containsEntry("groupName", "DEFAULT_GROUP")
        .containsEntry("namespaceId", "public")
        .containsEntry("ip", "10.0.0.5");
  }

  @ParameterizedTest
  @CsvSource({
    "200, '{\"code\":0,\"message\":\"success\",\"data\":\"ok\"}', true",
    "200, '{\"code\":21003,\"message\":\"instance not found\",\"data\":null}', false",
  })
  void heartbeatReturnsWhetherTheInstanceIsRegistered(int status, String body, boolean isKnown)
      throws Exception {
    fake.on("POST", INSTANCE).answer(status, body);
    assertThat(client(fake.uri()).heartbeat(WEB, ONE)).isEqualTo(isKnown);
    assertThat(parameters(fake.awaitRequest().body())).containsEntry("heartBeat", "true");
  }

  @Test
  void listsInstances() throws Exception {
    fake.on("GET", LIST)
        .answer(
            200,
            """
            {"code":0,"message":"success","data":[{"ip":"10.0.0.5","port":8081,"weight":2.5,
             "healthy":true,"enabled":false,"ephemeral":true,"clusterName":"c1",
             "serviceName":"DEFAULT_GROUP@@web","metadata":{"zone":"a","n":null},
             "instanceHeartBeatInterval":1000},{"ip":"x"}]}""");

    List<Instance> instances = client(fake.uri()).list(WEB, List.of());

    Map<String, String> metadata = Map.of("zone", "a", "n", "null");
    assertThat(instances)
        .containsExactly(
            new Instance("10.0.0.5", 8081, 2.5, "c1", metadata, true, false, Duration.ofSeconds(1)),
            new Instance("x", 0, 1, "DEFAULT", Map.of(), false, false, Duration.ofSeconds(5)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"'' | ,", "c1 | c1", "c1 DEFAULT | c1,DEFAULT"})
  void listsTheNamedClustersOrAll(String clusters, String parameter) throws Exception {
    fake.on("GET", LIST).answer(200, NONE);
    List<String> names = clusters.isEmpty() ? List.of() : List.of(clusters.split(" "));
    client(fake.uri()).list(WEB, names);
    assertThat(query(fake.awaitRequest())).containsEntry("clusterName", parameter);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "400 | {\"code\":10000,\"message\":\"parameter missing\",\"data\":\"x\"} | 10000 | parameter missing",
        "400 | Param 'port' is illegal, the value should be between 0 and 65535. | 0 | Param 'port'",
        "500 | {\"code\":30000,\"message\":\"Failed to convert\",\"data\":null}   | 30000 | Failed to convert",
        "404 | {\"timestamp\":\"t\",\"status\":404,\"error\":\"Not Found\",\"message\":\"No endpoint\"} | 0 | No endpoint",
        "200 | ''                                      | 0 | empty response",
        "200 | []                                      | 0 | []",
        "200 | {}                                      | 0 | {}",
        "200 | null                                    | 0 | null",
        "200 | <html>                                  | 0 | <html>",
        "200 | {\"code\":1,\"message\":\"a\\nb\"}      | 1 | a?b",
        "200 | {\"code\":null,\"data\":\"ok\"}         | 0 | {",
        "200 | {\"code\":\"success\",\"data\":\"ok\"}    | 0 | {",
      })
  void everythingButCodeZeroIsAnError(int status, String body, int code, String problem)
      throws Exception {
    fake.on("POST", INSTANCE).answer(status, body);
    assertThatThrownBy(() -> client(fake.uri()).register(WEB, ONE))
        .isInstanceOfSatisfying(NacosException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining("POST " + fake.uri().getAuthority() + INSTANCE + ": " + status)
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "{}", "\"ok\"", "0"})
  void responseWithoutAListIsAnErrorAndNotAnEmptyList(String data) {
    fake.on("GET", LIST).answer(200, "{\"code\":0,\"message\":\"success\",\"data\":" + data + "}");
    assertThatThrownBy(() -> client(fake.uri()).list(WEB, List.of()))
        .isInstanceOf(NacosException.class)
        .hasMessageContainingAll(LIST, "no list");
  }

  @Test
  void lateResponseIsATimeoutAndEndsTheConnection() throws Exception {
    fake.on("GET", LIST).trickle(1);
    NacosClient client = new NacosClient(List.of(fake.uri()), HTTP, Duration.ofMillis(300));
    assertThatThrownBy(() -> client.list(WEB, List.of()))
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessageContaining("PT0.3S");
    fake.awaitAbandoned();
  }

  @Test
  void hugeResponseIsAnError() throws Exception {
    fake.on("GET", LIST).trickle(4 << 20);
    assertThatThrownBy(() -> client(fake.uri()).list(WEB, List.of()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("16777216");
  }

  @Test
  void serversAreTriedInTurnAndTheOneThatRespondedStays() throws Exception {
    try (FakeConsul other = new FakeConsul()) {
      fake.on("GET", LIST).answer(500, "{\"code\":30000,\"message\":\"down\"}");
      other.on("GET", LIST).answer(200, NONE);
      NacosClient client = client(URI.create("http://127.0.0.1:1"), fake.uri(), other.uri());

      client.list(WEB, List.of());
      client.list(WEB, List.of());

      assertThat(fake.requests()).hasSize(1);
      assertThat(other.requests()).hasSize(2);
    }
  }

  @Test
  void refusalIsNotTriedElsewhere() throws Exception {
    try (FakeConsul other = new FakeConsul()) {
      fake.on("POST", INSTANCE).answer(400, "{\"code\":10000,\"message\":\"missing\"}");
      NacosClient client = client(fake.uri(), other.uri());
      assertThatThrownBy(() -> client.register(WEB, ONE)).isInstanceOf(NacosException.class);
      assertThat(other.requests()).isEmpty();
    }
  }

  private static String token(String token, int ttl) {
    return "{\"accessToken\":\"%s\",\"tokenTtl\":%d}".formatted(token, ttl);
  }

  private static String rejected(String why) {
    return "{\"status\":403,\"error\":\"Forbidden\",\"message\":\"" + why + "\"}";
  }

  @Test
  void logsInOnceAndSendsTheToken() throws Exception {
    fake.on("POST", LOGIN).answer(200, token("t1", 18000));
    fake.on("GET", LIST).answer(200, NONE);
    NacosClient client = client(fake.uri()).withUser("nacos", "s3 cret");

    client.list(WEB, List.of());
    client.list(WEB, List.of());

    assertThat(fake.requests())
        .extracting(FakeConsul.Request::path)
        .containsExactly(LOGIN, LIST, LIST);
    assertThat(parameters(fake.requests().get(0).body()))
        .containsOnly(Map.entry("username", "nacos"), Map.entry("password", "s3 cret"));
    assertThat(fake.requests().get(2).headers().getFirst("accessToken")).isEqualTo("t1");
  }

  @Test
  void tokenIsRenewedBeforeItExpires() throws Exception {
    fake.on("POST", LOGIN).answer(200, token("t1", 0)).answer(200, token("t2", 18000));
    fake.on("GET", LIST).answer(200, NONE);
    NacosClient client = client(fake.uri()).withUser("nacos", "secret");
    client.list(WEB, List.of());
    client.list(WEB, List.of());
    assertThat(fake.requests())
        .extracting(FakeConsul.Request::path)
        .containsExactly(LOGIN, LIST, LOGIN, LIST);
  }

  @Test
  void rejectedTokenIsRenewedOnce() throws Exception {
    fake.on("POST", LOGIN).answer(200, token("t1", 18000)).answer(200, token("t2", 18000));
    fake.on("GET", LIST)
        .answer(403, rejected("Code: 401, Message: token expired!."))
        .answer(200, NONE)
        .answer(403, rejected("Code: 401, Message: token invalid!."));
    NacosClient client = client(fake.uri()).withUser("nacos", "secret");

    client.list(WEB, List.of());
    assertThat(fake.requests().get(3).headers().getFirst("accessToken")).isEqualTo("t2");

    assertThatThrownBy(() -> client.list(WEB, List.of())).hasMessageContaining("token invalid");
    assertThat(fake.requests()).hasSize(7);
  }

  @Test
  void missingRightIsNoReasonToLogInAgain() throws Exception {
    fake.on("POST", LOGIN).answer(200, token("t1", 18000));
    fake.on("GET", LIST).answer(403, rejected("Code: 403, Message: authorization failed!."));
    NacosClient client = client(fake.uri()).withUser("nacos", "secret");
    assertThatThrownBy(() -> client.list(WEB, List.of()))
        .hasMessageContaining("403")
        .hasMessageContaining("authorization failed");
    assertThat(fake.requests()).hasSize(2);
  }

  @Test
  void noMessageHasThePasswordOrTheToken() throws Exception {
    fake.on("POST", LOGIN)
        .answer(500, "{\"message\":\"bad s3cret\"}")
        .answer(200, token("t0ken", 18000));
    fake.on("GET", LIST).answer(400, "what is t0ken and s3cret?");
    NacosClient client = client(fake.uri()).withUser("nacos", "s3cret");

    assertThatThrownBy(() -> client.list(WEB, List.of()))
        .hasMessageContaining("500 bad ***")
        .hasMessageNotContaining("s3cret");
    assertThatThrownBy(() -> client.list(WEB, List.of()))
        .hasMessageContaining("what is *** and ***?");
    assertThat(client.toString()).doesNotContain("s3cret");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a\tb", "a@@b", "\u4e2d", "\ud800"})
  void namesThatTheServerRejectsAreNotSent(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Service.of(name))
        .withMessageContaining("512");
  }

  @Test
  void limitsAreThoseOfTheServer() throws Exception {
    String a512 = "a".repeat(512);
    Service.of(a512);
    assertThatIllegalArgumentException().isThrownBy(() -> Service.of(a512 + "a"));
    new Service("_-".repeat(32), "_-:.".repeat(32), "a/,+#@ü:b");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Service("a.b", "g", "n"))
        .withMessageContaining("namespace");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Service("n", "g".repeat(129), "n"))
        .withMessageContaining("group");
    NacosClient client = client(fake.uri());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.register(WEB, ONE.in("a_b", Map.of())))
        .withMessageContaining("cluster");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.register(WEB, Instance.of("h", 65536)))
        .withMessageContaining("65536");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.register(WEB, ONE.in("c1", Map.of("a", "b".repeat(1024)))))
        .withMessageContaining("1024");
    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void addressesAndSettingsAreChecked() {
    Duration second = Duration.ofSeconds(1);
    for (String uri : List.of("http://u:s3cret@h:1", "ftp://h:1", "http://h:1/nacos", "h:1")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new NacosClient(List.of(URI.create(uri)), HTTP, second))
          .withMessageNotContaining("s3cret");
    }
    assertThatIllegalArgumentException().isThrownBy(() -> new NacosClient(List.of(), HTTP, second));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NacosClient(List.of(fake.uri()), HTTP, Duration.ZERO));
    assertThatIllegalArgumentException().isThrownBy(() -> client(fake.uri()).withUser("nacos", ""));
  }
}
