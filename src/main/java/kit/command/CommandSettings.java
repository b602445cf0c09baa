// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import kit.breaker.CircuitBreaker;

/**
 * When a {@link Command} gives up, refuses, and tries again.
 *
 * @param timeout how long a caller waits, at most a day
 * @param maxConcurrent how many calls may run at a time
 * @param requestVolumeThreshold how many calls in 10 s there must have been for the breaker to open
 * @param errorRatio which part of them must have failed, 0 to 1; with 0 the breaker never opens
 * @param sleepWindow how long it stays open before one call may try, at most a day
 */
public record CommandSettings(
    Duration timeout,
    int maxConcurrent,
    int requestVolumeThreshold,
    double errorRatio,
    Duration sleepWindow) {
  private static final Duration LONGEST = Duration.ofDays(1); // Longer is a mistake in the unit.
  private static final Duration WINDOW = Duration.ofSeconds(10); // Hystrix: 10 buckets of 1 s.

  /** Checks that numbers are at least 1, spans more than 0 and at most a day, the ratio 0 to 1. */
  public CommandSettings {
    requireSpan(timeout, "timeout");
    require(maxConcurrent >= 1, "maxConcurrent < 1", maxConcurrent);
    require(requestVolumeThreshold >= 1, "requestVolumeThreshold < 1", requestVolumeThreshold);
    require(errorRatio >= 0 && errorRatio <= 1, "errorRatio not in 0..1", errorRatio);
    requireSpan(sleepWindow, "sleepWindow");
  }

  /** 1 s, 10 calls; opens when half of 20 calls or more fail, for 5 s. Hystrix's defaults. */
  public static CommandSettings defaults() {
    return new CommandSettings(Duration.ofSeconds(1), 10, 20, 0.5, Duration.ofSeconds(5));
  }

  /** These settings with another timeout. */
  public CommandSettings withTimeout(Duration other) {
    return new CommandSettings(
        other, maxConcurrent, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  /** These settings with another number of calls at a time. */
  public CommandSettings withMaxConcurrent(int other) {
    return new CommandSettings(timeout, other, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  /** These settings with another breaker: when it opens, and for how long. */
  public CommandSettings withBreaker(
      int requestVolumeThreshold, double errorRatio, Duration sleepWindow) {
    return new CommandSettings(
        timeout, maxConcurrent, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  CircuitBreaker.Settings breaker(CircuitBreaker.Classifier classifier) {
    Duration lease =
        timeout.multipliedBy(2); // A probe's result comes at the timeout at the latest.
    return CircuitBreaker.Settings.defaults()
        .withConsecutiveFailures(0)
        .withFailureRatio(errorRatio, requestVolumeThreshold, WINDOW)
        .withOpenFor(sleepWindow, sleepWindow)
        .withProbes(1, 1, lease)
        .withClassifier(classifier);
  }

  private static void requireSpan(Duration span, String name) {
    require(requireNonNull(span, name).compareTo(Duration.ZERO) > 0, name + " <= 0", span);
    require(span.compareTo(LONGEST) <= 0, name + " > " + LONGEST, span);
  }

  private static void require(boolean condition, String otherwise, Object value) {
    if (!condition) {
      throw new IllegalArgumentException(otherwise + ": " + value);
    }
  }
}
