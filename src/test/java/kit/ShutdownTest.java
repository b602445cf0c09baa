// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(20)
class ShutdownTest {
  private static final Duration AMPLE = Duration.ofSeconds(15);

  private final BlockingQueue<String> steps = new LinkedBlockingQueue<>();
  private final CountDownLatch overrun = new CountDownLatch(1);
  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch release = new CountDownLatch(1);

  private Shutdown shutdown(Duration budget) {
    return new Shutdown(budget, overrun::countDown);
  }

  private AutoCloseable noting(String name) {
    return () -> steps.add(name);
  }

  private void hold() throws InterruptedException {
    entered.countDown();
    release.await();
    steps.add("held");
  }

  private static Thread start(Runnable task) {
    Thread thread = new Thread(task);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @Test
  void stepsRunInTheOrderInWhichTheyWereAdded() {
    shutdown(AMPLE)
        .step("one", noting("one"))
        .step("two", noting("two"))
        .step("three", noting("three"))
        .close();
    assertThat(steps).containsExactly("one", "two", "three");
  }

  @Test
  void stepsRunOnce() {
    Shutdown shutdown = shutdown(AMPLE).step("one", noting("one"));
    shutdown.close();
    shutdown.close();
    shutdown.closeWithinBudget();
    assertThat(steps).containsExactly("one");
  }

  static Stream<Throwable> failures() {
    return Stream.of(
        new IOException("disk full"),
        new IllegalStateException("bug"),
        new InterruptedException(),
        new NoClassDefFoundError("jar replaced under a running program"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failingStepDoesNotStopTheRest(Throwable failure) {
    shutdown(AMPLE)
        .step(
            "failing",
            () -> {
              if (failure instanceof Error error) {
                throw error;
              }
              throw (Exception) failure;
            })
        .step("next", noting("next"))
        .close();
    assertThat(steps).containsExactly("next");
    // An interruption is passed on, but only when all is done.
    assertThat(Thread.interrupted()).isEqualTo(failure instanceof InterruptedException);
  }

  @Test
  void interruptionEndsOneStepOnly() throws Exception {
    BlockingQueue<Boolean> interruptedAtTheEnd = new LinkedBlockingQueue<>();
    CountDownLatch secondEntered = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    Shutdown shutdown =
        shutdown(AMPLE)
            .step(
                "interrupted, and keeps the flag",
                () -> {
                  try {
                    entered.countDown();
                    never.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                })
            .step(
                "waits",
                () -> {
                  secondEntered.countDown();
                  release.await();
                  steps.add("waited");
                });
    Thread closer =
        start(
            () -> {
              shutdown.close();
              interruptedAtTheEnd.add(Thread.currentThread().isInterrupted());
            });
    entered.await();
    closer.interrupt();
    secondEntered.await();
    release.countDown();
    assertThat(interruptedAtTheEnd.take()).isTrue();
    assertThat(steps).containsExactly("waited");
  }

  @Test
  void interruptionBeforeTheCloseSkipsNoStep() {
    Shutdown shutdown =
        shutdown(AMPLE).step("one", () -> steps.add("interrupted " + Thread.interrupted()));
    Thread.currentThread().interrupt();
    shutdown.close();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(steps).containsExactly("interrupted false");
  }

  @Test
  void secondCloseWaitsForTheFirst() throws Exception {
    Shutdown shutdown = shutdown(AMPLE).step("hold", this::hold);
    start(shutdown::close);
    entered.await();
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    Thread second =
        start(
            () -> {
              shutdown.close();
              seen.add(String.valueOf(steps.peek()));
            });
    while (second.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    release.countDown();
    assertThat(seen.take()).isEqualTo("held");
  }

  @Test
  void interruptedSecondCloseReturnsAndKeepsTheFlag() throws Exception {
    Shutdown shutdown = shutdown(AMPLE).step("hold", this::hold);
    start(shutdown::close);
    entered.await();
    Thread.currentThread().interrupt();
    shutdown.close();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(steps).isEmpty();
    release.countDown();
  }

  @Test
  void stepThatCallsCloseDoesNotWaitForItself() throws Exception {
    Shutdown shutdown = shutdown(AMPLE);
    shutdown.step("again", shutdown::close).step("next", noting("next"));
    Thread closer = start(shutdown::close);
    closer.join(10_000);
    assertThat(closer.isAlive()).isFalse();
    assertThat(steps).containsExactly("next");
  }

  @Test
  void watchdogFiresWhenTheStepsTakeLongerThanTheBudget() throws Exception {
    Shutdown shutdown = shutdown(Duration.ofMillis(50)).step("hold", this::hold);
    start(shutdown::closeWithinBudget);
    assertThat(overrun.await(10, TimeUnit.SECONDS)).isTrue();
    release.countDown();
  }

  @Test
  void watchdogRunsEvenIfAnotherThreadClosedFirst() throws Exception {
    Shutdown shutdown = shutdown(Duration.ofMillis(50)).step("hold", this::hold);
    start(shutdown::close);
    entered.await();
    start(shutdown::closeWithinBudget);
    assertThat(overrun.await(10, TimeUnit.SECONDS)).isTrue();
    release.countDown();
  }

  @Test
  void watchdogEndsWhenTheStepsEndInTime() throws Exception {
    BlockingQueue<Thread> watchdogs = new LinkedBlockingQueue<>();
    shutdown(AMPLE)
        .step(
            "look around",
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("shutdown-watchdog"))
                    .forEach(watchdogs::add))
        .closeWithinBudget();
    assertThat(watchdogs).isNotEmpty();
    for (Thread watchdog : List.copyOf(watchdogs)) {
      watchdog.join(10_000); // Others belong to tests whose steps have ended.
      assertThat(watchdog.isAlive()).isFalse();
    }
    assertThat(overrun.getCount()).isEqualTo(1);
  }

  @Test
  void onSignalAfterCloseChangesNothing() {
    Shutdown shutdown = shutdown(AMPLE).step("one", noting("one")).onSignal();
    shutdown.close();
    // The JVM rejects a hook that is already registered.
    shutdown.onSignal();
    assertThat(steps).containsExactly("one");
  }

  @Test
  void stepAddedTooLateIsRejected() {
    Shutdown shutdown = shutdown(AMPLE);
    BlockingQueue<Throwable> thrown = new LinkedBlockingQueue<>();
    shutdown.step(
        "adds another",
        () -> {
          try {
            shutdown.step("during", noting("during"));
          } catch (IllegalStateException e) {
            thrown.add(e);
          }
        });
    shutdown.close();
    assertThat(thrown).hasSize(1);
    assertThatExceptionOfType(IllegalStateException.class)
        .isThrownBy(() -> shutdown.step("after", noting("after")))
        .withMessage("already shutting down; too late for a step: after");
    assertThat(steps).isEmpty();
  }

  @Test
  void nullsAreRejectedByName() {
    assertThatNullPointerException().isThrownBy(() -> new Shutdown(null)).withMessage("budget");
    assertThatNullPointerException()
        .isThrownBy(() -> shutdown(AMPLE).step("name", null))
        .withMessage("action");
    assertThatNullPointerException()
        .isThrownBy(() -> shutdown(AMPLE).step(null, noting("x")))
        .withMessage("name");
  }
}
