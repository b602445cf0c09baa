// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import kit.ratelimit.TokenBucket.Reservation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeNanoTime;
import testing.Race;

@Timeout(30) // Rejections that block, and waits that do not end.
class TokenBucketTest {
  private static final double INFINITE = Double.POSITIVE_INFINITY;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final Duration LONG = Duration.ofHours(1);

  private final FakeNanoTime time = new FakeNanoTime();
  private final long start = time.getAsLong();

  private record Step(int atMillis, int wanted, boolean admitted) {}

  /** Compares a bucket that is given the times with one that reads them from its clock. */
  private static void replay(double tokensPerSecond, int burst, List<Step> steps) {
    FakeNanoTime time = new FakeNanoTime();
    long start = time.getAsLong();
    TokenBucket told = new TokenBucket(tokensPerSecond, burst, time);
    TokenBucket asking = new TokenBucket(tokensPerSecond, burst, time);
    for (Step step : steps) {
      long now = start + TimeUnit.MILLISECONDS.toNanos(step.atMillis());
      assertThat(told.tryAcquireAt(now, step.wanted())).as("%s", step).isEqualTo(step.admitted());
      time.advance(Duration.ofNanos(now - time.getAsLong()));
      assertThat(asking.tryAcquire(step.wanted())).as("%s", step).isEqualTo(step.admitted());
    }
  }

  private long at(int millis) {
    return start + TimeUnit.MILLISECONDS.toNanos(millis);
  }

  /** Reserves, and checks at what time the tokens are there; -1 for never. */
  private Reservation reserve(TokenBucket bucket, int atMillis, int tokens, int thereAtMillis) {
    Reservation reservation = bucket.reserveAt(at(atMillis), tokens);
    assertThat(reservation.delayAt(at(atMillis)))
        .isEqualTo(Duration.ofMillis(thereAtMillis - atMillis));
    return reservation;
  }

  // Admission.

  @Test
  void burstOfOne() {
    replay(
        10,
        1,
        List.of( // 10 tokens per second, burst 1, starts full
            //      at ms, wanted, admitted
            new Step(0, 1, true),
            new Step(0, 1, false),
            new Step(0, 1, false),
            new Step(99, 1, false),
            new Step(100, 1, true), // one dripped in
            new Step(100, 1, false),
            new Step(200, 1, true)));
  }

  @Test
  void burstOfThree() {
    replay(
        10,
        3,
        List.of(
            //      at ms, wanted, admitted
            new Step(0, 2, true),
            new Step(0, 2, false), // one left; the rejection took nothing
            new Step(0, 1, true),
            new Step(0, 1, false),
            new Step(100, 2, false),
            new Step(200, 1, true),
            new Step(300, 1, true),
            new Step(400, 1, true),
            new Step(400, 1, true),
            new Step(400, 1, false),
            new Step(900, 3, true), // no more than three were kept
            new Step(900, 1, false),
            new Step(900, 0, true)));
  }

  @Test
  void clockThatIsSetBackStandsStill() {
    replay(
        10,
        3,
        List.of(
            //      at ms, wanted, admitted
            new Step(100, 1, true),
            new Step(0, 1, true), // back: what was there is there
            new Step(0, 1, true),
            new Step(0, 1, false),
            new Step(100, 1, false), // Go credits this interval a second time
            new Step(199, 1, false),
            new Step(200, 1, true),
            new Step(200, 1, false)));
  }

  @Test
  void rejectionDoesNotAdvanceTheClockMark() {
    replay(
        10,
        1,
        List.of(
            //      at ms, wanted, admitted
            new Step(0, 1, true),
            new Step(90, 1, false),
            new Step(50, 1, false), // 50 ms before a token, not 90
            new Step(100, 1, true)));
  }

  @Test
  void rateZeroAdmitsOnlyTheBurst() {
    replay(
        0,
        2,
        List.of(
            //           at ms, wanted, admitted
            new Step(0, 2, true), new Step(0, 1, false), new Step(2_000_000, 1, false)));
    TokenBucket bucket = new TokenBucket(0, 1, time);
    assertThat(bucket.tryAcquireNanos()).isZero();
    assertThat(bucket.tryAcquireNanos()).isEqualTo(TokenBucket.NEVER);
  }

  @Test
  void infiniteRateAdmitsEverythingWhateverTheBurst() throws Exception {
    TokenBucket bucket = new TokenBucket(INFINITE, 1, time);
    assertThat(bucket.tryAcquire(Integer.MAX_VALUE)).isTrue();
    assertThat(bucket.tryAcquire(Integer.MAX_VALUE)).isTrue();
    assertThat(bucket.tryAcquireNanos()).isZero();
    assertThat(bucket.acquire(1_000, Duration.ZERO)).isTrue();
    assertThat(bucket.reserve(1_000).delay()).isZero();
    assertThat(bucket.availableTokens()).isInfinite();
    assertThat(bucket.tokensPerSecond()).isInfinite();
  }

  @Test
  void threeTokensAreThreeTimesOneToken() {
    Random random = new Random(3);
    TokenBucket atOnce = new TokenBucket(7, 12, time);
    TokenBucket oneByOne = new TokenBucket(7, 12, time);
    int admitted = 0;
    for (int i = 0; i < 2_000; i++) {
      time.advance(Duration.ofMillis(random.nextInt(700)));
      if (atOnce.tryAcquire(3)) {
        admitted++;
        assertThat(oneByOne.tryAcquire() && oneByOne.tryAcquire() && oneByOne.tryAcquire())
            .isTrue();
      } else {
        assertThat(oneByOne.availableTokens()).isLessThan(3);
      }
    }
    assertThat(admitted).isBetween(1, 1_999);
  }

  // Fractions, extremes.

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # every ms, polled every ms, for ms, admitted after the first
          1000,      10,    10_000,       10
          1000,       1,    10_000,       10
          100,       99,     9_900,       50
          49,        49,   490_000,   10_000
          3,          1,    30_000,   10_000
          7,          7,    70_000,   10_000
          """)
  void fractionsAreKept(int everyMillis, int pollMillis, int forMillis, int admitted) {
    TokenBucket bucket =
        new TokenBucket(TokenBucket.every(Duration.ofMillis(everyMillis)), 1, time);
    assertThat(bucket.tryAcquire()).isTrue();
    int count = 0;
    for (int passed = 0; passed < forMillis; passed += pollMillis) {
      time.advance(Duration.ofMillis(pollMillis));
      count += bucket.tryAcquire() ? 1 : 0;
    }
    assertThat(count).isEqualTo(admitted);
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-9, 0.3, 1, 1_000, 1e9, 1e15, Double.MAX_VALUE})
  void anIdleBucketIsFullAndNotFuller(double tokensPerSecond) {
    TokenBucket bucket = new TokenBucket(tokensPerSecond, 3, time);
    assertThat(bucket.tryAcquire(3)).isTrue();
    assertThat(bucket.tryAcquire(1)).isFalse();
    time.advance(Duration.ofDays(200 * 365));
    assertThat(bucket.availableTokens()).isEqualTo(3);
    assertThat(bucket.tryAcquire(3)).isTrue();
    assertThat(bucket.tryAcquire(1)).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          1e-300, 9223372036854775807
          1e-12,  9223372036854775807
          1e-9,   1000000000000000000
          0.3,    3333333334
          1,      1000000000
          3,      333333334
          1e9,    1
          1e300,  1
          0.001,  1000000000000
          20.408163265306122, 49000000
          """)
  void waitIsRoundedUp(double tokensPerSecond, long nanos) {
    TokenBucket bucket = new TokenBucket(tokensPerSecond, 1, time);
    assertThat(bucket.tryAcquireNanos()).isZero();
    assertThat(bucket.tryAcquireNanos()).isEqualTo(nanos);
    if (nanos < TokenBucket.NEVER) {
      long early = tokensPerSecond < 1e-6 ? SECOND / 10 : 1; // So slow a rate has fewer bits.
      assertThat(bucket.tryAcquireNanosAt(start + nanos - early, 1)).isPositive();
      assertThat(bucket.tryAcquireNanosAt(start + nanos, 1)).isZero();
    }
  }

  @Test
  void largestBurstAtTheFastestRate() {
    int most = Integer.MAX_VALUE;
    TokenBucket bucket = new TokenBucket(Double.MAX_VALUE, most, time);
    for (int i = 0; i < 100; i++) {
      assertThat(bucket.tryAcquire(most)).isTrue();
      assertThat(bucket.tryAcquire(most)).isFalse();
      assertThat(bucket.reserve(most).delay())
          .isBetween(Duration.ofMillis(1), Duration.ofMillis(2));
      assertThat(bucket.reserve(most).delay()).isGreaterThan(Duration.ofMillis(3));
      assertThat(bucket.reserve(most).delay()).as("5 thousand million ahead").isGreaterThan(LONG);
      time.advance(Duration.ofSeconds(i + 1));
    }
  }

  @Test
  void worksWhenNanoTimeOverflows() {
    FakeNanoTime late = new FakeNanoTime(Long.MAX_VALUE - SECOND);
    TokenBucket bucket = new TokenBucket(1, 5, late);
    Reservation reservation = null;
    for (int i = 0; i < 10; i++) {
      reservation = bucket.reserve(1);
      assertThat(reservation.delay()).isEqualTo(Duration.ofSeconds(Math.max(0, i - 4)));
    }
    late.advance(Duration.ofSeconds(3));
    assertThat(reservation.delay()).isEqualTo(Duration.ofSeconds(2));
    reservation.cancel();
    assertThat(bucket.availableTokens()).isEqualTo(-1);
    late.advance(Duration.ofSeconds(2));
    assertThat(bucket.tryAcquire()).isTrue();
    assertThat(bucket.tryAcquire()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          PT0S,   Infinity
          PT0.000000001S, 1e9
          PT0.001S, 1000
          PT1S,   1
          PT2.5S, 0.4
          PT10S,  0.1
          PT2562047788015H12M55S, 1.0842021724855044e-16
          """)
  void everyIntervalIsARate(Duration interval, double tokensPerSecond) {
    assertThat(TokenBucket.every(interval)).isEqualTo(tokensPerSecond);
  }

  // Reservations. Times are as in golang.org/x/time/rate: a token each 100 ms.

  @Test
  void reservationsAreServedInOrder() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 0, 2, 0);
    reserve(bucket, 0, 2, 200);
    assertThat(bucket.availableTokensAt(at(100))).isEqualTo(-1);
    reserve(bucket, 300, 2, 400); // one has dripped since
    assertThat(bucket.tryAcquireAt(at(400), 1)).isFalse();
    assertThat(bucket.tryAcquireNanosAt(at(400), 2)).isEqualTo(SECOND / 5);
    assertThat(bucket.tryAcquireAt(at(500), 1)).isTrue();
  }

  @Test
  void delayIsNeverNegative() {
    Reservation reservation = reserve(new TokenBucket(10, 2, time), 0, 2, 0);
    assertThat(reservation.delayAt(at(100))).isZero();
    assertThat(reservation.delay()).isZero();
  }

  @Test
  void reservationThatNeverComesTakesNothing() {
    TokenBucket bucket = new TokenBucket(0, 3, time);
    reserve(bucket, 0, 2, 0);
    Reservation never = bucket.reserve(2);
    assertThat(never.delay()).isGreaterThan(Duration.ofDays(140 * 365));
    never.cancel();
    assertThat(bucket.availableTokens()).isEqualTo(1);
    assertThat(bucket.reserve(1).delay()).isZero();
  }

  @Test
  void reservingWithAnOlderReadingWaitsForTheClockToCatchUp() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 100, 1, 100);
    reserve(bucket, 0, 1, 0); // there already
    reserve(bucket, 0, 1, 200);
    reserve(bucket, 200, 2, 400);
  }

  @Test
  void cancellingTheLastReservationReturnsAllTokens() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 0, 2, 0);
    Reservation last = reserve(bucket, 0, 2, 200);
    last.cancelAt(at(100));
    reserve(bucket, 100, 2, 200);
  }

  @Test
  void cancellingTooLateReturnsNoTokens() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 0, 2, 0);
    reserve(bucket, 0, 2, 200).cancelAt(at(300));
    reserve(bucket, 300, 2, 400);
  }

  @Test
  void cancellingInTheLastMomentReturnsAllTokens() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 0, 2, 0);
    reserve(bucket, 0, 2, 200).cancelAt(at(200));
    assertThat(bucket.availableTokensAt(at(200))).isEqualTo(2);
  }

  @Test
  void tokensReservedLaterAreNotReturned() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    reserve(bucket, 0, 2, 0);
    Reservation one = reserve(bucket, 0, 1, 100);
    Reservation two = reserve(bucket, 0, 2, 300);
    reserve(bucket, 0, 1, 400);
    one.cancelAt(at(0)); // nothing: three were promised after it
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(-4);
    two.cancelAt(at(300)); // one of two
    assertThat(bucket.availableTokensAt(at(300))).isEqualTo(0);
  }

  @Test
  void cancellingInReverseOrderRestoresTheBucket() {
    TokenBucket bucket = new TokenBucket(10, 4, time);
    reserve(bucket, 0, 4, 0);
    Reservation three = reserve(bucket, 0, 3, 300);
    reserve(bucket, 0, 1, 400);
    Reservation last = reserve(bucket, 0, 1, 500);
    last.cancelAt(at(100)); // one back
    three.cancelAt(at(100)); // two back, as if the last had never been
    reserve(bucket, 100, 3, 500);
  }

  @Test
  void cancellingTwiceReturnsTokensOnce() {
    TokenBucket bucket = new TokenBucket(10, 4, time);
    reserve(bucket, 0, 4, 0);
    Reservation twice = reserve(bucket, 0, 2, 200);
    twice.cancelAt(at(0));
    twice.cancelAt(at(0)); // Go gives two more
    assertThat(bucket.availableTokensAt(at(0))).isZero();
  }

  @Test
  void returnedTokensNeverExceedTakenTokens() {
    TokenBucket bucket = new TokenBucket(10, 9, time);
    reserve(bucket, 0, 9, 0);
    Reservation nine = reserve(bucket, 0, 9, 900);
    Reservation one = reserve(bucket, 0, 1, 1000);
    nine.cancelAt(at(0)); // eight back, one at 1000 ms is still promised
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(-2);
    reserve(bucket, 0, 1, 300); // before it, though made later
    one.cancelAt(at(0)); // Go gives eight back
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(-2);
  }

  @Test
  void cancelledTokensDoNotOverflowTheBucket() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    Reservation now = reserve(bucket, 0, 2, 0);
    now.cancelAt(at(0));
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(2);
    assertThat(bucket.availableTokensAt(at(1000))).isEqualTo(2);
    assertThat(bucket.tryAcquireAt(at(0), 2)).isTrue();
    assertThat(bucket.tryAcquireAt(at(0), 1)).isFalse();
  }

  // Changes at run time.

  @Test
  void oldRateAppliesUpToTheChange() {
    TokenBucket bucket = new TokenBucket(10, 20, time);
    assertThat(bucket.tryAcquire(20)).isTrue();
    time.advance(Duration.ofMillis(250)); // 2.5
    bucket.change(100, 20);
    assertThat(bucket.availableTokens()).isEqualTo(2.5);
    time.advance(Duration.ofMillis(50)); // 5
    assertThat(bucket.availableTokens()).isEqualTo(7.5);
    assertThat(bucket.tokensPerSecond()).isEqualTo(100);
  }

  @Test
  void newRateShortensTheWaitButReservationsKeepTheirTime() {
    TokenBucket bucket = new TokenBucket(5, 2, time);
    reserve(bucket, 0, 2, 0);
    Reservation early = reserve(bucket, 0, 2, 400);
    bucket.changeAt(at(200), 10, 2);
    reserve(bucket, 200, 1, 400);
    assertThat(early.delayAt(at(200))).isEqualTo(Duration.ofMillis(200));
  }

  @Test
  void cancellingAfterANewRateReturnsTokensAndNotTime() {
    TokenBucket bucket = new TokenBucket(5, 2, time);
    reserve(bucket, 0, 2, 0);
    Reservation two = reserve(bucket, 0, 2, 400);
    bucket.changeAt(at(200), 10, 2);
    two.cancelAt(at(200)); // both, of a debt of one
    reserve(bucket, 200, 2, 300);
  }

  @Test
  void tokensReservedAfterANewRateAreCountedAsTokens() {
    TokenBucket bucket = new TokenBucket(1, 5, time);
    reserve(bucket, 0, 5, 0);
    Reservation five = reserve(bucket, 0, 5, 5_000);
    bucket.changeAt(at(0), 1_000, 5);
    reserve(bucket, 0, 2, 7);
    five.cancelAt(at(0)); // five less two
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(-4);
  }

  @Test
  void smallerBurstDiscardsTokensAndLargerBurstRefills() {
    TokenBucket bucket = new TokenBucket(10, 5, time);
    bucket.change(10, 2);
    assertThat(bucket.burst()).isEqualTo(2);
    assertThat(bucket.availableTokens()).isEqualTo(2);
    bucket.change(10, 5);
    assertThat(bucket.availableTokens()).isEqualTo(2);
    assertThat(bucket.tryAcquire(3)).isFalse();
    time.advance(Duration.ofMillis(100));
    assertThat(bucket.tryAcquire(3)).isTrue();
  }

  @Test
  void infiniteRateCancelsPendingWaitsAndLeavesAFullBucket() {
    TokenBucket bucket = new TokenBucket(10, 5, time);
    reserve(bucket, 0, 5, 0);
    Reservation five = reserve(bucket, 0, 5, 500);
    bucket.changeAt(at(0), INFINITE, 5);
    five.cancelAt(at(0));
    bucket.changeAt(at(0), 10, 5);
    assertThat(bucket.availableTokensAt(at(0))).isEqualTo(5);
    assertThat(bucket.tryAcquireAt(at(0), 5)).isTrue();
    five.cancelAt(at(0)); // not owed any more
    assertThat(bucket.availableTokensAt(at(0))).isZero();
  }

  @Test
  void rejectedSettingsChangeNothing() {
    TokenBucket bucket = new TokenBucket(10, 2, time);
    assertThatIllegalArgumentException().isThrownBy(() -> bucket.change(Double.NaN, 2));
    assertThatIllegalArgumentException().isThrownBy(() -> bucket.change(10, 0));
    assertThat(bucket.tryAcquire(2)).isTrue();
    assertThat(bucket.tryAcquire()).isFalse();
  }

  // Waiting.

  @Test
  void acquiringAvailableTokensDoesNotWait() throws Exception {
    TokenBucket bucket = new TokenBucket(10, 3, time);
    assertThat(bucket.acquire(2, Duration.ZERO)).isTrue();
    assertThat(bucket.acquire(1, LONG)).isTrue();
    assertThat(bucket.availableTokens()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "1, PT0S",
    "1, PT0.099999999S",
    "3, PT0.299999999S",
    "1, PT-1S",
    "1, PT-999999999999S"
  })
  void waitBeyondTheTimeoutIsRejectedAtOnceAndTakesNoToken(int tokens, Duration within)
      throws Exception {
    TokenBucket bucket = new TokenBucket(10, 3, time);
    assertThat(bucket.tryAcquire(3)).isTrue();
    assertThat(bucket.acquire(tokens, within)).isFalse();
    assertThat(bucket.availableTokens()).isZero();
  }

  @Test
  void expiredDeadlineIsRejectedEvenWithTokensAvailable() throws Exception {
    TokenBucket bucket = new TokenBucket(10, 3, time);
    assertThat(bucket.acquire(1, Duration.ofNanos(-1))).isFalse();
    assertThat(bucket.availableTokens()).isEqualTo(3);
    assertThat(new TokenBucket(INFINITE, 3, time).acquire(1, Duration.ofNanos(-1))).isFalse();
  }

  @Test
  void infiniteWaitExceedsAnyTimeout() throws Exception {
    TokenBucket bucket = new TokenBucket(0, 1, time);
    assertThat(bucket.acquire(1, Duration.ZERO)).isTrue();
    assertThat(bucket.acquire(1, Duration.ofSeconds(Long.MAX_VALUE))).isFalse();
  }

  /** Runs {@code acquire(tokens, LONG)} on a thread of its own. */
  private static final class Waiter {
    private final FutureTask<Boolean> answer;
    private final Thread thread;

    Waiter(TokenBucket bucket, int tokens) {
      answer = new FutureTask<>(() -> bucket.acquire(tokens, LONG));
      thread = new Thread(answer, "waiter");
      thread.setDaemon(true);
      thread.start();
    }

    boolean answer() throws Exception {
      return answer.get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void waiterReturnsAtItsTimeAndNotBefore() throws Exception {
    AtomicInteger readings = new AtomicInteger();
    LongSupplier counted =
        () -> {
          readings.incrementAndGet();
          return time.getAsLong();
        };
    TokenBucket bucket = new TokenBucket(1, 2, counted);
    assertThat(bucket.tryAcquireAt(start, 2)).isTrue();
    Waiter waiter = new Waiter(bucket, 2);
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(bucket.availableTokensAt(start)).isEqualTo(-2));
    time.advance(Duration.ofNanos(2 * SECOND - 1));
    int before = readings.get();
    Eventually.within(
        Duration.ofSeconds(10),
        () -> {
          LockSupport.unpark(waiter.thread); // As a thread may wake for no reason.
          assertThat(readings.get()).isGreaterThan(before + 2);
        });
    assertThat(waiter.answer.isDone()).isFalse();
    time.advance(Duration.ofNanos(1));
    LockSupport.unpark(waiter.thread);
    assertThat(waiter.answer()).isTrue();
    assertThat(bucket.availableTokensAt(start + 2 * SECOND)).isZero();
  }

  @Test
  void waiterWakesByItself() throws Exception {
    TokenBucket bucket = new TokenBucket(100, 1);
    long startedAtNanos = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      assertThat(bucket.acquire(1, LONG)).isTrue();
    }
    assertThat(System.nanoTime() - startedAtNanos).isGreaterThanOrEqualTo(SECOND * 3 / 100);
  }

  @Test
  void interruptedWaiterReturnsItsTokens() throws Exception {
    TokenBucket bucket = new TokenBucket(1, 5, time);
    assertThat(bucket.tryAcquire(5)).isTrue();
    Waiter waiter = new Waiter(bucket, 4);
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(bucket.availableTokens()).isEqualTo(-4));
    bucket.reserve(1); // Keeps its time, so three come back.
    waiter.thread.interrupt();
    assertThatThrownBy(waiter::answer).hasCauseInstanceOf(InterruptedException.class);
    assertThat(bucket.availableTokens()).isEqualTo(-2);
  }

  @Test
  void threadInterruptedBeforeTheCallTakesNoToken() {
    TokenBucket bucket = new TokenBucket(1, 5, time);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> bucket.acquire(1, LONG)).isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
    assertThat(bucket.availableTokens()).isEqualTo(5);
  }

  @Test
  void interruptionWhenTokensArriveStaysPending() throws Exception {
    TokenBucket bucket = new TokenBucket(1, 1, time);
    assertThat(bucket.tryAcquire()).isTrue();
    FutureTask<Boolean> interrupted =
        new FutureTask<>(() -> bucket.acquire(1, LONG) && Thread.interrupted());
    Thread thread = new Thread(interrupted, "waiter");
    thread.start();
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(bucket.availableTokens()).isEqualTo(-1));
    time.advance(Duration.ofSeconds(1));
    thread.interrupt();
    assertThat(interrupted.get(10, TimeUnit.SECONDS)).isTrue();
    assertThat(bucket.availableTokens()).isZero();
  }

  // Errors.

  @Test
  void moreThanTheBurstIsAnErrorThatNamesTheBound() {
    TokenBucket bucket = new TokenBucket(10, 3, time);
    String message = "tokens > burst 3: 4";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.tryAcquire(4))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.tryAcquireNanosAt(start, 4))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.acquire(4, LONG))
        .withMessage(message);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.acquire(4, Duration.ofNanos(-1)))
        .withMessage(message);
    assertThatIllegalArgumentException().isThrownBy(() -> bucket.reserve(4)).withMessage(message);
    assertThat(bucket.availableTokens()).isEqualTo(3);
  }

  @Test
  void badArgumentsAreErrorsThatNameTheBound() {
    TokenBucket bucket = new TokenBucket(10, 3, time);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.tryAcquire(-1))
        .withMessage("tokens < 0: -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bucket.reserve(-1))
        .withMessage("tokens < 0: -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TokenBucket(1, 0))
        .withMessage("burst < 1: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TokenBucket(-0.1, 1))
        .withMessage("tokensPerSecond not 0 or more: -0.1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new TokenBucket(Double.NaN, 1))
        .withMessage("tokensPerSecond not 0 or more: NaN");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TokenBucket.every(Duration.ofSeconds(-1)))
        .withMessage("interval < 0: PT-1S");
    assertThatNullPointerException()
        .isThrownBy(() -> new TokenBucket(1, 1, null))
        .withMessage("nanoTime");
  }

  // Many threads.

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 1_000})
  void exactlyTheBurstSucceedsWhileTimeStandsStill(int burst) throws Exception {
    TokenBucket bucket = new TokenBucket(1_000, burst, time);
    assertThat(sum(Race.run(8, () -> count(1_000, bucket::tryAcquire)))).isEqualTo(burst);
    assertThat(bucket.availableTokens()).isZero();
  }

  @Test
  void exactlyTheBurstSucceedsWhileSettingsChange() throws Exception {
    TokenBucket bucket = new TokenBucket(1_000, 5_000, time);
    List<Integer> admitted =
        Race.runNumbered(
            4,
            thread -> {
              if (thread > 0) {
                return count(5_000, bucket::tryAcquire);
              }
              for (int i = 0; i < 2_000; i++) {
                bucket.change(1_000 + i, 5_000);
              }
              return 0;
            });
    assertThat(sum(admitted)).isEqualTo(5_000);
  }

  @Test
  void concurrentReservationsAndCancellationsAddUp() throws Exception {
    TokenBucket bucket = new TokenBucket(1_000, 100, time);
    List<Integer> kept =
        Race.runNumbered(
            4,
            thread -> {
              int mine = 0;
              for (int i = 0; i < 2_000; i++) {
                if (thread == 0) {
                  mine += bucket.tryAcquire() ? 1 : 0;
                } else if (thread == 1) {
                  bucket.reserve(100).cancel();
                } else {
                  bucket.reserve(1);
                  mine++;
                }
              }
              return mine;
            });
    // Not all is given back, but never more than was taken.
    assertThat(bucket.availableTokens()).isLessThanOrEqualTo(100 - sum(kept));
    assertThat(bucket.availableTokens()).isEqualTo(Math.rint(bucket.availableTokens()));
  }

  @Test
  void readingOlderThanThoseOfOtherThreadsStillFindsTheLastToken() {
    // The clock is read, another thread takes the first of two tokens a moment later, and only then
    // does this one go on.
    TokenBucket[] bucket = new TokenBucket[1];
    BooleanSupplier[] meanwhile = {() -> true};
    LongSupplier clock =
        () -> {
          long reading = time.getAsLong();
          time.advance(Duration.ofMillis(1));
          return meanwhile[0].getAsBoolean() ? reading : -1;
        };
    bucket[0] = new TokenBucket(100, 2, clock);
    meanwhile[0] =
        () -> {
          meanwhile[0] = () -> true;
          return bucket[0].tryAcquireAt(time.getAsLong(), 1);
        };
    assertThat(bucket[0].tryAcquire()).isTrue();
  }

  @Test
  void newestReadingStaysTheMarkInWhateverOrderThreadsApplyTheirs() throws Exception {
    int burst = 10_000_000;
    TokenBucket bucket = new TokenBucket(1e9, burst, time); // One token each nanosecond.
    assertThat(bucket.tryAcquireAt(start, burst)).isTrue();
    AtomicLong clock = new AtomicLong(start);

    List<Integer> setBack =
        Race.run(
            4,
            () ->
                count(
                    50_000,
                    () -> {
                      long nowNanos = clock.incrementAndGet();
                      bucket.tryAcquireAt(nowNanos, 0);
                      // The oldest reading of all counts as the newest that was applied.
                      return bucket.availableTokensAt(start) < nowNanos - start;
                    }));

    assertThat(sum(setBack)).as("readings that moved the mark back").isZero();
  }

  @Test
  void eachReadingProducesATokenAndNoThreadMissesIts() throws Exception {
    int burst = 10_000_000;
    int each = 200_000;
    AtomicLong clock = new AtomicLong(start);
    TokenBucket bucket = new TokenBucket(1e9, burst, clock::incrementAndGet);
    assertThat(bucket.tryAcquireAt(start, burst)).isTrue();
    long before = clock.get();

    // Of the readings so far, each belongs to a call that has taken its token or is about to.
    List<Integer> admitted = Race.run(4, () -> count(each, bucket::tryAcquire));

    assertThat(sum(admitted)).isEqualTo(4 * each);
    long readings = clock.get() - before;
    assertThat(bucket.availableTokensAt(clock.get())).isEqualTo(readings - 4.0 * each);
  }

  @Test
  void everyIntervalAdmitsAtMostBurstPlusRefill() throws Exception {
    int burst = 7;
    TokenBucket bucket = new TokenBucket(50, burst, time);
    Random random = new Random(20);
    List<Long> admittedAt = new ArrayList<>();
    for (int i = 0; i < 3_000; i++) {
      time.advance(
          Duration.ofNanos((long) (random.nextDouble() * random.nextDouble() * 40_000_000)));
      switch (random.nextInt(4)) {
        case 0 -> {
          Reservation reservation = bucket.reserve(1);
          admittedAt.add(time.getAsLong() + reservation.delay().toNanos());
        }
        default -> {
          if (bucket.tryAcquire()) {
            admittedAt.add(time.getAsLong());
          }
        }
      }
    }
    Collections.sort(admittedAt);
    assertThat(admittedAt).hasSizeGreaterThan(700);
    for (int from = 0; from < admittedAt.size(); from++) {
      for (int to = from; to < admittedAt.size(); to++) {
        double seconds = (admittedAt.get(to) - admittedAt.get(from)) / 1e9;
        if (to - from + 1 > burst + 50 * seconds + 1e-6) {
          assertThat(to - from + 1).as("admitted in %s s", seconds).isLessThanOrEqualTo(burst);
        }
      }
    }
  }

  @Test
  void tryAcquireAllocatesNothing() {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    TokenBucket full = new TokenBucket(1e9, Integer.MAX_VALUE);
    TokenBucket empty = new TokenBucket(0.001, 1);
    long fewest = Long.MAX_VALUE; // Of several rounds: the first ones also pay for class loading.
    for (int round = 0; round < 5; round++) {
      long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      int admitted = 0;
      for (int i = 0; i < 100_000; i++) {
        admitted += full.tryAcquire() ? 1 : 0;
        admitted += empty.tryAcquire() ? 1 : 0;
        admitted += empty.tryAcquireNanos() == 0 ? 1 : 0;
      }
      long after = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
      assertThat(admitted).isBetween(100_000, 100_001);
      fewest = Math.min(fewest, after - before);
    }
    assertThat(fewest).as("bytes for 300,000 calls").isLessThan(10_000);
  }

  private static int count(int times, BooleanSupplier attempt) {
    int successes = 0;
    for (int i = 0; i < times; i++) {
      successes += attempt.getAsBoolean() ? 1 : 0;
    }
    return successes;
  }

  private static int sum(List<Integer> numbers) {
    return numbers.stream().mapToInt(Integer::intValue).sum();
  }
}
