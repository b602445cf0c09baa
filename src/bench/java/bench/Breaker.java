// SPDX-License-Identifier: Apache-2.0
package bench;

import dev.failsafe.CircuitBreakerBuilder;
import dev.failsafe.Failsafe;
import dev.failsafe.FailsafeExecutor;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import java.time.Duration;
import java.util.concurrent.Callable;
import kit.breaker.CircuitBreaker;

/**
 * What circuit breakers have in common, each used as its documentation says.
 *
 * <p>All open for an hour, either after 5 failures in a row or when half of at least 20 calls in 10
 * seconds have failed.
 */
interface Breaker {
  Duration OPEN_FOR = Duration.ofHours(1);
  Duration WINDOW = Duration.ofSeconds(10);
  int MINIMUM_CALLS = 20;
  int IN_A_ROW = 5;

  /** Makes a call, or throws an exception if it is rejected. */
  <R> R call(Callable<R> work) throws Exception;

  /** Makes a call that succeeds, in two steps. */
  void acquireAndSucceed();

  /** Whether a call would be permitted, in the cheapest way that counts a rejection. */
  boolean tryAcquire();

  void open();

  static Breaker of(String library, boolean byRatio) {
    return switch (library) {
      case "kit" -> new Kit(byRatio);
      case "resilience4j" -> new Resilience4j(byRatio);
      case "failsafe" -> new FailsafeDev(byRatio);
      default -> throw new IllegalArgumentException(library);
    };
  }

  final class Kit implements Breaker {
    private final CircuitBreaker breaker;

    Kit(boolean byRatio) {
      CircuitBreaker.Settings settings =
          CircuitBreaker.Settings.defaults()
              .withConsecutiveFailures(byRatio ? 0 : IN_A_ROW)
              .withFailureRatio(byRatio ? 0.5 : 0, MINIMUM_CALLS, WINDOW)
              .withOpenFor(OPEN_FOR, OPEN_FOR);
      breaker = new CircuitBreaker(settings, System::nanoTime, state -> {});
    }

    @Override
    public <R> R call(Callable<R> work) throws Exception {
      return breaker.call(work);
    }

    @Override
    public void acquireAndSucceed() {
      breaker.acquire().report(CircuitBreaker.Outcome.SUCCESS);
    }

    @Override
    public boolean tryAcquire() {
      try {
        breaker.acquire();
        return true;
      } catch (CircuitBreaker.OpenException refused) {
        return false;
      }
    }

    @Override
    public void open() {
      for (int i = 0; i < IN_A_ROW; i++) {
        breaker.acquire().report(CircuitBreaker.Outcome.FAILURE);
      }
    }
  }

  final class Resilience4j implements Breaker {
    private final io.github.resilience4j.circuitbreaker.CircuitBreaker breaker;

    Resilience4j(boolean byRatio) {
      CircuitBreakerConfig.Builder config =
          CircuitBreakerConfig.custom()
              .waitDurationInOpenState(OPEN_FOR)
              .writableStackTraceEnabled(
                  false); // As in the kit; its default is more than ten times slower.
      if (byRatio) {
        config
            .failureRateThreshold(50)
            .slidingWindow((int) WINDOW.toSeconds(), MINIMUM_CALLS, SlidingWindowType.TIME_BASED);
      } else {
        config
            .failureRateThreshold(100)
            .slidingWindow(IN_A_ROW, IN_A_ROW, SlidingWindowType.COUNT_BASED);
      }
      breaker = io.github.resilience4j.circuitbreaker.CircuitBreaker.of("bench", config.build());
    }

    @Override
    public <R> R call(Callable<R> work) throws Exception {
      return breaker.executeCallable(work);
    }

    @Override
    public void acquireAndSucceed() {
      breaker.acquirePermission();
      long startedAt = breaker.getCurrentTimestamp();
      breaker.onSuccess(breaker.getCurrentTimestamp() - startedAt, breaker.getTimestampUnit());
    }

    @Override
    public boolean tryAcquire() {
      return breaker.tryAcquirePermission();
    }

    @Override
    public void open() {
      breaker.transitionToOpenState();
    }
  }

  final class FailsafeDev implements Breaker {
    private final dev.failsafe.CircuitBreaker<Object> breaker;
    private final FailsafeExecutor<Object> executor;

    FailsafeDev(boolean byRatio) {
      CircuitBreakerBuilder<Object> builder =
          dev.failsafe.CircuitBreaker.builder().withDelay(OPEN_FOR);
      breaker =
          byRatio
              ? builder.withFailureRateThreshold(50, MINIMUM_CALLS, WINDOW).build()
              : builder.withFailureThreshold(IN_A_ROW).build();
      executor = Failsafe.with(breaker);
    }

    @Override
    public <R> R call(Callable<R> work) throws Exception {
      return executor.get(work::call);
    }

    @Override
    public void acquireAndSucceed() {
      breaker.tryAcquirePermit();
      breaker.recordSuccess();
    }

    @Override
    public boolean tryAcquire() {
      return breaker.tryAcquirePermit();
    }

    @Override
    public void open() {
      breaker.open();
    }
  }
}
