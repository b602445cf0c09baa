// SPDX-License-Identifier: Apache-2.0
package client.load;

import client.options.Options;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.Flags;

/**
 * Bounds that the results of a load test must keep, such as those of a deployment.
 *
 * <pre>
 *   --max-failed N   failed calls
 *   --max-p99 D      99th percentile of the latency of all calls, failed ones included
 *   --max-gap D      longest time without a successful call
 * </pre>
 *
 * <p>Without any of these flags there is no verdict, and any failed call fails the test. With one of them
 * the bound of failed calls is {@code --max-failed}, which is 0 by default, and a test without a
 * successful call fails.
 *
 * @param isOn whether there is a verdict
 * @param maxFailed the bound of failed calls
 */
record Gate(boolean isOn, long maxFailed, Optional<Duration> maxP99, Optional<Duration> maxGap) {
  private static final List<String> FLAGS = List.of("max-failed", "max-p99", "max-gap");

  /** Declares the flags. */
  static Supplier<Gate> declare(Flags flags) {
    Supplier<Integer> failed =
        flags.optional(
            "max-failed",
            Flags.integer(0, Integer.MAX_VALUE),
            "0",
            "gate: exit 1 with more failed calls");
    Supplier<Optional<Duration>> p99 =
        flags.optional(
            "max-p99", Options.POSITIVE.or("none"), "none", "gate: exit 1 if the p99 is longer");
    Supplier<Optional<Duration>> gap =
        flags.optional(
            "max-gap",
            Options.POSITIVE.or("none"),
            "none",
            "gate: exit 1 if no call succeeds for longer");
    return () ->
        new Gate(FLAGS.stream().anyMatch(flags::isGiven), failed.get(), p99.get(), gap.get());
  }

  /**
   * Checks that calls at a rate can keep the bounds.
   *
   * @param rate calls per second; 0 = closed loop
   * @throws Flags.UsageException if the gap is shorter than the interval of calls
   */
  void check(double rate) {
    if (rate > 0 && maxGap.isPresent() && maxGap.get().toNanos() < 1e9 / rate) {
      throw new Flags.UsageException(
          "--max-gap: shorter than the interval of calls, which is 1 s / --rate");
    }
  }

  /** Returns the verdict on a report. */
  Verdict judge(LoadTally.Report report) {
    List<String> kept = new ArrayList<>();
    List<String> broken = new ArrayList<>();
    if (isOn && report.ok() == 0) {
      broken.add("no call succeeded");
    }
    compare("failed", report.failed(), maxFailed, "%.0f", kept, broken);
    maxP99.ifPresent(
        bound ->
            compare("p99", report.latencyMillis().p99(), millis(bound), "%.2f ms", kept, broken));
    maxGap.ifPresent(
        bound -> compare("gap", report.gapMillis(), millis(bound), "%.2f ms", kept, broken));
    return broken.isEmpty() ? new Verdict(true, kept) : new Verdict(false, broken);
  }

  private static void compare(
      String what,
      double value,
      double bound,
      String format,
      List<String> kept,
      List<String> broken) {
    boolean isKept = value <= bound;
    String form = what + " " + format + (isKept ? " <= " : " > ") + format;
    (isKept ? kept : broken).add(String.format(Locale.ROOT, form, value, bound));
  }

  private static double millis(Duration duration) {
    return duration.toNanos() / 1e6;
  }

  /**
   * Verdict on a load test.
   *
   * @param reasons with values and bounds: those that were broken, or else all
   */
  record Verdict(boolean passed, List<String> reasons) {
    /** Returns the verdict in one line. */
    String line() {
      return (passed ? "PASS " : "FAIL ") + String.join(", ", reasons);
    }
  }
}
