// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.FakeConsul;

/** etcd:// on the command line; {@code it.SecuredEtcdIT} gets in for real. */
@Timeout(30)
class EtcdRegistryTest {
  private static final String AUTHENTICATE = "/v3/auth/authenticate";

  @TempDir private Path files;

  private static Registry registry(Map<String, String> environment, String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment);
    flags.parse(args);
    assertThat(flags.effective() + registry.get()).doesNotContain("s3cret");
    return registry.get();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # in the address | flag                  | variable               | user
          app:s3cret@      |                       | app:other              | app s3cret
          a:s3%40%3A+c@    |                       |                        | a s3@:+c
          app:s3cret:@x@   |                       |                        | app s3cret:@x
          ''               | --etcd-user=a:s3cret  | app:other              | a s3cret
          ''               | --etcd-user-file=FILE | app:other              | file s3cret-in-file
          ''               |                       | app:s3cret             | app s3cret
          """)
  void userComesFromTheAddressAFlagAFileOrAVariable(
      String userInfo, String flag, String variable, String user) throws Exception {
    Path file = Files.writeString(files.resolve("user"), " file:s3cret-in-file\n");
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("POST", "/v3/kv/range")
          .answer(400, "{\"message\":\"etcdserver: user name is empty\",\"code\":3}");
      String uri = "--registry=etcd://" + userInfo + fake.uri().getAuthority();
      Map<String, String> environment =
          variable == null ? Map.of() : Map.of("ETCDCTL_USER", variable);
      String[] args =
          flag == null
              ? new String[] {uri}
              : new String[] {uri, flag.replace("FILE", file.toString())};

      try (Instances instances = registry(environment, args).instances("web")) {
        String[] parts = user.split(" ");
        assertThat(fake.awaitRequest("POST", AUTHENTICATE).body())
            .isEqualTo("{\"name\":\"%s\",\"password\":\"%s\"}".formatted(parts[0], parts[1]));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --registry=etcd://s3cret@h:1 | | --registry: not name:password
          --registry=etcd://h:1 | --etcd-user=s3cret | --etcd-user: not name:password
          --registry=etcd://h:1 | --etcd-user-file=none-such | --etcd-user-file: no such file: none-such
          --registry=etcd://h:1 | --etcd-ca-file=x | --etcd-ca-file: the registry is not etcd+https
          --registry=etcd+https://h:1 | --etcd-ca-file=none-such | --etcd-ca-file: none-such: no such file
          --registry=etc://a:s3cret@h:1 | | --registry: not consul[+https]://host:port
          """)
  void whatIsWrongIsSaidWithoutTheSecret(String uri, String flag, String message) {
    String[] args = flag == null ? new String[] {uri} : new String[] {uri, flag};

    assertThatThrownBy(() -> registry(Map.of(), args))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith(message)
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void userIsGivenOnce() {
    assertThatThrownBy(
            () ->
                registry(
                    Map.of(), "--registry=etcd://h:1", "--etcd-user=a:b", "--etcd-user-file=c"))
        .hasMessageContaining("--etcd-user and --etcd-user-file: only one");
  }

  @Test
  void isShownWithoutThePassword() {
    assertThat(Registry.parse("etcd://app:s3cret@a:1,b:2").toString())
        .isEqualTo("etcd://***@a:1,b:2");
    assertThat(Registry.parse("etcd+https://a:1,b:2").toString()).isEqualTo("etcd+https://a:1,b:2");
  }

  @Test
  void namesThatAreNoKeyAndTagsAreRefused() {
    Registry etcd = Registry.parse("etcd://127.0.0.1:1");
    InstanceRegistration offer =
        new InstanceRegistration(
            "a/b",
            Instance.of("h", 80),
            new HealthCheck.Http("/health"),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1));

    assertThatThrownBy(() -> etcd.instances("a/b"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--service: ");
    assertThatThrownBy(() -> etcd.registration(offer))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--name: ");
    assertThatThrownBy(() -> etcd.instances("web", List.of("v1")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--tags: ");
  }
}
