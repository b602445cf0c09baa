// SPDX-License-Identifier: Apache-2.0
package client.load;

import client.options.Failure;
import client.options.UserCall;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import kit.LogSafe;
import kit.Middleware;
import kit.PeerException;
import kit.discovery.Instance;

/**
 * Counts what becomes of calls: how many, how long, how they failed, and who answered.
 *
 * <p>Safe for any number of threads; one lock, held for a few instructions.
 */
final class LoadTally {
  private static final String NEVER_BEGAN = "never began";

  private final LatencyHistogram latencies = new LatencyHistogram();

  // Guarded by this.
  private long ok;
  private long late;
  private final Map<String, Failures> failures = new TreeMap<>();
  private final Map<String, Share> shares = new TreeMap<>();

  private static final class Failures {
    long count;
    String example;
  }

  private static final class Share {
    long answered;
    long failedAttempts;
  }

  /**
   * Goes around each attempt at an instance, and counts it for that instance. An attempt that failed
   * is not always a failed call: another instance may have answered.
   */
  Middleware<UserCall, String> around(Instance instance) {
    return next ->
        (context, call) -> {
          try {
            String answer = next.call(context, call);
            attempted(instance.authority(), true);
            return answer;
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

  /** A call has ended; {@code failure} is null if it was answered. */
  void ended(long nanos, Throwable failure) {
    latencies.record(nanos);
    if (failure == null) {
      answered();
    } else {
      failed(kind(failure), LogSafe.of(Failure.why(failure)));
    }
  }

  /** A call has waited so long for a free thread that its caller has given up. */
  void neverBegan(long nanos) {
    latencies.record(nanos);
    failed(NEVER_BEGAN, "all threads were busy for longer than --timeout; see --concurrency");
  }

  private synchronized void answered() {
    ok++;
  }

  private synchronized void failed(String kind, String example) {
    Failures known = failures.computeIfAbsent(kind, key -> new Failures());
    known.count++;
    known.example = known.example == null ? example : known.example;
  }

  /** A call that is due begins only now. */
  synchronized void beganLate() {
    late++;
  }

  /** The status if there is one, or how far the call got, in words. */
  private static String kind(Throwable failure) {
    if (failure instanceof PeerException e) {
      return e.kind() == PeerException.Kind.STATUS
          ? Integer.toString(e.status())
          : e.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
    return failure.getClass().getSimpleName();
  }

  /** Whether any call has failed so far. */
  synchronized boolean hasFailures() {
    return !failures.isEmpty();
  }

  /** Returns how things stand {@code nanos} after the start. */
  synchronized LoadReport report(long nanos) {
    List<LoadReport.Failed> failed = new ArrayList<>();
    failures.forEach((kind, of) -> failed.add(new LoadReport.Failed(kind, of.count, of.example)));
    failed.sort(Comparator.comparingLong(LoadReport.Failed::calls).reversed());
    long failedCalls = failed.stream().mapToLong(LoadReport.Failed::calls).sum();
    long answered = shares.values().stream().mapToLong(share -> share.answered).sum();
    List<LoadReport.Answered> instances = new ArrayList<>();
    shares.forEach(
        (instance, share) ->
            instances.add(
                new LoadReport.Answered(
                    instance,
                    share.answered,
                    answered == 0 ? 0 : (double) share.answered / answered,
                    share.failedAttempts)));
    return new LoadReport(
        ok + failedCalls,
        ok,
        failedCalls,
        late,
        nanos / 1e9,
        failed,
        LoadReport.Latency.of(latencies),
        instances);
  }
}
