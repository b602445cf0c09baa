// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgramTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          KIT_PORT       | tcp://10.96.0.12:8080 | true
          KIT_GRPC_PORT  | tcp://10.96.0.12:8080 | true
          KIT_PORT       | tcp://[fd00::1]:8080  | true
          KIT_PORT       | tcp://10.96.0.12      | false
          KIT_PORT       | tcp://:8080           | false
          KIT_PORT       | tcp://a:b@c:8080      | false
          KIT_PORT       | http://10.96.0.1:8080 | false
          KIT_PORT       | tcp://10.96.0.1:x     | false
          KIT_PORT       | tcp://10.96.0.1:80/x  | false
          KIT_PORT       | 10.96.0.12:8080       | false
          KIT_PORT       | 8080                  | false
          KIT_TARGET     | tcp://10.96.0.12:8080 | false
          KIT_EXPORT     | tcp://10.96.0.12:8080 | false
          OTHER_KIT_PORT | tcp://10.96.0.12:8080 | false
          """)
  void serviceLinksOfKubernetesSetNoFlag(String name, String value, boolean isLink) {
    Map<String, String> environment = Map.of(name, value, "KIT_NAME", "userservice");

    Map<String, String> rest = Program.withoutServiceLinks(environment);

    assertThat(rest).containsEntry("KIT_NAME", "userservice");
    assertThat(rest.containsKey(name)).isEqualTo(!isLink);
    assertThat(Program.serviceLinks(environment).contains(name)).isEqualTo(isLink);
  }

  @Test
  void flagOfAVariable() {
    assertThat(Program.flagOf("KIT_PORT")).isEqualTo("port");
    assertThat(Program.flagOf("KIT_GRPC_PORT")).isEqualTo("grpc-port");
  }
}
