// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.nacos.NacosClient;
import kit.registry.Registry;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import testing.Engine;
import testing.NacosServer;

/** What a registry promises, kept by a real Nacos. */
class NacosRegistryIT extends RegistryContract.Changing {
  private static NacosServer server;

  @AfterAll
  static void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  private static NacosServer server() throws Exception {
    if (server == null) { // Not @BeforeAll: without Nacos, each test is to be seen as skipped.
      server = NacosServer.start();
    }
    return server;
  }

  private NacosClient.Service web() {
    return NacosClient.Service.of(service);
  }

  private List<NacosClient.Instance> entries() throws Exception {
    return server().client().list(web(), List.of());
  }

  @Override
  Duration soon() {
    return Duration.ofSeconds(30); // Polls of 2 s, and up to a second of Nacos' own.
  }

  @Override
  Duration listingDelay() {
    return Duration.ofSeconds(5); // 0.6 seconds on an idle machine.
  }

  @Override
  String idOf(Instance instance) {
    return instance.authority();
  }

  @Override
  Instance predecessorOfOther() {
    return OTHER; // The address is the id.
  }

  @Override
  Registry finder() throws Exception {
    return Engine.registry(server().registry());
  }

  @Override
  void leave(String id, Instance instance) throws Exception {
    server().client().register(web(), NacosClient.Instance.of(instance.host(), instance.port()));
  }

  private static String id(NacosClient.Instance instance) {
    return instance.host() + ":" + instance.port();
  }

  @Override
  List<String> ids() throws Exception {
    return entries().stream().map(NacosRegistryIT::id).sorted().toList();
  }

  @Override
  void forget(String id) throws Exception {
    Instance instance = Instance.parse(id);
    server().client().deregister(web(), NacosClient.Instance.of(instance.host(), instance.port()));
  }

  @Override
  void kill() throws Exception {
    server().kill();
  }

  @Override
  void restartEmpty() throws Exception {
    server().restartEmpty();
  }

  @Test
  void allClustersAreListedAndTheNamedOnesWhenAsked() throws Exception {
    NacosClient.Instance one = NacosClient.Instance.of("127.0.0.1", 8081);
    NacosClient.Instance other = NacosClient.Instance.of("127.0.0.2", 8082);
    server().client().register(web(), one);
    server().client().register(web(), other.in("c1", Map.of()));

    try (Instances all = finder().instances(service);
        Instances named = Engine.registry(server().registry() + "?cluster=c1").instances(service)) {
      awaitExactly(all, ONE, OTHER);
      awaitExactly(named, OTHER);
    }
  }

  @Test
  void tagsAndWeightAreThoseThatWereRegistered() throws Exception {
    server()
        .client()
        .register(
            web(),
            new NacosClient.Instance(
                "127.0.0.1",
                8081,
                2.5,
                "DEFAULT",
                Map.of("tags", "v1,v2", "zone", "a"),
                true,
                true,
                Duration.ofSeconds(5)));
    try (Instances tagged = finder().instances(service, List.of("v2"))) {
      awaitExactly(tagged, ONE);
      Instance found = tagged.snapshot().get(0);
      assertThat(found.tags()).containsExactly("v1", "v2");
      assertThat(found.weight()).isEqualTo(2.5);
      assertThat(found.meta()).containsEntry("zone", "a");
    }
  }

  @Test
  void instanceWithoutHeartbeatsIsUnhealthyAndSkipped() throws Exception {
    Map<String, String> quick =
        Map.of(
            "preserved.heart.beat.interval", "500",
            "preserved.heart.beat.timeout", "1500",
            "preserved.ip.delete.timeout", "60000");
    NacosClient.Instance dead = NacosClient.Instance.of("127.0.0.1", 8081).in("DEFAULT", quick);
    server().client().register(web(), dead);
    try (Instances instances = with(OTHER).instances(service)) {
      awaitExactly(instances, ONE, OTHER);
      awaitExactly(instances, OTHER);
      assertThat(server().client().list(web(), List.of()))
          .extracting(NacosClient.Instance::isHealthy)
          .containsExactlyInAnyOrder(true, false);
    }
  }

  @Test
  void metadataThatTheServerCannotParseIsAnErrorOfTheClientOnly() throws Exception {
    assertThat(server().client().heartbeat(web(), NacosClient.Instance.of("127.0.0.9", 1)))
        .isFalse();
    String rubbish = "/nacos/v3/client/ns/instance?ip=127.0.0.1&port=1&metadata=rubbish";
    assertThat(server().send("POST", rubbish + "&serviceName=" + service).body()).isEmpty();
    assertThat(entries()).isEmpty();
  }
}
