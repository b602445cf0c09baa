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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import testing.EurekaServer;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;

/** A real Eureka that requires basic authentication. */
@Timeout(240)
class SecuredEurekaIT {
  private static final Duration SOON = Duration.ofSeconds(60); // A fresh server may be slow.
  private static final Instance SELF = Instance.of("127.0.0.1", 8081);

  private static EurekaServer server;

  @TempDir private static Path files;

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  @BeforeAll
  static void startServer() throws Exception {
    server = EurekaServer.startWithUser("kit", "s3cret");
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
    Path file = Files.writeString(files.resolve("user"), "kit:s3cret\n");
    Registry kit =
        registry(
            "--registry=" + server.registry(), "--eureka-user-file=" + file, "--eureka-poll=200ms");
    try (Registration registration = register(kit, "web");
        Instances instances = kit.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
      Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
    }

    assertThat(failure(registry("--registry=" + server.registry()))).hasMessageContaining("401");
    String wrong = server.registry().replace("//", "//kit:wr0ng@");
    assertThat(failure(registry("--registry=" + wrong)))
        .hasMessageContainingAll("401", "wrong user or password")
        .hasMessageNotContaining("wr0ng");
  }

  @Test
  void wrongPasswordIsOneWarningAndInNoLog() throws Exception {
    String wrong = server.registry().replace("//", "//kit:wr0ng@");
    JarProcess service = jars.service(wrong, 0, "--drain-delay=60s");
    service.port();
    JarProcess watch = jars.client(wrong, "watch");
    Eventually.within(SOON, () -> assertThat(warnings(watch.out())).hasSize(1));
    Eventually.within(SOON, () -> assertThat(warnings(service.err())).hasSize(1));

    // Further attempts have been made by the time that another instance has been found.
    Registry kit = registry("--registry=" + server.registry().replace("//", "//kit:s3cret@"));
    try (Registration registration = register(kit, "other");
        Instances instances = kit.instances("other")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).hasSize(1));
    }
    assertThat(warnings(service.err())).singleElement().asString().contains("WARN", "401");
    assertThat(warnings(watch.out())).hasSize(1);
    for (List<String> lines : List.of(service.err(), watch.out(), watch.err())) {
      assertThat(lines).noneMatch(line -> line.contains("wr0ng"));
    }
  }

  // The programs log a failure that repeats itself once.
  private static List<String> warnings(List<String> lines) {
    return lines.stream().filter(line -> line.contains("wrong user or password")).toList();
  }
}
