// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.cli.Flags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.eureka.EurekaClient;
import kit.registry.Registry;
import kit.registry.RegistryFlags;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import testing.Engine;
import testing.EurekaServer;
import testing.Eventually;

/** What a registry promises, kept by a real Eureka whose lists are a second old. */
class EurekaRegistryIT extends RegistryContract.Changing {
  private static final HttpClient HTTP = Engine.newHttpClient();
  private static final Duration RENEWAL = Duration.ofSeconds(1);

  private static EurekaServer server;

  @AfterAll
  static void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  private static EurekaServer server() throws Exception {
    if (server == null) { // Not @BeforeAll: without Eureka, each test is to be seen as skipped.
      server = EurekaServer.start();
    }
    return server;
  }

  private static EurekaClient client() throws Exception {
    return new EurekaClient(List.of(server().uri()), HTTP, Duration.ofSeconds(3));
  }

  @Override
  Registry finder() throws Exception {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of(), () -> Engine.CALLS);
    flags.parse("--registry=" + server().registry(), "--eureka-renewal=1s", "--eureka-poll=200ms");
    return registry.get();
  }

  @Override
  Duration listingDelay() {
    return Duration.ofSeconds(5); // A second on an idle machine.
  }

  @Override
  void leave(String id, Instance instance) throws Exception {
    client()
        .register(
            EurekaClient.Instance.of(service, id, instance.host(), instance.port(), Map.of()),
            Duration.ofMinutes(1));
  }

  @Override
  List<String> ids() throws Exception {
    return client().app(service).stream().map(EurekaClient.Instance::id).sorted().toList();
  }

  @Override
  void forget(String id) throws Exception {
    assertThat(client().deregister(service, id)).isTrue();
  }

  @Override
  void kill() throws Exception {
    server().kill();
  }

  @Override
  void restartEmpty() throws Exception {
    server().restartEmpty();
  }

  private void awaitStatus(String id, String status) throws Exception {
    Eventually.within(
        soon(),
        () ->
            assertThat(client().instance(service, id).map(EurekaClient.Instance::status))
                .contains(status));
  }

  @Test
  void tagsAndMetadataAreThoseThatWereRegistered() throws Exception {
    Map<String, String> metadata = Map.of("tags", "v1,v2", "route-1", "GET /user/{uid:\\d+}");
    EurekaClient.Instance one =
        EurekaClient.Instance.of(service, "one", "127.0.0.1", 8081, metadata);
    client().register(one, RENEWAL);
    leave("other", OTHER);

    try (Instances tagged = finder().instances(service.toUpperCase(), List.of("v2"))) {
      awaitExactly(tagged, ONE);
      Instance found = tagged.snapshot().get(0);
      assertThat(found.tags()).containsExactly("v1", "v2");
      assertThat(found.meta()).isEqualTo(metadata);
    }
  }

  @Test
  void instancesThatAreNotUpAreSkippedAndAnOperatorMayTakeOneOut() throws Exception {
    EurekaClient.Instance down =
        new EurekaClient.Instance(service, "down", "127.0.0.9", 80, 0, "DOWN", Map.of());
    client().register(down, Duration.ofMinutes(1));
    try (Instances instances = with(ONE, OTHER).instances(service)) {
      awaitExactly(instances, ONE, OTHER);

      client().overrideStatus(service, idOf(ONE), "OUT_OF_SERVICE");
      awaitExactly(instances, OTHER);
      awaitStatus(idOf(ONE), "OUT_OF_SERVICE");

      client().clearStatus(service, idOf(ONE));
      awaitExactly(instances, ONE, OTHER);
    }
  }

  @Test
  void instanceWithoutHeartbeatsExpires() throws Exception {
    client()
        .register(EurekaClient.Instance.of(service, "dead", "127.0.0.1", 8081, Map.of()), RENEWAL);
    try (Instances instances = with(OTHER).instances(service)) {
      awaitExactly(instances, ONE, OTHER);
      awaitExactly(instances, OTHER);
      assertThat(ids()).containsExactly(idOf(OTHER));
    }
  }

  @Test
  void entryOfAnotherInstanceUnderTheIdIsReplaced() throws Exception {
    try (Instances instances = with(ONE).instances(service)) {
      awaitExactly(instances, ONE);
      Eventually.within( // It is replaced soon, perhaps before a client sees it.
          soon(),
          () -> {
            leave(idOf(ONE), OTHER);
            assertThat(entryHost()).isEqualTo(OTHER.host());
          });
      Eventually.within(soon(), () -> assertThat(entryHost()).isEqualTo(ONE.host()));
      awaitExactly(instances, ONE);
    }
  }

  private String entryHost() throws Exception {
    return client().instance(service, idOf(ONE)).orElseThrow().host();
  }

  @Test
  void allApplicationsAreListed() throws Exception {
    with(ONE, OTHER);
    Eventually.within(
        soon(),
        () ->
            assertThat(client().apps())
                .filteredOn(instance -> instance.app().equalsIgnoreCase(service))
                .extracting(EurekaClient.Instance::id)
                .containsExactlyInAnyOrder(idOf(ONE), idOf(OTHER)));
  }

  @Test
  void unknownInstancesAreNoErrors() throws Exception {
    assertThat(client().heartbeat(service, "none")).isFalse();
    assertThat(client().deregister(service, "none")).isFalse();
    assertThat(client().overrideStatus(service, "none", "DOWN")).isFalse();
    assertThat(client().clearStatus(service, "none")).isFalse();
    assertThat(client().instance(service, "none")).isEmpty();
    assertThat(client().app(service)).isEmpty();
  }
}
