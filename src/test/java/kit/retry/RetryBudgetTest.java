// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.math.BigDecimal;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Race;

class RetryBudgetTest {
  private final RetryBudget budget = new RetryBudget();

  private void succeed(int times) {
    for (int i = 0; i < times; i++) {
      budget.succeeded();
    }
  }

  private void fail(int times) {
    for (int i = 0; i < times; i++) {
      budget.failed();
    }
  }

  @Test
  void fourRetriesArePermittedWhenEverythingFails() {
    List<Boolean> repeatable = IntStream.range(0, 12).mapToObj(i -> budget.failed()).toList();

    assertThat(repeatable)
        .containsExactly(
            true, true, true, true, false, false, false, false, false, false, false, false);
    assertThat(budget.tokens()).isZero();
  }

  @Test
  void halfIsNotEnough() {
    fail(5);
    assertThat(budget.tokens()).isEqualTo(5.0);
    assertThat(budget.allowsRetry()).isFalse();

    budget.succeeded();

    assertThat(budget.tokens()).isEqualTo(5.1);
    assertThat(budget.allowsRetry()).isTrue();
  }

  @Test
  void fiftyOneSuccessesMakeUpForAnOutage() {
    fail(1_000);

    succeed(50);
    assertThat(budget.allowsRetry()).isFalse();
    succeed(1);
    assertThat(budget.allowsRetry()).isTrue();
  }

  @Test
  void tenSuccessesMakeUpForAFailureExactly() {
    fail(3);

    succeed(29);
    assertThat(budget.tokens()).isEqualTo(9.9);
    succeed(1);
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @Test
  void tokensAreCapped() {
    succeed(1_000);
    assertThat(budget.tokens()).isEqualTo(10.0);

    fail(1);
    succeed(11);
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @Test
  void oneFailureInElevenIsAlwaysRetried() {
    for (int i = 0; i < 1_000; i++) {
      assertThat(budget.failed()).isTrue();
      succeed(10);
    }
  }

  @Test
  void queryingChangesNothing() {
    for (int i = 0; i < 100; i++) {
      assertThat(budget.allowsRetry()).isTrue();
    }
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # tokens, per success, repeatable failures in a row, tokens after one success
          1       , 1          ,   0, 1.0
          2       , 0.001      ,   0, 1.001
          3       , 0.5        ,   1, 1.5
          4       , 0.0014     ,   1, 2.001
          4       , 0.0016     ,   1, 2.002
          4       , 0.29       ,   1, 2.29
          100     , 100        ,  49, 100.0
          1000    , 0.001      , 499, 500.001
          """)
  void otherSizes(int maxTokens, double perSuccess, int repeatable, double afterSuccess) {
    RetryBudget other = new RetryBudget(maxTokens, perSuccess);

    int repeated = 0;
    while (other.failed()) {
      repeated++;
    }
    other.succeeded();

    assertThat(repeated).isEqualTo(repeatable);
    assertThat(other.tokens()).isEqualTo(afterSuccess);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          0    , 0.1     , maxTokens not in 1..1000: 0
          -1   , 0.1     , maxTokens not in 1..1000: -1
          1001 , 0.1     , maxTokens not in 1..1000: 1001
          10   , 0       , tokensPerSuccess not in 0.001..10: 0.0
          10   , 0.00099 , tokensPerSuccess not in 0.001..10: 9.9E-4
          10   , -0.1    , tokensPerSuccess not in 0.001..10: -0.1
          10   , 10.01   , tokensPerSuccess not in 0.001..10: 10.01
          10   , NaN     , tokensPerSuccess not in 0.001..10: NaN
          10   , Infinity, tokensPerSuccess not in 0.001..10: Infinity
          """)
  void rejectsInvalidSettings(int maxTokens, double perSuccess, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RetryBudget(maxTokens, perSuccess))
        .withMessage(message);
  }

  @Test
  void agreesWithExactArithmetic() {
    long seed = 20_170_913;
    Random random = new Random(seed);
    BigDecimal ratio = new BigDecimal("0.3");
    BigDecimal max = BigDecimal.TEN;
    BigDecimal tokens = max;
    RetryBudget actual = new RetryBudget(10, 0.3);

    for (int step = 0; step < 10_000; step++) {
      String where = "seed " + seed + ", step " + step;
      if (random.nextInt(4) == 0) {
        tokens = tokens.subtract(BigDecimal.ONE).max(BigDecimal.ZERO);
        boolean aboveHalf = tokens.compareTo(new BigDecimal(5)) > 0;
        assertThat(actual.failed()).as(where).isEqualTo(aboveHalf);
      } else {
        tokens = tokens.add(ratio).min(max);
        actual.succeeded();
      }
      assertThat(actual.tokens()).as(where).isEqualTo(tokens.doubleValue());
    }
  }

  @Test
  void noTokenIsLostOrFoundAmongThreads() throws Exception {
    // Never full and never empty: 600 down to 200, with 400 up and 800 down in any order.
    RetryBudget shared = new RetryBudget(1_000, 0.1);
    for (int i = 0; i < 400; i++) {
      shared.failed();
    }

    Race.runNumbered(
        8,
        thread -> {
          for (int i = 0; i < 500; i++) {
            shared.succeeded();
            if (i % 10 < 2) {
              shared.failed();
            }
          }
          return null;
        });

    // 4,000 successes of 0.1 and 800 failures.
    assertThat(shared.tokens()).isEqualTo(600 + 400 - 800);
  }

  @Test
  void exactlyFourThreadsOfManyMayRetry() throws Exception {
    List<Boolean> repeatable = Race.run(8, budget::failed);

    assertThat(repeatable).filteredOn(may -> may).hasSize(4);
    assertThat(budget.tokens()).isEqualTo(2.0);
  }

  @Test
  void toStringShowsItsState() {
    fail(1);
    succeed(1);

    assertThat(budget).hasToString("RetryBudget[9.1 of 10 tokens]");
  }
}
