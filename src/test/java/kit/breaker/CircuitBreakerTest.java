// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static kit.breaker.CircuitBreaker.Outcome.FAILURE;
import static kit.breaker.CircuitBreaker.Outcome.IGNORED;
import static kit.breaker.CircuitBreaker.Outcome.REACHABLE;
import static kit.breaker.CircuitBreaker.Outcome.SUCCESS;
import static kit.breaker.CircuitBreaker.State.CLOSED;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.breaker.CircuitBreaker.Classifier;
import kit.breaker.CircuitBreaker.FailureRatio;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.OpenInterval;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.Permit;
import kit.breaker.CircuitBreaker.Probing;
import kit.breaker.CircuitBreaker.Settings;
import kit.breaker.CircuitBreaker.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
      Settings.defaults()
          .withConsecutiveFailures(3)
          .withFailureRatio(0, 1, SECOND)
          .withOpenFor(Duration.ofSeconds(5), Duration.ofSeconds(20));

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<State> states = Collections.synchronizedList(new ArrayList<>());

  // ---- Steps

  /**
   * Steps, one after the other; see {@link Script} for what each does. Unless a state follows, the
   * state stays as it is. The settings are those of THREE_IN_A_ROW, but for what is given.
   */
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # what it is                                | settings        | steps

          # Closed: failures in a row
          failures in a row open it                   |                 | F F F OPEN x
          a success ends the row                      |                 | F F S F F F OPEN
          an ignored call is not part of it           |                 | F F I F OPEN
          nor is one that is only reachable           |                 | F F R F OPEN
          a row knows no time                         |                 | F +1h F +1h F OPEN
          one can be enough                           | row=1           | F OPEN
          0 is never                                  | row=0           | F*1000

          # Closed: the ratio
          the ratio is reached                        | row=0 ratio=0.5/4/10s | S S F F OPEN
          it counts from the minimum of calls on      | row=0 ratio=0.5/4/10s | F F F F OPEN
          a success completes the minimum             | row=0 ratio=0.5/4/10s | F F F S OPEN
          a success that is too much does not open it | row=0 ratio=0.5/4/10s | F S S S S F
          older successes go, so the ratio rises      | row=0 ratio=0.5/4/10s | S S S S +5s F F F +5s S OPEN
          ignored calls are not calls to the ratio    | row=0 ratio=0.5/3/10s | I I F F F OPEN
          reachable ones neither                      | row=0 ratio=0.5/3/10s | R R F F F OPEN
          a window forgets by tenths                  | row=0 ratio=1/3/10s   | +999ms F +1ms F +9000ms F +999ms F OPEN
          a call counts for 9 tenths at least         | row=0 ratio=1/3/10s   | +999ms F +1ms F +8999ms F OPEN
          successes are forgotten, too                | row=0 ratio=0.5/2/10s | S S S +9s F +1s F OPEN
          the window is empty after 10 s              | row=0 ratio=1/2/10s   | F +10s F F OPEN
          after 11 s                                  | row=0 ratio=1/2/10s   | F +11s F F OPEN
          after 19.999 s                              | row=0 ratio=1/2/10s   | F +19999ms F F OPEN
          after 20 s                                  | row=0 ratio=1/2/10s   | F +20s F F OPEN
          after 95 s                                  | row=0 ratio=1/2/10s   | F +95s F F OPEN
          after 1000 days                             | row=0 ratio=1/2/10s   | F +24000h F F OPEN
          either limit: in a row, too few for a ratio | ratio=0.5/4/10s       | F F F OPEN
          either limit: the ratio, not in a row       | ratio=0.5/4/10s       | F S S F OPEN
          counts start anew when it closes again      | row=0 ratio=0.5/2/60s | F F OPEN +5s HALF_OPEN S CLOSED F F OPEN

          # Open
          it is half-open when its time is over       |                 | F*3 OPEN x(5s) +2s x(3s) +2999ms x(1ms) +999999ns x(1ns) +1ns HALF_OPEN
          nothing changes until there is a call       |                 | F*3 OPEN +24h HALF_OPEN [OPEN] a+ [OPEN,HALF_OPEN]
          the interval doubles up to the longest      |                 | F*3 OPEN +4999ms x +1ms HALF_OPEN F OPEN x(10s) +9999ms x +1ms HALF_OPEN F OPEN +19999ms x +1ms HALF_OPEN F OPEN +19999ms x +1ms HALF_OPEN S CLOSED F F F OPEN x(5s)
          it does not if the longest is not longer    | open=5s/5s      | F*3 OPEN +5s HALF_OPEN F OPEN +5s HALF_OPEN F OPEN +5s HALF_OPEN S CLOSED
          100 years doubled do not overflow           | open=876000h/876000h | F*3 OPEN +876000h HALF_OPEN F OPEN x(876000h)

          # Half-open
          one probe at a time                         |                 | F*3 OPEN +5s HALF_OPEN a+ x() aS CLOSED
          several at a time                           | probes=2/3      | F*3 OPEN +5s HALF_OPEN a+ b+ x aS c+ x bS cS CLOSED
          one failure opens it again                  | open=5s/5s probes=2/3 | F*3 OPEN +5s HALF_OPEN a+ b+ aS bF OPEN x(5s)
          the first to return decides: success        | probes=2/1      | F*3 OPEN +5s HALF_OPEN a+ b+ aS CLOSED b!F F F F OPEN
          the first to return decides: failure        | probes=2/1      | F*3 OPEN +5s HALF_OPEN a+ b+ aF OPEN b!S
          an ignored probe only frees its place       |                 | F*3 OPEN +5s HALF_OPEN I*100 S CLOSED
          a reachable probe closes it                 |                 | F*3 OPEN +5s HALF_OPEN R CLOSED
          it counts for one of several                | probes=1/2      | F*3 OPEN +5s HALF_OPEN R R CLOSED
          a row of 1 does not matter                  | row=1           | F OPEN +5s HALF_OPEN F OPEN
          a row of 1000 neither                       | row=1000        | F*1000 OPEN +5s HALF_OPEN F OPEN
          a probe is given up when its lease is over  |                 | F*3 OPEN +5s HALF_OPEN a+ +30s -1ns x +1ns b+ x a!F bS CLOSED
          one after its replacement still counts      |                 | F*3 OPEN +5s HALF_OPEN a+ +60s aS CLOSED
          a lease runs from the last place taken      | probes=2/1      | F*3 OPEN +5s HALF_OPEN a+ +30s b+ +30s -1ns x +1ns c+ d+ x a!S b!S [OPEN,HALF_OPEN]
          giving up does not shorten the interval     |                 | F*3 OPEN +5s HALF_OPEN a+ +30s F OPEN x(10s)

          # Late results
          a late success does not close it            |                 | a+ F*3 OPEN +5s HALF_OPEN b+ a!S x bS CLOSED
          a late failure does not open it             |                 | a+ F*3 OPEN +5s HALF_OPEN b+ a!F x bS CLOSED
          a late ignored call frees no place          |                 | a+ F*3 OPEN +5s HALF_OPEN b+ a!I x bS CLOSED
          late failures do not open a closed one      |                 | a+ b+ c+ F*3 OPEN +5s HALF_OPEN S CLOSED a!F b!F c!F F F F OPEN

          # Permits, listeners
          a second report frees no second place       |                 | F*3 OPEN +5s HALF_OPEN a+ aI a!I b+ x
          changes of state are reported in order      |                 | F*3 OPEN +5s HALF_OPEN F OPEN +10s HALF_OPEN S CLOSED [OPEN,HALF_OPEN,OPEN,HALF_OPEN,CLOSED]

          # A clock that goes back
          a call before the window counts in it       | row=0 ratio=1/2/10s | +5s F -60s F OPEN -60s x +65s HALF_OPEN
          """)
  void steps(String name, String settings, String steps) {
    Script script = new Script(settings(settings), time);

    script.play(steps);
  }

  @ParameterizedTest
  @ValueSource(longs = {Long.MAX_VALUE, Long.MAX_VALUE - 5_000_000_000L, Long.MIN_VALUE, -1, 0})
  void worksWhenNanoTimeOverflows(long start) {
    Script script =
        new Script(settings("ratio=0.5/4/10s"), new FakeNanoTime(start - 1_000_000_000L));

    script.play(
        "S +2s F F F OPEN +4999999999ns x(1ns) +1ns HALF_OPEN a+ +30s -1ns x +1ns S CLOSED");
  }

  /** Such as {@code row=1 ratio=0.5/4/10s open=5s/20s probes=2/3}. */
  private static Settings settings(String differences) {
    Settings settings = THREE_IN_A_ROW.withClassifier((result, error) -> (Outcome) result);
    for (String difference : words(differences)) {
      String[] values = difference.substring(difference.indexOf('=') + 1).split("/");
      settings =
          switch (difference.substring(0, difference.indexOf('='))) {
            case "row" -> settings.withConsecutiveFailures(Integer.parseInt(values[0]));
            case "ratio" ->
                settings.withFailureRatio(
                    Double.parseDouble(values[0]), Integer.parseInt(values[1]), span(values[2]));
            case "open" -> settings.withOpenFor(span(values[0]), span(values[1]));
            case "probes" ->
                settings.withProbes(
                    Integer.parseInt(values[0]), Integer.parseInt(values[1]), LEASE);
            default -> throw new IllegalArgumentException(difference);
          };
    }
    return settings;
  }

  private static List<String> words(String line) {
    return line == null ? List.of() : List.of(line.split(" +"));
  }

  /** Such as {@code 5s}; units are ns, ms, s, h. */
  private static Duration span(String text) {
    long number = Long.parseLong(text.replaceAll("[a-z]+", ""));
    return switch (text.replaceAll("[0-9]+", "")) {
      case "ns" -> Duration.ofNanos(number);
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "h" -> Duration.ofHours(number);
      default -> throw new IllegalArgumentException(text);
    };
  }

  /**
   * A breaker that is put through steps:
   *
   * <pre>
   *   S F I R     a call passes and is reported: success, failure, ignored, reachable; F*3 is F F F
   *   x           a call is rejected; x(3s) for so long, x() for an unknown time
   *   a+ aS a!S   call a begins, is reported a success, is reported one too late
   *   +5s -1ns    time passes, or goes back
   *   OPEN        the state after the step before, which it keeps until the next such step
   *   [OPEN]      the states reported so far
   * </pre>
   */
  private static final class Script {
    private static final Map<String, Outcome> OUTCOMES =
        Map.of("S", SUCCESS, "F", FAILURE, "I", IGNORED, "R", REACHABLE);
    private static final Pattern REPEATED = Pattern.compile("([SFIR])(?:\\*([0-9]+))?");

    private final FakeNanoTime time;
    private final List<State> reported = new ArrayList<>();
    private final Map<String, Permit> permits = new HashMap<>();
    private final CircuitBreaker breaker;
    private State expected = CLOSED;

    Script(Settings settings, FakeNanoTime time) {
      this.time = time;
      this.breaker = new CircuitBreaker(settings, time, reported::add);
    }

    void play(String line) {
      List<String> steps = words(line);
      for (int i = 0; i < steps.size(); i++) {
        String step = steps.get(i);
        String where = "step " + (i + 1) + ", " + step + ", of " + line;
        if (!isState(step)) {
          take(step, where);
        }
        if (i + 1 < steps.size() && isState(steps.get(i + 1))) {
          expected = State.valueOf(steps.get(i + 1));
        }
        assertThat(breaker.state()).as(where).isEqualTo(expected);
      }
    }

    private static boolean isState(String step) {
      return step.matches("[A-Z_]{2,}");
    }

    private void take(String step, String where) {
      Matcher repeated = REPEATED.matcher(step);
      if (repeated.matches()) {
        int times = repeated.group(2) == null ? 1 : Integer.parseInt(repeated.group(2));
        for (int i = 0; i < times; i++) {
          assertThat(report(acquire(where), repeated.group(1))).as(where).isTrue();
        }
      } else if (step.startsWith("x")) {
        refused(step, where);
      } else if (step.startsWith("+")) {
        time.advance(span(step.substring(1)));
      } else if (step.startsWith("-")) {
        time.advance(span(step.substring(1)).negated());
      } else if (step.startsWith("[")) {
        assertThat(reported.toString().replace(" ", "")).as(where).isEqualTo(step);
      } else if (step.endsWith("+")) {
        permits.put(step.substring(0, 1), acquire(where));
      } else if (permits.containsKey(step.substring(0, 1)) && step.length() <= 3) {
        Permit permit = permits.get(step.substring(0, 1));
        String outcome = step.substring(step.length() - 1);
        assertThat(report(permit, outcome)).as(where).isEqualTo(!step.contains("!"));
      } else {
        throw new IllegalArgumentException(where);
      }
    }

    private Permit acquire(String where) {
      try {
        return breaker.acquire();
      } catch (OpenException e) {
        throw new AssertionError("refused: " + where, e);
      }
    }

    private static boolean report(Permit permit, String outcome) {
      return CircuitBreakerTest.report(permit, OUTCOMES.get(outcome));
    }

    private void refused(String step, String where) {
      OpenException refusal = refusal(breaker);
      if (step.equals("x()")) {
        assertThat(refusal.retryAfter()).as(where).isEmpty();
      } else if (step.length() > 1) {
        Duration remaining = span(step.substring(2, step.length() - 1));
        assertThat(refusal.retryAfter()).as(where).contains(remaining);
      }
    }
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
  void rejectsWhileOpenWithTheRemainingTime() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    time.advance(Duration.ofSeconds(2));

    OpenException refusal = refusal(breaker);

    assertThat(refusal).hasMessage("circuit breaker is open").hasNoCause();
    assertThat(refusal.getStackTrace()).isEmpty();
    assertThat(refusal.retryAfter()).contains(Duration.ofSeconds(3));
  }

  @Test
  void rejectedCallIsNotMade() {
    CircuitBreaker breaker = open(THREE_IN_A_ROW);
    AtomicInteger made = new AtomicInteger();

    assertThatThrownBy(() -> breaker.call(made::incrementAndGet)).isInstanceOf(OpenException.class);
    assertThatThrownBy(breaker::acquire).isInstanceOf(OpenException.class);

    assertThat(made).hasValue(0);
  }

  // ---- late results

  @Test
  void callBegunBeforeTheOpeningDoesNotCloseTheBreaker() throws Exception {
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
    assertThat(probe.report(SUCCESS)).isTrue();
  }

  // ---- permits

  @Test
  void onlyTheFirstReportOfAPermitCounts() {
    CircuitBreaker breaker = breaker(row(2));
    Permit permit = breaker.acquire();

    assertThat(permit.report(FAILURE)).isTrue();
    assertThat(permit.report(FAILURE)).isFalse();
    assertThat(permit.report(SUCCESS)).isFalse();
    assertThat(permit.report(IGNORED)).isFalse();
    assertThat(permit.finished("result", null)).isFalse();
    permit.close();

    assertThat(failuresUntilOpen(breaker)).isEqualTo(1);
  }

  @Test
  void permitClosedWithoutAReportIsIgnored() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);

    try (Permit permit = breaker.acquire()) {
      assertThat(permit).isNotNull();
    }

    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(breaker.acquire().report(SUCCESS)).as("its permit is released").isTrue();
  }

  @Test
  void ofManyReportsAtOnceOneCounts() throws Exception {
    CircuitBreaker breaker = breaker(row(1_000));
    Permit permit = breaker.acquire();

    List<Boolean> counted = Race.run(8, () -> permit.report(FAILURE));

    assertThat(counted).containsOnlyOnce(true);
    assertThat(failuresUntilOpen(breaker)).isEqualTo(999);
  }

  @Test
  void askLaterAsInTheJavadoc() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    CompletableFuture<String> well = new CompletableFuture<>();
    CompletableFuture<String> badly = new CompletableFuture<>();
    well.whenComplete(breaker.acquire()::finished);
    badly.whenComplete(breaker.acquire()::finished);

    badly.completeExceptionally(new IOException("reset"));
    well.complete("answer");

    assertThat(failuresUntilOpen(breaker)).as("the success came last").isEqualTo(3);
    CircuitBreaker other = breaker(THREE_IN_A_ROW);
    CompletableFuture.failedFuture(new IOException()).whenComplete(other.acquire()::finished);
    assertThat(failuresUntilOpen(other)).isEqualTo(2);
  }

  // ---- calls

  @Test
  void callReturnsTheResultAndCountsASuccess() throws Exception {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);

    end(breaker, FAILURE);
    assertThat(breaker.call(() -> "answer")).isEqualTo("answer");
    end(breaker, FAILURE);
    assertThat(breaker.<String>call(() -> null)).isNull();

    assertThat(failuresUntilOpen(breaker)).isEqualTo(3);
  }

  @Test
  void callThrowsWhatTheWorkThrowsAndCountsAFailure() {
    for (Throwable thrown :
        List.of(new IOException("reset"), new IllegalStateException(), new StackOverflowError())) {
      CircuitBreaker breaker = breaker(THREE_IN_A_ROW);

      assertThatThrownBy(() -> breaker.call(throwing(thrown))).isSameAs(thrown);

      assertThat(thrown.getSuppressed()).isEmpty();
      assertThat(failuresUntilOpen(breaker)).isEqualTo(2);
    }
  }

  @Test
  void interruptionIsIgnored() {
    CircuitBreaker breaker = breaker(THREE_IN_A_ROW);
    end(breaker, FAILURE);
    InterruptedException interruption = new InterruptedException();

    assertThatThrownBy(() -> breaker.call(throwing(interruption))).isSameAs(interruption);

    assertThat(failuresUntilOpen(breaker)).isEqualTo(2);
  }

  @Test
  void nullWorkIsRejectedAndNotCounted() {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);

    assertThatNullPointerException().isThrownBy(() -> breaker.call(null)).withMessage("work");

    assertThat(breaker.acquire().report(SUCCESS)).as("no permit is held").isTrue();
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

  private record Seen(Object result, Throwable error) {}

  @Test
  void classifierSeesResultAndError() throws Exception {
    List<Seen> seen = new ArrayList<>();
    IOException error = new IOException("reset");
    CircuitBreaker breaker =
        breaker(
            classified(
                (result, thrown) -> {
                  seen.add(new Seen(result, thrown));
                  return SUCCESS;
                }));

    breaker.call(() -> "answer");
    assertThatThrownBy(() -> breaker.call(throwing(error))).isSameAs(error);
    breaker.acquire().finished("later", null);

    assertThat(seen)
        .containsExactly(new Seen("answer", null), new Seen(null, error), new Seen("later", null));
  }

  @Test
  void classifierDecidesWhatAFailureIs() throws Exception {
    Classifier emptyIsFailed =
        (result, error) -> error != null ? IGNORED : "".equals(result) ? FAILURE : SUCCESS;
    CircuitBreaker breaker = breaker(classified(emptyIsFailed));

    breaker.call(() -> "");
    assertThatThrownBy(() -> breaker.call(throwing(new IOException())));
    breaker.call(() -> "");

    assertThat(failuresUntilOpen(breaker)).isEqualTo(1);
  }

  @Test
  void classifierDecidesWhileHalfOpenToo() throws Exception {
    CircuitBreaker breaker =
        halfOpen(classified((result, error) -> error == null ? FAILURE : SUCCESS));

    breaker.call(() -> "answer");

    assertThat(breaker.state()).isEqualTo(OPEN);
  }

  @Test
  void callIsIgnoredIfTheClassifierThrows() {
    IllegalStateException bug = new IllegalStateException("bug");
    CircuitBreaker breaker =
        halfOpen(
            classified(
                (result, error) -> {
                  throw bug;
                }));

    assertThatThrownBy(() -> breaker.call(() -> "answer")).isSameAs(bug);
    assertThatThrownBy(() -> breaker.call(throwing(new IOException()))).isSameAs(bug);
    assertThatThrownBy(() -> breaker.acquire().finished("answer", null)).isSameAs(bug);

    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(breaker.acquire().report(SUCCESS)).as("the permit is released").isTrue();
  }

  @Test
  void callIsIgnoredIfTheClassifierReturnsNull() {
    CircuitBreaker breaker = halfOpen(classified((result, error) -> null));

    assertThatNullPointerException().isThrownBy(() -> breaker.call(() -> "answer"));

    assertThat(breaker.state()).isEqualTo(HALF_OPEN);
    assertThat(breaker.acquire().report(SUCCESS)).as("the permit is released").isTrue();
  }

  // ---- reports of state

  @Test
  void listenerMayUseTheBreaker() {
    AtomicReference<CircuitBreaker> self = new AtomicReference<>();
    List<String> seen = new ArrayList<>();
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> {
              seen.add(state + " " + self.get().state());
              if (state == OPEN) {
                time.advance(Duration.ofSeconds(5));
                self.get().acquire().report(SUCCESS); // reported after this report, not within
                seen.add("probed");
              }
            });
    self.set(breaker);

    trip(breaker);

    assertThat(seen).containsExactly("OPEN OPEN", "probed", "HALF_OPEN CLOSED", "CLOSED CLOSED");
  }

  @Test
  void listenerIsCalledUnderNoLock() {
    AtomicReference<CircuitBreaker> self = new AtomicReference<>();
    List<State> seenByOthers = new ArrayList<>();
    CircuitBreaker breaker =
        new CircuitBreaker(
            THREE_IN_A_ROW,
            time,
            state -> seenByOthers.add(result(started(() -> stateUnderLock(self.get())))));
    self.set(breaker);

    trip(breaker);
    time.advance(Duration.ofSeconds(5));
    breaker.acquire().report(SUCCESS);

    assertThat(seenByOthers).containsExactly(OPEN, HALF_OPEN, CLOSED);
  }

  private static State stateUnderLock(CircuitBreaker breaker) throws Exception {
    Field field = CircuitBreaker.class.getDeclaredField("lock");
    field.setAccessible(true);
    synchronized (field.get(breaker)) {
      return breaker.state();
    }
  }

  @Test
  void slowListenerBlocksNoCallAndSeesChangesInOrder() throws Exception {
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
    breaker.acquire().report(SUCCESS); // returns, though the listener is still busy with OPEN
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
              breaker.acquire().report(SUCCESS);
              return breaker.state();
            });
    Thread thread = new Thread(work);
    thread.setUncaughtExceptionHandler((where, error) -> uncaught.add(error));
    thread.start();

    assertThat(result(work)).isEqualTo(CLOSED);
    assertThat(states).containsExactly(OPEN, HALF_OPEN, CLOSED);
    assertThat(uncaught).containsExactly(bug, bug, bug);
  }

  @Test
  void clockIsNotReadForSuccessesInARow() throws Exception {
    AtomicInteger readings = new AtomicInteger();
    CircuitBreaker breaker =
        new CircuitBreaker(THREE_IN_A_ROW, readings::incrementAndGet, states::add);
    int before = readings.get();

    breaker.call(() -> "answer");
    breaker.acquire().report(SUCCESS);

    assertThat(readings).hasValue(before);
  }

  // ---- settings

  @Test
  void defaultsAreAsDocumented() {
    Settings settings = Settings.defaults();

    assertThat(settings.consecutiveFailures()).isEqualTo(5);
    assertThat(settings.ratio()).isEqualTo(new FailureRatio(0, 20, Duration.ofSeconds(10)));
    assertThat(settings.open())
        .isEqualTo(new OpenInterval(Duration.ofSeconds(5), Duration.ofSeconds(10)));
    assertThat(settings.probing()).isEqualTo(new Probing(1, 1, LEASE));
  }

  @Test
  void replacingOneSettingKeepsTheOtherSettings() {
    Classifier classifier = (result, error) -> IGNORED;
    FailureRatio ratio = new FailureRatio(1, 2, SECOND);
    OpenInterval open = new OpenInterval(SECOND, LEASE);
    Probing probing = new Probing(2, 3, SECOND);
    Settings settings = new Settings(1, ratio, open, probing, classifier);

    assertThat(settings.withConsecutiveFailures(4))
        .isEqualTo(new Settings(4, ratio, open, probing, classifier));
    assertThat(settings.withFailureRatio(0.5, 5, LEASE))
        .isEqualTo(new Settings(1, new FailureRatio(0.5, 5, LEASE), open, probing, classifier));
    assertThat(settings.withOpenFor(LEASE, LEASE))
        .isEqualTo(new Settings(1, ratio, new OpenInterval(LEASE, LEASE), probing, classifier));
    assertThat(settings.withProbes(6, 7, LEASE))
        .isEqualTo(new Settings(1, ratio, open, new Probing(6, 7, LEASE), classifier));
    Classifier other = (result, error) -> SUCCESS;
    assertThat(settings.withClassifier(other))
        .isEqualTo(new Settings(1, ratio, open, probing, other));
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
  void invalidLimitsAreRejected(
      int row, double ratio, int minimum, Duration window, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                Settings.defaults()
                    .withConsecutiveFailures(row)
                    .withFailureRatio(ratio, minimum, window))
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
  void invalidRecoveryIsRejected(
      Duration openFor, Duration most, int probes, int successes, Duration lease, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                Settings.defaults().withOpenFor(openFor, most).withProbes(probes, successes, lease))
        .withMessage(message);
  }

  @Test
  void nullIsRejected() {
    Settings settings = Settings.defaults();

    assertThatNullPointerException()
        .isThrownBy(() -> settings.withClassifier(null))
        .withMessage("classifier");
    assertThatNullPointerException()
        .isThrownBy(() -> settings.withFailureRatio(0, 1, null))
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
      assertThat(states).containsExactly(OPEN, HALF_OPEN);
    }
  }

  @Test
  void neverMoreProbesInFlightThanAllowed() throws Exception {
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
                  permit.report(SUCCESS);
                } catch (OpenException e) {
                  Thread.yield();
                }
              }
              return seen;
            });

    assertThat(Collections.max(most)).isLessThanOrEqualTo(allowed).isPositive();
    assertThat(onTheirWay).hasValue(0);
    assertThat(breaker.acquire().report(SUCCESS)).as("no permit is lost").isTrue();
  }

  @Test
  void overdueProbesExpireOnce() throws Exception {
    CircuitBreaker breaker = halfOpen(THREE_IN_A_ROW);
    breaker.acquire();
    time.advance(LEASE);

    List<Boolean> passed = Race.run(8, () -> passes(breaker));

    assertThat(passed).containsOnlyOnce(true);
    assertThat(states).containsExactly(OPEN, HALF_OPEN);
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

      List<Boolean> counted = Race.runNumbered(8, thread -> permits.get(thread).report(FAILURE));

      assertThat(counted).filteredOn(count -> count).hasSize(3); // the others are late
      assertThat(states).containsExactly(OPEN);
    }
  }

  @Test
  void noCallIsLostInTheWindow() throws Exception {
    int threads = 8;
    int each = 2_000;
    CircuitBreaker breaker = breaker(limits(0, 1e-6, threads * each, Duration.ofSeconds(10)));
    end(breaker, FAILURE);

    Race.run(
        threads,
        () -> {
          for (int i = 0; i < each - 1; i++) {
            end(breaker, SUCCESS);
          }
          return null;
        });

    for (int left = threads - 1; left > 0; left--) {
      assertThat(breaker.state()).as(left + " calls too few").isEqualTo(CLOSED);
      end(breaker, SUCCESS);
    }
    assertThat(breaker.state()).isEqualTo(OPEN);
  }

  @Test
  void stateChangesOfManyThreadsAreReportedInOrder() throws Exception {
    List<State> reported = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger reporting = new AtomicInteger();
    CircuitBreaker breaker =
        new CircuitBreaker(
            row(1).withOpenFor(SECOND, SECOND).withProbes(1, 1, Duration.ofDays(36_500)),
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
              permit.report(FAILURE);
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
  }

  @Test
  void rejectionsWhileOpenAndSuccessesWhileClosedTakeNoLock() throws Exception {
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
      assertThat(result(started(() -> closed.acquire().report(SUCCESS)))).isTrue();
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
      probe.report(SUCCESS);
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

  private CircuitBreaker breaker(Settings settings) {
    return new CircuitBreaker(settings, time, states::add);
  }

  private CircuitBreaker open(Settings settings) {
    CircuitBreaker breaker = breaker(settings);
    for (int i = 0; i < settings.consecutiveFailures(); i++) {
      end(breaker, FAILURE);
    }
    assertThat(breaker.state()).isEqualTo(OPEN);
    return breaker;
  }

  /** The open interval has elapsed; there was no call yet. */
  private CircuitBreaker halfOpen(Settings settings) {
    CircuitBreaker breaker = open(settings);
    time.advance(settings.open().openFor());
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
    return permit.report(outcome);
  }

  /** Returns how many failures more open it; it is open then. */
  private static int failuresUntilOpen(CircuitBreaker breaker) {
    assertThat(breaker.state()).isEqualTo(CLOSED);
    int failures = 0;
    for (; breaker.state() == CLOSED; failures++) {
      end(breaker, FAILURE);
    }
    return failures;
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
    throw new AssertionError("not refused: " + breaker.state());
  }

  private static Settings limits(int row, double ratio, int minimumCalls, Duration window) {
    return THREE_IN_A_ROW
        .withConsecutiveFailures(row)
        .withFailureRatio(ratio, minimumCalls, window);
  }

  private static Settings row(int failures) {
    return limits(failures, 0, 1, SECOND);
  }

  private static Settings recovery(Duration openFor, Duration most, int probes, int successes) {
    return THREE_IN_A_ROW.withOpenFor(openFor, most).withProbes(probes, successes, LEASE);
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
