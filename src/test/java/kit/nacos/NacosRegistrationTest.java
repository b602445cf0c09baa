// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import static org.assertj.core.api.Assertions.assertThat;

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

@Timeout(30)
class NacosRegistrationTest {
  private static final String INSTANCE = "/nacos/v3/client/ns/instance";
  private static final String OK = "{\"code\":0,\"message\":\"success\",\"data\":\"ok\"}";
  private static final String UNKNOWN = "{\"code\":21003,\"message\":\"instance not found\"}";
  private static final Instance ONE =
      new Instance("10.0.0.5", 8081, List.of("v1", "v2"), Map.of("zone", "a"));
  private static final HttpClient HTTP = Engine.newHttpClient();

  private final RecordingLogger log = new RecordingLogger();
  private FakeConsul fake; // Any server with scripts.
  private NacosRegistration registration;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
    // The server asks for heartbeats every 10 ms.
    fake.on("GET", INSTANCE + "/list")
        .answer(
            200,
            "{\"code\":0,\"data\":[{\"ip\":\"10.0.0.5\",\"port\":1},{\"ip\":\"10.0.0.5\","
                + "\"port\":8081,\"instanceHeartBeatInterval\":10}]}");
    fake.on("DELETE", INSTANCE).answer(200, OK);
    NacosClient client = new NacosClient(List.of(fake.uri()), HTTP, Duration.ofSeconds(5));
    NacosClient.Service web = NacosClient.Service.of("web");
    registration = new NacosRegistration(client, web, "c1", ONE, log);
  }

  @AfterEach
  void stop() {
    registration.close();
    fake.close();
  }

  private FakeConsul.Request awaitPost() throws Exception {
    return fake.awaitRequest("POST", INSTANCE);
  }

  private static boolean isHeartbeat(FakeConsul.Request request) {
    return request.body().contains("heartBeat=true");
  }

  @Test
  void registersThenSendsHeartbeatsAtTheIntervalOfTheServer() throws Exception {
    fake.on("POST", INSTANCE).answer(200, OK);
    registration.start();

    FakeConsul.Request first = awaitPost();
    assertThat(isHeartbeat(first)).isFalse();
    assertThat(first.body()).contains("clusterName=c1").contains("v1%2Cv2").contains("zone");
    for (int i = 0; i < 5; i++) {
      assertThat(isHeartbeat(awaitPost())).isTrue();
    }
    assertThat(registration.isRegistered()).isTrue();

    registration.close();
    fake.awaitRequest("DELETE", INSTANCE);
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void instanceThatTheServerHasLostIsRegisteredAgain() throws Exception {
    fake.on("POST", INSTANCE).answer(200, OK).answer(200, UNKNOWN).answer(200, OK);
    registration.start();

    assertThat(isHeartbeat(awaitPost())).isFalse();
    assertThat(isHeartbeat(awaitPost())).isTrue();
    assertThat(isHeartbeat(awaitPost())).isFalse();
    assertThat(isHeartbeat(awaitPost())).isTrue();
    assertThat(log.linesFrom(Level.WARN))
        .anySatisfy(line -> assertThat(line).startsWith("WARN").contains("web-10.0.0.5:8081"));
  }

  @Test
  void emptyResponseIsNoRegistration() throws Exception {
    fake.on("POST", INSTANCE).answer(200, "").answer(200, OK);
    registration.start();

    awaitPost();
    assertThat(isHeartbeat(awaitPost())).isFalse();
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(registration.isRegistered()).isTrue());
    assertThat(log.linesFrom(Level.WARN))
        .anySatisfy(line -> assertThat(line).startsWith("WARN").contains("empty response"));
  }

  @Test
  void metadataThatNacosDoesNotAcceptIsLeftOutWithOneWarning() throws Exception {
    String half = "\\".repeat(300); // Two characters each in JSON.
    Map<String, String> meta = Map.of("route-1", half, "route-2", half, "scheme", "https");
    Instance large = new Instance("10.0.0.6", 8081, List.of("v1"), meta);
    NacosClient client = new NacosClient(List.of(fake.uri()), HTTP, Duration.ofSeconds(5));
    fake.on("POST", INSTANCE).answer(200, OK);

    try (NacosRegistration other =
        new NacosRegistration(client, NacosClient.Service.of("web"), "DEFAULT", large, log)) {
      other.start();
      assertThat(awaitPost().body())
          .contains("%22tags%22%3A%22v1%22", "%22scheme%22%3A%22https%22", "route-1")
          .doesNotContain("route-2");
    }
    assertThat(log.linesFrom(Level.WARN)).singleElement().asString().contains("1024", "[route-2]");
  }

  @Test
  void registrationThatWasNeverStartedIsNotDeregistered() {
    registration.close();
    assertThat(fake.requests()).isEmpty();
  }
}
