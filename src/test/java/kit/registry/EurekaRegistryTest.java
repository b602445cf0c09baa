// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import kit.cli.Flags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeConsul;

/** eureka:// on the command line; {@code it.SecuredEurekaIT} uses a real server. */
@Timeout(30)
class EurekaRegistryTest {
  private static final String APP = "/eureka/apps/WEB";
  private static final String TWO =
      """
      {"application":{"name":"WEB","instance":[
        {"hostName":"10.0.0.1","status":"UP","port":{"$":80,"@enabled":"true"},
         "metadata":{"tags":"v1,blue"}},
        {"hostName":"10.0.0.2","status":"UP","port":{"$":80,"@enabled":"true"}}]}}""";

  @TempDir private Path files;

  private static Registry registry(String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse(args);
    assertThat(flags.effective() + registry.get()).doesNotContain("s3cret");
    return registry.get();
  }

  private static String uri(FakeConsul fake) {
    return "eureka://" + fake.uri().getAuthority() + "/eureka";
  }

  private static InstanceRegistration offer(String name, List<String> tags) {
    Instance instance = new Instance("10.0.0.5", 8081, tags, Map.of());
    return new InstanceRegistration(
        name,
        instance,
        new HealthCheck.Http("/health"),
        Duration.ofSeconds(5),
        Duration.ofMinutes(1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # in the URI      | flag                    | user
          app:s3cret@       |                         | app:s3cret
          a:s3%40%3A+c@     |                         | a:s3@:+c
          app:s3cret:@x@    |                         | app:s3cret:@x
          app:s3cret@       | --eureka-user=b:other   | app:s3cret
          ''                | --eureka-user=a:s3cret  | a:s3cret
          ''                | --eureka-user-file=FILE | file:s3cret-in-file
          """)
  void userComesFromTheUriAFlagOrAFile(String userInfo, String flag, String user) throws Exception {
    Path file = Files.writeString(files.resolve("user"), " file:s3cret-in-file\n");
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", APP).answer(200, TWO);
      String uri = "--registry=" + uri(fake).replace("://", "://" + userInfo);
      String[] args =
          flag == null
              ? new String[] {uri}
              : new String[] {uri, flag.replace("FILE", file.toString())};

      try (Instances instances = registry(args).instances("web")) {
        String header = fake.awaitRequest("GET", APP).headers().getFirst("Authorization");
        byte[] both = Base64.getDecoder().decode(header.replace("Basic ", ""));
        assertThat(new String(both, StandardCharsets.UTF_8)).isEqualTo(user);
        Eventually.within(
            Duration.ofSeconds(10), () -> assertThat(instances.snapshot()).hasSize(2));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          eureka://s3cret@h:1/e      |                             | --registry: not name:password
          eureka://h:1/e             | --eureka-user=s3cret        | --eureka-user: not name:password
          eureka://h:1/e             | --eureka-user-file=none-such | --eureka-user-file: no such file: none-such
          eureka://h:1/e             | --eureka-ca-file=x          | --eureka-ca-file: the registry is not eureka+https
          eureka+https://h:1/e       | --eureka-ca-file=none-such  | --eureka-ca-file: none-such: no such file
          eureka://h:1/e             | --eureka-poll=99ms          | --eureka-poll: not a duration
          eureka://h:1/e             | --eureka-renewal=999ms      | --eureka-renewal: not a duration
          eureka://h:1/e             | --eureka-renewal=1500ms     | --eureka-renewal: not a duration
          eureka://h:1/e             | --eureka-renewal=61m        | --eureka-renewal: not a duration
          eurek://a:s3cret@h:1/e     |                             | --registry: not consul[+https]://host:port
          eureka://a:s3cret@h:1      |                             | --registry: not consul[+https]://host:port
          """)
  void problemIsReportedWithoutTheSecret(String uri, String flag, String message) {
    String[] args =
        flag == null
            ? new String[] {"--registry=" + uri}
            : new String[] {"--registry=" + uri, flag};

    assertThatThrownBy(() -> registry(args))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith(message)
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void userIsGivenOnce() {
    assertThatThrownBy(
            () ->
                registry("--registry=eureka://h:1/e", "--eureka-user=a:b", "--eureka-user-file=c"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--eureka-user", "--eureka-user-file");
  }

  @Test
  void isShownWithoutThePassword() {
    assertThat(Registry.parse("eureka://app:s3cret@a:1,b:2/eureka").toString())
        .isEqualTo("eureka://***@a:1,b:2/eureka");
    assertThat(Registry.parse("eureka+https://a:1,b:2/eureka/v2/").toString())
        .isEqualTo("eureka+https://a:1,b:2/eureka/v2/");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "eureka://",
        "eureka://host/eureka",
        "eureka:///eureka",
        "eureka://a:1",
        "eureka://a:1/",
        "eureka://a:1,/eureka",
        "eureka://a:1,b:2",
        "eureka://a:1/eureka,b:2/eureka",
        "eureka://a:1/eureka?x=y",
        "eureka://a:1//eureka",
        "eureka://a:1/e%20",
        "eureka://%zz:pw@a:1/eureka"
      })
  void malformedUriIsRejected(String uri) {
    assertThatIllegalArgumentException().isThrownBy(() -> Registry.parse(uri));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/eureka", "/eureka/", "/eureka/v2"})
  void pathIsSentAsGiven(String path) throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      String uri = "eureka://" + fake.uri().getAuthority() + path;
      try (Instances instances = Registry.parse(uri).instances("web")) {
        assertThat(fake.awaitRequest().target())
            .isEqualTo(path.replaceFirst("/$", "") + "/apps/WEB");
      }
    }
  }

  @Test
  void registersWithTheTagsAndTheRenewal() throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("POST", APP).answer(204, "");
      fake.on("DELETE", APP + "/web-10.0.0.5-8081").answer(200, "");
      Registry registry = registry("--registry=" + uri(fake), "--eureka-renewal=20s");

      try (Registration registration = registry.registration(offer("web", List.of("v1", "blue")))) {
        registration.start();
        assertThat(fake.awaitRequest("POST", APP).body())
            .contains("\"instanceId\":\"web-10.0.0.5-8081\"", "\"hostName\":\"10.0.0.5\"")
            .contains("\"durationInSecs\":60", "\"tags\":\"v1,blue\"");
      }
      fake.awaitRequest("DELETE", APP + "/web-10.0.0.5-8081");
    }
  }

  @Test
  void instancesHaveAllTagsAskedFor() throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", APP).answer(200, TWO);

      try (Instances blue = Registry.parse(uri(fake)).instances("web", List.of("blue"))) {
        Eventually.within(
            Duration.ofSeconds(10),
            () ->
                assertThat(blue.snapshot())
                    .extracting(Instance::authority)
                    .containsExactly("10.0.0.1:80"));
      }
    }
  }

  @Test
  void namesThatTheServerRejectsAreUsageErrors() {
    Registry eureka = Registry.parse("eureka://127.0.0.1:1/eureka");

    assertThatThrownBy(() -> eureka.instances("a%b"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--service: ");
    assertThatThrownBy(() -> eureka.registration(offer("a/b", List.of())))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--name: ");
  }

  @Test
  void drainDelayOfAMinuteIsRecommended() {
    assertThat(Registry.parse("eureka://127.0.0.1:1/eureka").recommendedDrainDelay())
        .contains(Duration.ofSeconds(60));
    assertThat(Registry.parse("nacos://127.0.0.1:1").recommendedDrainDelay()).isEmpty();
  }

  @Test
  void emptyListIsKeptForLonger() {
    assertThat(Registry.parse("eureka://127.0.0.1:1/eureka").emptyGrace())
        .isEqualTo(Duration.ofSeconds(90));
    assertThat(Registry.parse("nacos://127.0.0.1:1").emptyGrace())
        .isEqualTo(Duration.ofSeconds(30));
  }
}
