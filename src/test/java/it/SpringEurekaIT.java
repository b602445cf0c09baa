// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.EurekaServer;
import testing.Eventually;
import testing.LocalServers;

/** Spring Cloud's client and this toolkit find each other's instances in a real Eureka. */
@Timeout(180)
class SpringEurekaIT {
  private static final Duration SOON =
      Duration.ofSeconds(60); // Spring takes 5 to start when alone.
  private static final Instance OURS =
      new Instance("127.0.0.1", 8081, List.of("v1", "blue"), Map.of());

  @TempDir private Path files;

  private static Registry registry(EurekaServer server) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse("--registry=" + server.registry(), "--eureka-renewal=1s", "--eureka-poll=200ms");
    return registry.get();
  }

  private static InstanceRegistration offer(String name) {
    return new InstanceRegistration(
        name,
        OURS,
        new HealthCheck.Http("/health"),
        Duration.ofMinutes(1),
        Duration.ofMinutes(1),
        false);
  }

  /** Starts scripts/eureka/SpringClient, which looks for a service and registers as spring-web. */
  private static Process springClient(EurekaServer server, String service, File out)
      throws IOException {
    Path home = Path.of(LocalServers.binary("eureka")).getParent();
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            home + "/classes:" + home + "/lib/*",
            "springclient.SpringClient",
            service,
            "--spring.application.name=spring-web",
            "--spring.main.banner-mode=off",
            "--server.port=18080",
            "--eureka.instance.hostname=127.0.0.1",
            "--eureka.instance.metadata-map.tags=green",
            "--eureka.client.jersey.enabled=false", // Spring's own transport.
            "--eureka.client.service-url.defaultZone=" + server.uri() + "/",
            "--eureka.client.initial-instance-info-replication-interval-seconds=0",
            "--eureka.client.registry-fetch-interval-seconds=1")
        .redirectErrorStream(true)
        .redirectOutput(out)
        .start();
  }

  @Test
  void eachFindsTheInstancesOfTheOther() throws Exception {
    File out = files.resolve("spring.log").toFile();
    try (EurekaServer server = EurekaServer.start();
        Registration registration = registry(server).registration(offer("web"));
        Instances theirs = registry(server).instances("spring-web", List.of("green"))) {
      Process spring = springClient(server, "web", out);
      try {
        Eventually.within(
            SOON,
            () ->
                assertThat(theirs.snapshot())
                    .extracting(Instance::authority)
                    .containsExactly("127.0.0.1:18080"));

        registration.start();
        Eventually.within(
            SOON,
            () ->
                assertThat(Files.readAllLines(out.toPath()))
                    .contains("found: 127.0.0.1:8081 v1,blue"));

        registration.close(); // Arrives in the changes that Spring's client fetches.
        Eventually.within(
            SOON, () -> assertThat(Files.readAllLines(out.toPath())).endsWith("found: "));
      } finally {
        spring.destroyForcibly().waitFor();
      }
    }
  }
}
