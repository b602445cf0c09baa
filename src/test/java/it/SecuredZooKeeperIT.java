// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.cli.Flags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.registry.Registry;
import kit.registry.RegistryFlags;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.Mode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.ZooKeeperServer;

/** A real ZooKeeper with nodes that one user may access (digest authentication). */
@Timeout(120)
class SecuredZooKeeperIT {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Instance SELF = Instance.of("127.0.0.1", 8081);

  @TempDir private static Path files;

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private ZooKeeperServer server;

  @BeforeEach
  void startServer() throws Exception {
    server = ZooKeeperServer.start();
    protect("s3cret");
  }

  @AfterEach
  void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  /** Creates the path of all services and a service, with permissions for the user kit alone. */
  private void protect(String password) throws Exception {
    try (ZooKeeperClient client = server.client("kit", password)) {
      client.createParents("/services/userservice");
    }
  }

  private static Registry registry(String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse(args);
    return registry.get();
  }

  private static Registration register(Registry registry) {
    Registration registration =
        registry.registration(
            new InstanceRegistration(
                "web",
                SELF,
                new HealthCheck.Http("/health"),
                Duration.ofSeconds(5),
                Duration.ofMinutes(1)));
    registration.start();
    return registration;
  }

  private static Exception failure(Registry registry) throws Exception {
    try (Registration registration = register(registry);
        Instances instances = registry.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.failure()).isPresent());
      assertThat(registration.isRegistered()).isFalse();
      return instances.failure().orElseThrow();
    }
  }

  @Test
  void onlyTheUserIsPermitted() throws Exception {
    Path file = Files.writeString(files.resolve("user"), "kit:s3cret\n");
    Registry kit = registry("--registry=" + server.registry(), "--zookeeper-user-file=" + file);
    try (Registration registration = register(kit);
        Instances instances = kit.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
      Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());

      assertThat(failure(registry("--registry=" + server.registry()))).hasMessageContaining("-102");
      String wrong = server.registry().replace("//", "//kit:wr0ng@");
      assertThat(failure(registry("--registry=" + wrong)))
          .hasMessageContaining("-102")
          .hasMessageNotContaining("wr0ng");
    }
  }

  @Test
  void clientsWithoutPermissionForOneInstanceFindTheOthers() throws Exception {
    Registry open = registry("--registry=" + server.registry() + "/open");
    try (ZooKeeperClient client = server.client();
        ZooKeeperClient kit = server.client("kit", "s3cret");
        Registration registration = register(open);
        Instances instances = open.instances("web")) {
      client.createParents("/open/web");
      kit.create("/open/web/secret", "10.0.0.1:80", Mode.PERSISTENT);

      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
      Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
    }
  }

  @Test
  void wrongPasswordIsOneWarningUntilItIsRight() throws Exception {
    String wrong = server.registry().replace("//", "//kit:n3w@");
    JarProcess service = jars.service(wrong, 0);
    int port = service.port();
    JarProcess watch = jars.client(wrong, "watch");
    assertThat(watch.nextLine()).contains("-102");
    Eventually.within(SOON, () -> assertThat(warnings(service)).hasSize(1));
    assertThat(warnings(service).get(0)).contains("-102");

    try (ZooKeeperClient client = server.client("kit", "s3cret")) {
      client.delete("/services/userservice");
      client.delete("/services");
    }
    protect("n3w");

    Eventually.within(
        SOON, () -> assertThat(watch.out()).anyMatch(line -> line.contains("+ 127.0.0.1:" + port)));
    assertThat(warnings(service)).hasSize(1);
    assertThat(watch.out()).filteredOn(line -> line.contains("-102")).hasSize(1);
    assertThat(service.err()).noneMatch(line -> line.contains("n3w"));
    assertThat(watch.out()).noneMatch(line -> line.contains("n3w"));
  }

  private static List<String> warnings(JarProcess process) {
    return process.err().stream().filter(line -> line.contains("WARN")).toList();
  }

  @Test
  void serverThatRequiresAuthenticationRejectsAnonymousSessions() throws Exception {
    try (ZooKeeperServer strict =
        ZooKeeperServer.start("--enforce.auth.enabled=true", "--enforce.auth.schemes=digest")) {
      assertThat(failure(registry("--registry=" + strict.registry()))).isNotNull();
      Registry kit = registry("--registry=" + strict.registry(), "--zookeeper-user=kit:s3cret");
      try (Registration registration = register(kit);
          Instances instances = kit.instances("web")) {
        Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
        Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
      }
    }
  }
}
