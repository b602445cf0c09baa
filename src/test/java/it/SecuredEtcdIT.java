// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLHandshakeException;
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
import testing.EtcdServer;
import testing.Eventually;

/** Registry flags with a real etcd that requires a password or uses TLS. */
@Timeout(60)
class SecuredEtcdIT {
  private static final Duration SOON = Duration.ofSeconds(15);
  private static final Instance SELF = Instance.of("127.0.0.1", 8081);

  @TempDir private static Path files;

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

  private static void assertFound(Registry registry) throws Exception {
    try (Registration registration = register(registry);
        Instances instances = registry.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).containsExactly(SELF));
    }
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
    try (EtcdServer server = EtcdServer.start()) {
      server.enableUsers("kit", "p:@w", "/services/");
      String authority = server.uri().getAuthority();
      Path file = Files.writeString(files.resolve("user"), "kit:p:@w\n");

      assertFound(registry("--registry=etcd://" + authority, "--etcd-user-file=" + file));
      assertFound(registry("--registry=etcd://kit:p%3A%40w@" + authority));

      assertThat(failure(registry("--registry=etcd://" + authority)))
          .hasMessageContaining("user name is empty");
      assertThat(failure(registry("--registry=etcd://kit:wrong@" + authority)))
          .hasMessageContaining("invalid user ID or password")
          .hasMessageNotContaining("wrong");
    }
  }

  @Test
  void caFileIsTheTrustStoreOverTls() throws Exception {
    try (EtcdServer server = EtcdServer.startWithTls()) {
      String uri = "--registry=etcd+https://" + server.uri().getAuthority();

      assertFound(registry(uri, "--etcd-ca-file=" + server.certificate()));

      assertThat(failure(registry(uri))).isInstanceOf(SSLHandshakeException.class);
    }
  }

  @Test
  void memberThatRequiresACertificateGetsThatOfTheFlags() throws Exception {
    Path tls = Path.of("src/test/resources/kit/tls");
    try (EtcdServer server = EtcdServer.startWithMutualTls(tls)) {
      String uri = "--registry=etcd+https://" + server.uri().getAuthority();
      String ca = "--etcd-ca-file=" + tls.resolve("ca.crt");

      assertFound(
          registry(
              uri,
              ca,
              "--etcd-client-cert=" + tls.resolve("client.crt"),
              "--etcd-client-key=" + tls.resolve("client.key")));

      assertThat(failure(registry(uri, ca))).isInstanceOf(IOException.class);
    }
  }
}
