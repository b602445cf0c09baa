// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import kit.eureka.EurekaClient.EurekaException;
import kit.eureka.EurekaClient.Instance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ClientEngine;
import testing.FakeConsul;

/** The client against scripted responses; {@code it.EurekaRegistryIT} has a real server. */
@Timeout(30)
class EurekaClientTest {
  private static final String APP = "/eureka/apps/WEB";
  private static final String ONE = APP + "/web-1";
  private static final Duration RENEWAL = Duration.ofSeconds(10);
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

  private static URI base(FakeConsul fake) {
    return fake.uri().resolve("/eureka");
  }

  private EurekaClient client() {
    return client(base(fake));
  }

  private static EurekaClient client(URI... servers) {
    return new EurekaClient(List.of(servers), HTTP, Duration.ofSeconds(5));
  }

  private static String entry(String id, String more) {
    return """
        {"instanceId":"%s","hostName":"10.0.0.5","app":"WEB","status":"UP",
         "port":{"$":8081,"@enabled":"true"},"securePort":{"$":7002,"@enabled":"false"}%s}"""
        .formatted(id, more);
  }

  private static String app(String instances) {
    return "{\"application\":{\"name\":\"WEB\",\"instance\":" + instances + "}}";
  }

  @Test
  void registersWithJson() throws Exception {
    fake.on("POST", APP).answer(204, "");
    Instance instance =
        new Instance("web", "web-1", "::1", 8081, 8443, "STARTING", Map.of("zone", "a\"b"));

    client().register(instance, RENEWAL);

    FakeConsul.Request request = fake.awaitRequest();
    assertThat(request.headers().getFirst("Content-Type")).isEqualTo("application/json");
    assertThat(request.headers().getFirst("Authorization")).isNull();
    JsonNode expected =
        new ObjectMapper()
            .readTree(
                """
                {"instance":
                {"instanceId":"web-1","app":"WEB","vipAddress":"web",
                 "secureVipAddress":"web","hostName":"::1","ipAddr":"::1",
                 "status":"STARTING","port":{"$":8081,"@enabled":"true"},
                 "securePort":{"$":8443,"@enabled":"true"},
                 "dataCenterInfo":
                   {"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},
                 "leaseInfo":{"renewalIntervalInSecs":10,"durationInSecs":30},
                 "metadata":{"zone":"a\\"b"}}}""");
    assertThat(new ObjectMapper().readTree(request.body())).isEqualTo(expected);
  }

  @Test
  void portThatIsMissingIsDisabled() throws Exception {
    fake.on("POST", APP).answer(204, "");
    client().register(Instance.of("web", "web-1", "h", 80, Map.of()), RENEWAL);
    assertThat(fake.awaitRequest().body())
        .contains("\"securePort\":{\"$\":0,\"@enabled\":\"false\"}");
  }

  @ParameterizedTest
  @CsvSource({"200, true", "404, false"})
  void callsReturnWhetherTheInstanceIsRegistered(int status, boolean isKnown) throws Exception {
    fake.on("PUT", ONE).answer(status, "");
    fake.on("DELETE", ONE).answer(status, "");
    fake.on("PUT", ONE + "/status").answer(status, "");
    fake.on("DELETE", ONE + "/status").answer(status, "");
    EurekaClient client = client();

    assertThat(client.heartbeat("web", "web-1")).isEqualTo(isKnown);
    assertThat(client.overrideStatus("web", "web-1", "OUT_OF_SERVICE")).isEqualTo(isKnown);
    assertThat(client.clearStatus("web", "web-1")).isEqualTo(isKnown);
    assertThat(client.deregister("web", "web-1")).isEqualTo(isKnown);

    assertThat(fake.requests())
        .extracting(FakeConsul.Request::target)
        .containsExactly(ONE, ONE + "/status?value=OUT_OF_SERVICE", ONE + "/status?value=UP", ONE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[%s]", "%s"})
  void instancesAreAnArrayOrAnObject(String form) throws Exception {
    String entry =
        entry("web-1", ",\"metadata\":{\"@class\":\"x\",\"zone\":\"a\",\"n\":1,\"none\":null}");
    String instances = form.formatted(entry);
    fake.on("GET", APP).answer(200, app(instances));
    fake.on("GET", "/eureka/apps")
        .answer(
            200,
            "{\"applications\":{\"versions__delta\":\"1\",\"apps__hashcode\":\"UP_1_\",\"application\":"
                + form.formatted("{\"name\":\"WEB\",\"instance\":" + instances + "}")
                + "}}");
    fake.on("GET", ONE).answer(200, "{\"instance\":" + entry + "}");
    Map<String, String> metadata = Map.of("zone", "a", "n", "1", "none", "null");
    Instance expected = new Instance("WEB", "web-1", "10.0.0.5", 8081, 0, "UP", metadata);

    assertThat(client().app("web")).containsExactly(expected);
    assertThat(client().apps()).containsExactly(expected);
    assertThat(client().instance("web", "web-1")).contains(expected);
    assertThat(fake.requests().get(0).headers().getFirst("Accept")).isEqualTo("application/json");
  }

  @Test
  void instancesOfAllApplicationsAreListed() throws Exception {
    fake.on("GET", "/eureka/apps")
        .answer(
            200,
            """
            {"applications":{"application":[
              {"name":"A","instance":[%s,%s]},{"name":"B","instance":%s},{"name":"C"}]}}"""
                .formatted(entry("a-1", ""), entry("a-2", ""), entry("b-1", "")))
        .answer(200, "{\"applications\":{\"apps__hashcode\":\"\",\"application\":[]}}");
    assertThat(client().apps()).extracting(Instance::id).containsExactly("a-1", "a-2", "b-1");
    assertThat(client().apps()).isEmpty();
  }

  @Test
  void unknownApplicationHasNoInstances() throws Exception {
    fake.on("GET", APP).answer(404, "{\"status\":404,\"error\":\"Not Found\"}");
    fake.on("GET", ONE).answer(404, "");
    assertThat(client().app("web")).isEmpty();
    assertThat(client().instance("web", "web-1")).isEmpty();
  }

  @Test
  void whatOtherClientsRegisterIsRead() throws Exception {
    fake.on("GET", APP)
        .answer(
            200,
            app(
                """
                [{"hostName":"h1","app":"WEB","status":"OUT_OF_SERVICE",
                  "port":{"$":"81","@enabled":true},
                  "securePort":{"$":"8443","@enabled":true},
                  "metadata":{"@class":"java.util.Collections$EmptyMap"}},
                 {"hostName":7,"status":"NONE","port":"x","metadata":[1]},
                 "text", null]"""));
    Map<String, String> none = Map.of();
    assertThat(client().app("web"))
        .containsExactly(
            new Instance("WEB", "h1", "h1", 81, 8443, "OUT_OF_SERVICE", none),
            new Instance("", "7", "7", 0, 0, "NONE", none),
            new Instance("", "", "", 0, 0, "UNKNOWN", none),
            new Instance("", "", "", 0, 0, "UNKNOWN", none));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "400 | Missing ip address                                   | Missing ip address",
        "400 | {\"error\":\"cannot parse request body\"}            | cannot parse request body",
        "404 | {\"status\":404,\"error\":\"Not Found\",\"path\":\"/x\"} | Not Found",
        "500 | {\"error\":\"e\",\"message\":\"it\\nfails\"}         | it?fails",
        "500 | ''                                                   | empty response",
        "200 | ''                                                   | empty response",
        "200 | <html>                                               | <html>",
        "302 | ''                                                   | empty response",
        "401 | ''                                   | empty response (wrong user or password?)",
      })
  void everyStatusButNoContentIsAFailedRegistration(int status, String body, String problem) {
    fake.on("POST", APP).answer(status, body);
    assertThatThrownBy(
            () -> client().register(Instance.of("web", "web-1", "h", 80, Map.of()), RENEWAL))
        .isInstanceOfSatisfying(
            EurekaException.class, e -> assertThat(e.status()).isEqualTo(status))
        .hasMessage("POST " + fake.uri().getAuthority() + APP + ": " + status + " " + problem);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{}",
        "\"text\"",
        "{\"application\":[]}",
        "{\"application\":\"\"}",
        "{\"applications\":{\"application\":[]}}",
        "{\"instance\":{}}",
        "{\"application\":{\"instance\":[",
        "<application/>"
      })
  void otherBodiesThanAnApplicationAreErrors(String body) {
    fake.on("GET", APP).answer(200, body);
    assertThatThrownBy(() -> client().app("web"))
        .isInstanceOf(EurekaException.class)
        .hasMessageContaining("GET " + fake.uri().getAuthority() + APP + ": 200 ");
  }

  @ParameterizedTest
  @ValueSource(ints = {201, 204, 302, 400, 401, 403, 405, 500, 503})
  void otherStatusesAreErrors(int status) {
    fake.on("GET", APP).answer(status, "");
    fake.on("PUT", ONE).answer(status, "");
    fake.on("DELETE", ONE).answer(status, "");
    assertThatThrownBy(() -> client().app("web")).isInstanceOf(EurekaException.class);
    assertThatThrownBy(() -> client().heartbeat("web", "web-1"))
        .isInstanceOf(EurekaException.class);
    assertThatThrownBy(() -> client().deregister("web", "web-1"))
        .isInstanceOf(EurekaException.class);
  }

  @Test
  void longProblemIsCutOff() {
    fake.on("GET", APP).answer(500, "x".repeat(10_000));
    assertThatThrownBy(() -> client().app("web"))
        .hasMessageEndingWith("500 " + "x".repeat(200))
        .hasMessageNotContaining("x".repeat(201));
  }

  @Test
  void lateResponseIsATimeoutAndEndsTheConnection() throws Exception {
    fake.on("GET", APP).trickle("{\"application\":{", 1);
    EurekaClient client = new EurekaClient(List.of(base(fake)), HTTP, Duration.ofMillis(300));
    assertThatThrownBy(() -> client.app("web"))
        .isInstanceOf(HttpTimeoutException.class)
        .hasMessageContaining("PT0.3S");
    fake.awaitAbandoned();
  }

  @Test
  void hugeResponseIsAnError() {
    fake.on("GET", APP).trickle(4 << 20);
    EurekaClient patient = new EurekaClient(List.of(base(fake)), HTTP, Duration.ofSeconds(25));
    assertThatThrownBy(() -> patient.app("web"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("33554432");
  }

  @ParameterizedTest
  @CsvSource({"500, down", "200, garbage", "302, ''"})
  void serversAreTriedInTurnAndTheOneThatRespondedStays(int status, String body) throws Exception {
    try (FakeConsul other = new FakeConsul()) {
      fake.on("GET", APP).answer(status, body);
      other.on("GET", APP).answer(200, app("[]"));
      EurekaClient client = client(URI.create("http://127.0.0.1:1/x"), base(fake), base(other));

      client.app("web");
      client.app("web");

      assertThat(fake.requests()).hasSize(1);
      assertThat(other.requests()).hasSize(2);
    }
  }

  @Test
  void serverThatHangsLeavesTimeForTheOther() throws Exception {
    try (FakeConsul other = new FakeConsul()) {
      fake.on("GET", APP).hang();
      other.on("GET", APP).answer(200, app("[]"));
      EurekaClient client =
          new EurekaClient(List.of(base(fake), base(other)), HTTP, Duration.ofSeconds(4));
      assertThat(client.app("web")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 401, 403})
  void refusalIsNotTriedElsewhere(int status) throws Exception {
    try (FakeConsul other = new FakeConsul()) {
      fake.on("PUT", ONE).answer(status, "");
      EurekaClient client = client(base(fake), base(other));
      assertThatThrownBy(() -> client.heartbeat("web", "web-1"))
          .isInstanceOf(EurekaException.class);
      assertThat(other.requests()).isEmpty();
    }
  }

  @Test
  void userIsSentWithEachRequest() throws Exception {
    fake.on("PUT", ONE).answer(200, "");
    EurekaClient client = client().withUser("kit", "s3 crät:");
    client.heartbeat("web", "web-1");
    String header = fake.awaitRequest().headers().getFirst("Authorization");
    byte[] both = Base64.getDecoder().decode(header.replace("Basic ", ""));
    assertThat(new String(both, StandardCharsets.UTF_8)).isEqualTo("kit:s3 crät:");
  }

  @Test
  void noMessageHasThePassword() {
    fake.on("GET", APP).answer(401, "bad s3cret");
    EurekaClient client = client().withUser("kit", "s3cret");
    assertThatThrownBy(() -> client.app("web"))
        .hasMessageEndingWith("401 bad *** (wrong user or password?)");
    assertThat(client.toString()).doesNotContain("s3cret");
  }

  @Test
  void verifyDistinguishesAWrongPathFromAnUnknownApplication() throws Exception {
    String delta = "/eureka/apps/delta";
    fake.on("GET", delta)
        .answer(200, "{\"applications\":{\"apps__hashcode\":\"\",\"application\":[]}}")
        .answer(403, "") // Disabled.
        .answer(404, "");
    client().verify();
    client().verify();
    assertThatThrownBy(() -> client().verify())
        .isInstanceOf(EurekaException.class)
        .hasMessageContaining("/eureka/apps/delta: 404");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ".", "..", "a/b", "a\\b", "a%b", "a;b", "a\tb", "a\u0000", "\ud800", "LONG"})
  void namesThatTheServerRejectsAreNotSent(String text) {
    String name = text.replace("LONG", "a".repeat(501));
    EurekaClient client = client();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.app(name))
        .withMessageContaining("application is not 1 to 500 characters without / \\ % ;");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.heartbeat("web", name))
        .withMessageContaining("id is not 1 to 500 characters");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.register(Instance.of("web", name, "h", 1, Map.of()), RENEWAL));
    assertThat(fake.requests()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "a b, /eureka/apps/A%20B",
    "ü, /eureka/apps/%C3%9C",
    "...?#+&, /eureka/apps/...%3F%23%2B%26",
    "host:web:1, /eureka/apps/HOST%3AWEB%3A1"
  })
  void otherNamesAreEncoded(String name, String target) throws Exception {
    client().app(name);
    client().instance("web", name);
    assertThat(fake.requests().get(0).target()).isEqualTo(target);
  }

  @Test
  void limitsAreChecked() throws Exception {
    fake.on("POST", "/eureka/apps/" + "A".repeat(500)).answer(204, "");
    client().register(Instance.of("a".repeat(500), "i".repeat(500), "h", 65535, Map.of()), RENEWAL);
    for (int port : List.of(-1, 65536)) {
      assertThatIllegalArgumentException()
          .isThrownBy(
              () -> client().register(Instance.of("web", "i", "h", port, Map.of()), RENEWAL))
          .withMessageContaining("" + port);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client().overrideStatus("web", "i", "up"))
        .withMessageContaining("OUT_OF_SERVICE");
    for (Duration renewal : List.of(Duration.ZERO, Duration.ofMillis(1500))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> client().register(Instance.of("web", "i", "h", 1, Map.of()), renewal))
          .withMessageContaining(renewal.toString());
    }
  }

  @Test
  void addressesAndSettingsAreChecked() {
    Duration second = Duration.ofSeconds(1);
    for (String uri : List.of("http://u:s3cret@h:1/e", "ftp://h:1/e", "http://h:1/e?x", "h:1")) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new EurekaClient(List.of(URI.create(uri)), HTTP, second))
          .withMessageNotContaining("s3cret");
    }
    URI server = base(fake);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EurekaClient(List.of(), HTTP, second));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EurekaClient(List.of(server), HTTP, Duration.ZERO));
    assertThatIllegalArgumentException().isThrownBy(() -> client().withUser("kit", ""));
    assertThatIllegalArgumentException().isThrownBy(() -> client().withUser("a:b", "c"));
  }
}
