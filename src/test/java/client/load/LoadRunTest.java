// SPDX-License-Identifier: Apache-2.0
package client.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.FakeNanoTime;

/** Schedule and counts of a load test, on a clock that only calls and sleeps advance. */
@Timeout(20)
class LoadRunTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final long AMPLE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final FakeNanoTime time = new FakeNanoTime();
  private final LoadTally tally = new LoadTally();
  private final AtomicInteger calls = new AtomicInteger();

  private final LoadRun.Clock clock =
      new LoadRun.Clock() {
        @Override
        public long nanoTime() {
          return time.getAsLong();
        }

        @Override
        public void sleepUntil(long nanoTime) {
          time.advance(Duration.ofNanos(Math.max(0, nanoTime - time.getAsLong())));
        }
      };

  private LoadTally.Report run(LoadRun.Plan plan, LoadRun.Caller caller) throws Exception {
    LoadRun run = new LoadRun(plan, caller, tally, clock);
    run.start();
    assertThat(run.await(AMPLE_NANOS)).isTrue();
    return tally.report(run.sinceStartNanos());
  }

  /** A call that takes {@code firstMillis} the first time, and 1 ms from then on. */
  private LoadRun.Caller slowAtFirst(long firstMillis) {
    return () -> time.advance(Duration.ofMillis(calls.getAndIncrement() == 0 ? firstMillis : 1));
  }

  @Test
  void openModelMeasuresFromWhenACallIsDueSoThatAStallShows() throws Exception {
    LoadRun.Plan tenASecond = new LoadRun.Plan(1, 10, Duration.ofSeconds(1), 0, TIMEOUT);
    LoadTally.Report report = run(tenASecond, slowAtFirst(500));
    // Calls are due at 0, 100, 200 ... 900 ms. The second one ends at 501, so it took 401 ms, the
    // third 302 and so on; from 600 ms on each takes the 1 ms that it needs.
    assertThat(report.calls()).isEqualTo(10);
    assertThat(report.ok()).isEqualTo(10);
    assertThat(report.late()).isEqualTo(5);
    assertThat(report.latencyMillis().max()).isEqualTo(500);
    assertThat(report.latencyMillis().p90()).isCloseTo(401, within(4.0));
    assertThat(report.latencyMillis().p50()).isCloseTo(5, within(0.1));
    assertThat(report.gapMillis()).isEqualTo(500); // Until the first one succeeded.
  }

  @Test
  void closedModelCallsAgainWhenTheCallBeforeHasEnded() throws Exception {
    LoadRun.Plan asFastAsPossible = new LoadRun.Plan(1, 0, Duration.ofSeconds(1), 0, TIMEOUT);
    LoadTally.Report report = run(asFastAsPossible, slowAtFirst(500));
    assertThat(report.calls()).isEqualTo(501);
    assertThat(report.late()).isZero();
    assertThat(report.seconds()).isEqualTo(1);
    assertThat(report.latencyMillis().p99()).isCloseTo(1, within(0.01));
  }

  @Test
  void countEndsBothModels() throws Exception {
    assertThat(run(new LoadRun.Plan(1, 0, Duration.ofHours(1), 7, TIMEOUT), slowAtFirst(1)).calls())
        .isEqualTo(7);
    assertThat(run(new LoadRun.Plan(1, 5, Duration.ofHours(1), 7, TIMEOUT), slowAtFirst(1)).calls())
        .isEqualTo(14);
  }

  @Test
  void callForWhichNoThreadIsFreeWithinItsTimeoutHasFailed() throws Exception {
    LoadRun.Plan onceASecond = new LoadRun.Plan(1, 1, Duration.ofSeconds(10), 0, TIMEOUT);
    LoadTally.Report report = run(onceASecond, slowAtFirst(5_000));
    // At 5 s, the callers of 1 s and 2 s have given up; the one of 3 s is just in time.
    assertThat(report.calls()).isEqualTo(10);
    assertThat(report.failures())
        .singleElement()
        .satisfies(
            failed -> {
              assertThat(failed.kind()).isEqualTo("never began");
              assertThat(failed.calls()).isEqualTo(2);
            });
  }

  @Test
  void longestDurationAndLowestRateAreAccepted() throws Exception {
    LoadRun.Plan hardlyEver =
        new LoadRun.Plan(
            1, 1e-300, Duration.ofSeconds(Long.MAX_VALUE), 0, Duration.ofDays(999_999));
    assertThat(run(hardlyEver, slowAtFirst(1)).calls()).isEqualTo(1);
  }

  @Test
  void failuresAndErrorsAreCountedAndTheLoadContinues() throws Exception {
    LoadTally.Report report =
        run(
            new LoadRun.Plan(1, 0, Duration.ofHours(1), 10, TIMEOUT),
            () -> {
              if (calls.incrementAndGet() % 2 == 0) {
                throw new StackOverflowError();
              }
            });
    assertThat(report.ok()).isEqualTo(5);
    assertThat(report.failures())
        .containsExactly(
            new LoadTally.Report.Failed("StackOverflowError", 5, "java.lang.StackOverflowError"));
  }

  @Test
  void concurrencyIsExactlyTheRequestedOne() throws Exception {
    CountDownLatch allThere = new CountDownLatch(3);
    AtomicInteger inFlight = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    run(
        new LoadRun.Plan(3, 0, Duration.ofHours(1), 30, TIMEOUT),
        () -> {
          most.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
          allThere.countDown();
          allThere.await();
          inFlight.decrementAndGet();
        });
    assertThat(most).hasValue(3);
  }

  @Test
  void closeAbandonsCallsInFlightAndDoesNotCountThem() throws Exception {
    CountDownLatch inFlight = new CountDownLatch(2);
    CountDownLatch never = new CountDownLatch(1);
    LoadRun run =
        new LoadRun(
            new LoadRun.Plan(2, 0, Duration.ofHours(1), 0, TIMEOUT),
            () -> {
              inFlight.countDown();
              never.await();
            },
            tally,
            clock);
    run.start();
    inFlight.await();
    assertThat(run.await(1)).isFalse();
    run.close();
    run.close();
    assertThat(run.await(AMPLE_NANOS)).isTrue();
    assertThat(tally.report(1).calls()).isZero();
  }

  @Test
  void realClockSleepsUntilThenAndEndsWhenInterrupted() throws Exception {
    LoadRun.Clock real = LoadRun.Clock.real();
    long dueNanos = real.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
    real.sleepUntil(dueNanos);
    assertThat(real.nanoTime() - dueNanos).isNotNegative();

    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> real.sleepUntil(real.nanoTime() + AMPLE_NANOS))
        .isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
  }
}
