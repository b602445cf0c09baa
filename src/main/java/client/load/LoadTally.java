// SPDX-License-Identifier: Apache-2.0
package client.load;

import client.options.Failure;
import client.options.UserCall;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.TreeMap;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import kit.discovery.Instance;
import kit.http.client.TlsFailure;

/**
 * Counts the calls of a load test: results, latencies, failures by kind, and responses by instance.
 *
 * <p>Thread-safe; one lock, held for a few instructions.
 */
final class LoadTally {
  private static final String NEVER_BEGAN = "never began";

  private final LatencyHistogram latencies = new LatencyHistogram();

  // Guarded by this.
  private long ok;
  private long late;
  private long okAtNanos; // When the last call succeeded, from the start.
  private long gapNanos; // The longest time between two of these.
  private final Map<String, Report.Failed> failures = new TreeMap<>();
  private final Map<String, Share> shares = new TreeMap<>();

  private static final class Share {
    long answered;
    long failedAttempts;
  }

  /**
   * Returns the middleware that counts each attempt for its instance. A failed attempt is not always a
   * failed call: the call may be retried.
   */
  Middleware<UserCall, String> around(Instance instance) {
    return next ->
        (context, call) -> {
          try {
            String name = next.call(context, call);
            attempted(instance.authority(), true);
            return name;
          } catch (InterruptedException e) {
            throw e;
          } catch (Exception e) {
            attempted(instance.authority(), false);
            throw e;
          }
        };
  }

  private synchronized void attempted(String instance, boolean answered) {
    Share share = shares.computeIfAbsent(instance, key -> new Share());
    if (answered) {
      share.answered++;
    } else {
      share.failedAttempts++;
    }
  }

  /**
   * Counts a call that took {@code nanos}.
   *
   * @param atNanos when it ended, from the start of the test
   * @param failure null if it succeeded
   */
  void ended(long atNanos, long nanos, Throwable failure) {
    latencies.record(nanos);
    if (failure == null) {
      answered(atNanos);
    } else {
      failed(kind(failure), LogSafe.of(Failure.why(failure)));
    }
  }

  /** Counts a call that waited for a free thread longer than its deadline. */
  void neverBegan(long nanos) {
    latencies.record(nanos);
    failed(NEVER_BEGAN, "all threads were busy for longer than --timeout; see --concurrency");
  }

  private synchronized void answered(long atNanos) {
    ok++;
    if (atNanos > okAtNanos) { // Calls may be counted in another order than they ended.
      gapNanos = Math.max(gapNanos, atNanos - okAtNanos);
      okAtNanos = atNanos;
    }
  }

  private synchronized void failed(String kind, String example) {
    failures.merge(
        kind,
        new Report.Failed(kind, 1, example),
        (known, more) -> new Report.Failed(kind, known.calls() + 1, known.example()));
  }

  /** Counts a call that starts late. */
  synchronized void beganLate() {
    late++;
  }

  /** Returns the status, or the kind of failure if there is none; of TLS, why the handshake failed. */
  private static String kind(Throwable failure) {
    Optional<TlsFailure> tls = TlsFailure.of(failure);
    if (failure instanceof PeerException && tls.isPresent()) {
      return tls.get().kind().toString();
    }
    if (failure instanceof PeerException e) {
      return e.kind() == PeerException.Kind.STATUS
          ? Integer.toString(e.status())
          : e.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
    return failure.getClass().getSimpleName();
  }

  /** Returns the report at {@code nanos} after the start. */
  synchronized Report report(long nanos) {
    List<Report.Failed> failed = new ArrayList<>(failures.values());
    failed.sort(Comparator.comparingLong(Report.Failed::calls).reversed());
    long failedCalls = failed.stream().mapToLong(Report.Failed::calls).sum();

    long answered = shares.values().stream().mapToLong(share -> share.answered).sum();
    List<Report.Answered> instances = new ArrayList<>();
    shares.forEach(
        (instance, share) -> {
          double part = answered == 0 ? 0 : (double) share.answered / answered;
          instances.add(new Report.Answered(instance, share.answered, part, share.failedAttempts));
        });

    return new Report(
        ok + failedCalls,
        ok,
        failedCalls,
        late,
        nanos / 1e9,
        failed,
        Report.Latency.of(latencies),
        Math.max(gapNanos, nanos - okAtNanos) / 1e6,
        instances);
  }

  /**
   * Report of a load test, to be printed as a table or as JSON.
   *
   * @param calls that have ended, successful or not
   * @param late calls that started over 1 ms after they were due, because all threads were busy
   * @param seconds from the start to the end
   * @param failures by kind, the most frequent first
   * @param gapMillis longest time without a successful call: from the start to the first one, between two,
   *     or from the last one to the end
   * @param instances by address
   */
  record Report(
      long calls,
      long ok,
      long failed,
      long late,
      double seconds,
      List<Failed> failures,
      Latency latencyMillis,
      double gapMillis,
      List<Answered> instances) {

    /**
     * Kind of failure.
     *
     * @param kind the status, or the kind if there is none
     * @param example the message of the first one
     */
    record Failed(String kind, long calls, String example) {}

    /** Latency from when a call was due to its end, in milliseconds. */
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
     * Results of one instance.
     *
     * @param share of all responses, 0 to 1
     * @param failedAttempts attempts that failed; their calls may have succeeded elsewhere
     */
    record Answered(String instance, long ok, double share, long failedAttempts) {}

    /** Returns the progress line. */
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

    /** Returns the report as a table. */
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
            line("late   %10d   started late (raise --concurrency); latencies include it", late));
      }
      lines.add(line("p50    %10.2f ms", latencyMillis.p50()));
      lines.add(line("p90    %10.2f ms", latencyMillis.p90()));
      lines.add(line("p99    %10.2f ms", latencyMillis.p99()));
      lines.add(line("max    %10.2f ms", latencyMillis.max()));
      lines.add(line("gap    %10.2f ms   longest time without a successful call", gapMillis));
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
}
