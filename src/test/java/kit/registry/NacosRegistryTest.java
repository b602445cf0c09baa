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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeConsul;

/** nacos:// on the command line; {@code it.SecuredNacosIT} uses a real server. */
@Timeout(30)
class NacosRegistryTest {
  private static final String LOGIN = "/nacos/v3/auth/user/login";
  private static final String INSTANCE = "/nacos/v3/client/ns/instance";
  private static final String TOKEN = "{\"accessToken\":\"t0ken\",\"tokenTtl\":18000}";
  private static final String OK = "{\"code\":0,\"message\":\"success\",\"data\":\"ok\"}";
  private static final String TWO =
      """
      {"code":0,"data":[
        {"ip":"10.0.0.1","port":80,"healthy":true,"enabled":true,"metadata":{"tags":"v1,blue"}},
        {"ip":"10.0.0.2","port":80,"healthy":true,"enabled":true,"metadata":{}}]}""";

  @TempDir private Path files;

  private static Registry registry(String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.parse(args);
    assertThat(flags.effective() + registry.get()).doesNotContain("s3cret");
    return registry.get();
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
          # in the URI      | flag                   | body of the login
          app:s3cret@       |                        | username=app&password=s3cret
          a:s3%40%3A+c@     |                        | username=a&password=s3%40%3A%2Bc
          app:s3cret:@x@    |                        | username=app&password=s3cret%3A%40x
          app:s3cret@       | --nacos-user=b:other   | username=app&password=s3cret
          ''                | --nacos-user=a:s3cret  | username=a&password=s3cret
          ''                | --nacos-user-file=FILE | username=file&password=s3cret-in-file
          """)
  void userComesFromTheUriAFlagOrAFile(String userInfo, String flag, String body) throws Exception {
    Path file = Files.writeString(files.resolve("user"), " file:s3cret-in-file\n");
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("POST", LOGIN).answer(200, TOKEN);
      fake.on("GET", INSTANCE + "/list").answer(200, TWO);
      String uri = "--registry=nacos://" + userInfo + fake.uri().getAuthority();
      String[] args =
          flag == null
              ? new String[] {uri}
              : new String[] {uri, flag.replace("FILE", file.toString())};

      try (Instances instances = registry(args).instances("web")) {
        assertThat(fake.awaitRequest("POST", LOGIN).body().split("&"))
            .containsExactlyInAnyOrder(body.split("&"));
        FakeConsul.Request list = fake.awaitRequest("GET", INSTANCE + "/list");
        assertThat(list.headers().getFirst("accessToken")).isEqualTo("t0ken");
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
          nacos://s3cret@h:1       |                            | --registry: not name:password
          nacos://h:1              | --nacos-user=s3cret        | --nacos-user: not name:password
          nacos://h:1              | --nacos-user-file=none-such | --nacos-user-file: no such file: none-such
          nacos://h:1              | --nacos-ca-file=x          | --nacos-ca-file: the registry is not nacos+https
          nacos+https://h:1        | --nacos-ca-file=none-such  | --nacos-ca-file: none-such: no such file
          nacos://h:1              | --nacos-poll=99ms          | --nacos-poll: not a duration
          naco://a:s3cret@h:1      |                            | --registry: not consul[+https]://host:port
          nacos://a:s3cret@h:1?x=y |                            | --registry: not consul[+https]://host:port
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
            () -> registry("--registry=nacos://h:1", "--nacos-user=a:b", "--nacos-user-file=c"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--nacos-user", "--nacos-user-file");
  }

  @Test
  void isShownWithoutThePassword() {
    assertThat(Registry.parse("nacos://app:s3cret@a:1,b:2?group=g").toString())
        .isEqualTo("nacos://***@a:1,b:2?group=g");
    assertThat(Registry.parse("nacos+https://a:1,b:2").toString())
        .isEqualTo("nacos+https://a:1,b:2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nacos://",
        "nacos://host",
        "nacos://a:1,",
        "nacos://a:1/path",
        "nacos://%zz:pw@a:1",
        "nacos://a:1?zone=x",
        "nacos://a:1?group",
        "nacos://a:1?group=a&group=b",
        "nacos://a:1?group=a&",
        "nacos://a:1?group=",
        "nacos://a:1?group=a/b",
        "nacos://a:1?namespace=a.b",
        "nacos://a:1?cluster=a_b",
        "nacos://a:1?cluster=a,",
        "nacos://a:1?cluster="
      })
  void malformedUriIsRejected(String uri) {
    assertThatIllegalArgumentException().isThrownBy(() -> Registry.parse(uri));
  }

  @Test
  void namespaceGroupAndClustersAreSent() throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", INSTANCE + "/list").answer(200, TWO);
      String uri = "nacos://" + fake.uri().getAuthority();

      try (Instances all = Registry.parse(uri).instances("web")) {
        assertThat(fake.awaitRequest().target())
            .endsWith(
                "?namespaceId=public&groupName=DEFAULT_GROUP&serviceName=web&clusterName=%2C");
      }
      try (Instances some =
          Registry.parse(uri + "?namespace=n&group=g&cluster=c1,c-2").instances("web")) {
        assertThat(fake.awaitRequest().target())
            .endsWith("?namespaceId=n&groupName=g&serviceName=web&clusterName=c1%2Cc-2");
      }
    }
  }

  @Test
  void registersWithTheClusterAndTheTags() throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("POST", INSTANCE).answer(200, OK);
      fake.on("GET", INSTANCE + "/list").answer(200, TWO);
      fake.on("DELETE", INSTANCE).answer(200, OK);
      Registry registry =
          Registry.parse("nacos://" + fake.uri().getAuthority() + "?namespace=n&cluster=c1");

      try (Registration registration = registry.registration(offer("web", List.of("v1", "blue")))) {
        registration.start();
        assertThat(fake.awaitRequest("POST", INSTANCE).body())
            .contains("namespaceId=n", "serviceName=web", "ip=10.0.0.5", "port=8081")
            .contains("clusterName=c1", "%22tags%22%3A%22v1%2Cblue%22");
      }
      assertThat(fake.awaitRequest("DELETE", INSTANCE).target()).contains("clusterName=c1");
    }
  }

  @Test
  void instancesHaveAllTagsAskedFor() throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", INSTANCE + "/list").answer(200, TWO);
      Registry registry = Registry.parse("nacos://" + fake.uri().getAuthority());

      try (Instances blue = registry.instances("web", List.of("blue"))) {
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
    Registry nacos = Registry.parse("nacos://127.0.0.1:1");

    assertThatThrownBy(() -> nacos.instances("a b"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--service: ");
    assertThatThrownBy(() -> nacos.registration(offer("a@@b", List.of())))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--name: ");
  }

  @Test
  void instanceRegistersWithOneClusterOnly() {
    Registry nacos = Registry.parse("nacos://127.0.0.1:1?cluster=c1,c2");

    assertThatThrownBy(() -> nacos.registration(offer("web", List.of())))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("--registry: ");
  }
}
