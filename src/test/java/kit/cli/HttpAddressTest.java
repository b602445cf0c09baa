// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import kit.discovery.Instance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpAddressTest {
  @ParameterizedTest
  @CsvSource({
    "http://a, http, a:80",
    "https://a, https, a:443",
    "https://[::1]:8443/, https, [::1]:8443",
    "http://10.0.0.1:1, http, 10.0.0.1:1",
  })
  void calledServerHasASchemeAndAPort(String address, String scheme, String authority) {
    Instance instance = HttpAddress.instance(HttpAddress.TYPE_OF_CALLS.parser().apply(address));
    assertThat(instance.scheme("none")).isEqualTo(scheme);
    assertThat(instance.authority()).isEqualTo(authority);
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://a/path", "https://u@a", "ftp://a", "https:a", "a:1", "https://"})
  void anythingElseIsRejected(String address) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HttpAddress.TYPE_OF_CALLS.parser().apply(address));
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://a", "http://a/path", "a:1"})
  void addressOfAServerWithoutTlsIsNothingButHttp(String address) {
    assertThatIllegalArgumentException().isThrownBy(() -> HttpAddress.TYPE.parser().apply(address));
  }
}
