// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.FakeNanoTime;
import testing.Race;

/** Pauses have their maximum length: 10 ms after the first attempt, 20 ms after the second. */
class RetryingTest {
  private static final Duration FOREVER = ChronoUnit.FOREVER.getDuration();
  private static final Retrying.Settings SETTINGS =
      Retrying.Settings.defaults()
          .withBackoff(
              new Backoff(Duration.ofMillis(10), Duration.ofSeconds(1), bound -> bound - 1));

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<Duration> pauses = new ArrayList<>();
  private final RetryBudget budget = new RetryBudget();
  private final Peer peer = new Peer();
  private final PeerException timeout = PeerException.timeout("a:1", null);
  private final PeerException broken = PeerException.broken("b:1", "connection broke", null);
  private final PeerException unavailable = PeerException.status("c:1", 503, "too busy", null);
  private final PeerException refused = PeerException.refused("d:1", "breaker open", null, null);

  /** Does one thing after the other, and keeps what it was called with. */
  private final class Peer implements Endpoint<String, String> {
    final List<Context> contexts = new ArrayList<>();
    final List<Duration> left = new ArrayList<>();
    private final Deque<Object> outcomes = new ArrayDeque<>();
    private Duration takes = Duration.ZERO;

    /** What it does from now on: it returns strings and throws exceptions. */
    void does(Object... more) {
      outcomes.addAll(Arrays.asList(more));
    }

    void takes(Duration each) {
      takes = each;
    }

    @Override
    public String call(Context context, String request) throws Exception {
      assertThat(request).isEqualTo("request");
      contexts.add(context);
      left.add(Duration.ofNanos(context.remainingNanos(time.getAsLong())));
      time.advance(takes);
      Object outcome = outcomes.remove();
      if (outcome instanceof Exception failure) {
        throw failure;
      }
      return (String) outcome;
    }

    int calls() {
      return contexts.size();
    }
  }

  private void sleep(long nanos) {
    pauses.add(Duration.ofNanos(nanos));
    time.advance(Duration.ofNanos(nanos));
  }

  private Endpoint<String, String> retrying(
      Predicate<String> isIdempotent, Retrying.Settings settings, Retrying.Sleeper sleeper) {
    return new Retrying<String, String>(isIdempotent, settings, budget, time, sleeper).around(peer);
  }

  private String call(Context context, Retrying.Settings settings) throws Exception {
    return retrying(request -> true, settings, this::sleep).call(context, "request");
  }

  private String call(Retrying.Settings settings) throws Exception {
    return call(Context.background(), settings);
  }

  private String call() throws Exception {
    return call(SETTINGS);
  }

  private Context within(Duration deadline) {
    return Context.background().withDeadline(time.getAsLong() + deadline.toNanos());
  }

  private static Duration millis(long millis) {
    return Duration.ofMillis(millis);
  }

  @AfterEach
  void nothingIsLeftBehind() {
    assertThat(Thread.interrupted()).as("interrupted").isFalse();
    assertThat(peer.outcomes).as("outcomes that were expected").isEmpty();
  }

  @Test
  void returnsTheResponse() throws Exception {
    peer.does("answer");

    assertThat(call()).isEqualTo("answer");
    assertThat(pauses).isEmpty();
  }

  @Test
  void retriesWithGrowingPausesUntilItSucceeds() throws Exception {
    peer.does(timeout, broken, "answer");

    assertThat(call()).isEqualTo("answer");
    assertThat(pauses).containsExactly(millis(10), millis(20));
  }

  @Test
  void lastFailureIsThrownWithEarlierOnesSuppressed() {
    peer.does(timeout, broken, unavailable);

    assertThatThrownBy(this::call).isSameAs(unavailable);
    assertThat(unavailable.getSuppressed()).containsExactly(timeout, broken);
    assertThat(pauses).containsExactly(millis(10), millis(20));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void maxAttemptsIncludesTheFirst(int attempts) {
    for (int i = 0; i < attempts; i++) {
      peer.does(PeerException.timeout("a:1", null));
    }

    assertThatThrownBy(() -> call(SETTINGS.withAttempts(attempts)))
        .isInstanceOf(PeerException.class);
    assertThat(pauses).hasSize(attempts - 1);
  }

  @Test
  void sameFailureObjectMayBeThrownAgain() {
    peer.does(timeout, broken, timeout);

    assertThatThrownBy(this::call).isSameAs(timeout);
    assertThat(timeout.getSuppressed()).containsExactly(broken);
  }

  @Test
  void concurrentCallsAreIndependent() throws Exception {
    ThreadLocal<Integer> calls = ThreadLocal.withInitial(() -> 0);
    Endpoint<String, String> flaky =
        (context, request) -> {
          calls.set(calls.get() + 1);
          if (calls.get() % 3 != 0) {
            throw PeerException.timeout("a:1", null);
          }
          return request;
        };
    Endpoint<String, String> retrying =
        new Retrying<String, String>(
                request -> true, SETTINGS, new RetryBudget(1_000, 1_000), time, nanos -> {})
            .around(flaky);

    List<Integer> answered =
        Race.runNumbered(
            8,
            thread -> {
              int own = 0;
              for (int i = 0; i < 100; i++) {
                String request = thread + "/" + i;
                own += request.equals(retrying.call(Context.background(), request)) ? 1 : 0;
              }
              return own;
            });

    assertThat(answered).hasSize(8).containsOnly(100);
  }

  @Nested
  class Failures {
    @ParameterizedTest
    @CsvSource(
        textBlock =
            """
            # status, Retry-After, repeated
            400     ,            , false
            401     ,            , false
            404     ,            , false
            404     , PT0S       , false
            408     ,            , false
            409     ,            , false
            425     ,            , false
            429     ,            , false
            429     , PT0S       , true
            429     , PT1S       , true
            500     ,            , true
            501     ,            , false
            502     ,            , true
            503     ,            , true
            503     , PT1S       , true
            504     ,            , true
            505     ,            , false
            301     ,            , false
            """)
    void transientStatusesAreRetried(int status, Duration retryAfter, boolean repeated)
        throws Exception {
      PeerException failure = PeerException.status("a:1", status, "detail", retryAfter);
      assertThat(Retrying.isTransient(failure)).isEqualTo(repeated);
      if (repeated) {
        peer.does(failure, "answer");
        assertThat(call()).isEqualTo("answer");
      } else {
        peer.does(failure);
        assertThatThrownBy(RetryingTest.this::call).isSameAs(failure).hasNoSuppressedExceptions();
        assertThat(pauses).isEmpty();
        assertThat(budget.tokens()).isEqualTo(10.0);
      }
    }

    static List<PeerException> notSent() {
      return List.of(
          PeerException.noInstance("no instance of userservice", null),
          PeerException.refused("a:1", "breaker open", Duration.ZERO, null),
          PeerException.notConnected("a:1", "connection refused", null));
    }

    @ParameterizedTest
    @MethodSource("notSent")
    void failureBeforeSendingIsNotRetriedAndTakesNoToken(PeerException failure) {
      peer.does(failure);

      assertThatThrownBy(() -> call(SETTINGS)).isSameAs(failure).hasNoSuppressedExceptions();
      assertThat(Retrying.isTransient(failure)).isFalse();
      assertThat(pauses).isEmpty();
      assertThat(budget.tokens()).isEqualTo(10.0);
    }

    static List<Exception> notOfAPeer() {
      return List.of(
          new StatusException(503, "draining"),
          new IOException("disk full"),
          new IllegalStateException("bug"),
          new InterruptedException("cancelled"));
    }

    @ParameterizedTest
    @MethodSource("notOfAPeer")
    void otherExceptionsAreThrownAtOnce(Exception failure) {
      peer.does(failure);

      assertThatThrownBy(RetryingTest.this::call).isSameAs(failure).hasNoSuppressedExceptions();
      assertThat(pauses).isEmpty();
      assertThat(budget.tokens()).isEqualTo(10.0);
    }

    @ParameterizedTest
    @MethodSource("notOfAPeer")
    void otherExceptionsOfRetriesAreThrownToo(Exception failure) {
      peer.does(timeout, broken, failure);

      assertThatThrownBy(RetryingTest.this::call).isSameAs(failure);
      if (!(failure instanceof StatusException)) { // It keeps none, to stay cheap.
        assertThat(failure.getSuppressed()).containsExactly(timeout, broken);
      }
    }

    @Test
    void rejectionIsNotRetried() {
      PeerException gone = PeerException.status("b:1", 404, "no such user", null);
      peer.does(timeout, gone); // The attempt that timed out had deleted it.

      assertThatThrownBy(RetryingTest.this::call).isSameAs(gone);
      assertThat(gone.getSuppressed()).containsExactly(timeout);
    }

    @Test
    void onlyIdempotentRequestsAreRetried() throws Exception {
      Predicate<String> isRead = request -> request.equals("request");
      peer.does(timeout, "answer", broken);

      assertThat(
              retrying(isRead, SETTINGS, RetryingTest.this::sleep)
                  .call(Context.background(), "request"))
          .isEqualTo("answer");
      assertThatThrownBy(
              () ->
                  retrying(isRead.negate(), SETTINGS, RetryingTest.this::sleep)
                      .call(Context.background(), "request"))
          .isSameAs(broken);
      assertThat(pauses).containsExactly(millis(10));
    }

    @Test
    void originalFailureIsThrownWhenNoInstanceIsLeft() {
      // A refused connection did no work; after a timeout that is unknown.
      peer.does(timeout, refused);

      assertThatThrownBy(RetryingTest.this::call).isSameAs(timeout);
      assertThat(timeout.getSuppressed()).containsExactly(refused);
      assertThat(pauses).containsExactly(millis(10));
    }

    @Test
    void lastSentFailureIsThrownWhenNoInstanceIsLeft() {
      peer.does(timeout, unavailable, refused);

      assertThatThrownBy(RetryingTest.this::call).isSameAs(unavailable);
      assertThat(unavailable.getSuppressed()).containsExactly(timeout, refused);
    }
  }

  @Nested
  class Time {
    @ParameterizedTest
    @CsvSource(
        textBlock =
            """
            # deadline, an attempt takes, left at the start of each attempt
            2500ms    , 1s              , 2500ms 1490ms 470ms
            500ms     , 0ms             , 500ms 490ms 470ms
            """)
    void attemptHasTheRemainingTime(String deadline, String takes, String expected) {
      peer.does(timeout, broken, unavailable);
      peer.takes(duration(takes));
      Context context = within(duration(deadline));

      assertThatThrownBy(() -> call(context, SETTINGS)).isSameAs(unavailable);
      assertThat(peer.left)
          .containsExactlyElementsOf(Stream.of(expected.split(" ")).map(Time::duration).toList());
    }

    private static Duration duration(String text) {
      return text.endsWith("ms")
          ? Duration.ofMillis(Long.parseLong(text.replace("ms", "")))
          : Duration.ofSeconds(Long.parseLong(text.replace("s", "")));
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "500000000, 0", "510000000, 0", "510000001, 1", "600000000, 1"})
    void doesNotSleepBeyondTheDeadline(long deadlineNanos, int expectedPauses) {
      // The first attempt takes 500 ms; after a pause of 10 ms there must be time left.
      peer.does(timeout);
      if (expectedPauses == 1) {
        peer.does(broken);
      }
      peer.takes(millis(500));

      assertThatThrownBy(() -> call(within(Duration.ofNanos(deadlineNanos)), SETTINGS))
          .isSameAs(expectedPauses == 1 ? broken : timeout);
      assertThat(pauses).hasSize(expectedPauses);
    }

    @Test
    void noAttemptIsMadeAfterTheDeadlineHoweverLongTheSleep() {
      peer.does(timeout);
      Endpoint<String, String> overslept =
          retrying(request -> true, SETTINGS, nanos -> time.advance(Duration.ofSeconds(1)));

      assertThatThrownBy(() -> overslept.call(within(Duration.ofSeconds(1)), "request"))
          .isSameAs(timeout);
    }

    @Test
    void firstAttemptIsMadeEvenAfterTheDeadline() {
      peer.does(timeout); // The sender has the best error message in this case.

      assertThatThrownBy(() -> call(within(Duration.ZERO), SETTINGS)).isSameAs(timeout);
    }

    @ParameterizedTest
    @CsvSource(
        textBlock =
            """
            # asked        , at most, pause before the next attempt
            PT-1S          , PT1S   , PT0.01S
            PT-8760000000H , PT1S   , PT0.01S
            PT0S           , PT1S   , PT0.01S
            PT0.5S         , PT1S   , PT0.51S
            PT1S           , PT1S   , PT1.01S
            PT2S           , PT1S   , PT1.01S
            PT2S           , PT10S  , PT2.01S
            PT2S           , PT0S   , PT0.01S
            PT8760000000H  , PT1S   , PT1.01S
            """)
    void retryAfterLengthensThePause(Duration asked, Duration atMost, Duration expected)
        throws Exception {
      peer.does(PeerException.status("a:1", 503, "too busy", asked), "answer");

      assertThat(call(SETTINGS.withMaxRetryAfter(atMost))).isEqualTo("answer");
      assertThat(pauses).containsExactly(expected);
    }

    @Test
    void longestPausesOfBothKindsDoNotOverflow() throws Exception {
      PeerException later = PeerException.status("a:1", 503, "too busy", FOREVER);
      Backoff backoff = new Backoff(FOREVER, FOREVER, bound -> bound - 1);
      peer.does(later, "answer");

      assertThat(call(SETTINGS.withBackoff(backoff).withMaxRetryAfter(FOREVER)))
          .isEqualTo("answer");
      assertThat(pauses).containsExactly(Duration.ofNanos(Long.MAX_VALUE - 1));
    }

    @Test
    void failsAtOnceWhenRetryAfterExceedsTheDeadline() {
      PeerException later = PeerException.status("a:1", 503, "too busy", Duration.ofSeconds(1));
      peer.does(later);

      assertThatThrownBy(() -> call(within(Duration.ofSeconds(1)), SETTINGS)).isSameAs(later);
      assertThat(pauses).isEmpty();
    }

    @Test
    void worksWhenNanoTimeOverflows() throws Exception {
      time.advance(Duration.ofNanos(Long.MAX_VALUE));
      time.advance(millis(995)); // It had started 1 s before zero: now 5 ms are left.
      peer.does(timeout, "answer");

      assertThat(call(within(Duration.ofMillis(500)), SETTINGS)).isEqualTo("answer");
      assertThat(time.getAsLong()).isNegative();
      assertThat(peer.left).containsExactly(millis(500), millis(490));
    }
  }

  @Nested
  class Budget {
    @Test
    void failedAttemptTakesATokenAndASuccessReturnsAPart() throws Exception {
      peer.does(timeout, broken, "answer");

      call();

      assertThat(budget.tokens()).isEqualTo(8.1);
    }

    @Test
    void failureThatIsNotRetriedTakesATokenToo() {
      peer.does(timeout);

      assertThatThrownBy(
              () ->
                  retrying(request -> false, SETTINGS, RetryingTest.this::sleep)
                      .call(Context.background(), "request"))
          .isSameAs(timeout);
      assertThat(budget.tokens()).isEqualTo(9.0);
    }

    @Test
    void lastAttemptTakesATokenToo() {
      peer.does(timeout, broken, unavailable);

      assertThatThrownBy(RetryingTest.this::call).isSameAs(unavailable);
      assertThat(budget.tokens()).isEqualTo(7.0);
    }

    @Test
    void noRetriesWhenTheBudgetIsExhausted() {
      // Three attempts, then two of which the second takes the fifth token, then one each.
      for (int i = 0; i < 7; i++) {
        peer.does(PeerException.timeout("a:1", null));
      }
      List<Integer> attempts = new ArrayList<>();
      for (int call = 0; call < 4; call++) {
        int before = peer.calls();
        assertThatThrownBy(RetryingTest.this::call).isInstanceOf(PeerException.class);
        attempts.add(peer.calls() - before);
      }

      assertThat(attempts).containsExactly(3, 2, 1, 1);
    }
  }

  @Nested
  class Interruption {
    @Test
    void duringAPauseIsThrownWithEarlierFailuresSuppressed() {
      peer.does(timeout);
      InterruptedException interruption = new InterruptedException("cancelled");
      Endpoint<String, String> interrupted =
          retrying(
              request -> true,
              SETTINGS,
              nanos -> {
                throw interruption;
              });

      assertThatThrownBy(() -> interrupted.call(Context.background(), "request"))
          .isSameAs(interruption);
      assertThat(interruption.getSuppressed()).containsExactly(timeout);
    }

    @Test
    void isNoticedEvenIfThePauseIsNothing() {
      peer.does(timeout);
      Endpoint<String, String> interrupted =
          new Retrying<String, String>(
                  request -> true,
                  SETTINGS.withOnRetry((attempt, failure) -> Thread.currentThread().interrupt()),
                  budget,
                  time,
                  nanos -> {})
              .around(peer);

      assertThatExceptionOfType(InterruptedException.class)
          .isThrownBy(() -> interrupted.call(Context.background(), "request"))
          .withMessage("interrupted after attempt 1")
          .satisfies(e -> assertThat(e.getSuppressed()).containsExactly(timeout));
      assertThat(Thread.currentThread().isInterrupted()).isFalse(); // The exception reports it.
    }
  }

  @Nested
  class ContextOfAnAttempt {
    private static final Context.Key<String> USER = Context.key("user");

    @Test
    void keepsTheValuesOfTheCall() throws Exception {
      peer.does("answer");

      call(Context.background().with(USER, "jerry"), SETTINGS);

      assertThat(peer.contexts).singleElement().returns("jerry", context -> context.get(USER));
    }

    @Test
    void attemptsOfACallShareOneRecordAndCallsDoNot() throws Exception {
      peer.does(timeout, "answer", "answer");
      Attempts ofTheServer = new Attempts();
      Context context = Context.background().with(Attempts.KEY, ofTheServer);

      call(context, SETTINGS);
      call(context, SETTINGS);

      List<Attempts> tries = peer.contexts.stream().map(each -> each.get(Attempts.KEY)).toList();
      assertThat(tries).hasSize(3).doesNotContainNull();
      assertThat(tries.get(1)).isSameAs(tries.get(0)).isNotSameAs(ofTheServer);
      assertThat(tries.get(2)).isNotSameAs(tries.get(0)).isNotSameAs(ofTheServer);
    }
  }

  @Nested
  class Listening {
    private final List<String> heard = new ArrayList<>();

    @Test
    void isCalledForEachRetryBeforeThePause() throws Exception {
      peer.does(timeout, broken, "answer");
      Retrying.Listener listener =
          (attempt, failure) ->
              heard.add(attempt + " " + failure.kind() + " after " + pauses.size() + " pauses");

      call(SETTINGS.withOnRetry(listener));

      assertThat(heard).containsExactly("1 TIMEOUT after 0 pauses", "2 BROKEN after 1 pauses");
    }

    @Test
    void isNotCalledForFailuresThatAreNotRetried() {
      Retrying.Settings listening =
          SETTINGS.withOnRetry((attempt, failure) -> heard.add(failure.getMessage()));
      peer.does(timeout, refused, broken, timeout);

      assertThatThrownBy(() -> call(listening.withAttempts(1))).isSameAs(timeout);
      assertThatThrownBy(() -> call(listening)).isSameAs(refused);
      assertThatThrownBy(() -> call(within(millis(10)), listening)).isSameAs(broken);
      assertThatThrownBy(
              () ->
                  retrying(request -> false, listening, RetryingTest.this::sleep)
                      .call(Context.background(), "request"))
          .isSameAs(timeout);
      assertThat(heard).isEmpty();
    }

    @Test
    void listenerFailureDoesNotFailTheCall() throws Exception {
      peer.does(timeout, "answer");
      Retrying.Listener failing =
          (attempt, failure) -> {
            throw new IllegalStateException("counter is broken");
          };

      assertThat(call(SETTINGS.withOnRetry(failing))).isEqualTo("answer");
      assertThat(pauses).containsExactly(millis(10));
    }
  }

  @Nested
  class MakingOne {
    @Test
    void usesTheSystemClockByDefault() throws Exception {
      Endpoint<String, String> endpoint =
          new Retrying<String, String>(request -> true).around(peer);

      peer.does(timeout, "answer");
      Context withTime = Context.background().withTimeout(Duration.ofMinutes(1));
      assertThat(endpoint.call(withTime, "request")).isEqualTo("answer");

      peer.does(timeout);
      Context withoutTime = Context.background().withTimeout(Duration.ofNanos(1));
      assertThatThrownBy(() -> endpoint.call(withoutTime, "request")).isSameAs(timeout);
    }

    @Test
    void hasTheDocumentedDefaults() {
      Retrying.Settings defaults = Retrying.Settings.defaults();

      assertThat(defaults.attempts()).isEqualTo(3);
      assertThat(defaults.maxRetryAfter()).isEqualTo(Duration.ofSeconds(1));
      assertThat(defaults.backoff()).hasToString(new Backoff().toString());
    }

    @Test
    void rejectsInvalidSettings() {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> SETTINGS.withAttempts(0))
          .withMessage("attempts < 1: 0");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> SETTINGS.withMaxRetryAfter(millis(-1)))
          .withMessage("maxRetryAfter < 0: PT-0.001S");
    }

    @Test
    void rejectsNull() {
      assertThatNullPointerException()
          .isThrownBy(() -> SETTINGS.withBackoff(null))
          .withMessage("backoff");
      assertThatNullPointerException()
          .isThrownBy(() -> SETTINGS.withOnRetry(null))
          .withMessage("onRetry");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(null))
          .withMessage("isIdempotent");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(request -> true, null, budget))
          .withMessage("settings");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(request -> true, SETTINGS, null))
          .withMessage("budget");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(request -> true, SETTINGS, budget, null, nanos -> {}))
          .withMessage("nanoTime");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(request -> true, SETTINGS, budget, time, null))
          .withMessage("sleeper");
      assertThatNullPointerException()
          .isThrownBy(() -> new Retrying<>(request -> true).around(null))
          .withMessage("next");
    }
  }
}
