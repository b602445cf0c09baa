// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContextTest {
  private static final Context.Key<String> USER = Context.key("user");

  @Test
  void withoutDeadlineThereIsAlwaysTimeLeft() {
    assertThat(Context.background().hasDeadline()).isFalse();
    assertThat(Context.background().remainingNanos()).isEqualTo(Long.MAX_VALUE);
    assertThat(Context.background().remainingNanos(Long.MIN_VALUE)).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void deadlineIsOnlyBroughtForward() {
    Context context = Context.background().withDeadline(1000);
    assertThat(context.withDeadline(2000).remainingNanos(0)).isEqualTo(1000);
    assertThat(context.withDeadline(1000)).isSameAs(context);
    assertThat(context.withDeadline(400).remainingNanos(0)).isEqualTo(400);
    assertThat(context.withDeadline(400).withDeadline(1000).remainingNanos(0)).isEqualTo(400);
    assertThat(context.withTimeout(Duration.ofDays(1)).hasDeadline()).isTrue();
  }

  @Test
  void remainingTimeTurnsNegative() {
    assertThat(Context.background().withDeadline(1000).remainingNanos(1001)).isEqualTo(-1);
  }

  @Test
  void worksWhenNanoTimeOverflows() {
    long now = Long.MAX_VALUE - 5;
    Context context = Context.background().withDeadline(now + 10);
    assertThat(context.remainingNanos(now)).isEqualTo(10);
    assertThat(context.remainingNanos(now + 20)).isEqualTo(-10);
    assertThat(context.withDeadline(now + 20)).isSameAs(context);
    assertThat(context.withDeadline(now + 3).remainingNanos(now)).isEqualTo(3);
  }

  @Test
  void timeoutCountsFromNow() {
    long before = System.nanoTime();
    Context context = Context.background().withTimeout(Duration.ofSeconds(2));
    long after = System.nanoTime();
    assertThat(context.remainingNanos(before)).isGreaterThanOrEqualTo(TimeUnit.SECONDS.toNanos(2));
    assertThat(context.remainingNanos(after)).isLessThanOrEqualTo(TimeUnit.SECONDS.toNanos(2));
    assertThat(context.remainingNanos()).isPositive();
  }

  @Test
  void longestTimeoutDoesNotOverflow() {
    Context context = Context.background().withTimeout(Duration.ofSeconds(Long.MAX_VALUE));
    assertThat(context.remainingNanos()).isGreaterThan(TimeUnit.DAYS.toNanos(365 * 100));
    assertThat(context.withTimeout(Duration.ofSeconds(1)).remainingNanos())
        .isLessThanOrEqualTo(TimeUnit.SECONDS.toNanos(1));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1, Long.MIN_VALUE})
  void nonPositiveTimeoutExpiresAtOnce(long seconds) {
    Context context = Context.background().withTimeout(Duration.ofSeconds(seconds));
    assertThat(context.remainingNanos()).isNotPositive();
  }

  @Test
  void valuesAccumulateAndTheNewestWins() {
    Context.Key<Integer> number = Context.key("number");
    Context one = Context.background().with(USER, "jerry").with(number, 1);
    Context two = one.withDeadline(5).with(number, 2).withDeadline(3);
    assertThat(one.get(number)).isEqualTo(1);
    assertThat(two.get(number)).isEqualTo(2);
    assertThat(two.get(USER)).isEqualTo("jerry");
    assertThat(two.remainingNanos(0)).isEqualTo(3);
    assertThat(Context.background().get(USER)).isNull();
  }

  @Test
  void keysAreComparedByIdentity() {
    Context.Key<String> namesake = Context.key("user");
    Context context = Context.background().with(USER, "jerry").with(namesake, "tom");
    assertThat(context.get(USER)).isEqualTo("jerry");
    assertThat(context.get(namesake)).isEqualTo("tom");
    assertThat(context.get(Context.<String>key("user"))).isNull();
  }

  @Test
  void valuesAreNeverPrinted() {
    Context context = Context.background().with(USER, "secret").with(Context.key("id"), 7);
    assertThat(context).hasToString("Context[no deadline, id, user]");
    assertThat(context.withTimeout(Duration.ofMinutes(1)).toString())
        .matches("Context\\[(59\\d{3}|60000) ms left, id, user]");
  }

  @Test
  void nullsAreRejectedByName() {
    Context context = Context.background();
    assertThatNullPointerException().isThrownBy(() -> context.with(USER, null)).withMessage("user");
    assertThatNullPointerException().isThrownBy(() -> context.with(null, "x")).withMessage("key");
    assertThatNullPointerException()
        .isThrownBy(() -> context.withTimeout(null))
        .withMessage("timeout");
    assertThatNullPointerException().isThrownBy(() -> Context.key(null)).withMessage("name");
  }
}
