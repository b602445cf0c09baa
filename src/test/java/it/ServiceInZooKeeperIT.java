// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.zookeeper.ZooKeeperClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;
import testing.ZooKeeperServer;

/** The two jars and a real ZooKeeper. */
@Timeout(180)
class ServiceInZooKeeperIT {
  private static final Logger LOG = LoggerFactory.getLogger(ServiceInZooKeeperIT.class);
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final String FOLDER = "/services/userservice";

  @RegisterExtension
  static final SharedServer<ZooKeeperServer> zookeeper =
      new SharedServer<>(ZooKeeperServer::start, ZooKeeperServer::restartEmpty);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private static List<String> registered() throws Exception {
    List<String> addresses = new ArrayList<>();
    try (ZooKeeperClient client = zookeeper.get().client()) {
      for (String name : client.children(FOLDER, false).orElse(List.of())) {
        client.get(FOLDER + "/" + name, false).ifPresent(node -> addresses.add(node.data()));
      }
    }
    return addresses;
  }

  private List<JarProcess> services(int count) throws Exception {
    List<JarProcess> services =
        Stream.generate(() -> jars.service(zookeeper.get().registry(), 0)).limit(count).toList();
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(count));
    return services;
  }

  private static String millisSince(long startNanos) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) + " ms";
  }

  private static void assertNoCallFailed(JarProcess loop) throws Exception {
    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET "));
    LOG.info("{} calls, none failed", loop.out().size());
  }

  @Test
  void eachCommandOfTheClientFindsThem() throws Exception {
    JarProcess watch = jars.client(zookeeper.get().registry(), "watch");
    JarProcess first = jars.service(zookeeper.get().registry(), 0);
    int port = first.port();
    long listeningAtNanos = System.nanoTime();
    assertThat(watch.nextLine()).endsWith("Z + 127.0.0.1:" + port + " []");
    LOG.info("from listening to the line of watch: {}", millisSince(listeningAtNanos));
    int other = jars.service(zookeeper.get().registry(), 0).port();
    assertThat(watch.nextLine()).endsWith("Z + 127.0.0.1:" + other + " []");

    String[] addresses = {"127.0.0.1:" + port, "127.0.0.1:" + other};
    assertThat(jars.outputOfClient(zookeeper.get().registry(), "instances"))
        .containsExactlyInAnyOrder(addresses);
    assertThat(jars.outputOfClient(zookeeper.get().registry(), "get", "101", "--all"))
        .containsExactlyInAnyOrder("jerry" + port, "jerry" + other);

    first.signal("TERM");
    assertThat(watch.nextLine()).endsWith("Z - 127.0.0.1:" + port + " []");
    assertThat(first.exitStatus()).isEqualTo(143);
    assertThat(registered()).containsExactly("127.0.0.1:" + other);
    assertThat(first.err()).noneMatch(line -> line.contains("WARN"));
  }

  @Test
  void zooKeeperThatWasAwayCostsNoCallWithItsDataAndWithout() throws Exception {
    services(2);
    JarProcess loop = jars.client(zookeeper.get().registry(), "loop", "--interval", "10ms");
    loop.nextLine();

    outage(loop, Duration.ofSeconds(8), false);
    outage(loop, Duration.ofSeconds(8), true);

    assertNoCallFailed(loop);
  }

  private static void outage(JarProcess loop, Duration length, boolean dataIsLost)
      throws Exception {
    int recoveries = recoveries(loop);
    zookeeper.get().kill();
    long killedAtNanos = System.nanoTime();
    while (System.nanoTime() - killedAtNanos < length.toNanos()) {
      loop.nextLine();
    }
    if (dataIsLost) {
      zookeeper.get().restartEmpty();
    } else {
      zookeeper.get().restart();
    }
    long restartedAtNanos = System.nanoTime();
    Eventually.within(Duration.ofSeconds(15), () -> assertThat(registered()).hasSize(2));
    LOG.info("registered again after {}, data lost: {}", millisSince(restartedAtNanos), dataIsLost);
    Eventually.within(SOON, () -> assertThat(recoveries(loop)).isEqualTo(recoveries + 1));
  }

  private static int recoveries(JarProcess loop) {
    return (int) loop.err().stream().filter(line -> line.contains("recovered")).count();
  }

  @Test
  void killedInstanceCostsNoCallAndIsRemovedWithItsSession() throws Exception {
    List<JarProcess> services = services(2);
    JarProcess loop = jars.client(zookeeper.get().registry(), "loop", "--interval", "10ms");
    loop.nextLine();

    services.get(0).signal("KILL");
    long killedAtNanos = System.nanoTime();
    Eventually.within(Duration.ofSeconds(25), () -> assertThat(registered()).hasSize(1));
    LOG.info("a killed instance is removed after {}", millisSince(killedAtNanos));
    assertThat(System.nanoTime() - killedAtNanos).isGreaterThan(TimeUnit.SECONDS.toNanos(5));

    assertNoCallFailed(loop);
  }

  @Test
  void suspendedInstanceExpiresAndRegistersAgainAfterItResumes() throws Exception {
    JarProcess service = services(1).get(0);

    service.signal("STOP");
    Eventually.within(Duration.ofSeconds(25), () -> assertThat(registered()).isEmpty());

    service.signal("CONT");
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(1));
    assertThat(jars.outputOfClient(zookeeper.get().registry(), "get", "101")).hasSize(1);
  }

  @Test
  void serviceServesBeforeThereIsAZooKeeperAndRegistersWhenThereIs() throws Exception {
    zookeeper.get().kill();
    JarProcess service = jars.service(zookeeper.get().registry(), 0);
    int port = service.port();
    Eventually.within(
        SOON, () -> assertThat(service.err()).anyMatch(line -> line.contains("WARN")));

    zookeeper.get().restart();

    Eventually.within(SOON, () -> assertThat(registered()).containsExactly("127.0.0.1:" + port));
    assertThat(service.err()).filteredOn(line -> line.contains("WARN")).hasSize(1);
  }

  @Test
  void flagsWithoutEffectAreOneWarning() throws Exception {
    JarProcess service = jars.service(zookeeper.get().registry(), 0, "--tags=blue", "--check=ttl");
    service.port();
    assertThat(service.err())
        .filteredOn(line -> line.contains("WARN"))
        .singleElement()
        .asString()
        .contains("ignored", zookeeper.get().registry())
        .endsWith(": --check, --tags");

    JarProcess instances = jars.client(zookeeper.get().registry(), "instances", "--tags", "blue");
    assertThat(instances.exitStatus()).isEqualTo(2);
    assertThat(instances.err()).singleElement().asString().startsWith("--tags: ");

    JarProcess name = jars.client(zookeeper.get().registry(), "instances", "--service", "..");
    assertThat(name.exitStatus()).isEqualTo(2);
    assertThat(name.err()).singleElement().asString().startsWith("--service: not a path");
  }
}
