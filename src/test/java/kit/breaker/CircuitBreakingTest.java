// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.Attempts;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.StatusException;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.Settings;
import kit.breaker.CircuitBreaker.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.FakeNanoTime;

class CircuitBreakingTest {
  private static final String INSTANCE = "10.0.0.1:8081";
  private static final Context CONTEXT = Context.background();

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<Outcome> outcomes = new ArrayList<>(); // What the classifier has returned.
  private final CircuitBreaker breaker =
      new CircuitBreaker(
          CircuitBreaking.settings().withClassifier(this::recorded), time, state -> {});
  private final CircuitBreaking<String, String> breaking = new CircuitBreaking<>(INSTANCE, breaker);

  private Outcome recorded(Object result, Throwable error) {
    Outcome outcome = CircuitBreaking.outcomeOf(result, error);
    outcomes.add(outcome);
    return outcome;
  }

  static Stream<Arguments> outcomes() {
    PeerException unavailable = peer(503);
    return Stream.of(
        Arguments.of(null, Outcome.SUCCESS),
        Arguments.of(PeerException.timeout(INSTANCE, null), Outcome.FAILURE),
        Arguments.of(PeerException.broken(INSTANCE, "reset", null), Outcome.FAILURE),
        Arguments.of(PeerException.notConnected(INSTANCE, "refused", null), Outcome.FAILURE),
        Arguments.of(peer(500), Outcome.FAILURE),
        Arguments.of(unavailable, Outcome.FAILURE),
        Arguments.of(PeerException.malformed(INSTANCE, "two lengths", null), Outcome.FAILURE),
        Arguments.of(PeerException.tooLarge(INSTANCE, "too long", null), Outcome.IGNORED),
        Arguments.of(peer(502), Outcome.FAILURE),
        Arguments.of(peer(504), Outcome.FAILURE),
        Arguments.of(peer(501), Outcome.REACHABLE),
        Arguments.of(peer(505), Outcome.REACHABLE),
        Arguments.of(peer(599), Outcome.REACHABLE),
        Arguments.of(peer(600), Outcome.REACHABLE),
        Arguments.of(new StatusException(501, "not implemented"), Outcome.REACHABLE),
        Arguments.of(peer(499), Outcome.REACHABLE),
        Arguments.of(peer(404), Outcome.REACHABLE),
        Arguments.of(peer(429), Outcome.REACHABLE),
        Arguments.of(peer(302), Outcome.REACHABLE),
        Arguments.of(PeerException.refused(INSTANCE, "limiter", null, null), Outcome.IGNORED),
        Arguments.of(PeerException.noInstance("missing", null), Outcome.IGNORED),
        Arguments.of(new StatusException(500, "broken"), Outcome.FAILURE),
        Arguments.of(new StatusException(503, "overloaded"), Outcome.FAILURE),
        Arguments.of(new StatusException(499, "odd"), Outcome.REACHABLE),
        Arguments.of(new StatusException(403, "permission denied"), Outcome.REACHABLE),
        Arguments.of(new ConnectException("refused"), Outcome.FAILURE),
        Arguments.of(new TimeoutException(), Outcome.FAILURE),
        Arguments.of(new InterruptedException(), Outcome.IGNORED),
        Arguments.of(new IllegalArgumentException("cannot be encoded"), Outcome.IGNORED),
        Arguments.of(new UncheckedIOException(new IOException("own file")), Outcome.IGNORED),
        Arguments.of(new StackOverflowError(), Outcome.IGNORED),
        Arguments.of(new ExecutionException(unavailable), Outcome.FAILURE),
        Arguments.of(new CompletionException(new ExecutionException(unavailable)), Outcome.FAILURE),
        Arguments.of(new ExecutionException(peer(404)), Outcome.REACHABLE),
        Arguments.of(new ExecutionException(new InterruptedException()), Outcome.IGNORED),
        Arguments.of(new CompletionException("no cause", null), Outcome.IGNORED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"404", "429", "501", "505", "600"})
  void probeWithAnyOtherStatusClosesTheBreaker(String status) {
    Endpoint<String, String> endpoint =
        breaking.around(
            (context, request) -> {
              throw peer(Integer.parseInt(request));
            });
    for (int i = 0; i < 5; i++) {
      assertThatThrownBy(() -> endpoint.call(CONTEXT, "503")).isInstanceOf(PeerException.class);
    }
    assertThat(breaker.state()).isEqualTo(State.OPEN);
    time.advance(Duration.ofSeconds(5));

    assertThatThrownBy(() -> endpoint.call(CONTEXT, status)).hasMessageContaining(status);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }

  @ParameterizedTest
  @MethodSource("outcomes")
  void countsOutcomesOfTheInstanceOnly(Throwable error, Outcome outcome) throws Exception {
    Endpoint<String, String> endpoint = breaking.around(answering(error));

    if (error == null) {
      assertThat(endpoint.call(CONTEXT, "request")).isEqualTo("answer to request");
    } else {
      assertThatThrownBy(() -> endpoint.call(CONTEXT, "request")).isSameAs(error);
      assertThat(error.getSuppressed()).isEmpty();
    }

    assertThat(CircuitBreaking.outcomeOf(null, error)).isEqualTo(outcome);
    assertThat(outcomes).containsExactly(outcome);
  }

  @Test
  void passesContextAndRequest() throws Exception {
    Context.Key<String> user = Context.key("user");
    Endpoint<String, String> endpoint =
        breaking.around((context, request) -> context.get(user) + " " + request);

    assertThat(endpoint.call(CONTEXT.with(user, "jerry"), "101")).isEqualTo("jerry 101");
  }

  @Test
  void openBreakerIsAPeerExceptionAndTheCallIsNotSent() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    Endpoint<String, String> endpoint =
        breaking.around(
            (context, request) -> {
              sent.incrementAndGet();
              throw peer(503);
            });
    for (int i = 0; i < 5; i++) {
      assertThat(breaking.isOpen()).isFalse();
      assertThatThrownBy(() -> endpoint.call(CONTEXT, "request")).hasMessageContaining("503");
    }
    time.advance(Duration.ofSeconds(2));

    PeerException refusal = refusal(endpoint);

    assertThat(sent).hasValue(5);
    assertThat(breaking.isOpen()).isTrue();
    assertThat(refusal).hasMessage("circuit breaker is open (10.0.0.1:8081)");
    assertThat(refusal.kind()).isEqualTo(Kind.REFUSED);
    assertThat(refusal.instance()).contains(INSTANCE);
    assertThat(refusal.retryAfter()).contains(Duration.ofSeconds(3));
    assertThat(refusal).hasCauseInstanceOf(OpenException.class);
  }

  @Test
  void retryAfterIsLeftOutWhileAProbeIsInFlight() throws Exception {
    open();
    time.advance(Duration.ofSeconds(5));
    List<PeerException> refusals = new ArrayList<>();
    Endpoint<String, String> probe =
        breaking.around(
            (context, request) -> {
              refusals.add(refusal(breaking.around(answering(null))));
              return "answer";
            });

    probe.call(CONTEXT, "request");

    assertThat(refusals.get(0).retryAfter()).isEmpty();
  }

  @Test
  void closesWhenTheInstanceHasRecovered() throws Exception {
    open();
    assertThat(breaking.isOpen()).isTrue();
    time.advance(Duration.ofSeconds(5));
    assertThat(breaking.isOpen()).as("a call would be a probe").isFalse();
    assertThatThrownBy(() -> breaking.around(answering(peer(500))).call(CONTEXT, "request"));
    assertThat(breaking.isOpen()).isTrue();
    time.advance(Duration.ofSeconds(10));
    assertThat(breaking.isOpen()).as("10 s at most").isFalse();

    assertThat(breaking.around(answering(null)).call(CONTEXT, "1")).isEqualTo("answer to 1");

    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }

  @Test
  void oneProbeAtATime() throws Exception {
    open();
    time.advance(Duration.ofSeconds(5));
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Endpoint<String, String> slow =
        breaking.around(
            (context, request) -> {
              inside.countDown();
              assertThat(goOn.await(10, TimeUnit.SECONDS)).isTrue();
              return "slow answer";
            });
    FutureTask<String> probe = new FutureTask<>(() -> slow.call(CONTEXT, "request"));
    Thread thread = new Thread(probe);
    thread.setDaemon(true);
    thread.start();
    assertThat(inside.await(10, TimeUnit.SECONDS)).isTrue();

    assertThat(refusal(breaking.around(answering(null))).retryAfter()).isEmpty();

    goOn.countDown();
    assertThat(probe.get(10, TimeUnit.SECONDS)).isEqualTo("slow answer");
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }

  @Test
  void expiredCallIsNotCountedAsAFailure() {
    AtomicInteger sent = new AtomicInteger();
    Endpoint<String, String> endpoint =
        breaking.around((context, request) -> "answer " + sent.incrementAndGet());
    Context late = CONTEXT.withDeadline(System.nanoTime() - 1);

    for (int i = 0; i < 100; i++) {
      PeerException timeout =
          catchThrowableOfType(PeerException.class, () -> endpoint.call(late, "request"));
      assertThat(timeout.kind()).isEqualTo(Kind.TIMEOUT);
      assertThat(timeout.instance()).contains(INSTANCE);
    }

    assertThat(sent).hasValue(0);
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    assertThat(outcomes).isEmpty();
  }

  /** Hangs, as a peer that does not respond, until the deadline of the context. */
  private static String hang(Context context) throws InterruptedException {
    new CountDownLatch(1).await(context.remainingNanos(), TimeUnit.NANOSECONDS);
    throw PeerException.timeout(INSTANCE, null);
  }

  @Test
  void timeoutAtTheCallersDeadlineIsNotCountedAsAFailure() {
    Endpoint<String, String> slow =
        breaking.around((context, request) -> hang(context.withTimeout(Duration.ofSeconds(20))));
    for (int i = 0; i < 10; i++) {
      Context impatient = CONTEXT.withTimeout(Duration.ofMillis(50));
      assertThatThrownBy(() -> slow.call(impatient, "request")).isInstanceOf(PeerException.class);
    }
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    assertThat(outcomes).isEmpty(); // Ignored without asking the classifier.
  }

  static Stream<Exception> timeouts() {
    return Stream.of(
        PeerException.timeout(INSTANCE, null),
        new TimeoutException(),
        new SocketTimeoutException(),
        new HttpTimeoutException("late"),
        new CompletionException(new TimeoutException()));
  }

  @ParameterizedTest
  @MethodSource("timeouts")
  void everyKindOfTimeoutMayBeTheCallers(Exception timeout) {
    Endpoint<String, String> slow =
        breaking.around(
            (context, request) -> {
              catchThrowableOfType(PeerException.class, () -> hang(context));
              throw timeout;
            });
    for (int i = 0; i < 10; i++) {
      Context impatient = CONTEXT.withTimeout(Duration.ofMillis(50));
      assertThatThrownBy(() -> slow.call(impatient, "request")).isSameAs(timeout);
    }
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
  }

  @Test
  void otherFailuresCountAfterTheDeadlineToo() {
    Endpoint<String, String> broken =
        breaking.around(
            (context, request) -> {
              catchThrowableOfType(PeerException.class, () -> hang(context));
              throw PeerException.broken(INSTANCE, "reset", null);
            });
    for (int i = 0; i < 5; i++) {
      Context impatient = CONTEXT.withTimeout(Duration.ofMillis(50));
      assertThatThrownBy(() -> broken.call(impatient, "request")).isInstanceOf(PeerException.class);
    }
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }

  @Test
  void timeoutOfAnAttemptCountsWhereverItIsLimited() {
    Context call = CONTEXT.withTimeout(Duration.ofSeconds(20));
    Context retried = call.with(Attempts.KEY, new Attempts(call));
    Endpoint<String, String> limitedInside =
        breaking.around((context, request) -> hang(context.withTimeout(Duration.ofMillis(50))));
    Endpoint<String, String> around = breaking.around((context, request) -> hang(context));
    Endpoint<String, String> limitedOutside =
        (context, request) -> around.call(context.withTimeout(Duration.ofMillis(50)), request);
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> limitedInside.call(call, "")).isInstanceOf(PeerException.class);
      assertThatThrownBy(() -> limitedOutside.call(retried, "")).isInstanceOf(PeerException.class);
    }
    assertThat(breaker.state()).isEqualTo(State.CLOSED);
    assertThatThrownBy(() -> limitedOutside.call(retried, "")).isInstanceOf(PeerException.class);
    assertThat(breaker.state()).isEqualTo(State.OPEN);
  }

  @Test
  void rejectionOfAnInnerBreakerIsNotCounted() {
    CircuitBreaker other =
        new CircuitBreaker(
            CircuitBreaking.settings().withConsecutiveFailures(1), time, state -> {});
    other.acquire().report(Outcome.FAILURE);
    Endpoint<String, String> endpoint =
        breaking.around((context, request) -> other.call(() -> "answer"));

    assertThatThrownBy(() -> endpoint.call(CONTEXT, "request")).isInstanceOf(OpenException.class);
    assertThat(outcomes).containsExactly(Outcome.IGNORED);
  }

  @Test
  void allEndpointsOfAnInstanceShareItsBreaker() {
    Endpoint<String, String> failing = breaking.around(answering(peer(500)));
    Endpoint<Integer, Integer> other =
        new CircuitBreaking<Integer, Integer>(INSTANCE, breaker)
            .around((context, request) -> request);
    for (int i = 0; i < 5; i++) {
      assertThatThrownBy(() -> failing.call(CONTEXT, "request"));
    }

    assertThat(refusal(breaking.around(answering(null))).kind()).isEqualTo(Kind.REFUSED);
    assertThatThrownBy(() -> other.call(CONTEXT, 1)).isInstanceOf(PeerException.class);
    assertThat(breaking.breaker()).isSameAs(breaker);
  }

  @Test
  void settingsAreAsDocumented() {
    Settings settings = CircuitBreaking.settings();
    CircuitBreaker.OpenInterval open = settings.open();

    assertThat(settings.consecutiveFailures()).isEqualTo(5);
    assertThat(settings.ratio().ratio()).isZero();
    assertThat(open.openFor()).isEqualTo(Duration.ofSeconds(5));
    assertThat(open.maxOpenFor()).isEqualTo(Duration.ofSeconds(10));
    assertThat(settings.probing().successesToClose()).isEqualTo(1);
  }

  @Test
  void breaksWithOtherSettingsToo() {
    CircuitBreaker strict =
        new CircuitBreaker(
            CircuitBreaking.settings().withConsecutiveFailures(1), time, state -> {});
    CircuitBreaking<String, String> breakingOnce = new CircuitBreaking<>(INSTANCE, strict);

    assertThatThrownBy(() -> breakingOnce.around(answering(peer(500))).call(CONTEXT, "request"));

    assertThat(breakingOnce.isOpen()).isTrue();
  }

  @Test
  void needsNothingButTheNameOfAnInstance() throws Exception {
    CircuitBreaking<String, String> plain = new CircuitBreaking<>(INSTANCE);
    Endpoint<String, String> failing = plain.around(answering(peer(500)));

    assertThat(plain.around(answering(null)).call(CONTEXT, "1")).isEqualTo("answer to 1");
    for (int i = 0; i < 5; i++) {
      assertThat(plain.isOpen()).isFalse();
      assertThatThrownBy(() -> failing.call(CONTEXT, "request"));
    }

    assertThat(plain.isOpen()).isTrue();
    assertThat(refusal(failing).retryAfter().orElseThrow())
        .isBetween(Duration.ofNanos(1), Duration.ofSeconds(5));
  }

  @Test
  void nullIsRejected() {
    assertThatNullPointerException()
        .isThrownBy(() -> new CircuitBreaking<String, String>(null))
        .withMessage("instance");
    assertThatNullPointerException()
        .isThrownBy(() -> new CircuitBreaking<String, String>(INSTANCE, null))
        .withMessage("breaker");
    assertThatNullPointerException().isThrownBy(() -> breaking.around(null)).withMessage("next");
  }

  private void open() {
    for (int i = 0; i < 5; i++) {
      assertThatThrownBy(() -> breaking.around(answering(peer(500))).call(CONTEXT, "request"));
    }
  }

  private static Endpoint<String, String> answering(Throwable error) {
    return (context, request) -> {
      if (error instanceof Error serious) {
        throw serious;
      }
      if (error != null) {
        throw (Exception) error;
      }
      return "answer to " + request;
    };
  }

  private static PeerException peer(int status) {
    return PeerException.status(INSTANCE, status, "no", null);
  }

  private static PeerException refusal(Endpoint<String, String> endpoint) {
    PeerException refusal =
        catchThrowableOfType(PeerException.class, () -> endpoint.call(CONTEXT, "request"));
    assertThat(refusal.kind()).isEqualTo(Kind.REFUSED);
    return refusal;
  }
}
