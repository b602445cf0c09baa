// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.State;
import kit.command.Command.Event;
import kit.command.Command.Fallback;
import kit.command.CommandException.FallbackFailedException;
import kit.command.CommandException.RejectedException;
import kit.command.CommandException.ShortCircuitedException;
import kit.command.CommandException.TimedOutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeNanoTime;
import testing.Race;

@Timeout(30)
class CommandTest {
  private static final Duration SOON = Duration.ofSeconds(5);
  private static final CommandSettings PATIENT =
      CommandSettings.defaults().withTimeout(Duration.ofSeconds(20));
  private static final CommandSettings HASTY =
      CommandSettings.defaults().withTimeout(Duration.ofMillis(50));

  private static final Set<Event> TROUBLES = EnumSet.range(Event.FAILURE, Event.REJECTED);
  private static final Set<Event> ENDS = EnumSet.range(Event.SUCCESS, Event.CANCELLED);

  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch end = new CountDownLatch(1);
  private final FakeNanoTime time = new FakeNanoTime();
  private final Command patient = new Command("users", PATIENT);

  @AfterEach
  void endAllWork() {
    end.countDown();
  }

  /** Commands; what holds for synchronous and asynchronous calls is tested with both. */
  enum Way {
    RUN {
      @Override
      <R> R call(Command command, Callable<R> work, Fallback<R> fallback) throws Exception {
        return fallback == null ? command.run(work) : command.run(work, fallback);
      }
    },
    QUEUE {
      @Override
      <R> R call(Command command, Callable<R> work, Fallback<R> fallback) throws Exception {
        try {
          return (fallback == null ? command.queue(work) : command.queue(work, fallback)).get();
        } catch (ExecutionException e) {
          if (e.getCause() instanceof Error error) {
            throw error;
          }
          throw (Exception) e.getCause();
        } catch (CancellationException e) { // JDK 25 wraps that of the work in one of its own.
          throw e.getCause() instanceof CancellationException ofTheWork ? ofTheWork : e;
        }
      }
    };

    abstract <R> R call(Command command, Callable<R> work, Fallback<R> fallback) throws Exception;
  }

  /** The failures of a call, except for interruption; see the diagram in {@link Command}. */
  enum Trouble {
    FAILURE(IOException.class),
    TIMEOUT(TimedOutException.class),
    SHORT_CIRCUITED(ShortCircuitedException.class),
    REJECTED(RejectedException.class);

    final Class<? extends Exception> type;

    Trouble(Class<? extends Exception> type) {
      this.type = type;
    }
  }

  private Command commandIn(Trouble trouble) {
    CommandSettings settings = trouble == Trouble.TIMEOUT ? HASTY : opensAtOnce(PATIENT);
    Command command = new Command("users", settings.withMaxConcurrent(1));
    if (trouble == Trouble.SHORT_CIRCUITED) {
      command.breaker().acquire().report(Outcome.FAILURE);
    } else if (trouble == Trouble.REJECTED) {
      command.queue(this::untilTheEnd);
    }
    return command;
  }

  private String workIn(Trouble trouble) throws Exception {
    if (trouble == Trouble.TIMEOUT) {
      end.await();
    }
    throw new IOException("unplugged");
  }

  private String untilTheEnd() throws InterruptedException {
    begun.countDown();
    end.await();
    return "late";
  }

  /** Work that will not be interrupted. */
  private String stubborn() {
    while (true) {
      try {
        return untilTheEnd();
      } catch (InterruptedException e) {
        // Goes on.
      }
    }
  }

  /** Stops the clock until the work has begun, or it could time out on a busy machine. */
  private void executeAndAwaitBeginning(Runnable task) {
    Command.THREADS.execute(task);
    try {
      begun.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Callable<String> throwing(Throwable error) {
    return () -> {
      if (error instanceof Error fault) {
        throw fault;
      }
      throw (Exception) error;
    };
  }

  /** Events and their counts, in the order of {@link Command.Event}; the other counts are zero. */
  private static void assertCounts(Command command, String expected) {
    Map<Event, Long> counts = command.counts();
    counts.values().removeIf(count -> count == 0);
    assertThat(counts).hasToString("{" + expected + "}");
  }

  private static CommandSettings opensAtOnce(CommandSettings settings) {
    return settings.withBreaker(1, 1, Duration.ofHours(1));
  }

  /** Returns how many calls the breaker has counted, which opens after so many with failures. */
  private static int judged(Command command) {
    int left = 0;
    for (; command.breaker().state() == State.CLOSED; left++) {
      command.breaker().acquire().report(Outcome.FAILURE);
    }
    return command.settings().requestVolumeThreshold() - left;
  }

  private static void awaitEndOfAllWork(Command command) throws Exception {
    Eventually.within(SOON, () -> assertThat(command.running()).isZero());
  }

  // Results

  @ParameterizedTest
  @EnumSource
  void workRunsOnAnotherThread(Way way) throws Exception {
    Callable<Thread> work = Thread::currentThread;

    Thread worker = way.call(patient, work, null);

    assertThat(worker).isNotSameAs(Thread.currentThread());
    assertThat(worker.isDaemon()).isTrue();
    assertCounts(patient, "SUCCESS=1");
  }

  @ParameterizedTest
  @EnumSource
  void successDoesNotCallTheFallback(Way way) throws Exception {
    assertThat(way.call(patient, () -> "jerry", cause -> "guest")).isEqualTo("jerry");
    assertThat(way.<String>call(patient, () -> null, cause -> "guest")).isNull();

    assertCounts(patient, "SUCCESS=2");
  }

  @ParameterizedTest
  @MethodSource("waysAndTroubles")
  void eachFailureHasItsOwnTypeAndCount(Way way, Trouble trouble) {
    Command command = commandIn(trouble);

    assertThatThrownBy(() -> way.call(command, () -> workIn(trouble), null))
        .isExactlyInstanceOf(trouble.type);
    assertCounts(command, trouble + "=1");
  }

  @ParameterizedTest
  @MethodSource("waysAndTroubles")
  void fallbackReturnsAResultAndGetsTheCause(Way way, Trouble trouble) throws Exception {
    Command command = commandIn(trouble);
    Fallback<String> guest = cause -> "guest, " + cause.getClass().getSimpleName();

    assertThat(way.call(command, () -> workIn(trouble), guest))
        .isEqualTo("guest, " + trouble.type.getSimpleName());
    assertCounts(command, trouble + "=1, FALLBACK_SUCCESS=1");
  }

  @ParameterizedTest
  @MethodSource("waysAndTroubles")
  void whenTheFallbackFailsTooBothCausesAreKept(Way way, Trouble trouble) {
    Command command = commandIn(trouble);
    IllegalStateException broken = new IllegalStateException("no cache");
    Fallback<String> failing = cause -> throwing(broken).call();

    FallbackFailedException error =
        catchThrowableOfType(
            FallbackFailedException.class, () -> way.call(command, () -> workIn(trouble), failing));

    assertThat(error.getCause()).isExactlyInstanceOf(trouble.type);
    assertThat(error.getSuppressed()).containsExactly(broken);
    assertThat(error).hasMessageContaining("users");
    assertThat(error).hasMessageContainingAll("no cache", error.getCause().getMessage());
    assertCounts(command, trouble + "=1, FALLBACK_FAILURE=1");
  }

  @ParameterizedTest
  @MethodSource("waysAndTroubles")
  void fallbackMayRethrowTheCause(Way way, Trouble trouble) {
    Command command = commandIn(trouble);
    AtomicReference<Exception> given = new AtomicReference<>();
    Fallback<String> again =
        cause -> {
          given.set(cause);
          throw cause;
        };

    assertThatThrownBy(() -> way.call(command, () -> workIn(trouble), again))
        .isExactlyInstanceOf(trouble.type)
        .satisfies(error -> assertThat(error).isSameAs(given.get()));
    assertCounts(command, trouble + "=1, FALLBACK_FAILURE=1");
  }

  static Stream<Arguments> waysAndTroubles() {
    return Stream.of(Way.values())
        .flatMap(way -> Stream.of(Trouble.values()).map(trouble -> Arguments.of(way, trouble)));
  }

  /** Thrown unless a fallback returns a result; its event; failures that the breaker counts. */
  @ParameterizedTest
  @MethodSource
  void whatTheWorkThrows(
      Way way, Throwable thrown, boolean fallbackAnswers, String counts, int failures)
      throws Exception {
    if (fallbackAnswers) {
      assertThatThrownBy(() -> way.call(new Command("users", PATIENT), throwing(thrown), null))
          .isSameAs(thrown);
      assertThat(way.call(patient, throwing(thrown), Throwable::getMessage))
          .isEqualTo(thrown.getMessage());
    } else {
      assertThatThrownBy(() -> way.call(patient, throwing(thrown), cause -> "guest"))
          .isSameAs(thrown);
    }
    assertCounts(patient, counts);
    assertThat(judged(patient)).isEqualTo(failures);
  }

  static Stream<Arguments> whatTheWorkThrows() {
    String answered = "FAILURE=1, FALLBACK_SUCCESS=1";
    return Stream.of(Way.values())
        .flatMap(
            way ->
                Stream.of(
                    Arguments.of(way, new IOException("unplugged"), true, answered, 1),
                    Arguments.of(way, new CancellationException("of another"), true, answered, 1),
                    Arguments.of(way, new AssertionError("a bug"), false, "FAILURE=1", 1),
                    Arguments.of(way, new InterruptedException("shut"), false, "CANCELLED=1", 0)));
  }

  @ParameterizedTest
  @EnumSource
  void nullWorkIsRejectedInSpiteOfAFallback(Way way) {
    for (Fallback<String> fallback : Arrays.<Fallback<String>>asList(cause -> "guest", null)) {
      assertThatThrownBy(() -> way.call(patient, null, fallback))
          .isInstanceOf(NullPointerException.class)
          .hasMessage("work");
    }
    assertCounts(patient, "");
  }

  // Threads of fallbacks

  @ParameterizedTest
  @EnumSource
  void fallbackOfRunIsOnTheCallersThread(Trouble trouble) throws Exception {
    Callable<Thread> work = () -> workIn(trouble) == null ? null : Thread.currentThread();

    assertThat(commandIn(trouble).run(work, cause -> Thread.currentThread()))
        .isSameAs(Thread.currentThread());
  }

  @ParameterizedTest
  @EnumSource
  void fallbackOfQueueIsOnTheExecutorUnlessTheCallWasRejected(Trouble trouble) throws Exception {
    Callable<Thread> work = () -> workIn(trouble) == null ? null : Thread.currentThread();

    CompletableFuture<Thread> answer =
        commandIn(trouble).queue(work, cause -> Thread.currentThread());

    boolean refused = trouble == Trouble.SHORT_CIRCUITED || trouble == Trouble.REJECTED;
    assertThat(answer.isDone() && answer.get() == Thread.currentThread()).isEqualTo(refused);
    assertThat(answer.get().getName()).matches(refused ? ".*" : "command-\\d+");
  }

  // Timeouts and slots

  @Test
  void callReturnsAtItsTimeout() throws Exception {
    Duration timeout = Duration.ofMillis(300);
    Command command = command(PATIENT.withTimeout(timeout), this::executeAndAwaitBeginning);
    CountDownLatch interrupted = new CountDownLatch(1);
    Callable<String> threeSeconds =
        () -> {
          begun.countDown();
          try {
            return end.await(3, SECONDS) ? "late" : "much too late";
          } catch (InterruptedException e) {
            interrupted.countDown();
            throw e;
          }
        };

    long startedAtNanos = System.nanoTime();
    assertThatThrownBy(() -> command.run(threeSeconds))
        .isInstanceOf(TimedOutException.class)
        .hasMessage("command users: timed out");
    Duration took = Duration.ofNanos(System.nanoTime() - startedAtNanos);

    assertThat(took).isBetween(timeout, Duration.ofSeconds(1)); // 400 ms on a machine with time
    assertThat(interrupted.await(1, SECONDS)).isTrue();
    awaitEndOfAllWork(command);
  }

  @ParameterizedTest
  @EnumSource
  void slotIsFreeOnlyWhenTheWorkHasReallyEnded(Way way) throws Exception {
    Command command = command(HASTY.withMaxConcurrent(1), this::executeAndAwaitBeginning);

    assertThatThrownBy(() -> way.call(command, this::stubborn, null))
        .isInstanceOf(TimedOutException.class);
    assertThat(command.running()).isEqualTo(1);
    assertThatThrownBy(() -> way.call(command, () -> "next", null))
        .isInstanceOf(RejectedException.class)
        .hasMessage("command users: all slots in use: 1");

    end.countDown();
    awaitEndOfAllWork(command);
    assertThat(way.call(command, () -> "next", null)).isEqualTo("next");
  }

  @ParameterizedTest
  @EnumSource
  void lateResultIsDroppedAndNotReportedTwice(Way way) throws Exception {
    Command command = command(opensAtOnce(HASTY), this::executeAndAwaitBeginning);

    assertThat(way.call(command, this::stubborn, cause -> "guest")).isEqualTo("guest");
    assertCounts(command, "TIMEOUT=1, FALLBACK_SUCCESS=1");
    end.countDown();
    awaitEndOfAllWork(command);

    assertCounts(command, "TIMEOUT=1, FALLBACK_SUCCESS=1");
    assertThat(command.breaker().state()).isEqualTo(State.OPEN);
  }

  @ParameterizedTest
  @EnumSource
  void slotIsFreeWhenTheResultIsReturned(Way way) throws Exception {
    Command command = new Command("users", PATIENT.withMaxConcurrent(1));

    for (int i = 0; i < 1_000; i++) {
      assertThat(way.call(command, () -> "jerry", null)).isEqualTo("jerry");
    }
  }

  @Test
  void atMostMaxConcurrentRunAtATime() throws Exception {
    Command command = new Command("users", PATIENT.withMaxConcurrent(3));
    AtomicInteger most = new AtomicInteger();

    List<CompletableFuture<Integer>> answers =
        Race.run(
            8,
            () ->
                command.queue(
                    () -> {
                      most.accumulateAndGet(command.running(), Math::max);
                      end.await();
                      return 1;
                    },
                    cause -> 0));
    end.countDown();

    int admitted = 0;
    for (CompletableFuture<Integer> answer : answers) {
      admitted += answer.get();
    }
    assertThat(admitted).isEqualTo(3);
    assertThat(most).hasValueLessThanOrEqualTo(3);
    assertCounts(command, "SUCCESS=3, REJECTED=5, FALLBACK_SUCCESS=5");
  }

  // Where the work ends at about the time of its timeout, one of the two must win.
  @ParameterizedTest
  @EnumSource
  void fallbackRunsAtMostOnceWhenTimeoutAndEndMeet(Way way) throws Exception {
    Duration timeout = Duration.ofMillis(2);
    Command command =
        new Command("users", new CommandSettings(timeout, 500, 1, 0, Duration.ofSeconds(5)));
    int calls = 200;
    int answered = 0;

    for (int i = 0; i < calls; i++) {
      long workNanos = timeout.toNanos() + (i % 20 - 10) * 50_000;
      boolean fails = i % 2 == 0;
      AtomicInteger fallbacks = new AtomicInteger();
      Callable<String> work =
          () -> {
            end.await(workNanos, NANOSECONDS);
            if (fails) {
              throw new IOException("unplugged");
            }
            return "jerry";
          };
      String answer = way.call(command, work, cause -> "guest " + fallbacks.incrementAndGet());

      assertThat(answer).isIn("jerry", "guest 1");
      assertThat(fallbacks).hasValue(answer.equals("jerry") ? 0 : 1);
      answered += answer.equals("jerry") ? 1 : 0;
    }

    awaitEndOfAllWork(command);
    Map<Event, Long> counts = command.counts();
    assertThat(counts).containsEntry(Event.SUCCESS, (long) answered);
    assertThat(counts.get(Event.FAILURE) + counts.get(Event.TIMEOUT)).isEqualTo(calls - answered);
    assertThat(counts).containsEntry(Event.FALLBACK_SUCCESS, (long) calls - answered);
    assertThat(sum(counts, ENDS)).isEqualTo(calls);
  }

  private static long sum(Map<Event, Long> counts, Set<Event> events) {
    return events.stream().mapToLong(counts::get).sum();
  }

  // Giving up

  @ParameterizedTest
  @EnumSource
  void interruptingTheCallerOrCancellingTheFutureInterruptsTheWork(Way way) throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    Callable<String> work = () -> untilInterrupted(interrupted);

    if (way == Way.RUN) {
      FutureTask<Throwable> caller =
          new FutureTask<>(() -> catchThrowable(() -> patient.run(work, cause -> "guest")));
      Thread thread = new Thread(caller);
      thread.start();
      begun.await();
      thread.interrupt();
      assertThat(caller.get()).isInstanceOf(InterruptedException.class);
    } else {
      CompletableFuture<String> answer = patient.queue(work, cause -> "guest");
      begun.await();
      answer.cancel(true);
      assertThatThrownBy(answer::get).isInstanceOf(CancellationException.class);
      assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    assertThat(interrupted.await(5, SECONDS)).isTrue();
    assertCounts(patient, "CANCELLED=1");
    assertThat(judged(patient)).isZero();
  }

  private String untilInterrupted(CountDownLatch interrupted) throws InterruptedException {
    try {
      return untilTheEnd();
    } catch (InterruptedException e) {
      interrupted.countDown();
      throw e;
    }
  }

  @Test
  void workThatWasCancelledBeforeItBeganNeverBegins() {
    LinkedBlockingQueue<Runnable> waiting = new LinkedBlockingQueue<>();
    Command command = command(PATIENT, waiting::add);
    AtomicBoolean begun = new AtomicBoolean();
    CompletableFuture<String> answer = command.queue(() -> "begun " + begun.getAndSet(true));

    answer.cancel(true);
    assertThat(command.running()).isEqualTo(1);
    waiting.remove().run();

    assertThat(begun).isFalse();
    assertThat(command.running()).isZero();
    assertCounts(command, "CANCELLED=1");
  }

  @Test
  void interruptionIsNotLeftOnTheThreadOfTheWork() throws Exception {
    CompletableFuture<Boolean> left = new CompletableFuture<>();
    Executor executor =
        task ->
            new Thread(
                    () -> {
                      task.run();
                      left.complete(Thread.currentThread().isInterrupted());
                    })
                .start();
    Command command = command(HASTY, executor);

    command.run(
        () -> {
          while (!Thread.currentThread().isInterrupted()) {
            Thread.onSpinWait();
          }
          return "ended with the flag still set";
        },
        cause -> "guest");

    assertThat(left.get()).isFalse();
  }

  @Test
  void interruptedFallbackOfARejectedCallKeepsTheInterruptFlag() {
    Command command = commandIn(Trouble.SHORT_CIRCUITED);

    CompletableFuture<String> answer =
        command.queue(
            () -> "jerry",
            cause -> {
              throw new InterruptedException();
            });

    assertThat(Thread.interrupted()).isTrue();
    assertThatThrownBy(answer::get).hasCauseInstanceOf(InterruptedException.class);
  }

  // The breaker

  @ParameterizedTest
  @EnumSource
  void breakerOpensByRatioAndProbesAfterTheSleepWindow(Way way) throws Exception {
    Command command = command(PATIENT.withBreaker(4, 0.5, Duration.ofSeconds(5)), Command.THREADS);
    Callable<String> fails = () -> workIn(Trouble.FAILURE);

    way.call(command, () -> "jerry", null);
    way.call(command, () -> "jerry", null);
    way.call(command, fails, cause -> "guest");
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED); // 1 of 3 failed.
    way.call(command, fails, cause -> "guest");
    assertThat(command.breaker().state()).isEqualTo(State.OPEN); // 2 of 4.

    time.advance(Duration.ofSeconds(2));
    ShortCircuitedException refused =
        catchThrowableOfType(
            ShortCircuitedException.class, () -> way.call(command, () -> "jerry", null));
    assertThat(refused).hasMessage("command users: circuit breaker is open");
    assertThat(refused.retryAfter()).contains(Duration.ofSeconds(3));

    time.advance(Duration.ofSeconds(3));
    way.call(command, fails, cause -> "guest");
    assertThat(command.breaker().state()).isEqualTo(State.OPEN);
    time.advance(Duration.ofSeconds(5));
    assertThat(way.call(command, () -> "jerry", null)).isEqualTo("jerry");
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED);
    assertCounts(command, "SUCCESS=3, FAILURE=3, SHORT_CIRCUITED=1, FALLBACK_SUCCESS=3");
  }

  @ParameterizedTest
  @EnumSource
  void timeoutsOpenTheBreaker(Way way) {
    Command command = command(HASTY.withBreaker(2, 1, Duration.ofSeconds(5)), Command.THREADS);

    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> way.call(command, this::untilTheEnd, null))
          .isInstanceOf(TimedOutException.class);
    }

    assertThat(command.breaker().state()).isEqualTo(State.OPEN);
  }

  @Test
  void rejectionsAreNotCountedAsFailures() {
    Command command = commandIn(Trouble.REJECTED);
    for (int i = 0; i < 100; i++) {
      assertThatThrownBy(() -> command.run(() -> "jerry")).isInstanceOf(RejectedException.class);
    }

    assertThat(command.breaker().state()).isEqualTo(State.CLOSED);
    assertThat(judged(command)).isZero();
  }

  @Test
  void ignoredProbeReleasesItsPermit() throws Exception {
    AtomicBoolean full = new AtomicBoolean();
    Executor executor =
        task -> {
          if (full.get()) {
            throw new RejectedExecutionException("full");
          }
          Command.THREADS.execute(task);
        };
    Command command = command(PATIENT.withBreaker(1, 1, Duration.ofSeconds(5)), executor);
    command.run(() -> workIn(Trouble.FAILURE), cause -> "guest");
    time.advance(Duration.ofSeconds(5));
    assertThat(command.breaker().state()).isEqualTo(State.HALF_OPEN);

    full.set(true);
    assertThatThrownBy(() -> command.run(() -> "jerry")).isInstanceOf(RejectedException.class);
    full.set(false);
    command.queue(this::untilTheEnd).cancel(true);
    assertThat(command.breaker().state()).isEqualTo(State.HALF_OPEN);

    assertThat(command.run(() -> "jerry")).isEqualTo("jerry");
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED);
  }

  @Test
  void probeKeepsItsPermitAtLeastForItsTimeout() throws Exception {
    Command command = command(PATIENT.withBreaker(1, 1, Duration.ofSeconds(5)), Command.THREADS);
    command.run(() -> workIn(Trouble.FAILURE), cause -> "guest");
    time.advance(Duration.ofSeconds(5));

    CompletableFuture<String> probe = command.queue(this::untilTheEnd);
    time.advance(PATIENT.timeout());
    assertThatThrownBy(() -> command.run(() -> "jerry"))
        .isInstanceOf(ShortCircuitedException.class);

    end.countDown();
    assertThat(probe.get()).isEqualTo("late");
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED);
  }

  @ParameterizedTest
  @MethodSource
  void breakerClassifiesErrors(Exception error, boolean isFailure) {
    assertThatThrownBy(() -> patient.run(throwing(error))).isSameAs(error);

    assertCounts(patient, "FAILURE=1");
    assertThat(judged(patient)).isEqualTo(isFailure ? 1 : 0);
  }

  static List<Arguments> breakerClassifiesErrors() {
    return List.of(
        Arguments.of(new IOException("unplugged"), true),
        Arguments.of(new IllegalStateException("a bug"), true),
        Arguments.of(new ExecutionException(new StatusException(499, "yours")), false),
        Arguments.of(new CompletionException(new StatusException(500, "mine")), true),
        Arguments.of(new ExecutionException(new IllegalStateException("a bug")), true),
        Arguments.of(new CompletionException("without a cause", null), true),
        Arguments.of(new StatusException(499, "yours"), false),
        Arguments.of(new StatusException(500, "mine"), true),
        Arguments.of(PeerException.status("a:1", 404, "not found", null), false),
        Arguments.of(PeerException.status("a:1", 500, "oops", null), true),
        Arguments.of(PeerException.refused("a:1", "open", null, null), false),
        Arguments.of(PeerException.noInstance("missing", null), false),
        Arguments.of(PeerException.notConnected("a:1", "refused", null), true),
        Arguments.of(PeerException.timeout("a:1", null), true),
        Arguments.of(PeerException.broken("a:1", "reset", null), true));
  }

  @Test
  void classifierClassifiesResultsToo() throws Exception {
    Command command =
        new Command(
            "users",
            opensAtOnce(PATIENT),
            Command.THREADS,
            (result, error) -> result == null ? Outcome.FAILURE : Outcome.SUCCESS);

    assertThat(command.<String>run(() -> null)).isNull();

    assertCounts(command, "SUCCESS=1");
    assertThat(command.breaker().state()).isEqualTo(State.OPEN);
  }

  // Settings

  @Test
  void changedConcurrencyAppliesToNewCallsAndKeepsTheBreaker() throws Exception {
    Command command = new Command("users", PATIENT.withMaxConcurrent(2));
    CircuitBreaker breaker = command.breaker();
    Future<String> first = command.queue(this::untilTheEnd);
    Future<String> second = command.queue(this::untilTheEnd);

    command.configure(PATIENT.withMaxConcurrent(1));
    assertThat(command.breaker()).isSameAs(breaker);
    assertThatThrownBy(() -> command.run(() -> "jerry")).isInstanceOf(RejectedException.class);

    command.configure(PATIENT.withMaxConcurrent(3));
    assertThat(command.settings().maxConcurrent()).isEqualTo(3);
    assertThat(command.run(() -> "jerry")).isEqualTo("jerry");

    end.countDown();
    assertThat(first.get()).isEqualTo("late");
    assertThat(second.get()).isEqualTo("late");
  }

  @Test
  void changedBreakerSettingsStartANewBreaker() throws Exception {
    Command command = commandIn(Trouble.SHORT_CIRCUITED);

    command.configure(PATIENT.withMaxConcurrent(1).withBreaker(1, 1, Duration.ofSeconds(1)));

    assertThat(command.run(() -> "jerry")).isEqualTo("jerry");
    command.run(() -> workIn(Trouble.FAILURE), cause -> "guest");
    command.run(() -> workIn(Trouble.FAILURE), cause -> "guest");
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED); // Not all of 3 failed.
  }

  @Test
  void changedTimeoutAppliesToNewCalls() throws Exception {
    Command command = new Command("users", HASTY);

    command.configure(PATIENT);

    // Twice as long as the old timeout.
    assertThat(command.run(() -> end.await(100, MILLISECONDS))).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # timeout | slots | volume | ratio | sleep | message
          PT0S      | 1     | 1      | 0.5   | PT1S  | timeout <= 0: PT0S
          PT-1S     | 1     | 1      | 0.5   | PT1S  | timeout <= 0: PT-1S
          PT25H     | 1     | 1      | 0.5   | PT1S  | timeout > PT24H: PT25H
          PT1S      | 0     | 1      | 0.5   | PT1S  | maxConcurrent < 1: 0
          PT1S      | 1     | 0      | 0.5   | PT1S  | requestVolumeThreshold < 1: 0
          PT1S      | 1     | 1      | -0.1  | PT1S  | errorRatio not in 0..1: -0.1
          PT1S      | 1     | 1      | 1.1   | PT1S  | errorRatio not in 0..1: 1.1
          PT1S      | 1     | 1      | NaN   | PT1S  | errorRatio not in 0..1: NaN
          PT1S      | 1     | 1      | 0.5   | PT0S  | sleepWindow <= 0: PT0S
          PT1S      | 1     | 1      | 0.5   | P1157D | sleepWindow > PT24H: PT27768H
          """)
  void settingsOutOfRangeAreRejected(
      Duration timeout, int slots, int volume, double ratio, Duration sleep, String message) {
    assertThatThrownBy(() -> new CommandSettings(timeout, slots, volume, ratio, sleep))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void defaultsAreThoseOfHystrix() {
    assertThat(CommandSettings.defaults())
        .isEqualTo(new CommandSettings(Duration.ofSeconds(1), 10, 20, 0.5, Duration.ofSeconds(5)));
  }

  @Test
  void errorRatioZeroNeverOpens() throws Exception {
    Command command = new Command("users", PATIENT.withBreaker(1, 0, Duration.ofSeconds(1)));
    for (int i = 0; i < 100; i++) {
      command.run(() -> workIn(Trouble.FAILURE), cause -> "guest");
    }
    assertThat(command.breaker().state()).isEqualTo(State.CLOSED);
  }

  // Executors that cannot

  @ParameterizedTest
  @EnumSource
  void executorWithoutAThreadIsARejection(Way way) {
    RejectedExecutionException full = new RejectedExecutionException("full");
    Command command =
        command(
            PATIENT.withMaxConcurrent(1),
            task -> {
              throw full;
            });

    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> way.call(command, () -> "jerry", null))
          .isInstanceOf(RejectedException.class)
          .hasMessage("command users: no thread is free")
          .hasCause(full);
    }
    assertThat(command.running()).isZero();
    assertCounts(command, "REJECTED=3");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void queuedCallCompletesInTimeEvenWithoutAThreadForItsFallback(boolean hasFallback) {
    AtomicInteger tasks = new AtomicInteger();
    Executor oneTask =
        task -> {
          if (tasks.incrementAndGet() > 1) {
            throw new RejectedExecutionException("full");
          }
          Command.THREADS.execute(task);
        };
    Command command = command(HASTY, oneTask);

    Fallback<String> fallback = hasFallback ? cause -> "guest" : null;
    Throwable error = catchThrowable(() -> Way.QUEUE.call(command, this::untilTheEnd, fallback));

    assertThat(hasFallback ? error.getCause() : error).isInstanceOf(TimedOutException.class);
    assertThat(error.getSuppressed()).hasSize(hasFallback ? 1 : 0);
    assertCounts(command, hasFallback ? "TIMEOUT=1, FALLBACK_FAILURE=1" : "TIMEOUT=1");
  }

  // Nothing leaks

  @Test
  void countersAddUpToTheCalls() throws Exception {
    Command command =
        new Command(
            "users", new CommandSettings(Duration.ofMillis(5), 3, 5, 0.6, Duration.ofMillis(1)));
    int threads = 8;
    int calls = 100;

    Race.runNumbered(
        threads,
        thread -> {
          for (int i = 0; i < calls; i++) {
            int kind = (thread + i) % 5;
            Callable<Integer> work =
                () -> {
                  if (kind == 0) {
                    workIn(Trouble.FAILURE);
                  } else if (kind == 1) {
                    end.await(6, MILLISECONDS);
                  }
                  return kind;
                };
            CompletableFuture<Integer> answer = null;
            if (kind == 2) {
              answer = command.queue(work, cause -> -1);
              answer.cancel(true);
            } else if (kind == 3) {
              assertThat(command.queue(work, cause -> -1).get()).isIn(kind, -1);
            } else {
              assertThat(command.run(work, cause -> -1)).isIn(kind, -1);
            }
          }
          return null;
        });

    Eventually.within(
        SOON,
        () -> {
          Map<Event, Long> counts = command.counts();
          assertThat(command.running()).isZero();
          assertThat(sum(counts, ENDS)).isEqualTo((long) threads * calls);
          assertThat(counts).containsEntry(Event.FALLBACK_FAILURE, 0L);
          assertThat(counts).containsEntry(Event.FALLBACK_SUCCESS, sum(counts, TROUBLES));
        });
  }

  @Test
  void manyCommandsShareFewThreadsAndLeaveNone() throws Exception {
    Set<Thread> used = ConcurrentHashMap.newKeySet();
    for (int i = 0; i < 1_000; i++) {
      Command command = new Command("users-" + i, PATIENT);
      Callable<Boolean> work = () -> used.add(Thread.currentThread());
      command.run(work);
      command.queue(work).get();
    }

    assertThat(used).hasSizeLessThan(50);
    end.countDown();
    Eventually.within(
        SOON, () -> assertThat(used).noneMatch(Thread::isAlive)); // Kept for a second.
  }

  @Test
  void timerDoesNotRetainCompletedCalls() throws Exception {
    Command command =
        new Command("users", CommandSettings.defaults().withTimeout(Duration.ofDays(1)));
    WeakReference<Callable<String>> work = queueAndForget(command);

    Eventually.within(
        SOON,
        () -> {
          System.gc();
          assertThat(work.get()).isNull();
        });
  }

  private static WeakReference<Callable<String>> queueAndForget(Command command) throws Exception {
    String answer = "jerry" + command.running(); // Captured, so that it is no constant.
    Callable<String> work = () -> answer;
    command.queue(work).get();
    return new WeakReference<>(work);
  }

  // As a middleware

  @Test
  void aroundAnEndpointPassesTheDeadline() throws Exception {
    Endpoint<Integer, Long> endpoint =
        patient.around((context, request) -> context.remainingNanos() * request);

    assertThat(endpoint.call(Context.background(), 1)).isBetween(1L, PATIENT.timeout().toNanos());
    assertThat(endpoint.call(Context.background().withTimeout(Duration.ofSeconds(3)), 1))
        .isBetween(1L, 3_000_000_000L);
  }

  @ParameterizedTest
  @EnumSource
  void aroundAnEndpointThrowsPeerException(Trouble trouble) {
    Command command = commandIn(trouble);
    Endpoint<String, String> endpoint = command.around((context, request) -> workIn(trouble));

    Throwable error = catchThrowable(() -> endpoint.call(Context.background(), "?"));

    if (trouble == Trouble.FAILURE) {
      assertThat(error).isInstanceOf(IOException.class);
    } else {
      PeerException.Kind kind =
          trouble == Trouble.TIMEOUT ? PeerException.Kind.TIMEOUT : PeerException.Kind.REFUSED;
      assertThat(error).asInstanceOf(type(PeerException.class)).returns(kind, PeerException::kind);
      assertThat(error).hasCauseExactlyInstanceOf(trouble.type);
    }
  }

  /** A caller with a short deadline must not open the breaker for the other callers. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # deadline | timeout | times out     | state of the breaker
          PT0.05S    | PT20S   | the command   | CLOSED
          PT0.05S    | PT20S   | the work      | CLOSED
          PT20S      | PT0.05S | the command   | OPEN
          """)
  void timeoutsOpenTheBreakerUnlessTheDeadlineIsTheCallers(
      Duration deadline, Duration timeout, String timesOut, State state) throws Exception {
    Command command =
        new Command("users", new CommandSettings(timeout, 10, 1, 0.5, Duration.ofMinutes(1)));
    AtomicBoolean isSlow = new AtomicBoolean(true);
    Endpoint<String, String> endpoint =
        command.around(
            (context, request) -> {
              if (isSlow.get() && timesOut.equals("the work")) {
                new CountDownLatch(1).await(context.remainingNanos(), NANOSECONDS);
                throw PeerException.timeout("peer", null);
              }
              return isSlow.get() ? untilTheEnd() : "jerry";
            });

    for (int i = 0; i < (state == State.OPEN ? 1 : 20); i++) {
      Context caller = Context.background().withTimeout(deadline);
      Throwable error = catchThrowable(() -> endpoint.call(caller, "?"));
      assertTimeout(error);
      if (timesOut.equals("the command")) {
        assertThat(error).hasCauseInstanceOf(TimedOutException.class);
      }
    }
    assertThat(command.breaker().state()).isEqualTo(state);

    isSlow.set(false);
    if (state == State.CLOSED) {
      assertThat(endpoint.call(Context.background(), "?")).isEqualTo("jerry");
    }
  }

  @Test
  void aroundAnEndpointExpiredCallsDoNotStart() {
    Endpoint<String, String> endpoint = patient.around((context, request) -> "jerry");
    Context over = Context.background().withTimeout(Duration.ZERO);

    assertTimeout(catchThrowable(() -> endpoint.call(over, "?")));
    assertCounts(patient, "");
  }

  private static void assertTimeout(Throwable error) {
    assertThat(error)
        .asInstanceOf(type(PeerException.class))
        .returns(PeerException.Kind.TIMEOUT, PeerException::kind);
  }

  private Command command(CommandSettings settings, Executor executor) {
    CircuitBreaker.Classifier errorsFail =
        (result, error) -> error == null ? Outcome.SUCCESS : Outcome.FAILURE;
    return new Command("users", settings, executor, errorsFail, time);
  }
}
