// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.registry.Registry;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.Mode;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import testing.Eventually;
import testing.ZooKeeperServer;

/** The registry contract for a real ZooKeeper. */
class ZooKeeperRegistryIT extends RegistryContract.Changing {
  private static final Logger LOG = LoggerFactory.getLogger(ZooKeeperRegistryIT.class);
  private static ZooKeeperServer server;

  private final List<ZooKeeperClient> left = new ArrayList<>();

  @AfterAll
  static void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  private static ZooKeeperServer server() throws Exception {
    if (server == null) { // Not @BeforeAll: without ZooKeeper, each test is to be seen as skipped.
      server = ZooKeeperServer.start();
    }
    return server;
  }

  private String folder() {
    return "/services/" + service; // As Go kit's clients expect it.
  }

  /** Returns the data of the nodes of the service, by path. */
  private Map<String, String> nodes() throws Exception {
    Map<String, String> nodes = new TreeMap<>();
    try (ZooKeeperClient client = server().client()) {
      for (String name : client.children(folder(), false).orElse(List.of())) {
        String path = folder() + "/" + name;
        client.get(path, false).ifPresent(node -> nodes.put(path, node.data()));
      }
    }
    return nodes;
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
    return Registry.parse(server().registry());
  }

  @Override
  boolean hasMetadata() {
    return false;
  }

  @Override
  void leave(String id, Instance instance) throws Exception {
    leave(instance, Duration.ofSeconds(10));
  }

  private void leave(Instance instance, Duration sessionTimeout) throws Exception {
    ZooKeeperClient client =
        new ZooKeeperClient(
            ZooKeeperClient.Settings.of(server().address()).withSessionTimeout(sessionTimeout));
    left.add(client);
    client.createParents(folder());
    client.create(folder() + "/_c_left-", instance.authority(), Mode.EPHEMERAL_SEQUENTIAL);
  }

  @AfterEach
  void closeSessionsThatWereLeft() {
    left.forEach(ZooKeeperClient::close);
  }

  @Override
  List<String> ids() throws Exception {
    return nodes().values().stream().distinct().sorted().toList();
  }

  @Override
  void forget(String id) throws Exception {
    try (ZooKeeperClient client = server().client()) {
      for (Map.Entry<String, String> node : nodes().entrySet()) {
        if (node.getValue().equals(id)) {
          client.delete(node.getKey());
        }
      }
    }
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
  void nodesAreThoseOfGoKitInBothDirections() throws Exception {
    with(ONE);
    List<String> listed = server().shell("ls", folder());
    String name = listed.get(listed.size() - 1).replaceAll("[\\[\\]]", "");
    assertThat(name).matches("_c_[0-9a-f]{32}-[0-9]{10}");
    assertThat(server().shell("get", folder() + "/" + name)).endsWith("127.0.0.1:8081");

    String other = "/_c_00112233445566778899aabbccddeeff-0000000007";
    server().shell("create", folder() + other, "127.0.0.2:8082");

    try (Instances instances = finder().instances(service)) {
      awaitExactly(instances, ONE, OTHER);
    }
  }

  @Test
  void instanceStaysWhenTheSessionOfItsPredecessorExpires() throws Exception {
    leave(ONE, Duration.ofSeconds(2));
    try (Instances instances = with(ONE).instances(service)) {
      awaitExactly(instances, ONE);
      List<Integer> sizes = new CopyOnWriteArrayList<>();
      instances.onChange(() -> sizes.add(instances.snapshot().size()));
      assertThat(nodes()).hasSize(2);

      Eventually.within(soon(), () -> assertThat(nodes()).hasSize(1));

      awaitExactly(instances, ONE);
      assertThat(sizes).isEmpty();
    }
  }

  @Test
  void suspendedServerIsAnOutageFromWhichAllRecover() throws Exception {
    try (Instances instances = with(ONE).instances(service)) {
      awaitExactly(instances, ONE);

      server().signal("STOP");
      try {
        Eventually.within(soon(), () -> assertThat(instances.failure()).isPresent());
        assertThat(addresses(instances)).containsExactly(ONE.authority());
      } finally {
        server().signal("CONT");
      }

      Eventually.within(soon(), () -> assertThat(instances.failure()).isEmpty());
      with(OTHER);
      awaitExactly(instances, ONE, OTHER);
      Eventually.within(soon(), () -> assertThat(nodes()).hasSize(2));
    }
  }

  @Test
  void oneChangeAmongAThousandInstancesReadsOneNode() throws Exception {
    try (ZooKeeperClient client = server().client()) {
      client.createParents(folder());
      for (int i = 0; i < 1_000; i++) {
        client.create(folder() + "/" + i, "10.0.0.1:" + (1_000 + i), Mode.PERSISTENT);
      }
      long startNanos = System.nanoTime();
      try (Instances instances = finder().instances(service)) {
        Eventually.within(soon(), () -> assertThat(instances.snapshot()).hasSize(1_000));
        long listNanos = System.nanoTime() - startNanos;
        long cpuBefore = cpuOfTheWatch();
        LOG.info("first list: {} ms, CPU {} ms", millis(listNanos), millis(cpuBefore));
        for (int change = 1; change <= 5; change++) {
          Semaphore changed = new Semaphore(0);
          instances.onChange(changed::release);
          long before = cpuOfTheWatch();
          long packets = server().metric("zk_packets_received");
          client.create(folder() + "/new" + change, "10.0.0.2:" + change, Mode.PERSISTENT);
          assertThat(changed.tryAcquire(soon().toSeconds(), TimeUnit.SECONDS)).isTrue();
          long cpu = cpuOfTheWatch() - before;
          LOG.info("a change among 1000: CPU {} us", TimeUnit.NANOSECONDS.toMicros(cpu));
          assertThat(cpu).isLessThan(TimeUnit.MILLISECONDS.toNanos(50));
          assertThat(server().metric("zk_packets_received") - packets).isLessThan(20);
        }
      }
    }
  }

  private static long millis(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(nanos);
  }

  private long cpuOfTheWatch() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("watch-" + service))
        .mapToLong(thread -> threads.getThreadCpuTime(thread.getId()))
        .sum();
  }

  @Test
  void anyNumberOfWatchesAndRegistrationsLeavesNothingBehind() throws Exception {
    Registry registry = finder();
    cycle(registry, 0);
    long openBefore = openFiles();

    for (int i = 1; i <= 200; i++) {
      cycle(registry, i);
    }

    assertNoThreadIsLeft();
    assertThat(nodes()).isEmpty();
    Eventually.within(soon(), () -> assertThat(openFiles()).isLessThan(openBefore + 10));
    Eventually.within(
        soon(),
        () -> {
          assertThat(server().metric("zk_num_alive_connections")).isLessThan(3); // This one.
          assertThat(server().metric("zk_ephemerals_count")).isZero();
          assertThat(server().metric("zk_watch_count")).isZero();
          assertThat(server().metric("zk_global_sessions")).isZero();
        });
  }

  /** Comes, is found, and goes. */
  private void cycle(Registry registry, int number) throws Exception {
    Instance self = Instance.of("127.0.0.1", 1 + number);
    InstanceRegistration offer =
        new InstanceRegistration(
            service,
            self,
            new HealthCheck.Http("/health"),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1));
    try (Registration registration = registry.registration(offer);
        Instances instances = registry.instances(service)) {
      Semaphore changes = new Semaphore(0);
      instances.onChange(changes::release);
      registration.start();
      assertThat(changes.tryAcquire(soon().toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(addresses(instances)).containsExactly(self.authority());
    }
  }

  private static long openFiles() {
    return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
        ? unix.getOpenFileDescriptorCount()
        : 0;
  }
}
