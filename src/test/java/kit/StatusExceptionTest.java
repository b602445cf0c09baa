// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StatusExceptionTest {
  @Test
  void carriesStatusDetailAndCause() {
    Exception cause = new IllegalStateException("disk full");
    StatusException refusal = new StatusException(507, "cannot be stored", cause);
    assertThat(refusal.status()).isEqualTo(507);
    assertThat(refusal.detail()).isEqualTo("cannot be stored");
    assertThat(refusal).hasMessage("cannot be stored").hasCause(cause);
    assertThat(refusal.headers()).isEmpty();
  }

  @Test
  void withAddsAHeaderAndDoesNotChangeTheOriginal() {
    Exception cause = new IllegalStateException("disk full");
    StatusException plain = new StatusException(429, "rate limit exceeded", cause);
    StatusException refusal = plain.with("Retry-After", "3").with("X-Limit", "10");
    assertThat(refusal.headers())
        .containsExactly(Map.entry("Retry-After", "3"), Map.entry("X-Limit", "10"));
    assertThat(refusal).hasMessage("rate limit exceeded").hasCause(cause);
    assertThat(refusal.status()).isEqualTo(429);
    assertThat(plain.headers()).isEmpty();
  }

  @Test
  void withReplacesAHeaderOfTheSameNameInAnyCase() {
    StatusException refusal =
        new StatusException(429, "rate limit exceeded")
            .with("Retry-After", "3")
            .with("retry-after", "4");
    assertThat(refusal.headers()).containsExactly(Map.entry("retry-after", "4"));
  }

  @Test
  void headersCannotBeChanged() {
    Map<String, String> headers = new StatusException(429, "x").with("Retry-After", "3").headers();
    assertThat(headers).isUnmodifiable();
  }

  @Test
  void hasNoStackTrace() {
    assertThat(new StatusException(404, "no such path").getStackTrace()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 200, 304, 399, 600})
  void onlyErrorsAreStatuses(int status) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new StatusException(status, "x"))
        .withMessage("status not in 400..599: " + status);
  }
}
