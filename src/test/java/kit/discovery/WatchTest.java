// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

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
import testing.FakeNanoTime;
import testing.RecordingLogger;

@Timeout(20)
class WatchTest {
  private static final Duration GRACE = Duration.ofSeconds(30);
  private static final Duration SOON = Duration.ofSeconds(10);

  /** What the source does next. */
  private interface Step {
    void run(Watch<List<String>> watch) throws IOException, InterruptedException;
  }

  private final FakeNanoTime time = new FakeNanoTime();
  private final BlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private final BlockingQueue<Step> steps = new LinkedBlockingQueue<>();
  private final BlockingQueue<Duration> waits = new LinkedBlockingQueue<>();
  private final RecordingLogger log = new RecordingLogger();
  private final Watch<List<String>> watch =
      new Watch<>(
          new Watch.Subject<>("web", "a registry", List.of(), List::isEmpty, GRACE),
          this::ask,
          log,
          new Watch.Timing(
              time,
              nanos -> {
                time.advance(Duration.ofNanos(nanos));
                sleeps.add(Duration.ofNanos(nanos));
              },
              () -> 1.0)); // No jitter: the whole backoff.

  private void ask(Watch<List<String>> watch) throws IOException, InterruptedException {
    steps.take().run(watch);
  }

  @AfterEach
  void close() {
    watch.close();
  }

  private void say(String... names) {
    steps.add(
        me -> {
          me.publish(List.of(names));
          waits.add(me.waitFor(Duration.ofSeconds(45)));
        });
  }

  private void fail(String message) {
    steps.add(
        me -> {
          throw new IOException(message);
        });
  }

  private Duration awaitAnswer() throws InterruptedException {
    return waits.poll(10, TimeUnit.SECONDS);
  }

  @Test
  void publishesTheContentOfTheSource() throws Exception {
    assertThat(watch.snapshot()).isEmpty();
    assertThat(watch.awaitFirst(Duration.ZERO)).isFalse();

    say("a", "b");

    assertThat(watch.awaitFirst(SOON)).isTrue();
    assertThat(watch.snapshot()).containsExactly("a", "b");
  }

  @Test
  void firstContentMayBeEmpty() throws Exception {
    say();

    assertThat(watch.awaitFirst(SOON)).isTrue();
    assertThat(awaitAnswer()).isEqualTo(Duration.ofSeconds(45));
  }

  @Test
  void listenersAreCalledForChangedContentOnly() throws Exception {
    BlockingQueue<List<String>> heard = new LinkedBlockingQueue<>();
    watch.onChange(() -> heard.add(watch.snapshot()));
    watch.onChange(() -> heard.add(List.of("closed"))).close();
    say("a");
    say("a");
    say("b");

    assertThat(heard.poll(10, TimeUnit.SECONDS)).containsExactly("a");
    assertThat(heard.poll(10, TimeUnit.SECONDS)).containsExactly("b");
    assertThat(heard).isEmpty();
  }

  @Test
  void listenerThatThrowsDoesNotAffectTheWatch() throws Exception {
    CountDownLatch heard = new CountDownLatch(2);
    watch.onChange(
        () -> {
          throw new AssertionError("as it should be in this test");
        });
    watch.onChange(heard::countDown);
    say("a");
    say("b");

    assertThat(heard.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(log.linesFrom(Level.ERROR)).first().asString().contains("listener", "web");
  }

  @Test
  void failuresKeepTheContentBackOffAndAreLoggedInTwoLines() throws Exception {
    say("a");
    for (int i = 0; i < 7; i++) {
      fail("no answer");
    }
    Eventually.within(SOON, () -> assertThat(sleeps).hasSize(7));
    assertThat(watch.snapshot()).containsExactly("a");
    assertThat(watch.failure()).get().extracting(Exception::getMessage).isEqualTo("no answer");

    say("a");

    Eventually.within(SOON, () -> assertThat(watch.failure()).isEmpty());
    assertThat(sleeps)
        .extracting(Duration::toMillis)
        .containsExactly(250L, 500L, 1000L, 2000L, 4000L, 5000L, 5000L);
    Eventually.within(
        SOON,
        () ->
            assertThat(log.linesFrom(Level.INFO))
                .containsExactly(
                    "WARN watching web in a registry failed: no answer; keeping the last known content, retrying",
                    "WARN watching web in a registry recovered"));
  }

  @Test
  void anErrorOfTheSourceDoesNotEndTheWatch() throws Exception {
    steps.add(
        me -> {
          throw new StackOverflowError();
        });
    say("a");

    assertThat(watch.awaitFirst(SOON)).isTrue();
  }

  @Test
  void immediateResponsesArePaced() throws Exception {
    for (int i = 0; i < 31; i++) {
      say("a");
    }
    for (int i = 0; i < 31; i++) {
      awaitAnswer();
    }
    // 10 at once, then one a second.
    Duration slept = sleeps.stream().reduce(Duration.ZERO, Duration::plus);
    assertThat(slept).isBetween(Duration.ofSeconds(20), Duration.ofSeconds(22));
  }

  @Test
  void suddenlyEmptyIsPublishedAfterTheGrace() throws Exception {
    say("a");
    say();
    assertThat(awaitAnswer()).isEqualTo(Duration.ofSeconds(45));
    assertThat(awaitAnswer()).as("no longer than the grace").isEqualTo(GRACE);
    assertThat(watch.snapshot()).containsExactly("a");

    time.advance(Duration.ofSeconds(20));
    say();
    assertThat(awaitAnswer()).isEqualTo(Duration.ofSeconds(10));
    assertThat(watch.snapshot()).containsExactly("a");

    time.advance(Duration.ofSeconds(10));
    say();
    assertThat(awaitAnswer()).isEqualTo(Duration.ofSeconds(45));
    assertThat(watch.snapshot()).isEmpty();
  }

  @Test
  void emptyGraceEndsWhenAnInstanceReturns() throws Exception {
    say("a");
    say();
    say("b");
    awaitAnswer();
    awaitAnswer();

    assertThat(awaitAnswer()).isEqualTo(Duration.ofSeconds(45));
    assertThat(watch.snapshot()).containsExactly("b");
  }

  @Test
  void closeInterruptsTheSourceAndEndsTheThread() throws Exception {
    CountDownLatch waiting = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    say("a");
    steps.add(
        me -> {
          waiting.countDown();
          try {
            new CountDownLatch(1).await();
          } finally {
            interrupted.countDown();
          }
        });
    assertThat(waiting.await(10, TimeUnit.SECONDS)).isTrue();

    watch.close();
    watch.close();

    assertThat(interrupted.getCount()).isZero();
    assertThat(watch.snapshot()).containsExactly("a");
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .doesNotContain("watch-web");
  }

  /** A source whose end takes until a latch is released, or fails. */
  private final class Closeable implements Watch.Source<List<String>> {
    final CountDownLatch closing = new CountDownLatch(1);
    final CountDownLatch mayEnd = new CountDownLatch(1);
    final List<String> ends = new CopyOnWriteArrayList<>(); // The thread, or the interruption.

    Watch<List<String>> watch() {
      return new Watch<>(
          new Watch.Subject<>("api", "a registry", List.of(), List::isEmpty, GRACE),
          this,
          log,
          new Watch.Timing(time, nanos -> {}, () -> 1.0));
    }

    @Override
    public void ask(Watch<List<String>> watch) throws InterruptedException {
      watch.publish(List.of("a"));
      new CountDownLatch(1).await();
    }

    @Override
    public void close() {
      closing.countDown();
      try {
        mayEnd.await();
        ends.add(Thread.currentThread().getName());
      } catch (InterruptedException e) {
        ends.add("interrupted");
      }
      throw new IllegalStateException("as it should be in this test");
    }
  }

  @Test
  void sourceIsClosedOnceByItsThreadWithoutInterruption() throws Exception {
    Closeable source = new Closeable();
    Watch<List<String>> api = source.watch();
    assertThat(api.awaitFirst(SOON)).isTrue();
    Thread first = new Thread(api::close);
    first.start();
    assertThat(source.closing.await(10, TimeUnit.SECONDS)).isTrue();

    Thread second = new Thread(api::close);
    second.start();
    Eventually.within(
        SOON, () -> assertThat(second.getState()).isEqualTo(Thread.State.WAITING)); // Joins.
    source.mayEnd.countDown();
    first.join();
    second.join();
    api.close();

    assertThat(source.ends).containsExactly("watch-api");
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN end of the watch of api failed: as it should be in this test");
  }

  @Test
  void listenerMayCloseTheWatch() throws Exception {
    watch.onChange(watch::close);
    say("a");

    assertThat(watch.awaitFirst(SOON)).isTrue();
  }

  @Test
  void graceIsNotNegative() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new Watch.Subject<>(
                    "web", "a registry", "", String::isEmpty, Duration.ofSeconds(-1)));
  }
}
