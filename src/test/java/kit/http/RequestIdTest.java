// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import kit.Context;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestIdTest {
  private static final String SIXTY_FOUR =
      "0123456789-abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  @Test
  void presentIdsAreShown() {
    Context request = Context.background().with(RequestId.KEY, "ab");
    assertThat(RequestId.idsIn(request)).isEqualTo("request ab");
    assertThat(RequestId.idsIn(request.with(RequestId.TRACE_ID, "cd")))
        .isEqualTo("request ab, trace cd");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "0", "A.b_c-9", SIXTY_FOUR})
  void harmlessIdIsKept(String sent) {
    assertThat(RequestId.acceptOrNew(sent)).isEqualTo(sent);
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(
      strings = {
        "",
        " ",
        "a b",
        "a\nb",
        "a\r",
        "a=b",
        "a\"b",
        "ä",
        "\u0661",
        "a/b",
        SIXTY_FOUR + "a"
      })
  void anyOtherIsReplaced(String sent) {
    assertThat(RequestId.acceptOrNew(sent)).matches("[0-9a-f]{16}");
  }

  @Test
  void newIdsDiffer() {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      ids.add(RequestId.acceptOrNew(null));
    }
    assertThat(ids).hasSize(10_000);
  }
}
