// SPDX-License-Identifier: Apache-2.0
package client.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import client.options.UserCall;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.discovery.Instance;
import org.junit.jupiter.api.Test;

class LoadTallyTest {
  private static final UserCall CALL = UserCall.getName("7");

  private final LoadTally tally = new LoadTally();

  private static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  @Test
  void failedHandshakesAreAKindForEachReason() {
    SSLException unknown = new SSLHandshakeException("Received fatal alert: certificate_required");
    tally.ended(0, 1, PeerException.notConnected("a:1", "TLS: no certificate", unknown));
    tally.ended(0, 1, PeerException.notConnected("a:1", "connection refused", null));
    assertThat(tally.report(1).failures())
        .extracting(LoadTally.Report.Failed::kind)
        .containsExactlyInAnyOrder("TLS no client certificate", "not connected");
  }

  @Test
  void failuresAreCountedByKindTheMostFrequentFirst() {
    tally.ended(0, 1, PeerException.timeout("a:1", null));
    tally.ended(0, 1, PeerException.status("a:1", 429, "slow down", null));
    tally.ended(0, 1, PeerException.status("b:2", 429, "slow down", null));
    tally.ended(0, 1, PeerException.status("a:1", 429, "slow down", null));
    tally.ended(0, 1, PeerException.status("a:1", 503, "busy", null));
    tally.ended(0, 1, PeerException.status("a:1", 503, "busy", null));
    tally.ended(0, 1, new IllegalStateException("two\nlines"));
    tally.ended(0, 1, null);
    LoadTally.Report report = tally.report(1);
    assertThat(report.calls()).isEqualTo(8);
    assertThat(report.ok()).isEqualTo(1);
    assertThat(report.failed()).isEqualTo(7);
    assertThat(report.failures())
        .containsExactly(
            new LoadTally.Report.Failed("429", 3, "429 slow down (a:1)"),
            new LoadTally.Report.Failed("503", 2, "503 busy (a:1)"),
            new LoadTally.Report.Failed(
                "IllegalStateException", 1, "java.lang.IllegalStateException: two\\nlines"),
            new LoadTally.Report.Failed("timeout", 1, "timed out (a:1)"));
  }

  @Test
  void eachInstanceHasItsShareAndTheAttemptsThatItFailed() throws Exception {
    Endpoint<UserCall, String> good = (context, call) -> "jerry";
    Endpoint<UserCall, String> bad =
        (context, call) -> {
          throw new IOException("down");
        };
    Instance a = Instance.of("a", 1);
    Instance b = Instance.of("b", 2);
    for (int i = 0; i < 3; i++) {
      assertThat(tally.around(b).around(good).call(Context.background(), CALL)).isEqualTo("jerry");
    }
    tally.around(a).around(good).call(Context.background(), CALL);
    assertThatThrownBy(() -> tally.around(a).around(bad).call(Context.background(), CALL))
        .hasMessage("down");
    assertThat(tally.report(1).instances())
        .containsExactly(
            new LoadTally.Report.Answered("a:1", 1, 0.25, 1),
            new LoadTally.Report.Answered("b:2", 3, 0.75, 0));
    // An attempt that failed is no failed call: another may have gone well.
    assertThat(tally.report(1).failed()).isZero();
  }

  @Test
  void abandonedAttemptIsNotCounted() {
    Endpoint<UserCall, String> givenUp =
        (context, call) -> {
          throw new InterruptedException();
        };
    assertThatThrownBy(
            () ->
                tally.around(Instance.of("a", 1)).around(givenUp).call(Context.background(), CALL))
        .isInstanceOf(InterruptedException.class);
    assertThat(tally.report(1).instances()).isEmpty();
  }

  @Test
  void tableHasAllResults() throws Exception {
    for (int i = 1; i <= 100; i++) {
      tally.ended(0, millis(i), null);
    }
    tally.ended(0, millis(2000), PeerException.timeout("127.0.0.1:8081", null));
    tally.beganLate();
    tally.around(Instance.of("127.0.0.1", 8081)).around((context, call) -> "").call(null, CALL);
    assertThat(tally.report(millis(10_000)).table().lines())
        .containsExactly(
            "calls         101   in 10.0 s: 10.1/s",
            "ok            100",
            "failed          1",
            "  timeout         1   such as: timed out (127.0.0.1:8081)",
            "late            1   started late (raise --concurrency); latencies include it",
            "p50         51.12 ms",
            "p90         91.23 ms",
            "p99        100.14 ms",
            "max       2000.00 ms",
            "gap      10000.00 ms   longest time without a successful call",
            "",
            "instance                        ok   share  failed attempts",
            "127.0.0.1:8081                   1  100.0%                0");
    assertThat(tally.report(millis(10_000)).progress())
        .isEqualTo(" 10.0 s  101 calls, 10/s, 1 failed, p99 100.14 ms");
  }

  @Test
  void gapIsTheLongestTimeWithoutASuccessfulCallAlsoAtTheStartAndTheEnd() {
    assertThat(tally.report(millis(70)).gapMillis()).isEqualTo(70); // No call at all.

    tally.ended(millis(100), 1, null);
    assertThat(tally.report(millis(120)).gapMillis()).isEqualTo(100); // At the start.

    tally.ended(millis(200), 1, PeerException.timeout("a:1", null));
    tally.ended(millis(250), 1, null);
    assertThat(tally.report(millis(300)).gapMillis()).isEqualTo(150); // Failures do not end it.

    tally.ended(millis(240), 1, null); // Counted late.
    tally.ended(millis(350), 1, null);
    assertThat(tally.report(millis(350)).gapMillis()).isEqualTo(150);
    assertThat(tally.report(millis(600)).gapMillis()).isEqualTo(250); // At the end.
  }

  @Test
  void tableOfNothingIsATable() {
    assertThat(tally.report(0).table()).startsWith("calls           0   in 0.0 s: 0.0/s\nok");
  }
}
