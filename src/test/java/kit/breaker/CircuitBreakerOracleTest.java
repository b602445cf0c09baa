// SPDX-License-Identifier: Apache-2.0
package kit.breaker;

import static kit.breaker.CircuitBreaker.Outcome.FAILURE;
import static kit.breaker.CircuitBreaker.Outcome.IGNORED;
import static kit.breaker.CircuitBreaker.Outcome.SUCCESS;
import static kit.breaker.CircuitBreaker.State.CLOSED;
import static kit.breaker.CircuitBreaker.State.HALF_OPEN;
import static kit.breaker.CircuitBreaker.State.OPEN;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import kit.breaker.CircuitBreaker.OpenException;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaker.Permit;
import kit.breaker.CircuitBreaker.Settings;
import kit.breaker.CircuitBreaker.State;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.FakeNanoTime;

/** Compares the breaker with a naive implementation on random operations. */
class CircuitBreakerOracleTest {
  private static final List<Outcome> OUTCOMES = List.of(SUCCESS, FAILURE, IGNORED);

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<State> states = new ArrayList<>();

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void doesWhatANaiveModelDoes(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 20; round++) {
      Settings settings = randomSettings(random);
      states.clear();
      CircuitBreaker breaker = new CircuitBreaker(settings, time, states::add);
      Model model = new Model(settings);
      List<Permit> permits = new ArrayList<>();
      List<Model.Call> calls = new ArrayList<>();
      for (int operation = 0; operation < 500; operation++) {
        String where = "seed " + seed + ", round " + round + ", operation " + operation;
        int choice = random.nextInt(100);
        if (choice < 40) {
          Model.Call call = model.enter();
          try {
            permits.add(breaker.acquire());
            assertThat(call).as(where).isNotNull();
            calls.add(call);
          } catch (OpenException e) {
            assertThat(call).as(where).isNull();
            assertThat(e.retryAfter().orElse(null)).as(where).isEqualTo(model.retryAfter());
          }
        } else if (choice < 85 && !permits.isEmpty()) {
          int which = random.nextInt(permits.size());
          Outcome outcome = OUTCOMES.get(random.nextInt(3));
          assertThat(report(permits.get(which), outcome))
              .as(where)
              .isEqualTo(model.end(calls.get(which), outcome));
          if (random.nextInt(10) > 0) { // Else it may report once more.
            permits.remove(which);
            calls.remove(which);
          }
        } else {
          Duration step = Duration.ofMillis(random.nextInt(1 << random.nextInt(14)));
          time.advance(step);
          model.nowMillis += step.toMillis();
        }
        assertThat(breaker.state()).as(where).isEqualTo(model.state());
        assertThat(states).as(where).isEqualTo(model.reported);
      }
    }
  }

  private static boolean report(Permit permit, Outcome outcome) {
    return permit.report(outcome);
  }

  private static Settings randomSettings(Random random) {
    Duration openFor = Duration.ofMillis(1 + random.nextInt(3_000));
    return Settings.defaults()
        .withConsecutiveFailures(random.nextInt(5))
        .withFailureRatio(
            random.nextBoolean() ? 0 : (1 + random.nextInt(20)) / 20.0,
            1 + random.nextInt(10),
            Duration.ofMillis(10 * (1 + random.nextInt(1_000))))
        .withOpenFor(openFor, openFor.multipliedBy(1 + random.nextInt(5)))
        .withProbes(
            1 + random.nextInt(3),
            1 + random.nextInt(3),
            Duration.ofMillis(1 + random.nextInt(5_000)));
  }

  /** The same rules once more: one thread, no cleverness, every call remembered. */
  private static final class Model {
    final Settings settings;
    final List<State> reported = new ArrayList<>();
    final List<Call> history = new ArrayList<>(); // Judged in this generation.
    final Deque<Call> probes = new ArrayDeque<>(); // On their way; the last one began last.
    State state = CLOSED;
    long generation;
    long nowMillis;
    long beganMillis;
    int failedProbings; // Since it was closed.

    private static final class Call {
      final long generation;
      boolean reported;
      long startedMillis;
      long endedMillis;
      Outcome outcome;

      Call(long generation) {
        this.generation = generation;
      }
    }

    Model(Settings settings) {
      this.settings = settings;
    }

    void begin(State next) {
      if (next == CLOSED) {
        failedProbings = 0;
      }
      if (next != state) {
        reported.add(next);
      }
      state = next;
      generation++;
      beganMillis = nowMillis;
      history.clear();
      probes.clear();
    }

    long restMillis() {
      long millis = settings.open().openFor().toMillis();
      for (int i = 0; i < failedProbings; i++) {
        millis = Math.min(2 * millis, settings.open().maxOpenFor().toMillis());
      }
      return millis;
    }

    boolean isRested() {
      return state == OPEN && nowMillis >= beganMillis + restMillis();
    }

    Duration retryAfter() {
      return state == OPEN ? Duration.ofMillis(beganMillis + restMillis() - nowMillis) : null;
    }

    Call enter() {
      boolean full = probes.size() == settings.probing().probes();
      if (isRested()) {
        begin(HALF_OPEN);
      } else if (state == HALF_OPEN
          && full
          && nowMillis >= probes.getLast().startedMillis + settings.probing().lease().toMillis()) {
        begin(HALF_OPEN);
      } else if (state == OPEN || state == HALF_OPEN && full) {
        return null;
      }
      Call call = new Call(generation);
      call.startedMillis = nowMillis;
      if (state == HALF_OPEN) {
        probes.addLast(call);
      }
      return call;
    }

    boolean end(Call call, Outcome outcome) {
      if (call.reported || call.generation != generation) {
        call.reported = true;
        return false;
      }
      call.reported = true;
      call.outcome = outcome;
      call.endedMillis = nowMillis;
      probes.remove(call);
      if (outcome == IGNORED) {
        return true;
      }
      history.add(call);
      if (state == HALF_OPEN) {
        if (outcome == FAILURE) {
          failedProbings++;
          begin(OPEN);
        } else if (history.size() == settings.probing().successesToClose()) {
          begin(CLOSED);
        }
      } else if (state == CLOSED && (outcome == FAILURE && isRow() || isRatio())) {
        begin(OPEN);
      }
      return true;
    }

    private int row() {
      int row = 0;
      for (Call call : history) {
        row = call.outcome == FAILURE ? row + 1 : 0;
      }
      return row;
    }

    private boolean isRow() {
      return row() == settings.consecutiveFailures();
    }

    private boolean isRatio() {
      long tenth = settings.ratio().window().toMillis() / 10;
      long newest = (nowMillis - beganMillis) / tenth;
      List<Call> seen =
          history.stream()
              .filter(call -> (call.endedMillis - beganMillis) / tenth > newest - 10)
              .toList();
      long failed = seen.stream().filter(call -> call.outcome == FAILURE).count();
      // In twentieths, as randomSettings makes them.
      long twentieths = Math.round(settings.ratio().ratio() * 20);
      return twentieths > 0
          && seen.size() >= settings.ratio().minimumCalls()
          && failed * 20 >= twentieths * seen.size();
    }

    State state() {
      return isRested() ? HALF_OPEN : state;
    }
  }
}
