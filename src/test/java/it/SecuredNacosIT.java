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
import kit.nacos.NacosClient;
import kit.registry.Registry;
import kit.registry.RegistryFlags;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.NacosServer;

/** A real Nacos with authentication; its tokens expire after two seconds. */
@Timeout(120)
class SecuredNacosIT {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Instance SELF = Instance.of("127.0.0.1", 8081);

  private static NacosServer server;

  @TempDir private static Path files;

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  @BeforeAll
  static void startServer() throws Exception {
    server =
        NacosServer.start(
            "--nacos.core.auth.enabled=true",
            "--nacos.core.auth.plugin.nacos.token.expire.seconds=2");
    server.addUser("kit", "s3cret");
  }

  @AfterAll
  static void stopServer() throws Exception {
    if (server != null) {
      server.close();
    }
  }

  private static Registry registry(String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse(args);
    return registry.get();
  }

  private static Registry asKit() throws Exception {
    Path file = Files.writeString(files.resolve("user"), "kit:s3cret\n");
    return registry(
        "--registry=" + server.registry(), "--nacos-user-file=" + file, "--nacos-poll=200ms");
  }

  private static Registration register(Registry registry, String service) {
    Registration registration =
        registry.registration(
            new InstanceRegistration(
                service,
                SELF,
                new HealthCheck.Http("/health"),
                Duration.ofSeconds(5),
                Duration.ofMinutes(1)));
    registration.start();
    return registration;
  }

  private static Exception failure(Registry registry) throws Exception {
    try (Registration registration = register(registry, "web");
        Instances instances = registry.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.failure()).isPresent());
      assertThat(registration.isRegistered()).isFalse();
      return instances.failure().orElseThrow();
    }
  }

  @Test
  void userWithThePasswordIsAccepted() throws Exception {
    Registry kit = asKit();
    try (Registration registration = register(kit, "web");
        Instances instances = kit.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
      Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
    }

    assertThat(failure(registry("--registry=" + server.registry()))).hasMessageContaining("403");
    String wrong = server.registry().replace("//", "//kit:wr0ng@");
    assertThat(failure(registry("--registry=" + wrong)))
        .hasMessageContainingAll("login", "wrong user or password")
        .hasMessageNotContaining("wr0ng");
  }

  @Test
  void expiryOfTheTokenIsNotNoticed() throws Exception {
    Registry kit = asKit();
    NacosClient client = server.client().withUser("kit", "s3cret");
    Map<String, String> fiveSeconds =
        Map.of(
            "preserved.heart.beat.interval", "500",
            "preserved.heart.beat.timeout", "5000",
            "preserved.ip.delete.timeout", "6000");
    try (Registration registration = register(kit, "expiry");
        Instances instances = kit.instances("expiry")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).hasSize(1));
      client.register(
          NacosClient.Service.of("expiry"),
          NacosClient.Instance.of("127.0.0.2", 80).in("DEFAULT", fiveSeconds));
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).hasSize(2));

      // The second one has no heartbeats: it disappears after more than two lifetimes of a token.
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));

      assertThat(instances.failure()).isEmpty();
      assertThat(registration.isRegistered()).isTrue();
      client.deregister(NacosClient.Service.of("expiry"), NacosClient.Instance.of("none", 1));
    }
  }

  @Test
  void wrongPasswordIsOneWarningUntilItIsRight() throws Exception {
    String wrong = server.registry().replace("//", "//kit:n3w@");
    JarProcess service = jars.service(wrong, 0);
    int port = service.port();
    JarProcess watch = jars.client(wrong, "watch");
    assertThat(watch.nextLine()).contains("login", "wrong user or password");
    Eventually.within(SOON, () -> assertThat(warnings(service)).hasSize(1));

    server.changePassword("kit", "s3cret", "n3w");
    try {
      Eventually.within(
          SOON, () -> assertThat(watch.out()).anyMatch(line -> line.contains(":" + port)));
      assertThat(warnings(service)).hasSize(1);
      assertThat(watch.out()).filteredOn(line -> line.contains("wrong user")).hasSize(1);
      assertThat(service.err()).filteredOn(line -> line.contains("WARN")).hasSize(1);
      assertThat(service.err()).noneMatch(line -> line.contains("n3w"));
      assertThat(watch.out()).noneMatch(line -> line.contains("n3w"));
    } finally {
      server.changePassword("kit", "n3w", "s3cret");
    }
  }

  // The programs log a failure that repeats itself once.
  private static List<String> warnings(JarProcess process) {
    return process.err().stream().filter(line -> line.contains("wrong user or password")).toList();
  }
}
