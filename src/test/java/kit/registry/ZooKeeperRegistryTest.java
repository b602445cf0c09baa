// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
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
import kit.discovery.Registration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeZooKeeper;

/** zookeeper:// on the command line; {@code it.SecuredZooKeeperIT} uses a real server. */
@Timeout(30)
class ZooKeeperRegistryTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir private Path files;

  private FakeZooKeeper fake;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeZooKeeper();
  }

  @AfterEach
  void stopFake() throws Exception {
    fake.close();
  }

  private String uri(String userInfo, String path) {
    return "zookeeper://" + userInfo + "127.0.0.1:" + fake.address().getPort() + path;
  }

  private static Registry registry(Map<String, String> environment, String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment);
    flags.parse(args);
    assertThat(flags.effective() + registry.get()).doesNotContain("s3cret");
    return registry.get();
  }

  private static InstanceRegistration offer(String name) {
    return new InstanceRegistration(
        name,
        Instance.of("10.0.0.5", 8081),
        new HealthCheck.Http("/health"),
        Duration.ofSeconds(5),
        Duration.ofMinutes(1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # in the URI      | flag                       | variable | sent
          app:s3cret@       | ''                         | ''       | digest app:s3cret
          a:s3%40%3A+c@     | ''                         | ''       | digest a:s3@:+c
          app:s3cret:@x@    | ''                         | ''       | digest app:s3cret:@x
          app:s3cret@       | --zookeeper-user=b:other   | ''       | digest app:s3cret
          ''                | --zookeeper-user=a:s3cret  | b:other  | digest a:s3cret
          ''                | --zookeeper-user-file=FILE | ''       | digest file:s3cret-in-file
          ''                | ''                         | a:s3cret | digest a:s3cret
          """)
  void userComesFromTheUriAFlagAFileOrAVariable(
      String userInfo, String flag, String variable, String sent) throws Exception {
    Path file = Files.writeString(files.resolve("user"), " file:s3cret-in-file\n");
    String uri = "--registry=" + uri(userInfo, "");
    Map<String, String> environment =
        variable.isEmpty() ? Map.of() : Map.of("KIT_ZOOKEEPER_USER", variable);
    String[] args =
        flag.isEmpty()
            ? new String[] {uri}
            : new String[] {uri, flag.replace("FILE", file.toString())};

    try (Instances instances = registry(environment, args).instances("web")) {
      assertThat(instances.awaitFirst(SOON)).isTrue();
      assertThat(fake.requests()).contains(new FakeZooKeeper.Request(FakeZooKeeper.AUTH, sent));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          zookeeper://s3cret@h:1    | ''                              | --registry: not name:password
          zookeeper://h:1           | --zookeeper-user=s3cret         | --zookeeper-user: not name:password
          zookeeper://h:1           | --zookeeper-user-file=none-such | --zookeeper-user-file: no such file: none-such
          zookeeper://a:s3cret@h:1/ | --zookeeper-user-file=none-such | ''
          zookeeper://a:s3cret@h:1// | ''                             | --registry: not consul[+https]://host:port
          zookeper://a:s3cret@h:1   | ''                              | --registry: not consul[+https]://host:port
          """)
  void problemIsReportedWithoutTheSecret(String uri, String flag, String message) {
    String[] args =
        flag.isEmpty()
            ? new String[] {"--registry=" + uri}
            : new String[] {"--registry=" + uri, flag};
    if (message.isEmpty()) {
      assertThat(registry(Map.of(), args)).hasToString("zookeeper://***@h:1/");
    } else {
      assertThatThrownBy(() -> registry(Map.of(), args))
          .isInstanceOf(Flags.UsageException.class)
          .hasMessageStartingWith(message)
          .hasMessageNotContaining("s3cret");
    }
  }

  @Test
  void userIsGivenOnce() {
    assertThatThrownBy(
            () ->
                registry(
                    Map.of(),
                    "--registry=zookeeper://h:1",
                    "--zookeeper-user=a:b",
                    "--zookeeper-user-file=c"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--zookeeper-user", "--zookeeper-user-file");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "zookeeper://",
        "zookeeper://host",
        "zookeeper://a:1,",
        "zookeeper://a:1,,b:2",
        "zookeeper://a:1//",
        "zookeeper://a:1/b/",
        "zookeeper://a:1/b//c",
        "zookeeper://a:1/..",
        "zookeeper://a:1,b:2/a\nb",
        "zookeeper://%zz:pw@a:1",
        "zookeeper+https://a:1"
      })
  void malformedUriIsRejected(String uri) {
    assertThatIllegalArgumentException().isThrownBy(() -> Registry.parse(uri));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''        | /services/web
          /         | /web
          /a/b      | /a/b/web
          """)
  void pathIsTheParentOfAllServices(String path, String service) throws Exception {
    Registry registry = Registry.parse(uri("", path));
    try (Registration registration = registry.registration(offer("web"));
        Instances instances = registry.instances("web")) {
      registration.start();
      Eventually.within(
          SOON,
          () -> assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.5", 8081)));
      assertThat(fake.below(service))
          .singleElement()
          .asString()
          .matches(service + "/_c_[0-9a-f]{32}-[0-9]{10}");
    }
    assertThat(fake.below(service)).isEmpty();
    assertThat(fake.sessions()).isZero();
  }

  @Test
  void theNextServerIsTriedWhenOneIsDown() throws Exception {
    fake.put("/services/web/a", "10.0.0.1:80");
    String uri = uri("", "").replace("zookeeper://", "zookeeper://127.0.0.1:1,127.0.0.1:2,");
    Registry registry = Registry.parse(uri);
    assertThat(registry).hasToString(uri);
    assertThat(registry.address()).contains(Instance.of("127.0.0.1", 1));

    try (Instances instances = registry.instances("web")) {
      Eventually.within(SOON, () -> assertThat(instances.snapshot()).hasSize(1));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''        | not a path of a service
          .         | not a path of a service
          ..        | not a path of a service
          a/b       | must contain no slash
          zookeeper | /zookeeper is reserved
          """)
  void namesThatZooKeeperRejectsAreUsageErrors(String name, String message) {
    Registry registry = Registry.parse("zookeeper://127.0.0.1:1/");

    assertThatThrownBy(() -> registry.instances(name))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--service: " + message);
    assertThatThrownBy(() -> registry.registration(offer(name)))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--name: " + message);
  }

  @Test
  void tagsAreRefused() {
    Registry registry = Registry.parse("zookeeper://127.0.0.1:1");
    assertThatThrownBy(() -> registry.instances("web", List.of("blue")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--tags", "no tags");
  }

  @Test
  void loadLeavesNoSession() throws Exception {
    Registry.parse(uri("", "")).load();
    assertThat(fake.requests()).isNotEmpty();
    assertThat(fake.sessions()).isZero();
  }
}
