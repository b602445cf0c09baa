// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostHeaderTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"a", "a:80", "a:", "127.0.0.1:8081", "[::1]", "[::1]:80", "A-b_c.~9", ":"})
  void nameOrAddressWithOptionalPortIsValid(String host) {
    assertThat(HostHeader.isValid(host)).isEqualTo(!host.equals(":"));
  }

  /** The grammar as a regex is the oracle: slower, and easier to read. */
  @Test
  void sameAsTheGrammar() {
    Pattern grammar = Pattern.compile("(?:[A-Za-z0-9._~-]+|\\[[0-9A-Fa-f:.]+])(?::[0-9]*)?");
    String alphabet = "azAZfgFG09._~-:[]@/`{ %\n\u0000\u0141\u00e1";
    Random random = new Random(20261130);
    int valid = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder host = new StringBuilder(random.nextBoolean() ? "" : "[");
      for (int length = random.nextInt(7); length > 0; length--) {
        host.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      boolean expected = grammar.matcher(host).matches();
      assertThat(HostHeader.isValid(host.toString())).as(host.toString()).isEqualTo(expected);
      valid += expected ? 1 : 0;
    }
    assertThat(valid).isGreaterThan(1_000);
  }
}
