// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import kit.ratelimit.TokenBucket.Reservation;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The bucket does what golang.org/x/time/rate does: 13 times 3,000 random operations against a
 * second implementation that follows Go's line by line, is not thread-safe, and does not round.
 */
class TokenBucketOracleTest {
  private static final int OPERATIONS = 3_000;

  /** Go's Limiter. Where it differs, a comment names Go. */
  private static final class Limiter {
    double limit; // Tokens per second.
    int burst;
    BigDecimal tokens; // Like all that follows in billionths, for the sake of whole numbers.
    long last;
    BigDecimal dripped = BigDecimal.ZERO; // Since the beginning.
    BigDecimal lastEvent = BigDecimal.ZERO; // By the time at which so much will have dripped.

    Limiter(double limit, int burst, long now) {
      this.limit = limit;
      this.burst = burst;
      this.tokens = billionths(burst);
      this.last = now;
    }

    static BigDecimal billionths(int tokens) {
      return BigDecimal.valueOf(tokens, -9);
    }

    boolean isInfinite() {
      return Double.isInfinite(limit);
    }

    /** Whether the bucket, too, need not round. */
    boolean isWhole() {
      return limit == Math.rint(limit);
    }

    BigDecimal drip(long now) {
      // Go sets the mark back with the clock.
      return new BigDecimal(limit).multiply(BigDecimal.valueOf(Math.max(0, now - last)));
    }

    BigDecimal tokensAt(long now) {
      // In Go an infinite rate leaves the tokens as they were.
      return isInfinite() ? billionths(burst) : tokens.add(drip(now)).min(billionths(burst));
    }

    void advance(long now) {
      tokens = tokensAt(now);
      dripped = isInfinite() ? dripped : dripped.add(drip(now));
      last = Math.max(last, now);
    }

    /** Nanoseconds from now or from the mark, rounded up; -1 for never. */
    long waitNanos(long now, int wanted) {
      BigDecimal missing = billionths(wanted).subtract(tokensAt(now));
      if (isInfinite() || missing.signum() <= 0) {
        return 0;
      }
      return limit == 0
          ? -1
          : missing.divide(new BigDecimal(limit), 0, RoundingMode.CEILING).longValueExact();
    }

    /** AllowN, or ReserveN without a wait. It need not set lastEvent: no thread is waiting. */
    void take(long now, int wanted) {
      if (!isInfinite()) {
        advance(now);
        tokens = tokens.subtract(billionths(wanted));
      }
    }

    /** ReserveN; null if never, which is no error in Go. */
    Reserved reserve(long now, int wanted) {
      long wait = waitNanos(now, wanted);
      if (wait < 0 || isInfinite()) {
        return wait < 0 ? null : new Reserved(0, now, BigDecimal.ZERO);
      }
      take(now, wanted);
      lastEvent = dripped.add(tokens.negate().max(BigDecimal.ZERO));
      // In Go, a caller with an old reading waits even for tokens that are available.
      return new Reserved(wanted, wait == 0 ? now : last + wait, lastEvent);
    }

    /** CancelAt. */
    void cancel(Reserved reserved, long now) {
      if (isInfinite() || reserved.tokens == 0 || reserved.timeToAct < now) {
        return;
      }
      // Go measures this in time and by the rate of the reservation, even if the rate has changed
      // since; and where it is negative, it gives back more than was taken.
      BigDecimal after = lastEvent.subtract(reserved.event).max(BigDecimal.ZERO);
      BigDecimal restored = billionths(reserved.tokens).subtract(after);
      if (restored.signum() <= 0) {
        return;
      }
      advance(now);
      tokens = tokens.add(restored).min(billionths(burst));
      if (lastEvent.compareTo(reserved.event) == 0) { // Go: and if the event before is to come.
        lastEvent = lastEvent.subtract(billionths(reserved.tokens));
      }
      reserved.tokens = 0; // In Go it can be cancelled again.
    }

    void set(long now, double limit, int burst) {
      advance(now);
      this.limit = limit;
      this.burst = burst;
    }
  }

  /** Go's Reservation. */
  private static final class Reserved {
    int tokens;
    final long timeToAct;
    final BigDecimal event;

    Reserved(int tokens, long timeToAct, BigDecimal event) {
      this.tokens = tokens;
      this.timeToAct = timeToAct;
      this.event = event;
    }
  }

  private record Pair(Reservation ours, Reserved theirs) {}

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # seed,  rate,       burst, do rate and burst change
          1,       10,         1,     false
          2,       10,         3,     false
          3,       1,          20,    false
          4,       0.3,        5,     false
          5,       0.01,       2,     false
          6,       20.40816,   4,     false
          7,       1000,       50,    false
          8,       1e9,        9,     false
          9,       0,          50,    false
          10,      10,         3,     true
          11,      1,          20,    true
          12,      1000,       50,    true
          13,      Infinity,   5,     true
          """)
  void agreesWithGo(long seed, double rate, int burst, boolean changes) {
    Random random = new Random(seed);
    long start = random.nextInt();
    TokenBucket bucket = new TokenBucket(rate, burst, () -> start);
    Limiter limiter = new Limiter(rate, burst, start);
    List<Pair> pairs = new ArrayList<>();
    int[] seen = new int[5];
    long now = start;
    for (int i = 0; i < OPERATIONS; i++) {
      now = next(random, now, limiter, pairs);
      String step = "seed " + seed + ", step " + i;
      int wanted = random.nextInt(limiter.isInfinite() ? 100 : limiter.burst + 1);
      // The bucket rounds to a billionth of a token, so at rates with a fraction it may be off by a
      // few nanoseconds, or by a token at a time that is as near to the border.
      long offNanos = limiter.isWhole() ? 0 : 1 + (long) Math.ceil(3 / limiter.limit);
      long left = limiter.tokensAt(now).subtract(Limiter.billionths(wanted)).longValue();
      boolean isDecided = limiter.isWhole() || Math.abs(left) > 3;
      long wait = limiter.waitNanos(now, wanted);
      switch (random.nextInt(changes ? 12 : 10)) {
        case 0, 1, 2 -> {
          boolean admitted = bucket.tryAcquireAt(now, wanted);
          assertThat(admitted).as(step).isEqualTo(isDecided ? wait == 0 : admitted);
          if (admitted) {
            limiter.take(now, wanted);
          }
          seen[admitted ? 0 : 1]++;
        }
        case 3, 4 -> {
          long nanos = bucket.tryAcquireNanosAt(now, wanted);
          if (wait < 0) {
            assertThat(nanos).as(step).isEqualTo(TokenBucket.NEVER);
          } else {
            assertThat(nanos).as(step).isCloseTo(wait, within(offNanos));
          }
          if (nanos == 0) {
            limiter.take(now, wanted);
          }
        }
        case 5, 6 -> {
          Reservation ours = bucket.reserveAt(now, wanted);
          Reserved theirs = limiter.reserve(now, wanted);
          if (theirs == null) {
            assertThat(ours.delayAt(now)).as(step).isGreaterThan(Duration.ofDays(50_000));
          } else {
            long delayNanos = ours.delayAt(now).toNanos();
            if (isDecided) {
              assertThat(delayNanos).as(step).isCloseTo(theirs.timeToAct - now, within(offNanos));
              pairs.add(new Pair(ours, theirs));
              seen[delayNanos > 0 ? 2 : 3]++;
            }
          }
        }
        case 7, 8, 9 -> {
          if (!pairs.isEmpty()) {
            // Mostly a late one, whose time is still to come.
            int back = (int) (pairs.size() * Math.pow(random.nextDouble(), 4));
            Pair pair = pairs.get(pairs.size() - 1 - back);
            long toGoNanos = pair.theirs.timeToAct - now;
            if (offNanos == 0 || Math.abs(toGoNanos) > offNanos) {
              seen[4] += pair.theirs.tokens > 0 && toGoNanos >= 0 ? 1 : 0;
              pair.ours.cancelAt(now);
              limiter.cancel(pair.theirs, now);
            }
          }
        }
        default -> {
          if (limiter.isInfinite()) {
            pairs.clear(); // Debt is forgiven.
          }
          double[] rates = {0, 1, 2, 5, 10, 1_000, 1_000_000, Double.POSITIVE_INFINITY};
          double newRate = random.nextBoolean() ? limiter.limit : rates[random.nextInt(8)];
          int newBurst = random.nextBoolean() ? limiter.burst : 1 + random.nextInt(30);
          limiter.set(now, newRate, newBurst);
          bucket.changeAt(now, newRate, newBurst);
        }
      }
      if (!limiter.isInfinite()) {
        assertThat(bucket.availableTokensAt(now))
            .as(step)
            .isCloseTo(limiter.tokensAt(now).movePointLeft(9).doubleValue(), within(1e-6));
      }
    }
    if (rate > 0) {
      assertThat(Arrays.stream(seen).boxed()).as("operations").allMatch(count -> count > 20);
    }
  }

  private static long next(Random random, long now, Limiter limiter, List<Pair> pairs) {
    double interval = 1e9 / Math.max(1e-3, Math.min(limiter.limit, 1e9)); // Of one token.
    return switch (random.nextInt(12)) {
      case 0, 1, 2 -> now;
      case 3, 4, 5 -> now + (long) (random.nextDouble() * interval);
      case 6, 7 -> now + (long) interval;
      case 8 -> now + (long) (random.nextDouble() * interval * limiter.burst);
      case 9 -> now - (long) (random.nextDouble() * interval * 2);
      case 10 -> pairs.isEmpty() ? now : Math.max(now, last(pairs).theirs.timeToAct);
      default -> now + (random.nextInt(20) == 0 ? TimeUnit.HOURS.toNanos(1) : 1);
    };
  }

  private static Pair last(List<Pair> pairs) {
    return pairs.get(pairs.size() - 1);
  }
}
