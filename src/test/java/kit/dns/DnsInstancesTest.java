// SPDX-License-Identifier: Apache-2.0
package kit.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import kit.discovery.Instance;
import kit.discovery.Watch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.event.Level;
import testing.Eventually;
import testing.FakeDns;
import testing.FakeNanoTime;
import testing.RecordingLogger;

/** Discovery with a fake DNS server; with that of Consul: it.DnsRegistryIT. */
@Timeout(30)
class DnsInstancesTest {
  private static final String WEB = "web.service.consul";
  private static final Duration SOON = Duration.ofSeconds(10);

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final Semaphore rounds = new Semaphore(0); // That may begin, but for the first.
  private final Semaphore pauses = new Semaphore(0); // That have begun.
  private FakeDns dns;
  private DnsInstances instances;

  @BeforeEach
  void startServer() throws Exception {
    dns = new FakeDns();
  }

  @AfterEach
  void stop() throws Exception {
    if (instances != null) {
      instances.close();
    }
    dns.close();
  }

  private void watch(DnsInstances.Settings settings) {
    Watch.Timing timing =
        new Watch.Timing(
            time,
            nanos -> {
              pauses.release();
              rounds.acquire();
              time.advance(Duration.ofNanos(nanos));
            },
            () -> 1.0);
    instances = new DnsInstances(settings, timing, log);
  }

  private void watch() {
    watch(DnsInstances.Settings.of(dns.authority(), WEB));
  }

  /** Waits for the end of the round. */
  private void awaitRound() throws InterruptedException {
    assertThat(pauses.tryAcquire(20, TimeUnit.SECONDS)).isTrue();
  }

  /** Has the next round begin, and waits for its end. */
  private void nextRound() throws InterruptedException {
    rounds.release();
    awaitRound();
  }

  @Test
  void queriesSrvFirstThenTheAddressOfEachTarget() throws Exception {
    dns.on(WEB, "SRV", "1 1 8081 one.node.", "1 1 8082 one.node.", "1 1 8083 six.node.")
        .on("one.node", "A", "10.0.0.1")
        .on("six.node", "AAAA", "2001:db8::1");
    watch();
    awaitRound();

    assertThat(instances.snapshot())
        .containsExactly(
            Instance.of("10.0.0.1", 8081),
            Instance.of("10.0.0.1", 8082),
            Instance.of("2001:db8::1", 8083));
    assertThat(dns.questions())
        .containsOnly(WEB + " SRV", "one.node A", "six.node A", "six.node AAAA")
        .containsOnlyOnce("one.node A");
  }

  @Test
  void samplesAreUnited() throws Exception {
    dns.sample(3);
    String[] records =
        IntStream.rangeClosed(1, 10)
            .mapToObj(i -> "1 1 " + (8080 + i) + " one.node.")
            .toArray(String[]::new);
    dns.on(WEB, "SRV", records).on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    nextRound();

    assertThat(instances.snapshot()).hasSize(10);
    for (int i = 0; i < 20; i++) {
      nextRound();
      assertThat(instances.snapshot()).hasSize(10);
    }
  }

  @Test
  void fewInstancesTakeFiveQueriesAndManyABoundedNumber() throws Exception {
    dns.on(WEB, "SRV", "1 1 8081 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    assertThat(dns.questions()).filteredOn(question -> question.endsWith("SRV")).hasSize(5);

    dns.sample(1);
    String[] records =
        IntStream.rangeClosed(1, 1000)
            .mapToObj(i -> "1 1 " + i + " one.node.")
            .toArray(String[]::new);
    dns.on(WEB, "SRV", records);
    nextRound();
    assertThat(dns.questions()).filteredOn(question -> question.endsWith("SRV")).hasSize(5 + 24);
  }

  @Test
  void instanceMissingForThreeRoundsIsRemoved() throws Exception {
    dns.on(WEB, "SRV", "1 1 1 one.node.", "1 1 2 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    Instance stays = Instance.of("10.0.0.1", 1);
    Instance goes = Instance.of("10.0.0.1", 2);
    assertThat(instances.snapshot()).containsExactly(stays, goes);

    dns.on(WEB, "SRV", "1 1 1 one.node.");
    nextRound();
    nextRound();
    assertThat(instances.snapshot()).containsExactly(stays, goes);
    nextRound();
    assertThat(instances.snapshot()).containsExactly(stays);
  }

  @Test
  void nxdomainIsAnEmptyListAfterTheGrace() throws Exception {
    dns.on(WEB, "SRV", "1 1 1 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    dns.forget(WEB);

    for (int i = 0; i < 6; i++) { // Of 5 seconds.
      nextRound();
      assertThat(instances.snapshot()).hasSize(1);
    }
    nextRound();
    assertThat(instances.snapshot()).isEmpty();
    assertThat(instances.failure()).isEmpty();
  }

  @Test
  void emptyResponseIsAValidFirstList() throws Exception {
    watch();

    assertThat(instances.awaitFirst(SOON)).isTrue();
    assertThat(instances.snapshot()).isEmpty();
  }

  @Test
  void onlyTheLowestPriorityCounts() throws Exception {
    dns.on(WEB, "SRV", "2 1 1 one.node.", "1 1 2 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();

    assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 2));
  }

  @Test
  void targetThatTheServerDoesNotResolveIsKeptAsAName() throws Exception {
    dns.on(WEB, "SRV", "1 1 1 unknown.example.", "1 1 2 elsewhere.example.");
    dns.fail("elsewhere.example", "A", 5);
    watch();
    awaitRound();

    assertThat(instances.snapshot())
        .containsExactly(Instance.of("elsewhere.example", 2), Instance.of("unknown.example", 1));
  }

  @Test
  void invalidRecordsAreSkippedWithOneWarning() throws Exception {
    dns.on(WEB, "SRV", "1 1 0 one.node.", "1 1 1 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    nextRound();

    assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 1));
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly("WARN " + WEB + ": skipped 10.0.0.1: port not in 1..65535: 0");
  }

  @Test
  void invalidTargetsAreSkippedWithOneWarningEach() throws Exception {
    String[] targets = {"one node.", "my_host.", "a/b.", "\"a\".", "one.node.", "-a."};
    dns.on(WEB, "SRV", Stream.of(targets).map(target -> "1 1 1 " + target).toArray(String[]::new))
        .on("one", "A", "10.0.0.2") // What comes before the blank is another host.
        .on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    nextRound();

    assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 1));
    assertThat(log.linesFrom(Level.WARN))
        .hasSize(5)
        .allMatch(line -> line.matches("WARN " + WEB + ": skipped (.+): not a host: .+"), "form")
        .anyMatch(line -> line.contains("one node"))
        .anyMatch(line -> line.contains("my_host"));
    assertThat(dns.questions()).doesNotContain("one A", "a A", "b A");
  }

  @Test
  void targetWithAnUnderscoreIsCalledByItsAddress() throws Exception {
    dns.on(WEB, "SRV", "1 1 1 my_host.node.").on("my_host.node", "A", "10.0.0.1");
    watch();
    awaitRound();

    assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 1));
  }

  @Test
  void truncatedResponseIsRetriedOverTcp() throws Exception {
    dns.truncate();
    dns.on(WEB, "SRV", "1 1 1 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();

    assertThat(instances.snapshot()).containsExactly(Instance.of("10.0.0.1", 1));
  }

  @Test
  void withAPortAddressRecordsAreTheInstances() throws Exception {
    dns.on(WEB, "A", "10.0.0.1", "10.0.0.2");
    watch(DnsInstances.Settings.of(dns.authority(), WEB).withPort(8081));
    awaitRound();

    assertThat(instances.snapshot())
        .containsExactly(Instance.of("10.0.0.1", 8081), Instance.of("10.0.0.2", 8081));
    assertThat(dns.questions()).containsOnly(WEB + " A");
  }

  @Test
  void outageKeepsTheListAndIsLoggedInTwoLines() throws Exception {
    dns.on(WEB, "SRV", "1 1 1 one.node.").on("one.node", "A", "10.0.0.1");
    watch();
    awaitRound();
    List<Instance> before = instances.snapshot();

    dns.silent(true);
    nextRound();
    assertThat(instances.failure()).isPresent();
    dns.silent(false);
    dns.fail(WEB, "SRV", 2);
    nextRound();
    assertThat(instances.snapshot()).isSameAs(before);

    dns.on(WEB, "SRV", "1 1 1 one.node.");
    nextRound();
    assertThat(instances.failure()).isEmpty();
    assertThat(instances.snapshot()).isSameAs(before);
    String where = "dns://" + dns.authority();
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN watching %s in %s failed: %s, %s SRV: no response; keeping the last known content, retrying"
                .formatted(WEB, where, where, WEB),
            "WARN watching %s in %s recovered".formatted(WEB, where));
  }

  @Test
  void closeDoesNotWaitForASilentServer() throws Exception {
    dns.silent(true);
    watch();
    Eventually.within(
        SOON,
        () ->
            assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .contains("watch-" + WEB));
    long startNanos = System.nanoTime();

    instances.close();
    instances.close();

    assertThat(Duration.ofNanos(System.nanoTime() - startNanos)).isLessThan(Duration.ofSeconds(3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "a..b", "a b", "a/b", "\"a\"", "a\\.b", "a,b", "ü"})
  void invalidNameIsRejected(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DnsInstances.Settings.of("127.0.0.1:53", name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "_web._tcp.service.consul", "1.2.", "web-1.example.org"})
  void validNameIsAccepted(String name) {
    assertThat(DnsInstances.Settings.of("[::1]:53", name).name()).isEqualTo(name);
  }
}
