// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import testing.Race;

class AttemptsTest {
  private final Attempts attempts = new Attempts();

  @Test
  void startsEmpty() {
    assertThat(attempts.isEmpty()).isTrue();
    assertThat(attempts.hasTried("a:1")).isFalse();
    assertThat(attempts.hasRefused("a:1")).isFalse();
  }

  @Test
  void brokenInstanceMayBeCalledAgainButRefusingOneIsExcluded() {
    attempts.broke("a:1");
    attempts.refused("b:1");
    assertThat(attempts.isEmpty()).isFalse();
    assertThat(attempts.hasTried("a:1")).isTrue();
    assertThat(attempts.hasRefused("a:1")).isFalse();
    assertThat(attempts.hasTried("b:1")).isTrue();
    assertThat(attempts.hasRefused("b:1")).isTrue();
    assertThat(attempts.hasTried("c:1")).isFalse();
  }

  @Test
  void latestOutcomeCounts() {
    attempts.broke("a:1");
    attempts.refused("a:1");
    assertThat(attempts.hasRefused("a:1")).isTrue();
    attempts.broke("a:1");
    assertThat(attempts.hasRefused("a:1")).isFalse();
  }

  @Test
  void isCarriedInTheContext() {
    Context context = Context.background().with(Attempts.KEY, attempts);
    assertThat(context.get(Attempts.KEY)).isSameAs(attempts);
  }

  @Test
  void noReportIsLostAmongThreads() throws Exception {
    Race.runNumbered(
        8,
        thread -> {
          for (int i = 0; i < 1000; i++) {
            attempts.broke(thread + ":" + i);
          }
          return null;
        });
    for (int thread = 0; thread < 8; thread++) {
      for (int i = 0; i < 1000; i++) {
        assertThat(attempts.hasTried(thread + ":" + i)).isTrue();
      }
    }
  }
}
