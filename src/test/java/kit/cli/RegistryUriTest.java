// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import kit.discovery.Instance;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryUriTest {
  private static final RegistryUri.Offer OFFER =
      new RegistryUri.Offer(
          "web", Instance.of("h", 80), "/health", Duration.ofSeconds(5), Duration.ofMinutes(1));

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
        "static:",
        "static:a",
        "static:a:1,,b:2",
        "static:a:1,",
        "NONE",
        "consul://ho st:8500"
      })
  void refusesWhatIsNoRegistry(String uri) {
    assertThatThrownBy(() -> RegistryUri.parse(uri, Map.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void staticIsAListAsGivenWithoutDuplicates() throws Exception {
    RegistryUri uri = RegistryUri.parse("static: a:1 ,b:2,a:1,[::1]:3", Map.of());
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
    RegistryUri uri = RegistryUri.parse("none", Map.of());
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
          """)
  void defaultHonoursTheVariableOfConsulsOwnTools(String variable, String expected) {
    assertThat(RegistryUri.byDefault(Map.of("CONSUL_HTTP_ADDR", variable))).isEqualTo(expected);
    assertThat(RegistryUri.byDefault(Map.of())).isEqualTo("consul://127.0.0.1:8500");
  }

  @Test
  void localAddressIsTheOneThatLeadsToTheRegistry() throws Exception {
    assertThat(RegistryUri.parse("consul://127.0.0.1:8500", Map.of()).localAddress())
        .isEqualTo("127.0.0.1");
  }
}
