// SPDX-License-Identifier: Apache-2.0
package client.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LatencyHistogramTest {
  private final LatencyHistogram histogram = new LatencyHistogram();

  @Test
  void emptyHistogramReturnsZero() {
    assertThat(histogram.maxNanos()).isZero();
    assertThat(histogram.percentileNanos(0.5)).isZero();
  }

  @Test
  void smallNumbersAreExact() {
    for (int nanos = 1; nanos <= 200; nanos++) {
      histogram.record(nanos);
    }
    assertThat(histogram.percentileNanos(0)).isEqualTo(1);
    assertThat(histogram.percentileNanos(0.5)).isEqualTo(100);
    assertThat(histogram.percentileNanos(0.501)).isEqualTo(101);
    assertThat(histogram.percentileNanos(0.99)).isEqualTo(198);
    assertThat(histogram.percentileNanos(1)).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 127, 128, 255, 256, 257, 1_000_000, 1L << 62, Long.MAX_VALUE})
  void singleValueIsItsOwnPercentile(long nanos) {
    histogram.record(nanos);
    assertThat(histogram.percentileNanos(0.5)).isEqualTo(nanos);
    assertThat(histogram.maxNanos()).isEqualTo(nanos);
  }

  @Test
  void negativeTimeIsRecordedAsZero() {
    histogram.record(-5);
    assertThat(histogram.percentileNanos(1)).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void percentilesAreNeverLessThanTheTrueOnesAndAtMostOne128thMore(long seed) {
    Random random = new Random(seed);
    long[] all = new long[5_000];
    for (int i = 0; i < all.length; i++) {
      all[i] = random.nextLong() >>> random.nextInt(2, 64); // From a nanosecond to centuries.
      histogram.record(all[i]);
    }
    Arrays.sort(all);
    for (double share : new double[] {0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1}) {
      long exact = all[(int) Math.max(0, Math.ceil(share * all.length) - 1)];
      assertThat(histogram.percentileNanos(share))
          .as("share %s of seed %s", share, seed)
          .isBetween(exact, exact + exact / 128);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void shareIsNoPercentage(double share) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> histogram.percentileNanos(share))
        .withMessageContainingAll("0..1", "" + share);
  }
}
