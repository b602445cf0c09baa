// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.nacos.NacosClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.NacosServer;
import testing.SharedServer;

/** The two jars and a real Nacos. */
@Timeout(180)
class ServiceInNacosIT {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceInNacosIT.class);
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final NacosClient.Service SERVICE = NacosClient.Service.of("userservice");

  @RegisterExtension
  static final SharedServer<NacosServer> nacos =
      new SharedServer<>(NacosServer::start, server -> server.deregisterAll(SERVICE));

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private static List<String> registered() throws Exception {
    return nacos.get().client().list(SERVICE, List.of()).stream()
        .map(instance -> instance.host() + ":" + instance.port())
        .toList();
  }

  private List<JarProcess> services(int count) throws Exception {
    List<JarProcess> services =
        Stream.generate(() -> jars.service(nacos.get().registry(), 0)).limit(count).toList();
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(count));
    return services;
  }

  private static String millisSince(long startNanos) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) + " ms";
  }

  @Test
  void eachCommandOfTheClientFindsThem() throws Exception {
    JarProcess watch = jars.client(nacos.get().registry(), "watch");
    JarProcess first = jars.service(nacos.get().registry(), 0, "--tags", "blue");
    int port = first.port();
    long listeningAtNanos = System.nanoTime();
    assertThat(watch.nextLine()).endsWith("Z + 127.0.0.1:" + port + " [blue]");
    LOG.info("from listening to the line of watch: {}", millisSince(listeningAtNanos));
    int other = services(1).get(0).port();

    String[] addresses = {"127.0.0.1:" + port, "127.0.0.1:" + other};
    assertThat(jars.outputOfClient(nacos.get().registry(), "instances"))
        .containsExactlyInAnyOrder(addresses);
    assertThat(jars.outputOfClient(nacos.get().registry(), "get", "101", "--all"))
        .containsExactlyInAnyOrder("jerry" + port, "jerry" + other);
    assertThat(jars.outputOfClient(nacos.get().registry(), "get", "101", "--tags", "blue"))
        .containsExactly("jerry" + port);

    first.signal("TERM");
    assertThat(first.exitStatus()).isEqualTo(143);
    Eventually.within(
        SOON,
        () -> assertThat(watch.out()).anyMatch(line -> line.contains("Z - 127.0.0.1:" + port)));
    assertThat(registered()).containsExactly("127.0.0.1:" + other);
  }

  @Test
  void nacosThatWasAwayAndIsBackEmptyCostsNoCall() throws Exception {
    services(2);
    JarProcess loop = jars.client(nacos.get().registry(), "loop", "--interval", "10ms");
    loop.nextLine();

    nacos.get().kill();
    long killedAtNanos = System.nanoTime();
    while (System.nanoTime() - killedAtNanos < TimeUnit.SECONDS.toNanos(8)) {
      loop.nextLine();
    }
    nacos.get().restartEmpty();
    long restartedAtNanos = System.nanoTime();
    Eventually.within(Duration.ofSeconds(20), () -> assertThat(registered()).hasSize(2));
    LOG.info("registered again after {}", millisSince(restartedAtNanos));
    Eventually.within(
        SOON, () -> assertThat(loop.err()).anyMatch(line -> line.contains("recovered")));

    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET ")); // A failed call.
    LOG.info("{} calls, none failed", loop.out().size());
  }

  @Test
  void killedInstanceCostsNoCallAndIsRemoved() throws Exception {
    List<JarProcess> services = services(2);
    JarProcess loop = jars.client(nacos.get().registry(), "loop", "--interval", "10ms");
    loop.nextLine();

    services.get(0).signal("KILL");
    long killedAtNanos = System.nanoTime();
    Eventually.within(Duration.ofSeconds(60), () -> assertThat(registered()).hasSize(1));
    LOG.info("a killed instance is removed after {}", millisSince(killedAtNanos));

    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET "));
  }

  @Test
  void flagsWithoutEffectAreOneWarning() throws Exception {
    JarProcess service =
        jars.service(nacos.get().registry(), 0, "--tags=blue", "--check=ttl", "--etcd-user=a:b");
    service.port();
    assertThat(service.err())
        .filteredOn(line -> line.contains("WARN"))
        .singleElement()
        .asString()
        .contains("ignored", nacos.get().registry())
        .endsWith(": --check, --etcd-user");
    Eventually.within(
        SOON, () -> assertThat(registered()).hasSize(1)); // Else it outlives the test.

    JarProcess services = jars.client(nacos.get().registry(), "services");
    assertThat(services.exitStatus()).isEqualTo(2);
    assertThat(services.err()).singleElement().asString().startsWith("--registry: ");
  }
}
