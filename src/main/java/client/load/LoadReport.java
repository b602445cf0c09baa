// SPDX-License-Identifier: Apache-2.0
package client.load;

import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/**
 * What came of a load, to be printed as a table or as JSON.
 *
 * @param calls all that have ended, answered or not
 * @param late those that began over 1 ms after they were due, because all threads were busy
 * @param seconds from the start to the end
 * @param failures by kind, the most frequent first
 * @param instances who answered, by address
 */
record LoadReport(
    long calls,
    long ok,
    long failed,
    long late,
    double seconds,
    List<Failed> failures,
    Latency latencyMillis,
    List<Answered> instances) {

  /**
   * One kind of failure.
   *
   * @param kind the status, or how far the calls got
   * @param example what the first one said
   */
  record Failed(String kind, long calls, String example) {}

  /** From when a call was due to its end, whatever that was; in milliseconds. */
  record Latency(double p50, double p90, double p99, double max) {
    static Latency of(LatencyHistogram histogram) {
      return new Latency(
          histogram.percentileNanos(0.5) / 1e6,
          histogram.percentileNanos(0.9) / 1e6,
          histogram.percentileNanos(0.99) / 1e6,
          histogram.maxNanos() / 1e6);
    }
  }

  /**
   * What one instance has done.
   *
   * @param share of all answers, 0 to 1
   * @param failedAttempts requests that it did not answer well; another instance may have
   */
  record Answered(String instance, long ok, double share, long failedAttempts) {}

  /** One line, while it goes on. */
  String progress() {
    return String.format(
        Locale.ROOT,
        "%5.1f s  %d calls, %.0f/s, %d failed, p99 %.2f ms",
        seconds,
        calls,
        perSecond(),
        failed,
        latencyMillis.p99());
  }

  private double perSecond() {
    return seconds > 0 ? calls / seconds : 0;
  }

  /** All of it, for people. */
  String table() {
    StringJoiner lines = new StringJoiner("\n");
    lines.add(line("calls  %10d   in %.1f s: %.1f/s", calls, seconds, perSecond()));
    lines.add(line("ok     %10d", ok));
    lines.add(line("failed %10d", failed));
    for (Failed kind : failures) {
      lines.add(line("  %-15s %d   such as: %s", kind.kind(), kind.calls(), kind.example()));
    }
    if (late > 0) {
      lines.add(
          line("late   %10d   began late, all threads being busy; latencies include it", late));
    }
    lines.add(line("p50    %10.2f ms", latencyMillis.p50()));
    lines.add(line("p90    %10.2f ms", latencyMillis.p90()));
    lines.add(line("p99    %10.2f ms", latencyMillis.p99()));
    lines.add(line("max    %10.2f ms", latencyMillis.max()));
    if (!instances.isEmpty()) {
      lines.add("").add(line("%-24s %9s %7s %16s", "instance", "ok", "share", "failed attempts"));
    }
    for (Answered by : instances) {
      lines.add(
          line(
              "%-24s %9d %6.1f%% %16d",
              by.instance(), by.ok(), 100 * by.share(), by.failedAttempts()));
    }
    return lines.toString();
  }

  private static String line(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
