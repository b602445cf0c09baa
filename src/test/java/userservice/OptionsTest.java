// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import kit.cli.Flags;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {
  @Test
  void timeLimitsOfTheServerHaveDefaults() {
    Options options = new Options("--name", "a", "--port", "0");
    assertThat(options.requestTimeout.get()).isEqualTo(Duration.ofSeconds(10));
    assertThat(options.responseTimeout.get()).isEqualTo(Duration.ofSeconds(60));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0s", "500ms", "1.5s"})
  void timeLimitsOfTheServerAreWholeSeconds(String timeout) {
    for (String flag : new String[] {"--request-timeout", "--response-timeout"}) {
      assertThatThrownBy(() -> new Options("--name", "a", "--port", "0", flag, timeout))
          .hasMessageContaining(flag)
          .hasMessageContaining("whole seconds, 1s or more");
    }
  }

  @Test
  void serviceThatWouldAskItselfIsRefused() {
    String[] byName = {"--name", "a", "--port", "8081", "--proxy", "consul:a"};
    String[] byAddress = {"--name", "a", "--port", "8081", "--proxy", "127.0.0.1:8081,10.0.0.5:80"};
    String[] others = {"--name", "a", "--port", "8081", "--proxy", "10.0.0.5:8081,127.0.0.1:8082"};

    assertThatThrownBy(() -> new Options(byName))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage("--proxy: would ask itself: consul:a");
    assertThatThrownBy(() -> new Options(byAddress))
        .hasMessage("--proxy: would ask itself: 127.0.0.1:8081");
    assertThat(new Options(others).proxy.get()).isPresent();
  }
}
