// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import java.util.Map;
import kit.StatusException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestTest {
  private static Request post(String body) {
    Headers headers = new Headers();
    headers.add("Host", "h");
    headers.add("Accept", "text/plain");
    headers.add("Accept", "text/csv");
    return new Request(
        "POST",
        RequestTarget.parse("/user/7?a=b", "h"),
        headers,
        new ByteArrayInputStream(body.getBytes(UTF_8)));
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 6, Integer.MAX_VALUE})
  void bodyWithinTheBoundIsReadCompletely(int maxBytes) throws Exception {
    assertThat(post("hello").body(maxBytes)).asString(UTF_8).isEqualTo("hello");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4})
  void bodyBeyondTheBoundIsRejected(int maxBytes) {
    assertThatExceptionOfType(StatusException.class)
        .isThrownBy(() -> post("hello").body(maxBytes))
        .withMessageContaining(maxBytes + " bytes")
        .satisfies(refusal -> assertThat(refusal.status()).isEqualTo(413));
  }

  @Test
  void boundIsNotNegative() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> post("").body(-1))
        .withMessageContainingAll("maxBytes", "-1");
  }

  @Test
  void headersAreFoundInAnyCase() {
    assertThat(post("").headers("aCCept")).containsExactly("text/plain", "text/csv");
    assertThat(post("").header("hOST")).isEqualTo("h");
    assertThat(post("").header("Age")).isNull();
  }

  @Test
  void severalValuesAreNoSingleValue() {
    assertThatExceptionOfType(StatusException.class)
        .isThrownBy(() -> post("").header("accept"))
        .withMessageContainingAll("more than one", "accept")
        .satisfies(refusal -> assertThat(refusal.status()).isEqualTo(400));
  }

  @Test
  void routeAndVariablesComeFromTheRouter() {
    Request request = post("");
    assertThat(request.route()).isEqualTo("-");
    assertThat(request.variables()).isEmpty();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> request.variable("uid"))
        .withMessageContaining("uid");

    Request matched = request.matched("/user/{uid}", Map.of("uid", "7"));
    assertThat(matched.route()).isEqualTo("/user/{uid}");
    assertThat(matched.variable("uid")).isEqualTo("7");
    assertThat(request.route()).isEqualTo("-");
  }
}
