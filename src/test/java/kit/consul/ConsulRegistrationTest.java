// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;
import testing.FakeConsul;

/** The registration against a Consul that misbehaves; with the real one: {@code it.HealingIT}. */
@Timeout(20)
class ConsulRegistrationTest {
  private static final String REGISTER = "/v1/agent/service/register";
  private static final String DEREGISTER = "/v1/agent/service/deregister/web-1";
  private static final ConsulClient.Service SERVICE =
      new ConsulClient.Service("web-1", "web", "10.0.0.1", 80, List.of("primary"), Map.of());

  private FakeConsul fake;
  private ConsulRegistration registration;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeConsul();
    fake.on("PUT", DEREGISTER).answer(200, "");
    registration =
        new ConsulRegistration(
            new ConsulClient(fake.uri(), null),
            SERVICE,
            List.of(
                ConsulClient.Check.http("check", "http://10.0.0.1/health", Duration.ofSeconds(5))));
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
  void triesUntilTheAgentTakesIt() throws Exception {
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
  void closeWaitsForTheRequestOnItsWay() throws Exception {
    FakeConsul.Script register = fake.on("PUT", REGISTER).hang().answer(200, "");
    registration.start();
    fake.awaitRequest("PUT", REGISTER);
    Thread closing = new Thread(registration::close);
    closing.start();
    register.release();
    closing.join();
    assertThat(requests()).containsExactly("PUT " + REGISTER, "PUT " + DEREGISTER);
  }

  @Test
  void closedBeforeTheStartItNeverRegisters() {
    registration.close();
    registration.start();
    assertThat(registration.isRegistered()).isFalse();
    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void deregistersAtMostTwoSecondsLong() throws Exception {
    fake.on("PUT", REGISTER).answer(200, "");
    fake.on("PUT", DEREGISTER).hang();
    registration.start();
    fake.awaitRequest("PUT", REGISTER);
    long startNanos = System.nanoTime();
    registration.close();
    assertThat(Duration.ofNanos(System.nanoTime() - startNanos)).isLessThan(Duration.ofSeconds(4));
  }

  @Test
  void heartbeatReportsTheHealthAndHealsAnUnknownCheck() throws Exception {
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
            new ConsulClient(fake.uri(), null),
            SERVICE,
            List.of(ConsulClient.Check.ttl("ttl", Duration.ofMillis(300))),
            new ConsulRegistration.Heartbeat("ttl", Duration.ofMillis(300), health::get))) {
      beating.start();
      assertThat(fake.awaitRequest("PUT", update).body()).contains("passing");
      health.set(ConsulClient.Status.WARNING);
      assertThat(fake.awaitRequest("PUT", update).body()).contains("warning");
      fake.awaitRequest("PUT", update); // Answered 404.
      fake.awaitRequest("PUT", REGISTER);
      fake.awaitRequest("PUT", update);
    }
  }
}
