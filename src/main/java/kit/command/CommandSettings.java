// SPDX-License-Identifier: Apache-2.0
package kit.command;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import kit.breaker.CircuitBreaker;

/**
 * Settings of a {@link Command}, with the names of Hystrix.
 *
 * @param timeout the timeout of a call, at most a day
 * @param maxConcurrent the maximum number of concurrent calls
 * @param requestVolumeThreshold the number of calls in 10 s from which the breaker may open
 * @param errorRatio the ratio of failures, 0 to 1, at which it opens; with 0 it never opens
 * @param sleepWindow the open interval before a probe call, at most a day
 */
public record CommandSettings(
    Duration timeout,
    int maxConcurrent,
    int requestVolumeThreshold,
    double errorRatio,
    Duration sleepWindow) {
  // A longer one is an error in the unit.
  private static final Duration LONGEST = Duration.ofDays(1);
  private static final Duration WINDOW = Duration.ofSeconds(10); // Hystrix: 10 buckets of 1 s.

  /**
   * Checks the ranges: numbers at least 1, durations above 0 and at most a day, the ratio 0 to 1.
   */
  public CommandSettings {
    requireSpan(timeout, "timeout");
    require(maxConcurrent >= 1, "maxConcurrent < 1", maxConcurrent);
    require(requestVolumeThreshold >= 1, "requestVolumeThreshold < 1", requestVolumeThreshold);
    require(errorRatio >= 0 && errorRatio <= 1, "errorRatio not in 0..1", errorRatio);
    requireSpan(sleepWindow, "sleepWindow");
  }

  /**
   * Returns Hystrix's defaults: 1 s, 10 calls; opens for 5 s when half of 20 or more calls fail.
   */
  public static CommandSettings defaults() {
    return new CommandSettings(Duration.ofSeconds(1), 10, 20, 0.5, Duration.ofSeconds(5));
  }

  /** Returns these settings with another timeout. */
  public CommandSettings withTimeout(Duration other) {
    return new CommandSettings(
        other, maxConcurrent, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  /** These settings with another number of calls at a time. */
  public CommandSettings withMaxConcurrent(int other) {
    return new CommandSettings(timeout, other, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  /** Returns these settings with another threshold and open interval of the breaker. */
  public CommandSettings withBreaker(
      int requestVolumeThreshold, double errorRatio, Duration sleepWindow) {
    return new CommandSettings(
        timeout, maxConcurrent, requestVolumeThreshold, errorRatio, sleepWindow);
  }

  CircuitBreaker.Settings breaker(CircuitBreaker.Classifier classifier) {
    Duration lease = timeout.multipliedBy(2); // A probe ends at the timeout at the latest.
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
