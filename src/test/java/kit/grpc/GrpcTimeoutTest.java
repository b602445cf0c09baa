// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GrpcTimeoutTest {
  @ParameterizedTest
  @CsvSource({
    "1H, 3600000000000",
    "2M, 120000000000",
    "3S, 3000000000",
    "284m, 284000000",
    "9987962u, 9987962000",
    "5n, 5",
    "0S, 0",
    "99999999H, 9223372036854775807"
  })
  void parses(String value, long nanos) {
    assertThat(GrpcTimeout.parse(value)).isEqualTo(nanos);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1", "S", "-1S", "1s", "1 S", "123456789n", "1.5S", "1SS", "\u0661S"})
  void malformedValueIsRejected(String value) {
    assertThatThrownBy(() -> GrpcTimeout.parse(value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("grpc-timeout is not at most eight digits and one of H, M, S, m, u, n");
  }

  @ParameterizedTest
  @CsvSource({
    "-5, 1n",
    "0, 1n",
    "99999999, 99999999n",
    "100000000, 100000u",
    "100000001, 100001u",
    "100000000000, 100000m",
    "3600000000000, 3600000m",
    "9223372036854775807, 2562048H"
  })
  void formatsRoundedUp(long nanos, String value) {
    assertThat(GrpcTimeout.format(nanos)).isEqualTo(value);
    assertThat(GrpcTimeout.parse(value)).isGreaterThanOrEqualTo(nanos);
  }
}
