// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.cli.Flags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import kit.discovery.Registration;
import kit.discovery.RouteMeta;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.FakeConsul;

class RegistryTest {
  private static final InstanceRegistration OFFER =
      new InstanceRegistration(
          "web",
          Instance.of("h", 80),
          new HealthCheck.Http("/health"),
          Duration.ofSeconds(5),
          Duration.ofMinutes(1));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "consul",
        "consul://",
        "consul://host",
        "consul://host:0",
        "consul://host:99999",
        "consul://host:8500/path",
        "consul://user@host:8500",
        "http://host:8500",
        "etcd://",
        "etcd://host",
        "etcd://a:1,",
        "etcd://a:1,,b:2",
        "etcd://a:1/path",
        "etcd://%zz:pw@a:1",
        "dns://host:53",
        "dns://host:53/",
        "dns://host/name",
        "dns://host:53/a..b",
        "dns://host:53/name:0",
        "dns://host:53/name:x",
        "static:",
        "static:a",
        "static:a:1,,b:2",
        "static:a:1,",
        "NONE",
        "consul+https://host",
        "consul+https://host:8501/",
        "https://host:8501",
        "consul://ho st:8500"
      })
  void refusesWhatIsNoRegistry(String uri) {
    assertThatThrownBy(() -> Registry.parse(uri)).isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "consul://u:s3cret@h:8500",
        "consul://u:s3 cret@h:8500",
        "consul+https://u:s3cret@h",
        "static:u:s3cret@h:1",
        "dns://u:s3cret@h:53",
        "dns://u:s3cret@h:53/name",
        "etcd://u:s3cret@",
        "etcd://u:%s3cret@h:1",
        "etcd://u:%ffs3cret@h:1",
        "etc://u:s3cret@h:1"
      })
  void refusesWithoutQuotingUserInfo(String uri) {
    assertThatThrownBy(() -> Registry.parse(uri))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("cret")
        .hasNoCause();
  }

  @Test
  void staticIsAListAsGivenWithoutDuplicates() throws Exception {
    Registry uri = Registry.parse("static: a:1 ,b:2,a:1,[::1]:3");
    try (Instances instances = uri.instances("any")) {
      assertThat(instances.snapshot())
          .containsExactly(Instance.of("a", 1), Instance.of("b", 2), Instance.of("::1", 3));
      assertThat(instances.awaitFirst(Duration.ZERO)).isTrue();
    }
    assertThatThrownBy(() -> uri.registration(OFFER))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("--registry");
  }

  @Test
  void noneRegistersNowhereAndFindsNobody() {
    Registry uri = Registry.parse("none");
    try (var registration = uri.registration(OFFER)) {
      registration.start();
      assertThat(registration.isRegistered()).isFalse();
    }
    assertThatThrownBy(() -> uri.instances("any"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("--registry");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                      | consul://127.0.0.1:8500
          consul.example:8501     | consul://consul.example:8501
          http://10.0.0.1:8500    | consul://10.0.0.1:8500
          http://10.0.0.1:8500/   | consul://10.0.0.1:8500
          https://10.0.0.1:8501   | consul+https://10.0.0.1:8501
          [::1]:8500              | consul://[::1]:8500
          """)
  void defaultHonoursTheVariableOfConsulsOwnTools(String variable, String expected) {
    assertThat(Registry.defaultUri(Map.of("CONSUL_HTTP_ADDR", variable))).isEqualTo(expected);
    assertThat(Registry.defaultUri(Map.of())).isEqualTo("consul://127.0.0.1:8500");
  }

  @ParameterizedTest
  @CsvSource({
    "true, consul+https://127.0.0.1:8500",
    "1, consul+https://127.0.0.1:8500",
    "false, consul://127.0.0.1:8500",
    "'', consul://127.0.0.1:8500"
  })
  void defaultIsOverTlsIfTheVariableOfConsulsOwnToolsSaysSo(String variable, String expected) {
    assertThat(Registry.defaultUri(Map.of("CONSUL_HTTP_SSL", variable))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # bound    | registry                | advertised                                        | to the registry
          127.0.0.1  | consul://127.0.0.1:8500 | 127.0.0.1 (the bound address)                     | false
          10.0.0.5   | consul://127.0.0.1:8500 | 10.0.0.5 (the bound address)                      | false
          0.0.0.0    | consul://127.0.0.1:8500 | the registry's own (its agent is on this machine; checked at 127.0.0.1) | true
          ::         | consul+https://[::1]:80 | the registry's own (its agent is on this machine; checked at ::1)       | true
          0.0.0.0    | none                    | 127.0.0.1 (the route to none)                     | false
          """)
  void addressForOthersIsTheBoundOneOrTheAgents(
      String bound, String registry, String advertised, boolean isRegistrys) throws Exception {
    AdvertisedAddress address = AdvertisedAddress.choose(bound, Registry.parse(registry));
    assertThat(address).hasToString(advertised);
    assertThat(address.useAgentAddress()).isEqualTo(isRegistrys);
  }

  @Test
  void addressForOthersIsTheRouteToARegistryElsewhere() throws Exception {
    // Which one it is depends on this machine; no packet is sent to the address of a test net.
    Registry elsewhere = Registry.parse("consul://192.0.2.1:8500");
    AdvertisedAddress address;
    try {
      address = AdvertisedAddress.choose("0.0.0.0", elsewhere);
    } catch (IOException e) {
      Assumptions.abort("no route to other networks: " + e.getMessage());
      return;
    }
    assertThat(InetAddress.getByName(address.host()).isAnyLocalAddress()).isFalse();
    assertThat(address.useAgentAddress()).isFalse();
    assertThat(address.why()).isEqualTo("the route to consul://192.0.2.1:8500");
  }

  @Test
  void tagsAreRejectedByRegistriesWithoutTags() {
    Registry fixed = Registry.parse("static:a:1");
    assertThatThrownBy(() -> fixed.instances("web", List.of("primary")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--tags", "no tags");
    assertThatThrownBy(fixed::services).isInstanceOf(Flags.UsageException.class);
  }

  @Test
  void registrationTellsConsulWhatIsOffered() throws Exception {
    Instance self =
        new Instance("127.0.0.1", 8081, List.of("primary"), RouteMeta.of(List.of("GET /a")));
    InstanceRegistration asked =
        new InstanceRegistration(
            "web",
            self,
            new HealthCheck.Http("/health"),
            Duration.ofSeconds(2),
            Duration.ofMinutes(2));
    assertThat(registered(asked))
        .contains("\"ID\":\"web-127.0.0.1-8081\"", "\"Address\":\"127.0.0.1\"")
        .contains("\"Tags\":[\"primary\"]", "\"Meta\":{\"route-1\":\"GET /a\"}")
        .contains("\"HTTP\":\"http://127.0.0.1:8081/health\"", "\"Timeout\":\"2s\"")
        .contains("\"DeregisterCriticalServiceAfter\":\"120s\"", "\"Status\":\"passing\"");

    InstanceRegistration reporting =
        new InstanceRegistration(
            "web",
            self,
            new HealthCheck.SelfReported(() -> {}),
            Duration.ofSeconds(2),
            Duration.ofMinutes(2),
            true);
    assertThat(registered(reporting))
        .contains("\"Address\":\"\"", "\"TTL\":\"6s\"", "\"Status\":\"passing\"")
        .doesNotContain("HTTP");
  }

  @ParameterizedTest
  @CsvSource({"'', 127.0.0.1:8081", "userservice.Users, 127.0.0.1:8081/userservice.Users"})
  void consulMayCheckByGrpc(String service, String target) throws Exception {
    InstanceRegistration asked =
        new InstanceRegistration(
            "web",
            Instance.of("127.0.0.1", 8081),
            new HealthCheck.Grpc(service),
            Duration.ofSeconds(9),
            Duration.ofMinutes(2));
    assertThat(registered(asked))
        .contains("\"GRPC\":\"" + target + "\"", "\"Interval\":\"9s\"", "\"Timeout\":\"5s\"")
        .doesNotContain("HTTP", "TLS");
  }

  @Test
  void consulChecksAnInstanceWithTlsOverTls() throws Exception {
    Map<String, String> meta = Map.of(Instance.SCHEME, "https");
    Instance instance = new Instance("127.0.0.1", 8081, List.of(), meta);
    assertThat(registered(checked(instance, new HealthCheck.Http("/health"))))
        .contains("\"HTTP\":\"https://127.0.0.1:8081/health\"");
    assertThat(registered(checked(instance, new HealthCheck.Grpc(""))))
        .contains("\"GRPC\":\"127.0.0.1:8081\"", "\"GRPCUseTLS\":true");
  }

  private static InstanceRegistration checked(Instance instance, HealthCheck check) {
    return new InstanceRegistration(
        "web", instance, check, Duration.ofSeconds(9), Duration.ofMinutes(2));
  }

  private static String registered(InstanceRegistration offer) throws Exception {
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("PUT", "/v1/agent/service/register").answer(200, "");
      Registry registry = Registry.parse("consul://" + fake.uri().getAuthority());
      try (Registration registration = registry.registration(offer)) {
        registration.start();
        return fake.awaitRequest().body();
      }
    }
  }
}
