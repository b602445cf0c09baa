// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackoffTest {
  private static final LongUnaryOperator LONGEST = bound -> bound - 1;
  private static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # base ns, cap ns, longest pauses after attempts 1, 2, 3...
          10       , 1000  , 10 20 40 80 160 320 640 1000 1000
          10       , 640   , 10 20 40 80 160 320 640 640
          10       , 639   , 10 20 40 80 160 320 639 639
          1        , 1     , 1 1 1 1
          7        , 7     , 7 7 7 7
          7        , 13    , 7 13 13
          7        , 14    , 7 14 14
          """)
  void ceilingDoublesUpToTheCap(long base, long cap, String expected) {
    Backoff backoff = new Backoff(Duration.ofNanos(base), Duration.ofNanos(cap), LONGEST);
    List<String> ceilings = new ArrayList<>();
    List<String> pauses = new ArrayList<>();

    for (int attempt = 1; attempt <= expected.split(" ").length; attempt++) {
      ceilings.add(Long.toString(backoff.ceilingNanos(attempt)));
      pauses.add(Long.toString(backoff.nanos(attempt)));
    }

    assertThat(String.join(" ", ceilings)).isEqualTo(expected);
    assertThat(pauses).isEqualTo(ceilings);
  }

  @Test
  void defaultsAreTenMillisecondsToOneSecond() {
    Backoff backoff = new Backoff();

    assertThat(IntStream.rangeClosed(1, 9).mapToLong(i -> backoff.ceilingNanos(i) / 1_000_000))
        .containsExactly(10L, 20L, 40L, 80L, 160L, 320L, 640L, 1_000L, 1_000L);
    assertThat(backoff).hasToString("Backoff[base PT0.01S, cap PT1S]");
  }

  @Test
  void nothingOverflowsHoweverManyAttempts() {
    // A shift by 64 is none and one by 63 is negative: the pause must neither start again nor end.
    Backoff ordinary = new Backoff(Duration.ofMillis(10), Duration.ofSeconds(1), LONGEST);
    Backoff widest = new Backoff(Duration.ofNanos(1), FOREVER, LONGEST);
    long longest = Long.MAX_VALUE / 2;

    for (int attempt = 8; attempt <= 300; attempt++) {
      assertThat(ordinary.nanos(attempt)).as("attempt " + attempt).isEqualTo(1_000_000_000);
    }
    assertThat(ordinary.nanos(Integer.MAX_VALUE)).isEqualTo(1_000_000_000);
    for (int attempt = 1; attempt <= 62; attempt++) {
      assertThat(widest.nanos(attempt)).as("attempt " + attempt).isEqualTo(1L << (attempt - 1));
    }
    for (int attempt = 63; attempt <= 300; attempt++) {
      assertThat(widest.nanos(attempt)).as("attempt " + attempt).isEqualTo(longest);
    }
    assertThat(new Backoff(FOREVER, FOREVER, LONGEST).nanos(1)).isEqualTo(longest);
  }

  @Test
  void drawsFromZeroToTheCeilingBothIncluded() {
    List<Long> bounds = new ArrayList<>();
    Backoff backoff =
        new Backoff(
            Duration.ofNanos(10),
            Duration.ofNanos(30),
            bound -> {
              bounds.add(bound);
              return 0;
            });

    assertThat(List.of(backoff.nanos(1), backoff.nanos(2), backoff.nanos(3))).containsOnly(0L);
    assertThat(bounds).containsExactly(11L, 21L, 31L);
  }

  @Test
  void pausesAreUniformlyDistributed() {
    // 110,000 draws of 11 lengths: the standard deviation of a share is 1 %, so 5 % allows for
    // chance and still shows jitter that is not full.
    Backoff backoff =
        new Backoff(Duration.ofNanos(10), Duration.ofNanos(10), new SplittableRandom(7)::nextLong);
    int[] counts = new int[11];

    for (int i = 0; i < 110_000; i++) {
      counts[(int) backoff.nanos(1)]++;
    }

    for (int count : counts) {
      assertThat(count).isCloseTo(10_000, Percentage.withPercentage(5));
    }
  }

  @Test
  void usesItsOwnRandomnessByDefault() {
    Backoff backoff = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(1));

    assertThat(IntStream.range(0, 100).mapToLong(i -> backoff.nanos(1)).boxed().distinct())
        .hasSizeGreaterThan(50)
        .allSatisfy(nanos -> assertThat(nanos).isBetween(0L, 1_000_000_000L));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
  void rejectsInvalidAttemptNumbers(int attempt) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Backoff().nanos(attempt))
        .withMessage("attempt < 1: " + attempt);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          PT0S    , PT1S     , base <= 0: PT0S
          PT-0.01S, PT1S     , base <= 0: PT-0.01S
          PT1S    , PT0.9S   , cap < base PT1S: PT0.9S
          """)
  void rejectsInvalidSettings(Duration base, Duration cap, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Backoff(base, cap))
        .withMessage(message);
  }

  @Test
  void rejectsAMissingRandomSource() {
    assertThatNullPointerException()
        .isThrownBy(() -> new Backoff(Duration.ofMillis(1), Duration.ofMillis(1), null))
        .withMessage("random");
  }
}
