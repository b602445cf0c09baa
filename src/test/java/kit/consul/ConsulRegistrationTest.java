// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.event.Level;
import testing.Engine;
import testing.Eventually;
import testing.FakeConsul;
import testing.RecordingLogger;

/** The registration against a faulty Consul; with a real one: {@code it.ConsulRegistryIT}. */
@Timeout(20)
class ConsulRegistrationTest {
  private static final String REGISTER = "/v1/agent/service/register";
  private static final String DEREGISTER = "/v1/agent/service/deregister/web-1";
  private static final ConsulClient.Service SERVICE =
      new ConsulClient.Service("web-1", "web", "10.0.0.1", 80, List.of("primary"), Map.of());

  private static final String INSTANCE = "/v1/agent/health/service/id/web-1";
  private static final String KNOWN =
      """
      {"Service": {"ID": "web-1", "Service": "web", "Address": "10.0.0.1", "Port": 80,
                   "Tags": ["primary"], "Meta": {}},
       "Checks": [{"CheckID": "check", "Status": "passing"}]}""";
  private static final List<ConsulCheck> CHECKS =
      List.of(ConsulCheck.http("check", "http://10.0.0.1/health", Duration.ofSeconds(5)));

  private final RecordingLogger log = new RecordingLogger();
  private FakeConsul fake;
  private ConsulRegistration registration;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeConsul();
    fake.on("PUT", DEREGISTER).answer(200, "");
    registration = new ConsulRegistration(Engine.consul(fake.uri()), SERVICE, CHECKS);
  }

  private ConsulRegistration lookingEvery(Duration interval) {
    return new ConsulRegistration(Engine.consul(fake.uri()), SERVICE, CHECKS, null, interval, log);
  }

  @AfterEach
  void stop() {
    registration.close();
    fake.close();
  }

  private List<String> requests() {
    return fake.requests().stream()
        .map(request -> request.method() + " " + request.path())
        .toList();
  }

  @Test
  void registersOnceAndDeregistersTheSameIdOnce() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    registration.start();
    registration.start();
    Eventually.within(
        Duration.ofSeconds(5), () -> assertThat(registration.isRegistered()).isTrue());
    assertThat(fake.awaitRequest("PUT", REGISTER).body()).contains("\"ID\":\"web-1\"");
    registration.close();
    registration.close();
    assertThat(registration.isRegistered()).isFalse();
    assertThat(requests()).containsExactly("PUT " + REGISTER, "PUT " + DEREGISTER);
  }

  @Test
  void retriesUntilTheAgentAcceptsIt() throws Exception {
    fake.on("PUT", REGISTER)
        .answer(500, "boom")
        .answer(403, "Permission denied")
        .drop()
        .answer(200, "");
    registration.start();
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(registration.isRegistered()).isTrue());
    assertThat(requests()).containsOnly("PUT " + REGISTER).hasSize(4);
  }

  @Test
  void lateRegistrationIsFollowedByADeregistration() throws Exception {
    FakeConsul.Script register = fake.on("PUT", REGISTER).hang().answer(200, "");
    registration.start();
    fake.awaitRequest("PUT", REGISTER);
    registration.close(); // Gives up waiting after 2 seconds...
    assertThat(requests()).doesNotContain("PUT " + DEREGISTER);
    register.release();
    fake.awaitRequest("PUT", DEREGISTER); // ...but the ghost is laid.
    assertThat(requests()).containsExactly("PUT " + REGISTER, "PUT " + DEREGISTER);
  }

  @Test
  void closeWaitsForTheRequestInFlight() throws Exception {
    FakeConsul.Script register = fake.on("PUT", REGISTER).hang().answer(200, "");
    registration.start();
    fake.awaitRequest("PUT", REGISTER);
    Thread closing = new Thread(registration::close);
    closing.start();
    register.release();
    closing.join();
    assertThat(requests()).containsExactly("PUT " + REGISTER, "PUT " + DEREGISTER);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          '"ID": "web-1", "Service": "web"' | '"ID": "web-1", "Service": "other"'
          10.0.0.1                          | 10.0.0.2
          '"Port": 80'                      | '"Port": 81'
          primary                           | secondary
          '"Meta": {}'                      | '"Meta": {"by": "hand"}'
          '"CheckID": "check"'              | '"CheckID": "another"'
          '{"CheckID": "check", "Status": "passing"}' | ''
          """)
  void registersAgainWhenTheAgentsRecordDiffers(String ours, String known) throws Exception {
    assertThat(KNOWN).contains(ours);
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("GET", INSTANCE).answer(200, KNOWN.replace(ours, known)).answer(200, KNOWN);
    try (ConsulRegistration looking = lookingEvery(Duration.ofMillis(20))) {
      looking.start();
      for (int i = 0; i < 2; i++) {
        fake.awaitRequest("PUT", REGISTER);
        fake.awaitRequest("GET", INSTANCE);
      }
      fake.awaitRequest("GET", INSTANCE); // The first one that is right has been looked at.
    }
    assertThat(requests()).filteredOn(("PUT " + REGISTER)::equals).hasSize(2);
  }

  @Test
  void registersAgainWhenTheInstanceIsMissing() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("GET", INSTANCE).answer(404, "{\"Service\": null}").answer(200, KNOWN);
    try (ConsulRegistration looking = lookingEvery(Duration.ofMillis(20))) {
      looking.start();
      fake.awaitRequest("GET", INSTANCE);
      fake.awaitRequest("PUT", REGISTER);
      fake.awaitRequest("GET", INSTANCE);
    }
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN Consul at " + fake.uri() + " has lost or changed web-1: registering again");
  }

  @Test
  void checksOfOtherClientsAreKept() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    String more = "\"Checks\": [{\"CheckID\": \"by hand\", \"Status\": \"warning\"}, ";
    fake.on("GET", INSTANCE).answer(429, KNOWN.replace("\"Checks\": [", more));
    try (ConsulRegistration looking = lookingEvery(Duration.ofMillis(20))) {
      looking.start();
      for (int i = 0; i < 3; i++) {
        fake.awaitRequest("GET", INSTANCE);
      }
    }
    assertThat(requests()).filteredOn(("PUT " + REGISTER)::equals).hasSize(1);
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void logsTheOutputOfACriticalCheckOnce() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    String critical =
        KNOWN.replace("\"passing\"", "\"critical\", \"Output\": \"dial tcp:\\nno route to host\"");
    fake.on("GET", INSTANCE).answer(503, critical).answer(503, critical).answer(200, KNOWN);
    try (ConsulRegistration looking = lookingEvery(Duration.ofMillis(20))) {
      looking.start();
      for (int i = 0; i < 5; i++) {
        fake.awaitRequest("GET", INSTANCE);
      }
    }
    String finder = "WARN Consul at " + fake.uri() + " reports web-1 as ";
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            finder + "critical, it receives no traffic: check: dial tcp:\\nno route to host",
            finder + "passing again");
  }

  @Test
  void closedBeforeTheStartItNeverRegisters() {
    registration.close();
    registration.start();
    assertThat(registration.isRegistered()).isFalse();
    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void deregistrationTimesOutAfterTwoSeconds() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("PUT", DEREGISTER).hang();
    registration.start();
    fake.awaitRequest("PUT", REGISTER);
    long startNanos = System.nanoTime();
    registration.close();
    assertThat(Duration.ofNanos(System.nanoTime() - startNanos)).isLessThan(Duration.ofSeconds(4));
  }

  @Test
  void heartbeatReportsTheHealthAndRegistersAMissingCheck() throws Exception {
    String update = "/v1/agent/check/update/ttl";
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("PUT", update)
        .answer(200, "")
        .answer(200, "")
        .answer(404, "Unknown check")
        .answer(200, "");
    AtomicReference<ConsulClient.Status> health =
        new AtomicReference<>(ConsulClient.Status.PASSING);
    try (ConsulRegistration beating =
        new ConsulRegistration(
            Engine.consul(fake.uri()),
            SERVICE,
            List.of(ConsulCheck.ttl("ttl", Duration.ofMillis(300))),
            new ConsulRegistration.Heartbeat("ttl", Duration.ofMillis(300), health::get))) {
      beating.start();
      assertThat(fake.awaitRequest("PUT", update).body()).contains("passing");
      health.set(ConsulClient.Status.WARNING);
      assertThat(fake.awaitRequest("PUT", update).body()).contains("warning");
      fake.awaitRequest("PUT", update); // The response is 404.
      fake.awaitRequest("PUT", REGISTER);
      fake.awaitRequest("PUT", update);
    }
  }

  @Test
  void failingHealthCheckIsCriticalWithTheReason() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("PUT", "/v1/agent/check/update/ttl").answer(200, "");
    try (ConsulRegistration beating =
        new ConsulRegistration(
            Engine.consul(fake.uri()),
            SERVICE,
            List.of(ConsulCheck.ttl("ttl", Duration.ofSeconds(5))),
            new ConsulRegistration.Heartbeat(
                "ttl",
                Duration.ofSeconds(5),
                () -> {
                  throw new IOException("disk full");
                }))) {
      beating.start();
      String body = fake.awaitRequest("PUT", "/v1/agent/check/update/ttl").body();
      assertThat(body).contains("critical").contains("disk full");
    }
  }
}
