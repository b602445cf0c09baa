// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import kit.cli.Flags;
import kit.discovery.HealthCheck;
import kit.discovery.Instance;
import kit.discovery.InstanceRegistration;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.FakeDns;

/** dns:// on the command line; with Consul's server: {@code it.DnsRegistryIT}. */
@Timeout(30)
class DnsRegistryTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  @ParameterizedTest
  @CsvSource({
    "service.consul,                 web, web.service.consul",
    "web.service.consul,             web, web.service.consul",
    "v1.web.service.consul,          web, v1.web.service.consul",
    "_web._tcp.example.org,          web, _web._tcp.example.org",
    "webs.service.consul,            web, web.webs.service.consul",
    "service.service.consul,     service, service.service.consul",
  })
  void nameIsWholeOrTheDomainOfTheService(String name, String service, String asked)
      throws Exception {
    try (FakeDns dns = new FakeDns();
        Instances instances =
            Registry.parse("dns://" + dns.authority() + "/" + name).instances(service)) {
      assertThat(instances.awaitFirst(SOON)).isTrue();
      assertThat(dns.questions()).containsOnly(asked + " SRV");
    }
  }

  @Test
  void portMakesItAskForAddresses() throws Exception {
    try (FakeDns dns = new FakeDns().on("web.example.org", "A", "10.0.0.1");
        Instances instances =
            Registry.parse("dns://" + dns.authority() + "/example.org:8081").instances("web")) {
      assertThat(instances.awaitFirst(SOON)).isTrue();
      assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 8081));
    }
  }

  @Test
  void nameThatIsAskedForMayHaveAnUnderscore() throws Exception {
    try (FakeDns dns = new FakeDns().on("web.my_domain.example", "A", "10.0.0.1");
        Instances instances =
            Registry.parse("dns://" + dns.authority() + "/my_domain.example:8081")
                .instances("web")) {
      assertThat(instances.awaitFirst(SOON)).isTrue();
      assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 8081));
    }
  }

  @Test
  void nobodyCanRegisterAndNamesAndTagsHaveLimits() {
    Registry dns = Registry.parse("dns://127.0.0.1:53/service.consul");
    InstanceRegistration offer =
        new InstanceRegistration(
            "web",
            Instance.of("h", 80),
            new HealthCheck.Http("/health"),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1));

    assertThatThrownBy(() -> dns.registration(offer)).isInstanceOf(Flags.UsageException.class);
    assertThatThrownBy(() -> dns.instances("a b"))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage("--service: not a DNS name: a b.service.consul");
    assertThatThrownBy(() -> dns.instances("web", List.of("v1")))
        .isInstanceOf(Flags.UsageException.class);
  }
}
