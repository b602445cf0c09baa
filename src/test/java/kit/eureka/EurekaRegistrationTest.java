// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.discovery.Instance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Engine;
import testing.Eventually;
import testing.FakeConsul;
import testing.RecordingLogger;

/** Heartbeats are sent every 0.8 to 1 seconds, the shortest interval. */
@Timeout(60)
class EurekaRegistrationTest {
  private static final String APP = "/eureka/apps/WEB";
  private static final String ONE = APP + "/web-1";
  private static final Instance INSTANCE =
      new Instance("10.0.0.5", 8081, List.of("v1", "v2"), Map.of("zone", "a"));
  private static final HttpClient HTTP = Engine.newHttpClient();

  private final RecordingLogger log = new RecordingLogger();
  private FakeConsul fake; // Any server with scripts.
  private EurekaRegistration registration;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
    fake.on("POST", APP).answer(204, "");
    fake.on("PUT", ONE).answer(200, "");
    fake.on("GET", ONE).answer(200, entry("10.0.0.5", 8081, "UP"));
    fake.on("DELETE", ONE).answer(200, "");
    registration = registration("web", "web-1");
  }

  @AfterEach
  void stop() {
    registration.close();
    fake.close();
  }

  private EurekaRegistration registration(String service, String id) {
    return registration(service, id, INSTANCE);
  }

  private EurekaRegistration registration(String service, String id, Instance instance) {
    EurekaClient client =
        new EurekaClient(List.of(fake.uri().resolve("/eureka")), HTTP, Duration.ofSeconds(5));
    return new EurekaRegistration(client, service, id, instance, Duration.ofSeconds(1), log);
  }

  private static String entry(String host, int port, String status) {
    return """
        {"instance":{"instanceId":"web-1","hostName":"%s","app":"WEB","status":"%s",
          "port":{"$":%d,"@enabled":"true"}}}"""
        .formatted(host, status, port);
  }

  private FakeConsul.Request awaitRequest(String method, String path) throws Exception {
    FakeConsul.Request request = fake.awaitRequest();
    assertThat(request).hasToString(method + " " + path);
    return request;
  }

  @Test
  void registersThenSendsHeartbeatsAndChecksSometimes() throws Exception {
    registration.start();

    assertThat(awaitRequest("POST", APP).body())
        .contains("\"app\":\"WEB\"", "\"vipAddress\":\"web\"", "\"status\":\"UP\"")
        .contains("\"tags\":\"v1,v2\"", "\"zone\":\"a\"", "\"durationInSecs\":3");
    awaitRequest("PUT", ONE);
    awaitRequest("GET", ONE);
    for (int i = 0; i < 5; i++) {
      awaitRequest("PUT", ONE);
    }
    assertThat(registration.isRegistered()).isTrue();
    awaitRequest("PUT", ONE);
    awaitRequest("GET", ONE);
    assertThat(log.linesFrom(Level.WARN)).isEmpty();

    registration.close();
    fake.awaitRequest("DELETE", ONE);
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void instanceThatTheServerHasLostIsRegisteredAgain() throws Exception {
    fake.on("PUT", ONE).answer(404, "").answer(200, "");
    registration.start();

    awaitRequest("POST", APP);
    awaitRequest("PUT", ONE);
    awaitRequest("POST", APP);
    awaitRequest("PUT", ONE);
    awaitRequest("GET", ONE);
    assertThat(log.linesFrom(Level.WARN)).singleElement().asString().contains("web-1");
  }

  @Test
  void entryOfAnotherInstanceIsReplacedButNotDeregistered() throws Exception {
    String other = entry("10.0.0.6", 8081, "UP");
    fake.on("GET", ONE).answer(200, other);
    registration.start();

    awaitRequest("POST", APP);
    awaitRequest("PUT", ONE);
    awaitRequest("GET", ONE);
    awaitRequest("POST", APP);

    registration.close();
    assertThat(fake.requests())
        .extracting(FakeConsul.Request::method)
        .contains("GET")
        .doesNotContain("DELETE");
    assertThat(log.linesFrom(Level.WARN)).last().asString().contains("another instance");
  }

  @Test
  void otherPortIsAnotherInstance() throws Exception {
    fake.on("GET", ONE).answer(200, entry("10.0.0.5", 8082, "UP"));
    registration.start();
    awaitRequest("POST", APP);
    registration.close();
    assertThat(fake.requests()).extracting(FakeConsul.Request::method).doesNotContain("DELETE");
  }

  @Test
  void portOfAnInstanceWithTlsIsThatForHttps() throws Exception {
    Instance secure = new Instance("10.0.0.5", 8081, List.of(), Map.of("scheme", "https"));
    try (EurekaRegistration ofSecure = registration("web", "web-1", secure)) {
      ofSecure.start();

      assertThat(awaitRequest("POST", APP).body())
          .contains("\"port\":{\"$\":0,\"@enabled\":\"false\"}")
          .contains("\"securePort\":{\"$\":8081,\"@enabled\":\"true\"}")
          .contains("\"metadata\":{\"scheme\":\"https\"}");
      awaitRequest("PUT", ONE);
      awaitRequest("GET", ONE);
      awaitRequest("POST", APP); // The entry was that of an instance without TLS.
    }
  }

  @Test
  void statusOfAnOperatorIsLoggedOnceAndRespected() throws Exception {
    fake.on("GET", ONE).answer(200, entry("10.0.0.5", 8081, "OUT_OF_SERVICE"));
    registration.start();
    for (int checks = 0; checks < 2; checks++) {
      fake.awaitRequest("GET", ONE);
    }
    registration.close();

    assertThat(log.linesFrom(Level.WARN))
        .singleElement()
        .asString()
        .contains("web-1", "OUT_OF_SERVICE");
    assertThat(fake.requests()).filteredOn(request -> request.method().equals("POST")).hasSize(1);
    assertThat(fake.requests()).noneMatch(request -> request.path().endsWith("/status"));
    assertThat(fake.requests()).last().hasToString("DELETE " + ONE);
  }

  @Test
  void otherResponseThanNoContentIsNoRegistration() throws Exception {
    fake.on("POST", APP).answer(200, "").answer(204, "");
    registration.start();

    awaitRequest("POST", APP);
    awaitRequest("POST", APP);
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(registration.isRegistered()).isTrue());
    assertThat(log.linesFrom(Level.WARN)).singleElement().asString().contains("200 empty response");
  }

  @Test
  void failedHeartbeatIsRepeatedSoonWithoutRegisteringAgain() throws Exception {
    fake.on("PUT", ONE).answer(500, "").answer(200, "");
    registration.start();

    awaitRequest("POST", APP);
    awaitRequest("PUT", ONE);
    awaitRequest("PUT", ONE);
    awaitRequest("GET", ONE);
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(registration.isRegistered()).isTrue());
  }

  @Test
  void entryThatIsGoneNeedsNoDeregistration() throws Exception {
    fake.on("GET", ONE).answer(404, "");
    fake.on("DELETE", ONE).answer(404, "");
    registration.start();
    awaitRequest("POST", APP);
    registration.close();
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void registrationThatWasNeverStartedIsNotDeregistered() {
    registration.close();
    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void namesAreChecked() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> registration("a/b", "web-1"))
        .withMessageContaining("application");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> registration("web", "a/b"))
        .withMessageContaining("id");
  }
}
