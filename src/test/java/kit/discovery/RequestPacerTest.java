// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import testing.FakeNanoTime;

class RequestPacerTest {
  private static final long SECOND = 1_000_000_000;

  private final FakeNanoTime time = new FakeNanoTime();

  @Test
  void failuresBackOffFromAQuarterToFiveSecondsAndASuccessStartsAgain() {
    RequestPacer pace = new RequestPacer(time, () -> 1.0);
    assertThat(
            LongStream.generate(pace::nanosAfterFailure).limit(8).map(nanos -> nanos / 1_000_000))
        .containsExactly(250L, 500L, 1000L, 2000L, 4000L, 5000L, 5000L, 5000L);
    pace.succeeded();
    assertThat(pace.nanosAfterFailure()).isEqualTo(SECOND / 4);
  }

  @Test
  void jitterShortensThePauseByUpToAHalf() {
    assertThat(new RequestPacer(time, () -> 0.0).nanosAfterFailure()).isEqualTo(SECOND / 8);
  }

  @Test
  void tenRequestsAtOnceThenOneASecond() {
    RequestPacer pace = new RequestPacer(time, () -> 1.0);
    assertThat(IntStream.range(0, 10).mapToLong(i -> pace.nanosBeforeRequest())).containsOnly(0L);
    assertThat(pace.nanosBeforeRequest()).isEqualTo(SECOND);
    time.advance(Duration.ofSeconds(1)); // As returned.
    assertThat(pace.nanosBeforeRequest()).isEqualTo(SECOND);
    time.advance(Duration.ofHours(1));
    assertThat(IntStream.range(0, 10).mapToLong(i -> pace.nanosBeforeRequest())).containsOnly(0L);
    assertThat(pace.nanosBeforeRequest()).isEqualTo(SECOND);
  }

  @Test
  void worksWhenNanoTimeOverflows() {
    FakeNanoTime late = new FakeNanoTime(Long.MAX_VALUE - SECOND);
    RequestPacer pace = new RequestPacer(late, () -> 1.0);
    for (int i = 0; i < 10; i++) {
      assertThat(pace.nanosBeforeRequest()).isZero();
    }
    late.advance(Duration.ofSeconds(20));
    assertThat(pace.nanosBeforeRequest()).isZero();
  }
}
