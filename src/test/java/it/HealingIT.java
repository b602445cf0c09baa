// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.discovery.Instance;
import kit.discovery.Instances;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import testing.ConsulAgent;
import testing.Eventually;

/** Watch and registration with a real Consul that is killed and comes back with nothing. */
class HealingIT {
  private static ConsulAgent agent;

  @BeforeAll
  static void startConsul() throws Exception {
    agent = ConsulAgent.start();
  }

  @AfterAll
  static void stopConsul() throws Exception {
    if (agent != null) {
      agent.close();
    }
  }

  private static ConsulRegistration register(URI uri, int port) {
    ConsulClient.Service service =
        new ConsulClient.Service(
            "web-" + port, "web", "127.0.0.1", port, List.of("primary"), Map.of());
    ConsulRegistration registration =
        new ConsulRegistration(new ConsulClient(uri, null), service, List.of());
    registration.start();
    return registration;
  }

  @Test
  void aChangeIsKnownAtOnce() throws Exception {
    try (Instances instances = new ConsulInstances(new ConsulClient(agent.uri(), null), "web")) {
      assertThat(instances.awaitFirst(Duration.ofSeconds(5))).isTrue();
      CountDownLatch arrived = new CountDownLatch(1);
      instances.onChange(arrived::countDown);
      try (ConsulRegistration registration = register(agent.uri(), 8081)) {
        assertThat(arrived.await(5, TimeUnit.SECONDS)).isTrue();
        assertThat(instances.snapshot()).extracting(Instance::port).containsExactly(8081);
      }
    }
  }

  @Test
  void aRestartedConsulGetsEverybodyBackAndTheWatchMissesNobody() throws Exception {
    List<ConsulRegistration> registrations = new ArrayList<>();
    try (Instances instances = new ConsulInstances(new ConsulClient(agent.uri(), null), "web")) {
      for (int port = 8081; port <= 8083; port++) {
        registrations.add(register(agent.uri(), port));
      }
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(instances.snapshot()).hasSize(3));
      List<Integer> sizes = new ArrayList<>();
      instances.onChange(() -> sizes.add(instances.snapshot().size()));

      agent.kill();
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(instances.failure()).isPresent());
      assertThat(instances.snapshot()).hasSize(3);

      agent.restart();
      ConsulClient consul = new ConsulClient(agent.uri(), null);
      Eventually.within(Duration.ofSeconds(15), () -> assertThat(consul.services()).hasSize(3));
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(instances.snapshot()).hasSize(3));
      assertThat(instances.failure()).isEmpty();
      assertThat(sizes).doesNotContain(0);
    } finally {
      registrations.forEach(ConsulRegistration::close);
    }
    assertThat(new ConsulClient(agent.uri(), null).services()).isEmpty();
  }

  @Test
  void whatSomebodyElseDeregistersIsBackWithinTwelveSeconds() throws Exception {
    try (ConsulRegistration registration = register(agent.uri(), 8084)) {
      ConsulClient consul = new ConsulClient(agent.uri(), null);
      Eventually.within(
          Duration.ofSeconds(5), () -> assertThat(registration.isRegistered()).isTrue());
      consul.deregister("web-8084");
      Eventually.within(
          Duration.ofSeconds(15), () -> assertThat(consul.services()).containsKey("web-8084"));
    }
  }
}
