// SPDX-License-Identifier: Apache-2.0
package client.gateway;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import kit.cli.Flags;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GatewayTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "1.2.3.256",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1",
        "a.b",
        "localhost",
        "::g",
        "1:2",
        "::1%lo"
      })
  void trustedProxyMustBeAnIpAddress(String address) {
    assertThatThrownBy(
            () ->
                Gateway.run(
                    "--port=0", "--registry=static:a:1", "--trusted-proxies=10.0.0.1," + address))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--trusted-proxies", address);
  }
}
