// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpClientPropertiesTest {
  private static final String ALLOWED = "jdk.httpclient.allowRestrictedHeaders";
  private static final String RETRIES = "jdk.httpclient.redirects.retrylimit";
  private static final String KEEP_ALIVE = "jdk.httpclient.keepalive.timeout";

  private final Map<String, String> before = new HashMap<>();

  @BeforeEach
  void keep() {
    List.of(ALLOWED, RETRIES, KEEP_ALIVE)
        .forEach(name -> before.put(name, System.getProperty(name)));
  }

  @AfterEach
  void restore() {
    before.forEach(
        (name, value) -> {
          if (value == null) {
            System.clearProperty(name);
          } else {
            System.setProperty(name, value);
          }
        });
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # set before        | afterwards
                              | host
          ''                  | host
          connection          | connection,host
          Host                | Host
          'connection , host' | connection , host
          """)
  void hostIsAddedToTheAllowedHeaders(String allowed, String expected) {
    System.clearProperty(ALLOWED);
    if (allowed != null) {
      System.setProperty(ALLOWED, allowed);
    }
    System.setProperty(RETRIES, "3");

    HttpClientProperties.set();

    assertThat(System.getProperty(ALLOWED)).isEqualTo(expected);
    assertThat(System.getProperty(RETRIES)).isEqualTo("3");
  }
}
