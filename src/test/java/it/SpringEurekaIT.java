// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
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
  private static final Instance OUR_SECURE =
      new Instance("127.0.0.1", 8443, List.of("v2"), Map.of(Instance.SCHEME, "https"));

  @TempDir private Path files;

  private static Registry registry(EurekaServer server) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse("--registry=" + server.registry(), "--eureka-renewal=1s", "--eureka-poll=200ms");
    return registry.get();
  }

  private static InstanceRegistration offer(String name, Instance instance) {
    return new InstanceRegistration(
        name,
        instance,
        new HealthCheck.Http("/health"),
        Duration.ofMinutes(1),
        Duration.ofMinutes(1),
        false);
  }

  /** Starts scripts/eureka/SpringClient, which looks for a service and registers as {@code self}. */
  private static Process springClient(
      EurekaServer server, String service, String self, File out, String... properties)
      throws IOException {
    Path home = Path.of(LocalServers.binary("eureka")).getParent();
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                home + "/classes:" + home + "/lib/*",
                "springclient.SpringClient",
                service,
                "--spring.application.name=" + self,
                "--spring.main.banner-mode=off",
                "--server.port=18080",
                "--eureka.instance.hostname=127.0.0.1",
                "--eureka.instance.metadata-map.tags=green",
                "--eureka.client.jersey.enabled=false", // Spring's own transport.
                "--eureka.client.service-url.defaultZone=" + server.uri() + "/",
                "--eureka.client.initial-instance-info-replication-interval-seconds=0",
                "--eureka.client.registry-fetch-interval-seconds=1"));
    command.addAll(List.of(properties));
    return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out).start();
  }

  private static void awaitExactly(Instances instances, String url) throws Exception {
    Eventually.within(
        SOON,
        () ->
            assertThat(instances.snapshot())
                .extracting(instance -> instance.scheme() + "://" + instance)
                .containsExactly(url));
  }

  @Test
  void eachFindsTheInstancesOfTheOther() throws Exception {
    File out = files.resolve("spring.log").toFile();
    File unread = files.resolve("spring-tls.log").toFile();
    try (EurekaServer server = EurekaServer.start();
        Registration registration = registry(server).registration(offer("web", OURS));
        Registration secure = registry(server).registration(offer("web", OUR_SECURE));
        Instances theirs = registry(server).instances("spring-web", List.of("green"));
        Instances theirSecure = registry(server).instances("spring-tls")) {
      Process spring = springClient(server, "web", "spring-web", out);
      Process springWithTls =
          springClient(
              server,
              "web",
              "spring-tls",
              unread,
              "--eureka.instance.secure-port-enabled=true",
              "--eureka.instance.secure-port=18443",
              "--eureka.instance.non-secure-port-enabled=false");
      try {
        awaitExactly(theirs, "http://127.0.0.1:18080");
        awaitExactly(theirSecure, "https://127.0.0.1:18443");

        registration.start();
        secure.start();
        Eventually.within(
            SOON,
            () ->
                assertThat(Files.readAllLines(out.toPath()))
                    .contains("found: http://127.0.0.1:8081 v1,blue, https://127.0.0.1:8443 v2"));

        registration.close(); // Arrives in the changes that Spring's client fetches.
        secure.close();
        Eventually.within(
            SOON, () -> assertThat(Files.readAllLines(out.toPath())).endsWith("found: "));
      } finally {
        springWithTls.destroyForcibly().waitFor();
        spring.destroyForcibly().waitFor();
      }
    }
  }
}
