// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.etcd.EtcdClient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.EtcdServer;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** The two programs end to end with a real etcd. */
@Timeout(120)
class ServiceInEtcdIT {
  private static final Duration SOON = Duration.ofSeconds(15);
  private static final String FOLDER = "/services/userservice/";

  @RegisterExtension
  static final SharedServer<EtcdServer> etcd =
      new SharedServer<>(EtcdServer::start, server -> server.deleteAll(FOLDER));

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private static List<String> registered() throws Exception {
    return etcd.get().client().list(FOLDER).entries().stream()
        .map(EtcdClient.Entry::value)
        .toList();
  }

  /** Starts services, and waits until they are registered. */
  private List<JarProcess> services(int count) throws Exception {
    List<JarProcess> services =
        Stream.generate(() -> jars.service(etcd.get().registry(), 0)).limit(count).toList();
    Eventually.within(
        Duration.ofSeconds(30), () -> assertThat(registered()).hasSize(services.size()));
    return services;
  }

  private static List<Integer> ports(List<JarProcess> services) throws Exception {
    List<Integer> ports = new ArrayList<>();
    for (JarProcess service : services) {
      ports.add(service.port());
    }
    return ports;
  }

  private static List<String> names(List<Integer> ports) {
    return ports.stream().map(port -> "jerry" + port).toList();
  }

  /** Reads on until this many lines in a row are not {@code name}. */
  private static void awaitWithout(String name, JarProcess loop, int lines) throws Exception {
    for (int i = 0, others = 0; others < lines; i++) {
      others = loop.nextLine().equals(name) ? 0 : others + 1;
      assertThat(i).as("calls until it is no longer called").isLessThan(2_000);
    }
  }

  private static String get(int port, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(SOON).build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  @Test
  void instancesAreCalledInTurnAndAStoppedOneDeregistersWithoutFailingACall() throws Exception {
    List<JarProcess> services = services(3);
    List<Integer> ports = ports(services);
    JarProcess loop = jars.client(etcd.get().registry(), "loop", "--interval", "20ms");
    List<String> six = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      six.add(loop.nextLine());
    }
    assertThat(six.subList(0, 3)).containsExactlyInAnyOrderElementsOf(names(ports));
    assertThat(six.subList(3, 6)).isEqualTo(six.subList(0, 3));

    services.get(0).signal("TERM");
    Eventually.within(
        Duration.ofSeconds(5), // Of the 10 that its lease would have held.
        () -> assertThat(registered()).doesNotContain("127.0.0.1:" + ports.get(0)));
    assertThat(services.get(0).exitStatus()).isEqualTo(143);

    awaitWithout("jerry" + ports.get(0), loop, 20);
    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).isEmpty();
  }

  @Test
  void killedInstanceFailsNoCallAndExpiresWithItsLease() throws Exception {
    List<JarProcess> services = services(3);
    List<Integer> ports = ports(services);
    JarProcess loop = jars.client(etcd.get().registry(), "loop", "--interval", "5ms");
    for (int i = 0; i < 100; i++) {
      loop.nextLine();
    }

    services.get(0).signal("KILL");
    long killedAtNanos = System.nanoTime();
    Eventually.within(
        Duration.ofSeconds(25), // 10 as a rule; etcd looks twice a second.
        () -> assertThat(registered()).doesNotContain("127.0.0.1:" + ports.get(0)).hasSize(2));
    assertThat(System.nanoTime() - killedAtNanos).isGreaterThan(TimeUnit.SECONDS.toNanos(5));

    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).isEmpty();
    assertThat(loop.out()).containsAll(names(ports));
  }

  @Test
  void suspendedInstanceExpiresAndRegistersAgainAfterItResumes() throws Exception {
    JarProcess service = services(1).get(0);

    service.signal("STOP");
    Eventually.within(Duration.ofSeconds(25), () -> assertThat(registered()).isEmpty());

    service.signal("CONT");
    Eventually.within(SOON, () -> assertThat(registered()).hasSize(1));
    assertThat(jars.outputOfClient(etcd.get().registry(), "get", "101"))
        .isEqualTo(names(ports(List.of(service))));
  }

  @Test
  void etcdWithLostDataFailsNoCallAndAllInstancesRegisterAgain() throws Exception {
    List<JarProcess> services = services(2);
    List<Integer> ports = ports(services);
    JarProcess loop = jars.client(etcd.get().registry(), "loop", "--interval", "5ms");
    awaitWithout("jerry" + ports.get(0), loop, 1);

    etcd.get().kill();
    Eventually.within(
        SOON,
        () ->
            assertThat(loop.err())
                .anyMatch(line -> line.contains("keeping the last known content")));
    for (int i = 0; i < 100; i++) {
      loop.nextLine();
    }
    etcd.get().restartEmpty();
    Eventually.within(Duration.ofSeconds(30), () -> assertThat(registered()).hasSize(2));
    Eventually.within(
        SOON, () -> assertThat(loop.err()).anyMatch(line -> line.contains("recovered")));
    Eventually.within(
        SOON,
        () ->
            assertThat(services.get(0).err())
                .anyMatch(line -> line.contains("has lost the lease")));

    int soFar = loop.out().size();
    Eventually.within(
        SOON,
        () -> assertThat(loop.out().subList(soFar, loop.out().size())).containsAll(names(ports)));
    loop.signal("INT");
    assertThat(loop.exitStatus()).isEqualTo(130);
    assertThat(loop.err()).noneMatch(line -> line.startsWith("GET ")); // A failed call.
  }

  @Test
  void serviceServesBeforeThereIsAnEtcdAndRegistersWhenThereIs() throws Exception {
    etcd.get().kill();
    JarProcess service = jars.service(etcd.get().registry(), 0);
    int port = service.port();
    assertThat(get(port, "/user/101")).isEqualTo("{\"result\":\"jerry" + port + "\"}");
    Eventually.within(
        SOON, () -> assertThat(service.err()).anyMatch(line -> line.contains("WARN")));

    etcd.get().restart();

    Eventually.within(SOON, () -> assertThat(registered()).containsExactly("127.0.0.1:" + port));
    Eventually.within(
        SOON, () -> assertThat(service.err()).anyMatch(line -> line.contains("recovered")));
    assertThat(service.err()).filteredOn(line -> line.contains("WARN")).hasSize(1);
  }

  @Test
  void eachCommandOfTheClientFindsTheInstances() throws Exception {
    List<Integer> ports = ports(services(2));
    String[] addresses = ports.stream().map(port -> "127.0.0.1:" + port).toArray(String[]::new);

    assertThat(jars.outputOfClient(etcd.get().registry(), "instances"))
        .containsExactlyInAnyOrder(addresses);
    assertThat(jars.outputOfClient(etcd.get().registry(), "get", "101", "--all"))
        .containsExactlyInAnyOrderElementsOf(names(ports));
    JsonNode load =
        new ObjectMapper()
            .readTree(
                jars.outputOfClient(
                        etcd.get().registry(),
                        "load",
                        "--count",
                        "20",
                        "--timeout",
                        "20s",
                        "--attempt-timeout",
                        "15s",
                        "--json")
                    .get(0));
    assertThat(load.get("ok").asInt()).isEqualTo(20);
    assertThat(load.get("instances")).hasSize(2);

    JarProcess targets = jars.client(etcd.get().registry(), "targets", "--port", "0");
    int targetsPort = portIn(targets.nextLine());
    Eventually.within(SOON, () -> assertThat(get(targetsPort, "/targets")).contains(addresses));

    JarProcess gateway = jars.client(etcd.get().registry(), "gateway", "--port", "0");
    int gatewayPort = portIn(gateway.nextLine());
    assertThat(get(gatewayPort, "/userservice/user/101")).contains("jerry");
  }

  private static int portIn(String line) {
    return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  @Test
  void watchReportsTheRemovalOfTheLastInstance() throws Exception {
    JarProcess watch = jars.client(etcd.get().registry(), "watch");
    JarProcess service = jars.service(etcd.get().registry(), 0, "--drain-delay", "0s");
    String address = " 127.0.0.1:" + service.port() + " []";
    assertThat(watch.nextLine()).endsWith("Z +" + address);
    service.signal("TERM");
    assertThat(watch.nextLine()).endsWith("Z -" + address);
  }

  @Test
  void flagsWithoutEffectAreReported() throws Exception {
    JarProcess service = jars.service(etcd.get().registry(), 0, "--tags", "blue", "--check=ttl");
    service.port();
    assertThat(service.err())
        .filteredOn(line -> line.contains("WARN"))
        .singleElement()
        .asString()
        .contains("ignored", etcd.get().registry())
        .endsWith(": --check, --tags");

    JarProcess client = jars.client(etcd.get().registry(), "instances", "--tags", "blue");
    assertThat(client.exitStatus()).isEqualTo(2);
    assertThat(client.err()).singleElement().asString().startsWith("--tags: ");
  }
}
