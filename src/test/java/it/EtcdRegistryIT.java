// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.etcd.EtcdClient;
import kit.registry.Registry;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import testing.Engine;
import testing.EtcdServer;
import testing.Eventually;

/** The registry contract for a real etcd. */
class EtcdRegistryIT extends RegistryContract.Changing {
  private static EtcdServer server;

  @AfterAll
  static void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  private static EtcdServer server() throws Exception {
    if (server == null) { // Not @BeforeAll: without etcd, each test is to be seen as skipped.
      server = EtcdServer.start();
    }
    return server;
  }

  private static EtcdClient client() throws Exception {
    return new EtcdClient(List.of(server().uri()), Engine.newHttpClient(), Duration.ofSeconds(3));
  }

  private List<EtcdClient.Entry> entries() throws Exception {
    return client().list(folder()).entries();
  }

  private String folder() {
    return "/services/" + service + "/"; // As Go kit's clients expect it.
  }

  @Override
  Registry finder() throws Exception {
    return Engine.registry("etcd://" + server().uri().getAuthority());
  }

  @Override
  boolean hasMetadata() {
    return false;
  }

  @Override
  void leave(String id, Instance instance) throws Exception {
    long lease = client().grant(Duration.ofMinutes(1));
    client().put(folder() + id, instance.authority(), lease);
  }

  @Override
  List<String> ids() throws Exception {
    return entries().stream().map(entry -> entry.key().substring(folder().length())).toList();
  }

  @Override
  void forget(String id) throws Exception {
    server().delete(folder() + id);
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
  void valueIsTheAddressAsGoKitWritesAndReadsIt() throws Exception {
    with(ONE);
    assertThat(entries()).extracting(EtcdClient.Entry::value).containsExactly("127.0.0.1:8081");

    client().put(folder() + "of-go-kit", "127.0.0.2:8082", 0);

    try (Instances instances = finder().instances(service)) {
      awaitExactly(instances, ONE, OTHER);
    }
    server().delete(folder() + "of-go-kit");
  }

  @Test
  void registrationWithoutItsLeaseIsMadeAgain() throws Exception {
    try (Instances instances = with(ONE, OTHER).instances(service)) {
      awaitExactly(instances, ONE, OTHER);

      client().revoke(entries().get(0).lease());
      awaitExactly(instances, OTHER);

      awaitExactly(instances, ONE, OTHER);
    }
  }

  @Test
  void registrationThatIsNotKeptAliveExpiresWithItsLease() throws Exception {
    client().put(folder() + "dead", ONE.authority(), client().grant(Duration.ofSeconds(2)));
    try (Instances instances = with(OTHER).instances(service)) {
      awaitExactly(instances, ONE, OTHER);
      awaitExactly(instances, OTHER);
    }
  }

  @Test
  void anyNumberOfWatchesAndRegistrationsLeavesNothingBehind() throws Exception {
    Registry registry = finder();
    cycle(registry, 0); // Makes what is made once: the client that all share.
    long openBefore = openFiles();
    double openInEtcdBefore = server().metric("process_open_fds");

    for (int i = 1; i <= 250; i++) {
      cycle(registry, i);
    }

    assertNoThreadIsLeft();
    assertThat(entries()).isEmpty();
    Eventually.within(soon(), () -> assertThat(openFiles()).isLessThan(openBefore + 10));
    Eventually.within(
        soon(),
        () -> {
          assertThat(server().metric("process_open_fds")).isLessThan(openInEtcdBefore + 10);
          assertThat(server().metric("etcd_debugging_mvcc_watcher_total")).isZero();
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
