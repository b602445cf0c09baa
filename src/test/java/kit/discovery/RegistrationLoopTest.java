// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Eventually;
import testing.RecordingLogger;

@Timeout(20)
class RegistrationLoopTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration LONG = Duration.ofMinutes(1);

  /** What keeping does next; the last one again and again. */
  private interface Step {
    Duration run() throws IOException, InterruptedException;
  }

  private final BlockingQueue<Step> steps = new LinkedBlockingQueue<>();
  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final RecordingLogger log = new RecordingLogger();
  private volatile Step removal = () -> LONG;
  private final RegistrationLoop registration =
      new RegistrationLoop(log, "web-1", "a registry") {
        @Override
        protected Duration keep() throws IOException, InterruptedException {
          calls.add("keep");
          return steps.isEmpty() ? LONG : steps.remove().run();
        }

        @Override
        protected void remove() throws IOException, InterruptedException {
          removal.run();
          calls.add("remove");
        }
      };

  @AfterEach
  void close() {
    registration.close();
  }

  private void awaitCalls(String... expected) throws Exception {
    Eventually.within(SOON, () -> assertThat(calls).containsExactly(expected));
  }

  @Test
  void renewsAfterThePauseAndRemovesOnce() throws Exception {
    steps.add(() -> Duration.ofMillis(1));
    steps.add(() -> Duration.ofMillis(1));
    registration.start();
    registration.start();
    awaitCalls("keep", "keep", "keep");
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());

    registration.close();
    registration.close();

    assertThat(calls).containsExactly("keep", "keep", "keep", "remove");
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void retriesUntilRegisteredAndLogsTwoLines() throws Exception {
    for (int i = 0; i < 3; i++) {
      steps.add(
          () -> {
            throw new IOException("no answer");
          });
    }
    registration.start();
    awaitCalls("keep", "keep", "keep", "keep");
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());

    assertThat(log.linesFrom(Level.INFO))
        .containsExactly(
            "WARN registration of web-1 with a registry failed: no answer;"
                + " serving unregistered, retrying",
            "INFO registration of web-1 with a registry recovered");
  }

  @Test
  void programmingErrorIsRetriedAndDoesNotPreventRemoval() throws Exception {
    steps.add(
        () -> {
          throw new StackOverflowError();
        });
    registration.start();
    awaitCalls("keep", "keep");
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
    removal =
        () -> {
          throw new StackOverflowError();
        };

    registration.close();

    assertThat(registration.isRegistered()).isFalse();
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN registration of web-1 with a registry failed: java.lang.StackOverflowError;"
                + " serving unregistered, retrying",
            "WARN web-1 is not deregistered: a registry failed: java.lang.StackOverflowError");
  }

  @Test
  void closedBeforeTheStartItNeverRegisters() {
    registration.close();
    registration.start();
    registration.close();

    assertThat(calls).isEmpty();
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void closeWaitsForTheRequestInFlight() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch answered = new CountDownLatch(1);
    steps.add(
        () -> {
          asked.countDown();
          answered.await();
          return LONG;
        });
    registration.start();
    asked.await();
    Thread closing = new Thread(registration::close);
    closing.start();

    answered.countDown();
    closing.join();

    assertThat(calls).containsExactly("keep", "remove");
  }

  @Test
  void lateRegistrationIsFollowedByARemoval() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    steps.add(
        () -> {
          answered.await();
          return LONG;
        });
    registration.start();
    awaitCalls("keep");
    long startNanos = System.nanoTime();

    registration.close();

    assertThat(Duration.ofNanos(System.nanoTime() - startNanos))
        .isBetween(Duration.ofSeconds(2), Duration.ofSeconds(4));
    assertThat(calls).containsExactly("keep");
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN web-1 is not deregistered yet: a registry is unreachable");

    answered.countDown();
    awaitCalls("keep", "remove");
  }

  @Test
  void removalThatFailsIsLogged() throws Exception {
    removal =
        () -> {
          throw new IOException("no\nanswer");
        };
    registration.start();
    awaitCalls("keep");

    registration.close();

    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN web-1 is not deregistered: a registry failed: no\\nanswer");
  }

  @Test
  void interruptedCloseDoesNotWaitAndKeepsTheFlag() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    steps.add(
        () -> {
          assertThat(answered.await(10, TimeUnit.SECONDS)).isTrue();
          return LONG;
        });
    registration.start();
    awaitCalls("keep");

    Thread.currentThread().interrupt();
    registration.close();

    assertThat(Thread.interrupted()).isTrue();
    answered.countDown();
    awaitCalls("keep", "remove");
  }
}
