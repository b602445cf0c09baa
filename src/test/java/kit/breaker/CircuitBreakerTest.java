// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static kit.breaker.CircuitBreaker.Outcome.FAILURE;
import static kit.breaker.CircuitBreaker.Outcome.IGNORED;
import static kit.breaker.CircuitBreaker.Outcome.SUCCESS;
import static kit.breaker.CircuitBreaker.State.CLOSED;
import static kit.breaker.CircuitBreaker.State.DISABLED;
import static kit.breaker.CircuitBreaker.State.FORCED_OPEN;
import static kit.breaker.CircuitBreaker.State.HALF_OPEN;
import static kit.breaker.CircuitBreaker.State.OPEN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import kit.breaker.CircuitBreaker.Classifier;
import kit.breaker.CircuitBreaker.Limits;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.Permit;
import kit.breaker.CircuitBreaker.Recovery;
import kit.breaker.CircuitBreaker.Settings;
import kit.breaker.CircuitBreaker.Snapshot;
import kit.breaker.CircuitBreaker.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeNanoTime;
import testing.Race;

class CircuitBreakerTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Duration LEASE = Duration.ofSeconds(30);
  private static final long LIMIT_SECONDS = 10; // for waits that only a bug makes long

  /** 3 failures in a row; 5 s, 10 s, 20 s, 20 s...; one probe. */
  private static final Settings THREE_IN_A_ROW =
      new Settings(
          new Limits(3, 0, 1, SECOND),
          new Recovery(Duration.ofSeconds(5), Duration.ofSeconds(20), 1, 1, LEASE),
          Settings.defaults().classifier());

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<State> states = Collections.synchronizedList(new ArrayList<>());

  // ---- closed: failures in a row

  @Test
  void opensAfterFailuresInARow() {
    replay(
        breaker(THREE_IN_A_ROW),
        //       at ms, outcome, passes, state after
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN),
        new Step(0, SUCCESS, false, OPEN));
  }

  @Test
  void successEndsTheRow() {
    replay(
        breaker(THREE_IN_A_ROW),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN));
  }

  @Test
  void ignoredCallNeitherEndsTheRowNorIsPartOfIt() {
    replay(
        breaker(THREE_IN_A_ROW),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, IGNORED, true, CLOSED),
        new Step(0, FAILURE, true, OPEN));
  }

  @Test
  void rowKnowsNoTime() {
    replay(
        breaker(THREE_IN_A_ROW),
        new Step(0, FAILURE, true, CLOSED),
        new Step(3_600_000, FAILURE, true, CLOSED),
        new Step(7_200_000, FAILURE, true, OPEN));
  }

  @Test
  void firstFailureOpensIfOneIsEnough() {
    replay(breaker(row(1)), new Step(0, FAILURE, true, OPEN));
  }

  @Test
  void neverOpensByItselfIfBothLimitsAreZero() {
    CircuitBreaker breaker = breaker(limits(0, 0, 1, SECOND));

    for (int i = 0; i < 1_000; i++) {
      end(breaker, FAILURE);
    }

    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  // ---- closed: the ratio

  @Test
  void opensWhenTheRatioIsReached() {
    replay(
        breaker(limits(0, 0.5, 4, Duration.ofSeconds(10))),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED), // one in three
        new Step(0, FAILURE, true, OPEN)); // two in four
  }

  @Test
  void ratioCountsFromTheMinimumOfCallsOn() {
    replay(
        breaker(limits(0, 0.5, 4, Duration.ofSeconds(10))),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN));
  }

  @Test
  void onlyAFailureOpens() {
    replay(
        breaker(limits(0, 0.5, 4, Duration.ofSeconds(10))),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED), // three in four, but this one went well
        new Step(0, FAILURE, true, OPEN));
  }

  @Test
  void ignoredCallsAreNotCallsToTheRatio() {
    replay(
        breaker(limits(0, 0.5, 3, Duration.ofSeconds(10))),
        new Step(0, IGNORED, true, CLOSED),
        new Step(0, IGNORED, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # ratio,    calls, failures that do not open it, failures that do
          0.55,         100,   54,    55
          0.29,         100,   28,    29
          0.07,         100,    6,     7
          1,              3,    2,     3
          1,              1,    0,     1
          0.000001, 1000000,    0,     1
          0.333333,       3,    0,     1
          0.333334,       3,    1,     2
          """)
  void ratioIsExact(double ratio, int calls, int tooFew, int enough) {
    assertThat(afterCalls(ratio, calls, tooFew)).isEqualTo(CLOSED);
    assertThat(afterCalls(ratio, calls, enough)).isEqualTo(OPEN);
  }

  private State afterCalls(double ratio, int calls, int failures) {
    CircuitBreaker breaker = breaker(limits(0, ratio, calls, Duration.ofSeconds(10)));
    for (int i = 0; i < calls; i++) {
      end(breaker, i < calls - failures ? SUCCESS : FAILURE);
    }
    return breaker.state();
  }

  @Test
  void windowForgetsInStepsOfATenth() {
    // Of 10 s, so that a call counts for 9 to 10 s.
    replay(
        breaker(limits(0, 1, 3, Duration.ofSeconds(10))),
        new Step(999, FAILURE, true, CLOSED),
        new Step(1_000, FAILURE, true, CLOSED),
        new Step(10_000, FAILURE, true, CLOSED), // the first has gone
        new Step(10_999, FAILURE, true, OPEN));
    replay(
        breaker(limits(0, 1, 3, Duration.ofSeconds(10))),
        new Step(999, FAILURE, true, CLOSED),
        new Step(1_000, FAILURE, true, CLOSED),
        new Step(9_999, FAILURE, true, OPEN)); // the first still counts
  }

  @Test
  void successesAreForgottenToo() {
    replay(
        breaker(limits(0, 0.5, 2, Duration.ofSeconds(10))),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(9_000, FAILURE, true, CLOSED), // one in four
        new Step(10_000, FAILURE, true, OPEN)); // two in two
  }

  @Test
  void windowIsEmptyAfterAnyTimeWithoutCalls() {
    for (long idleMillis : new long[] {10_000, 11_000, 19_999, 20_000, 95_000, 86_400_000_000L}) {
      replay(
          breaker(limits(0, 1, 2, Duration.ofSeconds(10))),
          new Step(0, FAILURE, true, CLOSED),
          new Step(idleMillis, FAILURE, true, CLOSED),
          new Step(idleMillis, FAILURE, true, OPEN));
    }
  }

  @Test
  void eitherLimitWillDo() {
    Settings both = limits(3, 0.5, 4, Duration.ofSeconds(10));
    replay(
        breaker(both),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN)); // in a row, though only three calls
    replay(
        breaker(both),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, SUCCESS, true, CLOSED),
        new Step(0, FAILURE, true, OPEN)); // two of four, though not in a row
  }

  @Test
  void countsStartAnewWhenItClosesAgain() {
    replay(
        breaker(limits(0, 0.5, 2, Duration.ofSeconds(60))),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN),
        new Step(5_000, SUCCESS, true, CLOSED),
        new Step(5_000, FAILURE, true, CLOSED), // one in one: the minimum is two
        new Step(5_000, FAILURE, true, OPEN));
  }

  // ---- open

  @Test
  void refusesWhileOpenAndSaysForHowLong() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    time.advance(Duration.ofSeconds(2));

    OpenException refusal = refusal(breaker);

    assertThat(refusal).hasMessage("circuit breaker is open").hasNoCause();
    assertThat(refusal.getStackTrace()).isEmpty();
    assertThat(refusal.retryAfter()).contains(Duration.ofSeconds(3));
  }

  @Test
  void refusedCallIsNotMade() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    AtomicInteger made = new AtomicInteger();

    assertThatThrownBy(() -> breaker.call(made::incrementAndGet)).isInstanceOf(OpenException.class);
    assertThatThrownBy(breaker::acquire).isInstanceOf(OpenException.class);

    assertThat(made).hasValue(0);
    assertThat(breaker.snapshot().refused()).isEqualTo(2);
  }

  @Test
  void isHalfOpenAsSoonAsTheRestIsOver() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);

    time.advance(Duration.ofSeconds(5).minusNanos(1));
    assertThat(breaker.state()).isEqualTo(OPEN);
    assertThat(refusal(breaker).retryAfter()).contains(Duration.ofNanos(1));

    time.advance(Duration.ofNanos(1));
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(breaker.snapshot().state()).isEqualTo(HALF_OPEN);
  }

  @Test
  void nothingHappensUntilSomebodyAsks() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    long generation = breaker.snapshot().generation();
    time.advance(Duration.ofDays(1));

    breaker.state();
    assertThat(breaker.snapshot().generation()).isEqualTo(generation);
    assertThat(states).containsExactly(OPEN);

    breaker.acquire();
    assertThat(breaker.snapshot().generation()).isEqualTo(generation + 1);
    assertThat(states).containsExactly(OPEN, HALF_OPEN);
  }

  @Test
  void restDoublesUpToTheLongestAndShrinksWhenItCloses() {
    replay(
        open(THREE_IN_A_ROW),
        new Step(4_999, SUCCESS, false, OPEN),
        new Step(5_000, FAILURE, true, OPEN),
        new Step(14_999, SUCCESS, false, OPEN),
        new Step(15_000, FAILURE, true, OPEN), // 10 s
        new Step(34_999, SUCCESS, false, OPEN),
        new Step(35_000, FAILURE, true, OPEN), // 20 s
        new Step(54_999, SUCCESS, false, OPEN),
        new Step(55_000, SUCCESS, true, CLOSED), // 20 s: not 40 s
        new Step(55_000, FAILURE, true, CLOSED),
        new Step(55_000, FAILURE, true, CLOSED),
        new Step(55_000, FAILURE, true, OPEN),
        new Step(60_000, SUCCESS, true, CLOSED)); // 5 s
  }

  @Test
  void restStaysAsItIsIfTheLongestIsNotLonger() {
    replay(
        open(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), 1, 1)),
        new Step(5_000, FAILURE, true, OPEN),
        new Step(10_000, FAILURE, true, OPEN),
        new Step(15_000, SUCCESS, true, CLOSED));
  }

  @Test
  void restOfAHundredYearsDoesNotOverflowWhenDoubled() {
    Duration century = Duration.ofDays(36_500);
    CircuitBreaker breaker = open(recovery(century, century, 1, 1));
    time.advance(century);
    breaker.acquire().failure();

    assertThat(refusal(breaker).retryAfter()).contains(century);
  }

  // ---- half-open

  @Test
  void letsOneProbePassAtATime() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    Permit probe = breaker.acquire();

    assertThat(refusal(breaker).retryAfter()).isEmpty();

    assertThat(probe.success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void letsSeveralProbesPassAtATime() {
    CircuitBreaker breaker = halfOpen(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), 2, 3));
    Permit first = breaker.acquire();
    Permit second = breaker.acquire();
    refusal(breaker);

    assertThat(first.success()).isTrue();
    Permit third = breaker.acquire(); // in the place of the first
    refusal(breaker);
    assertThat(second.success()).isTrue();
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(third.success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void oneFailureOpensAgain() {
    CircuitBreaker breaker = halfOpen(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), 2, 3));
    Permit first = breaker.acquire();
    Permit second = breaker.acquire();
    assertThat(first.success()).isTrue();

    assertThat(second.failure()).isTrue();

    assertThat(breaker.state()).isEqualTo(OPEN);
    assertThat(refusal(breaker).retryAfter()).contains(Duration.ofSeconds(5));
  }

  @Test
  void twoProbesAtOnceOfWhichTheFirstToReturnDecides() {
    for (boolean well : new boolean[] {true, false}) {
      CircuitBreaker breaker =
          halfOpen(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), 2, 1));
      Permit first = breaker.acquire();
      Permit second = breaker.acquire();

      assertThat(well ? first.success() : first.failure()).isTrue();
      assertThat(well ? second.failure() : second.success()).isFalse();

      assertThat(breaker.state()).isEqualTo(well ? CLOSED : OPEN);
      assertThat(breaker.snapshot().consecutiveFailures()).isZero();
    }
  }

  @Test
  void ignoredProbeOnlyFreesItsPlace() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);

    for (int i = 0; i < 100; i++) {
      assertThat(breaker.acquire().ignored()).isTrue();
      assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    }

    assertThat(breaker.acquire().success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void failuresInARowDoNotMatterWhileHalfOpen() {
    replay(open(row(1)), new Step(5_000, FAILURE, true, OPEN));
    replay(open(row(1_000)), new Step(5_000, FAILURE, true, OPEN));
  }

  @Test
  void probeIsGivenUpWhenItsLeaseIsOver() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    Permit lost = breaker.acquire();

    time.advance(LEASE.minusNanos(1));
    refusal(breaker);
    time.advance(Duration.ofNanos(1));
    Permit another = breaker.acquire();

    refusal(breaker); // still one at a time
    assertThat(lost.failure()).as("late").isFalse();
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(another.success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void probeThatOutlivesItsLeaseUnnoticedStillCounts() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    Permit slow = breaker.acquire();
    time.advance(LEASE.multipliedBy(2));

    assertThat(slow.success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void leaseRunsFromTheLastPlaceTaken() {
    CircuitBreaker breaker = halfOpen(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), 2, 1));
    Permit lost = breaker.acquire();
    time.advance(LEASE);
    Permit young = breaker.acquire(); // there was a place left
    time.advance(LEASE.minusNanos(1));
    refusal(breaker);

    time.advance(Duration.ofNanos(1));
    breaker.acquire();
    breaker.acquire(); // both places are free again
    refusal(breaker);

    assertThat(lost.success()).isFalse();
    assertThat(young.success()).isFalse();
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(states).as("nothing new").containsExactly(OPEN, HALF_OPEN);
  }

  @Test
  void givingUpProbesDoesNotShortenTheNextRest() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    breaker.acquire();
    time.advance(LEASE);

    breaker.acquire().failure();

    assertThat(refusal(breaker).retryAfter()).contains(Duration.ofSeconds(10));
  }

  // ---- late results

  @Test
  void lateResultOfAClosedGenerationDoesNotDecideWhileHalfOpen() throws Exception {
    for (Outcome outcome : Outcome.values()) {
      CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
      Permit slow = breaker.acquire();
      trip(breaker);
      time.advance(Duration.ofSeconds(5));
      Permit probe = breaker.acquire();
      Snapshot before = breaker.snapshot();

      assertThat(report(slow, outcome)).isFalse();

      assertThat(breaker.snapshot()).isEqualTo(before);
      refusal(breaker); // nor does it free the place of the probe
      assertThat(probe.success()).isTrue();
      assertThat(breaker.state()).isEqualTo(CLOSED);
    }
  }

  @Test
  void callThatBeganBeforeTheTroubleDoesNotCloseTheBreaker() throws Exception {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    FutureTask<String> slow =
        started(
            () ->
                breaker.call(
                    () -> {
                      inside.countDown();
                      await(goOn);
                      return "well";
                    }));
    await(inside);
    trip(breaker);
    time.advance(Duration.ofSeconds(5));
    Permit probe = breaker.acquire();

    goOn.countDown();

    assertThat(slow.get(LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo("well");
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(breaker.snapshot().successes()).isZero();
    assertThat(probe.success()).isTrue();
  }

  @Test
  void lateFailuresDoNotOpenABreakerThatHasClosedAgain() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    List<Permit> slow = List.of(breaker.acquire(), breaker.acquire(), breaker.acquire());
    trip(breaker);
    time.advance(Duration.ofSeconds(5));
    breaker.acquire().success();

    slow.forEach(permit -> assertThat(permit.failure()).isFalse());

    assertThat(breaker.state()).isEqualTo(CLOSED);
    assertThat(breaker.snapshot().consecutiveFailures()).isZero();
  }

  static Stream<Consumer<CircuitBreaker>> commands() {
    return Stream.of(CircuitBreaker::forceOpen, CircuitBreaker::disable, CircuitBreaker::reset);
  }

  @ParameterizedTest
  @MethodSource("commands")
  void callsUnderWayAreLateAfterACommand(Consumer<CircuitBreaker> command) {
    CircuitBreaker breaker = breaker(row(1));
    Permit slow = breaker.acquire();
    command.accept(breaker);
    State state = breaker.state();

    assertThat(slow.failure()).isFalse();

    assertThat(breaker.state()).isEqualTo(state);
    assertThat(breaker.snapshot().failures()).isZero();
  }

  // ---- forced open, disabled, reset

  @Test
  void forcedOpenRefusesUntilToldOtherwise() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);

    breaker.forceOpen();
    time.advance(Duration.ofDays(10_000));

    assertThat(breaker.state()).isEqualTo(FORCED_OPEN);
    assertThat(refusal(breaker).retryAfter()).isEmpty();
    breaker.reset();
    assertThat(breaker.state()).isEqualTo(CLOSED);
    assertThat(breaker.acquire().success()).isTrue();
  }

  @Test
  void disabledPassesAllAndCountsButJudgesNothing() {
    CircuitBreaker breaker = breaker(limits(1, 0.1, 1, SECOND));

    breaker.disable();
    for (int i = 0; i < 100; i++) {
      assertThat(breaker.acquire().failure()).isTrue();
    }
    assertThat(breaker.acquire().success()).isTrue();
    assertThat(breaker.acquire().ignored()).isTrue();

    Snapshot counts = breaker.snapshot();
    assertThat(counts.state()).isEqualTo(DISABLED);
    assertThat(counts.failures()).isEqualTo(100);
    assertThat(counts.successes()).isEqualTo(1);
    assertThat(counts.ignored()).isEqualTo(1);
    breaker.reset();
    assertThat(breaker.acquire().failure()).isTrue();
    assertThat(breaker.state()).isEqualTo(OPEN);
  }

  @Test
  void commandsWorkFromAnyState() {
    List<Consumer<CircuitBreaker>> ways =
        List.of(
            breaker -> {},
            CircuitBreakerTest::trip,
            breaker -> {
              trip(breaker);
              time.advance(Duration.ofSeconds(5));
              breaker.acquire();
            },
            CircuitBreaker::forceOpen,
            CircuitBreaker::disable);
    for (Consumer<CircuitBreaker> way : ways) {
      CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
      way.accept(breaker);
      breaker.forceOpen();
      assertThat(breaker.state()).isEqualTo(FORCED_OPEN);
      refusal(breaker);

      breaker = breaker(THREE_IN_A_ROW);
      way.accept(breaker);
      breaker.disable();
      assertThat(breaker.state()).isEqualTo(DISABLED);
      assertThat(breaker.acquire().success()).isTrue();

      breaker = breaker(THREE_IN_A_ROW);
      way.accept(breaker);
      breaker.reset();
      assertThat(breaker.state()).isEqualTo(CLOSED);
      assertThat(breaker.acquire().success()).isTrue();
    }
  }

  @Test
  void resetForgetsFailuresAndTheLongRest() {
    CircuitBreaker breaker = breaker(limits(3, 0.5, 5, Duration.ofSeconds(60)));
    end(breaker, FAILURE);
    end(breaker, FAILURE);
    breaker.reset();
    replay(
        breaker,
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, CLOSED),
        new Step(0, FAILURE, true, OPEN),
        new Step(5_000, FAILURE, true, OPEN)); // the next rest would be longer

    breaker.reset();
    trip(breaker);

    assertThat(refusal(breaker).retryAfter()).contains(Duration.ofSeconds(5));
  }

  // ---- permits

  @Test
  void onlyTheFirstReportOfAPermitCounts() {
    CircuitBreaker breaker = breaker(row(2));
    Permit permit = breaker.acquire();

    assertThat(permit.failure()).isTrue();
    assertThat(permit.failure()).isFalse();
    assertThat(permit.success()).isFalse();
    assertThat(permit.ignored()).isFalse();
    assertThat(permit.finished("result", null)).isFalse();
    permit.close();

    Snapshot counts = breaker.snapshot();
    assertThat(counts.state()).isEqualTo(CLOSED);
    assertThat(counts.failures()).isEqualTo(1);
    assertThat(counts.successes() + counts.ignored()).isZero();
  }

  @Test
  void secondReportOfAProbeDoesNotFreeASecondPlace() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    Permit probe = breaker.acquire();
    probe.close();
    probe.close();

    breaker.acquire();

    refusal(breaker);
  }

  @Test
  void permitClosedWithoutAReportIsIgnored() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);

    try (Permit permit = breaker.acquire()) {
      assertThat(permit).isNotNull();
    }

    assertThat(breaker.snapshot().ignored()).isEqualTo(1);
    assertThat(breaker.acquire().success()).as("its place is free").isTrue();
  }

  @Test
  void ofManyReportsAtOnceOneCounts() throws Exception {
    CircuitBreaker breaker = breaker(row(1_000));
    Permit permit = breaker.acquire();

    List<Boolean> counted = Race.run(8, permit::failure);

    assertThat(counted).containsOnlyOnce(true);
    assertThat(breaker.snapshot().failures()).isEqualTo(1);
  }

  @Test
  void askLaterAsInTheJavadoc() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    CompletableFuture<String> well = new CompletableFuture<>();
    CompletableFuture<String> badly = new CompletableFuture<>();
    well.whenComplete(breaker.acquire()::finished);
    badly.whenComplete(breaker.acquire()::finished);

    badly.completeExceptionally(new IOException("reset"));
    assertThat(breaker.snapshot().consecutiveFailures()).isEqualTo(1);
    well.complete("answer");

    assertThat(breaker.snapshot())
        .isEqualTo(new Snapshot(CLOSED, 0, 0, 1, 1, 0, 0)); // the success came last
  }

  // ---- calls

  @Test
  void callReturnsTheResultAndCountsASuccess() throws Exception {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);

    assertThat(breaker.call(() -> "answer")).isEqualTo("answer");
    assertThat(breaker.<String>call(() -> null)).isNull();

    assertThat(breaker.snapshot()).isEqualTo(new Snapshot(CLOSED, 0, 0, 2, 0, 0, 0));
  }

  @Test
  void callThrowsWhatTheWorkThrowsAndCountsAFailure() {
    for (Throwable thrown :
        List.of(new IOException("reset"), new IllegalStateException(), new StackOverflowError())) {
      CircuitBreaker breaker = breaker(THREE_IN_A_ROW);

      assertThatThrownBy(() -> breaker.call(throwing(thrown))).isSameAs(thrown);

      assertThat(thrown.getSuppressed()).isEmpty();
      assertThat(breaker.snapshot()).isEqualTo(new Snapshot(CLOSED, 0, 1, 0, 1, 0, 0));
    }
  }

  @Test
  void interruptionIsIgnored() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    InterruptedException interruption = new InterruptedException();

    assertThatThrownBy(() -> breaker.call(throwing(interruption))).isSameAs(interruption);

    assertThat(breaker.snapshot()).isEqualTo(new Snapshot(CLOSED, 0, 0, 0, 0, 1, 0));
  }

  @Test
  void callWithoutWorkIsNotACall() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);

    assertThatNullPointerException().isThrownBy(() -> breaker.call(null)).withMessage("work");

    assertThat(breaker.acquire().success()).as("no place is taken").isTrue();
  }

  @Test
  void callOpensHalfOpensAndCloses() throws Exception {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> breaker.call(throwing(new IOException())))
          .isInstanceOf(IOException.class);
    }
    assertThatThrownBy(() -> breaker.call(() -> "answer")).isInstanceOf(OpenException.class);
    time.advance(Duration.ofSeconds(5));

    assertThat(breaker.call(() -> "answer")).isEqualTo("answer");

    assertThat(states).containsExactly(OPEN, HALF_OPEN, CLOSED);
  }

  // ---- the classifier

  private record Seen(Object result, Throwable error, long elapsedNanos) {}

  @Test
  void classifierSeesResultErrorAndTime() throws Exception {
    List<Seen> seen = new ArrayList<>();
    IOException error = new IOException("reset");
    CircuitBreaker breaker =
        breaker(
            classified(
                (result, thrown, elapsedNanos) -> {
                  seen.add(new Seen(result, thrown, elapsedNanos));
                  return SUCCESS;
                }));

    breaker.call(() -> later(SECOND, "answer"));
    assertThatThrownBy(() -> breaker.call(() -> later(SECOND, throwing(error).call())))
        .isSameAs(error);
    Permit permit = breaker.acquire();
    time.advance(Duration.ofMillis(3));
    permit.finished("later", null);

    assertThat(seen)
        .containsExactly(
            new Seen("answer", null, 1_000_000_000L),
            new Seen(null, error, 0),
            new Seen("later", null, 3_000_000L));
  }

  @Test
  void classifierDecidesWhatAFailureIs() throws Exception {
    Classifier slowIsFailed =
        (result, error, elapsedNanos) ->
            error != null ? IGNORED : elapsedNanos > SECOND.toNanos() ? FAILURE : SUCCESS;
    CircuitBreaker breaker = breaker(classified(slowIsFailed));

    breaker.call(() -> later(SECOND, "in time"));
    breaker.call(() -> later(SECOND.plusNanos(1), "too late"));
    assertThatThrownBy(() -> breaker.call(throwing(new IOException())));

    assertThat(breaker.snapshot()).isEqualTo(new Snapshot(CLOSED, 0, 1, 1, 1, 1, 0));
  }

  @Test
  void classifierDecidesWhileHalfOpenToo() throws Exception {
    CircuitBreaker breaker =
        halfOpen(classified((result, error, elapsedNanos) -> error == null ? FAILURE : SUCCESS));

    breaker.call(() -> "answer");

    assertThat(breaker.state()).isEqualTo(OPEN);
  }

  @Test
  void callIsIgnoredIfTheClassifierThrows() {
    IllegalStateException bug = new IllegalStateException("bug");
    CircuitBreaker breaker =
        halfOpen(
            classified(
                (result, error, elapsedNanos) -> {
                  throw bug;
                }));

    assertThatThrownBy(() -> breaker.call(() -> "answer")).isSameAs(bug);
    assertThatThrownBy(() -> breaker.call(throwing(new IOException()))).isSameAs(bug);
    assertThatThrownBy(() -> breaker.acquire().finished("answer", null)).isSameAs(bug);

    assertThat(breaker.snapshot().ignored()).isEqualTo(3);
    assertThat(breaker.acquire().success()).as("the place is free").isTrue();
  }

  @Test
  void callIsIgnoredIfTheClassifierDoesNotSay() {
    CircuitBreaker breaker = halfOpen(classified((result, error, elapsedNanos) -> null));

    assertThatNullPointerException().isThrownBy(() -> breaker.call(() -> "answer"));

    assertThat(breaker.snapshot().ignored()).isEqualTo(1);
    assertThat(breaker.acquire().success()).as("the place is free").isTrue();
  }

  // ---- reports of state

  @Test
  void changesOfStateAreReportedInOrder() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    time.advance(Duration.ofSeconds(5));
    breaker.acquire().failure();
    time.advance(Duration.ofSeconds(10));
    breaker.acquire().success();
    breaker.reset(); // no change
    breaker.forceOpen();
    breaker.forceOpen(); // no change
    breaker.disable();
    breaker.reset();

    assertThat(states)
        .containsExactly(OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED, FORCED_OPEN, DISABLED, CLOSED);
  }

  @Test
  void listenerMayUseTheBreaker() {
    AtomicReference<CircuitBreaker> self = new AtomicReference<>();
    List<String> seen = new ArrayList<>();
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> {
              Snapshot counts = self.get().snapshot();
              seen.add(state + " " + counts.state() + " " + counts.failures());
              if (state == OPEN) {
                self.get().forceOpen(); // reported after this report, not within
                seen.add("forced");
              }
            });
    self.set(breaker);

    trip(breaker);

    assertThat(seen).containsExactly("OPEN OPEN 3", "forced", "FORCED_OPEN FORCED_OPEN 3");
  }

  @Test
  void listenerIsCalledUnderNoLock() {
    AtomicReference<CircuitBreaker> self = new AtomicReference<>();
    List<State> seenByOthers = new ArrayList<>();
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> seenByOthers.add(result(started(() -> self.get().snapshot().state()))));
    self.set(breaker);

    trip(breaker);
    time.advance(Duration.ofSeconds(5));
    breaker.acquire().success();
    breaker.forceOpen();

    assertThat(seenByOthers).containsExactly(OPEN, HALF_OPEN, CLOSED, FORCED_OPEN);
  }

  @Test
  void slowListenerHoldsUpNobodyAndStillSeesTheOrder() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> {
              states.add(state);
              if (state == OPEN) {
                inside.countDown();
                awaitUnchecked(goOn);
              }
            });
    FutureTask<Void> tripping =
        started(
            () -> {
              trip(breaker);
              return null;
            });
    await(inside);

    time.advance(Duration.ofSeconds(5));
    breaker.acquire().success(); // returns, though the listener is still busy with OPEN
    assertThat(breaker.state()).isEqualTo(CLOSED);
    assertThat(states).containsExactly(OPEN);

    goOn.countDown();
    result(tripping);
    assertThat(states).containsExactly(OPEN, HALF_OPEN, CLOSED);
  }

  @Test
  void whatAListenerThrowsGoesToTheUncaughtExceptionHandler() throws Exception {
    List<Throwable> uncaught = new ArrayList<>();
    RuntimeException bug = new RuntimeException("bug");
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> {
              states.add(state);
              throw bug;
            });
    FutureTask<State> work =
        new FutureTask<>(
            () -> {
              trip(breaker);
              time.advance(Duration.ofSeconds(5));
              breaker.acquire().success();
              return breaker.state();
            });
    Thread thread = new Thread(work);
    thread.setUncaughtExceptionHandler((where, error) -> uncaught.add(error));
    thread.start();

    assertThat(result(work)).isEqualTo(CLOSED);
    assertThat(states).containsExactly(OPEN, HALF_OPEN, CLOSED);
    assertThat(uncaught).containsExactly(bug, bug, bug);
  }

  // ---- counts

  @Test
  void countsOnlyGrow() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    end(breaker, SUCCESS);
    end(breaker, IGNORED);
    trip(breaker);
    refusal(breaker);
    refusal(breaker);
    assertThat(breaker.snapshot()).isEqualTo(new Snapshot(OPEN, 1, 0, 1, 3, 1, 2));

    time.advance(Duration.ofSeconds(5));
    end(breaker, SUCCESS);
    end(breaker, FAILURE);
    breaker.reset();

    assertThat(breaker.snapshot()).isEqualTo(new Snapshot(CLOSED, 4, 0, 2, 4, 1, 2));
  }

  // ---- time

  @ParameterizedTest
  @ValueSource(longs = {Long.MAX_VALUE, Long.MAX_VALUE - 5_000_000_000L, Long.MIN_VALUE, -1, 0})
  void worksWhenNanoTimeOverflows(long start) {
    Settings settings = limits(3, 0.5, 4, Duration.ofSeconds(10));
    FakeNanoTime overflowing = new FakeNanoTime(start - 1_000_000_000L);
    CircuitBreaker breaker = new CircuitBreaker(settings, overflowing, states::add);

    end(breaker, SUCCESS);
    overflowing.advance(SECOND.multipliedBy(2));
    trip(breaker);
    assertThat(breaker.state()).isEqualTo(OPEN);
    overflowing.advance(Duration.ofSeconds(5).minusNanos(1));
    assertThat(refusal(breaker).retryAfter()).contains(Duration.ofNanos(1));
    overflowing.advance(Duration.ofNanos(1));
    breaker.acquire();
    overflowing.advance(LEASE.minusNanos(1));
    refusal(breaker);
    overflowing.advance(Duration.ofNanos(1));
    assertThat(breaker.acquire().success()).isTrue();
    assertThat(breaker.state()).isEqualTo(CLOSED);
  }

  @Test
  void clockThatGoesBackIsHarmless() {
    CircuitBreaker breaker = breaker(limits(0, 1, 2, Duration.ofSeconds(10)));
    time.advance(Duration.ofSeconds(5));
    end(breaker, FAILURE);
    time.advance(Duration.ofSeconds(-60));

    end(breaker, FAILURE);

    assertThat(breaker.state()).isEqualTo(OPEN);
    time.advance(Duration.ofSeconds(-60));
    assertThat(breaker.state()).isEqualTo(OPEN);
    time.advance(Duration.ofSeconds(65));
    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
  }

  @Test
  void clockIsNotReadForSuccessesInARow() throws Exception {
    AtomicInteger readings = new AtomicInteger();
    CircuitBreaker breaker =
        new CircuitBreaker(THREE_IN_A_ROW, readings::incrementAndGet, states::add);
    int before = readings.get();

    breaker.call(() -> "answer");
    breaker.acquire().success();

    assertThat(readings).hasValue(before);
  }

  // ---- settings

  @Test
  void defaultsAreAsDocumented() {
    Settings settings = Settings.defaults();

    assertThat(settings.limits()).isEqualTo(new Limits(5, 0, 20, Duration.ofSeconds(10)));
    assertThat(settings.recovery())
        .isEqualTo(new Recovery(Duration.ofSeconds(5), Duration.ofSeconds(10), 1, 1, LEASE));
  }

  @Test
  void othersStayWhenOneSettingIsReplaced() {
    Settings settings = Settings.defaults();
    Limits limits = new Limits(1, 1, 1, SECOND);
    Recovery recovery = new Recovery(SECOND, SECOND, 2, 3, SECOND);
    Classifier classifier = (result, error, elapsedNanos) -> IGNORED;

    assertThat(settings.withLimits(limits))
        .isEqualTo(new Settings(limits, settings.recovery(), settings.classifier()));
    assertThat(settings.withRecovery(recovery))
        .isEqualTo(new Settings(settings.limits(), recovery, settings.classifier()));
    assertThat(settings.withClassifier(classifier))
        .isEqualTo(new Settings(settings.limits(), settings.recovery(), classifier));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # row, ratio, minimum, window, message
            -1,  0,     1,  PT1S,          consecutiveFailures not in 0..2147483647: -1
             0, -0.1,   1,  PT1S,          ratio not in 0.0..1.0: -0.1
             0,  1.1,   1,  PT1S,          ratio not in 0.0..1.0: 1.1
             0,  NaN,   1,  PT1S,          ratio not in 0.0..1.0: NaN
             0,  1,     0,  PT1S,          minimumCalls not in 1..2147483647: 0
             0,  1,     1,  PT0.000000009S, window not in PT0.00000001S..PT876000H: PT0.000000009S
             0,  1,     1,  PT-1S,         window not in PT0.00000001S..PT876000H: PT-1S
             0,  1,     1,  PT876000H1S,   window not in PT0.00000001S..PT876000H: PT876000H1S
          """)
  void badLimitsAreRefused(int row, double ratio, int minimum, Duration window, String message) {
    Limits bad = new Limits(row, ratio, minimum, window);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> Settings.defaults().withLimits(bad))
        .withMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # open for, at most, probes, successes, lease, message
          PT0S,  PT1S,  1, 1, PT1S,  openFor not in PT0.000000001S..PT876000H: PT0S
          PT2S,  PT1S,  1, 1, PT1S,  maxOpenFor not in PT2S..PT876000H: PT1S
          PT2S,  PT876000H1S,  1, 1, PT1S,  maxOpenFor not in PT2S..PT876000H: PT876000H1S
          PT1S,  PT1S,  0, 1, PT1S,  probes not in 1..2147483647: 0
          PT1S,  PT1S,  1, 0, PT1S,  successesToClose not in 1..2147483647: 0
          PT1S,  PT1S,  1, 1, PT0S,  lease not in PT0.000000001S..PT876000H: PT0S
          """)
  void badRecoveryIsRefused(
      Duration openFor, Duration most, int probes, int successes, Duration lease, String message) {
    Recovery bad = new Recovery(openFor, most, probes, successes, lease);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> Settings.defaults().withRecovery(bad))
        .withMessage(message);
  }

  @Test
  void nullIsRefused() {
    Settings settings = Settings.defaults();

    assertThatNullPointerException()
        .isThrownBy(() -> settings.withClassifier(null))
        .withMessage("classifier");
    assertThatNullPointerException()
        .isThrownBy(() -> settings.withLimits(new Limits(1, 0, 1, null)))
        .withMessage("window");
    assertThatNullPointerException()
        .isThrownBy(() -> new CircuitBreaker(null, time, states::add))
        .withMessage("settings");
    assertThatNullPointerException()
        .isThrownBy(() -> new CircuitBreaker(settings, null, states::add))
        .withMessage("nanoTime");
    assertThatNullPointerException()
        .isThrownBy(() -> new CircuitBreaker(settings, time, null))
        .withMessage("onState");
  }

  // ---- threads and cost

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void neverMoreProbesThanAllowed(int allowed) throws Exception {
    for (int round = 0; round < 100; round++) {
      states.clear();
      CircuitBreaker breaker =
          open(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), allowed, 1_000));
      time.advance(Duration.ofSeconds(5));

      List<Boolean> passed = Race.run(8, () -> passes(breaker));

      assertThat(passed).filteredOn(pass -> pass).hasSize(allowed);
      assertThat(breaker.snapshot().refused()).isEqualTo(8 - allowed);
      assertThat(states).containsExactly(OPEN, HALF_OPEN);
    }
  }

  @Test
  void neverMoreProbesOnTheirWayThanAllowedWhileTheyComeAndGo() throws Exception {
    int allowed = 2;
    CircuitBreaker breaker =
        halfOpen(recovery(Duration.ofSeconds(5), Duration.ofSeconds(5), allowed, 1_000_000));
    AtomicInteger onTheirWay = new AtomicInteger();

    List<Integer> most =
        Race.run(
            8,
            () -> {
              int seen = 0;
              for (int i = 0; i < 2_000; i++) {
                try (Permit permit = breaker.acquire()) {
                  seen = Math.max(seen, onTheirWay.incrementAndGet());
                  Thread.yield();
                  onTheirWay.decrementAndGet();
                  permit.success();
                } catch (OpenException e) {
                  Thread.yield();
                }
              }
              return seen;
            });

    assertThat(Collections.max(most)).isLessThanOrEqualTo(allowed).isPositive();
    assertThat(onTheirWay).hasValue(0);
    assertThat(breaker.acquire().success()).as("no place is lost").isTrue();
  }

  @Test
  void overdueProbesAreGivenUpOnce() throws Exception {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    breaker.acquire();
    time.advance(LEASE);
    long generation = breaker.snapshot().generation();

    List<Boolean> passed = Race.run(8, () -> passes(breaker));

    assertThat(passed).containsOnlyOnce(true);
    assertThat(breaker.snapshot().generation()).isEqualTo(generation + 1);
  }

  @Test
  void manyFailuresAtOnceOpenItOnce() throws Exception {
    for (int round = 0; round < 100; round++) {
      states.clear();
      CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
      List<Permit> permits = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        permits.add(breaker.acquire());
      }

      List<Boolean> counted = Race.runNumbered(8, thread -> permits.get(thread).failure());

      assertThat(counted).filteredOn(count -> count).hasSize(3); // the others are late
      assertThat(states).containsExactly(OPEN);
      assertThat(breaker.snapshot()).isEqualTo(new Snapshot(OPEN, 1, 0, 0, 3, 0, 0));
    }
  }

  @Test
  void noCallIsLostInTheCounts() throws Exception {
    CircuitBreaker breaker = breaker(limits(0, 1, 1_000_000, Duration.ofSeconds(10)));
    int each = 2_000;

    Race.runNumbered(
        8,
        thread -> {
          for (int i = 0; i < each; i++) {
            end(breaker, Outcome.values()[(thread + i) % 3]);
            if (thread == 0) {
              time.advance(Duration.ofMillis(1)); // The window moves meanwhile.
            }
          }
          return null;
        });

    Snapshot counts = breaker.snapshot();
    assertThat(counts.successes() + counts.failures() + counts.ignored()).isEqualTo(8 * each);
    assertThat(counts.state()).isEqualTo(CLOSED);
  }

  @Test
  void stateChangesOfManyThreadsAreReportedInOrder() throws Exception {
    List<State> reported = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger reporting = new AtomicInteger();
    CircuitBreaker breaker =
        new CircuitBreaker(
            row(1).withRecovery(new Recovery(SECOND, SECOND, 1, 1, Duration.ofDays(36_500))),
            time,
            state -> {
              assertThat(reporting.incrementAndGet()).as("one at a time").isEqualTo(1);
              reported.add(state);
              reporting.decrementAndGet();
            });

    Race.run(
        4,
        () -> {
          for (int i = 0; i < 1_000; i++) {
            try (Permit permit = breaker.acquire()) {
              permit.failure();
            } catch (OpenException e) {
              time.advance(Duration.ofSeconds(1));
            }
          }
          return null;
        });

    // Failures only: open, half-open, open, half-open...
    assertThat(reported).hasSizeGreaterThan(10);
    for (int i = 0; i < reported.size(); i++) {
      assertThat(reported.get(i)).isEqualTo(i % 2 == 0 ? OPEN : HALF_OPEN);
    }
    assertThat(breaker.snapshot().generation()).isEqualTo(reported.size());
  }

  @Test
  void neitherARefusalWhileOpenNorASuccessWhileClosedTakesTheLock() throws Exception {
    CircuitBreaker open = open(THREE_IN_A_ROW);
    CircuitBreaker closed = breaker(THREE_IN_A_ROW);
    Field field = CircuitBreaker.class.getDeclaredField("lock");
    field.setAccessible(true);

    synchronized (field.get(open)) {
      assertThat(result(started(() -> passes(open)))).isFalse();
      assertThat(result(started(open::state))).isEqualTo(OPEN);
    }
    synchronized (field.get(closed)) {
      assertThat(result(started(() -> closed.call(() -> "answer")))).isEqualTo("answer");
      assertThat(result(started(() -> closed.acquire().success()))).isTrue();
    }
  }

  @Test
  void callThatFindsItClosedMeanwhilePasses() throws Exception {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    Permit probe = breaker.acquire();
    Field field = CircuitBreaker.class.getDeclaredField("lock");
    field.setAccessible(true);
    FutureTask<Boolean> asking = new FutureTask<>(() -> passes(breaker));
    Thread thread = new Thread(asking, "asking");

    synchronized (field.get(breaker)) {
      thread.start();
      Eventually.within(
          Duration.ofSeconds(LIMIT_SECONDS),
          () -> assertThat(thread.getState()).isEqualTo(Thread.State.BLOCKED));
      probe.success();
    }

    assertThat(result(asking)).isTrue();
  }

  @Test
  void callAllocatesNothingWhileClosed() throws Exception {
    CircuitBreaker inARow = breaker(THREE_IN_A_ROW);
    CircuitBreaker ratio = breaker(limits(3, 0.5, 20, Duration.ofSeconds(10)));
    Callable<String> work = () -> "answer";
    int calls = 20_000;

    long bytes =
        allocatedBy(
            () -> {
              for (int i = 0; i < calls; i++) {
                inARow.call(work);
                ratio.call(work);
              }
              return null;
            });

    assertThat(bytes).as("bytes in " + 2 * calls + " calls").isLessThan(calls / 10);
  }

  private static long allocatedBy(Callable<?> work) throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    work.call(); // Whatever is needed once.
    long before = threads.getCurrentThreadAllocatedBytes();
    work.call();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  // ---- what the tests share

  /** At so many ms from the start of the replay, a call with that outcome, if it passes. */
  private record Step(long atMillis, Outcome outcome, boolean passes, State after) {}

  private void replay(CircuitBreaker breaker, Step... steps) {
    long nowMillis = 0;
    for (Step step : steps) {
      time.advance(Duration.ofMillis(step.atMillis() - nowMillis));
      nowMillis = step.atMillis();
      boolean passes = true;
      try {
        assertThat(report(breaker.acquire(), step.outcome())).isTrue();
      } catch (OpenException e) {
        passes = false;
      }
      assertThat(passes).as("%s passes", step).isEqualTo(step.passes());
      assertThat(breaker.state()).as("state after %s", step).isEqualTo(step.after());
    }
  }

  private CircuitBreaker breaker(Settings settings) {
    return new CircuitBreaker(settings, time, states::add);
  }

  private CircuitBreaker open(Settings settings) {
    CircuitBreaker breaker = breaker(settings);
    for (int i = 0; i < settings.limits().consecutiveFailures(); i++) {
      end(breaker, FAILURE);
    }
    assertThat(breaker.state()).isEqualTo(OPEN);
    return breaker;
  }

  /** The rest is over; nobody has asked yet. */
  private CircuitBreaker halfOpen(Settings settings) {
    CircuitBreaker breaker = open(settings);
    time.advance(settings.recovery().openFor());
    return breaker;
  }

  private static void trip(CircuitBreaker breaker) {
    for (int i = 0; i < 3; i++) {
      end(breaker, FAILURE);
    }
  }

  private static void end(CircuitBreaker breaker, Outcome outcome) {
    report(breaker.acquire(), outcome);
  }

  private static boolean report(Permit permit, Outcome outcome) {
    return switch (outcome) {
      case SUCCESS -> permit.success();
      case FAILURE -> permit.failure();
      case IGNORED -> permit.ignored();
    };
  }

  private static boolean passes(CircuitBreaker breaker) {
    try {
      breaker.acquire();
      return true;
    } catch (OpenException e) {
      return false;
    }
  }

  private static OpenException refusal(CircuitBreaker breaker) {
    try {
      breaker.acquire();
    } catch (OpenException e) {
      return e;
    }
    throw new AssertionError("not refused: " + breaker.snapshot());
  }

  private static Settings limits(int row, double ratio, int minimumCalls, Duration window) {
    return THREE_IN_A_ROW.withLimits(new Limits(row, ratio, minimumCalls, window));
  }

  private static Settings row(int failures) {
    return limits(failures, 0, 1, SECOND);
  }

  private static Settings recovery(Duration openFor, Duration most, int probes, int successes) {
    return THREE_IN_A_ROW.withRecovery(new Recovery(openFor, most, probes, successes, LEASE));
  }

  private static Settings classified(Classifier classifier) {
    return THREE_IN_A_ROW.withClassifier(classifier);
  }

  private static Callable<String> throwing(Throwable error) {
    return () -> {
      if (error instanceof Error serious) {
        throw serious;
      }
      throw (Exception) error;
    };
  }

  private <T> T later(Duration step, T result) {
    time.advance(step);
    return result;
  }

  private static <T> FutureTask<T> started(Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread thread = new Thread(task, "started by " + Thread.currentThread().getName());
    thread.setDaemon(true);
    thread.start();
    return task;
  }

  private static <T> T result(FutureTask<T> task) {
    try {
      return task.get(LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError("no result", e);
    }
  }

  private static void await(CountDownLatch latch) throws InterruptedException {
    assertThat(latch.await(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  private static void awaitUnchecked(CountDownLatch latch) {
    try {
      await(latch);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
