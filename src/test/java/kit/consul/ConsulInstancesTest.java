// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import kit.discovery.Instance;
import kit.discovery.Watch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Engine;
import testing.Eventually;
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.RecordingLogger;

/** The watch against a faulty Consul; with a real one: {@code it.ConsulRegistryIT}. */
@Timeout(20)
class ConsulInstancesTest {
  private static final String PATH = "/v1/health/service/web";
  private static final Instance A = Instance.of("10.0.0.1", 80);
  private static final Instance B = Instance.of("10.0.0.2", 80);

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final BlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private FakeConsul fake;
  private ConsulInstances instances;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeConsul();
  }

  @AfterEach
  void stop() {
    if (instances != null) {
      instances.close();
    }
    fake.close();
  }

  /** Sleeping takes no time, but moves the clock on. */
  private void watch() {
    watch(ConsulInstances.Settings.of("web"));
  }

  private void watch(ConsulInstances.Settings settings) {
    Watch.Timing timing =
        new Watch.Timing(
            time,
            nanos -> {
              Duration slept = Duration.ofNanos(nanos);
              time.advance(slept);
              sleeps.add(slept);
            },
            () -> 1.0); // No jitter: the whole backoff.
    ConsulClient consul = Engine.consul(fake.uri()).withTimeout(Duration.ofSeconds(5));
    instances = new ConsulInstances(consul, settings, timing, log);
  }

  private void awaitSnapshot(Instance... expected) throws Exception {
    Eventually.within(
        Duration.ofSeconds(5),
        () -> assertThat(instances.snapshot()).containsExactlyInAnyOrder(expected));
  }

  private String nextQuery() throws InterruptedException {
    return fake.awaitRequest("GET", PATH).target();
  }

  private static String entry(Instance instance) {
    return """
        {"Node":{"Node":"n","Address":"10.9.9.9"},
         "Service":{"ID":"web-%1$s","Service":"web","Address":"%1$s","Port":%2$d,"Tags":[],"Meta":{}},
         "Checks":[{"Status":"passing"}]}"""
        .formatted(instance.host(), instance.port());
  }

  private static String list(Instance... instances) {
    return "["
        + String.join(",", List.of(instances).stream().map(ConsulInstancesTest::entry).toList())
        + "]";
  }

  @Test
  void queriesFromTheIndexOfTheResponseAndPublishesEachChange() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).answerWithIndex("12", list(A, B)).hang();
    watch();
    assertThat(nextQuery()).contains("index=0").contains("passing");
    assertThat(nextQuery()).contains("index=7").contains("wait=45s");
    assertThat(nextQuery()).contains("index=12");
    awaitSnapshot(A, B);
  }

  @Test
  void indexThatGoesBackRestartsTheWatchAndItsResponseIsUsed() throws Exception {
    fake.on("GET", PATH).answerWithIndex("100", list(A)).answerWithIndex("3", list(B)).hang();
    watch();
    nextQuery();
    assertThat(nextQuery()).contains("index=100");
    assertThat(nextQuery()).contains("index=0");
    awaitSnapshot(B);
  }

  @Test
  void indexIsUnsigned() throws Exception {
    fake.on("GET", PATH)
        .answerWithIndex("9223372036854775807", list(A))
        .answerWithIndex("9223372036854775808", list(B))
        .hang();
    watch();
    nextQuery();
    nextQuery();
    assertThat(nextQuery()).contains("index=9223372036854775808");
  }

  @Test
  void indexOfZeroDoesNotMakeABusyLoop() throws Exception {
    fake.on("GET", PATH).answerWithIndex("0", list(A)).hang();
    watch();
    nextQuery();
    assertThat(nextQuery()).contains("index=1");
  }

  @Test
  void errorsKeepTheListBackOffAndResetTheIndex() throws Exception {
    FakeConsul.Script script =
        fake.on("GET", PATH)
            .answerWithIndex("7", list(A))
            .answer(500, "rpc error: no cluster leader")
            .answer(403, "Permission denied")
            .answer(200, "<html>", "X-Consul-Index", "9")
            .answer(200, list(B)) // No index.
            .drop()
            .answer(500, "")
            .answer(500, "")
            .hang() // Sleeps take no time: the new list must not be there too early.
            .answerWithIndex("2", list(B))
            .hang();
    watch();
    nextQuery();
    assertThat(nextQuery()).contains("index=7");
    for (int i = 0; i < 6; i++) {
      assertThat(nextQuery()).contains("index=0");
      assertThat(instances.snapshot()).containsExactly(A);
      assertThat(instances.failure()).isPresent();
    }
    script.release();
    awaitSnapshot(B);
    assertThat(instances.failure()).isEmpty();
    assertThat(sleeps.stream().limit(5).map(Duration::toMillis))
        .containsExactly(250L, 500L, 1000L, 2000L, 4000L);
    assertThat(sleeps).allMatch(slept -> slept.compareTo(Duration.ofSeconds(5)) <= 0);
  }

  @Test
  void unreachableConsulIsAFailureUntilItResponds() throws Exception {
    java.net.URI gone = fake.uri();
    fake.close();
    ConsulClient consul = Engine.consul(gone);
    try (ConsulInstances unreachable = new ConsulInstances(consul, "web")) {
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(unreachable.failure()).isPresent());
      assertThat(unreachable.snapshot()).isEmpty();
      assertThat(unreachable.awaitFirst(Duration.ZERO)).isFalse();
    }
  }

  @Test
  void emptyGraceEndsWhenAnInstanceReturns() throws Exception {
    fake.on("GET", PATH)
        .answerWithIndex("7", list(A))
        .answerWithIndex("8", "[]")
        .answerWithIndex("9", list(B))
        .hang();
    watch();
    awaitSnapshot(B);
    nextQuery();
    nextQuery();
    assertThat(nextQuery()).as("no longer than the grace").contains("wait=30s");
    assertThat(nextQuery()).contains("wait=45s");
  }

  @Test
  void withoutAGraceEmptyIsPublishedAtOnce() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).answerWithIndex("8", "[]").hang();
    watch(ConsulInstances.Settings.of("web").withEmptyGrace(Duration.ZERO));
    nextQuery();
    nextQuery();
    nextQuery();
    awaitSnapshot();
  }

  @Test
  void invalidEntriesAreSkippedWithOneWarning() throws Exception {
    String portZero = entry(A).replace("\"Port\":80", "\"Port\":0");
    String noHost = entry(B).replace("\"Address\":\"10.0.0.2\"", "\"Address\":\"a b\"");
    String bare = entry(B).replace("\"Address\":\"10.0.0.2\"", "\"Address\":\"\"");
    fake.on("GET", PATH)
        .answerWithIndex("7", "[" + portZero + "," + portZero + "]")
        .answerWithIndex("8", "[" + portZero + "," + noHost.replace("web-", "we\\nb-") + "]")
        .answerWithIndex("9", "[" + portZero + "," + bare + "," + bare + "]")
        .hang();
    watch();
    awaitSnapshot(Instance.of("10.9.9.9", 80)); // The node's address, once.
    assertThat(log.linesFrom(Level.INFO))
        .containsExactly(
            "WARN web: skipped web-10.0.0.1: port not in 1..65535: 0",
            "WARN web: skipped we\\nb-10.0.0.2: not a host: a b");
  }

  @Test
  void ipv6AddressIsInBrackets() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(Instance.of("fd00::1", 80))).hang();
    watch();
    awaitSnapshot(Instance.of("fd00::1", 80));
    assertThat(instances.snapshot().get(0).authority()).isEqualTo("[fd00::1]:80");
  }

  @Test
  void queriesTagsAndStaleResponsesIfConfigured() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).hang();
    watch(ConsulInstances.Settings.of("web").withTags(List.of("primary", "eu 1")).withStale(true));
    assertThat(nextQuery()).endsWith("&passing=1&stale=1&tag=primary&tag=eu%201");
    assertThat(nextQuery()).contains("index=7").endsWith("&stale=1&tag=primary&tag=eu%201");
  }

  @Test
  void warningInstancesAreListedIfConfiguredAndCriticalOnesNever() throws Exception {
    String warning = entry(A).replace("passing", "warning");
    String critical = entry(B).replace("passing", "critical");
    fake.on("GET", PATH).answerWithIndex("7", "[" + warning + "," + critical + "]").hang();
    watch(ConsulInstances.Settings.of("web").withWarnings(true));
    assertThat(nextQuery()).doesNotContain("passing");
    awaitSnapshot(A);
  }

  @Test
  void warnsOnceOfResultsFilteredByAcls() throws Exception {
    String[] filtered = {"X-Consul-Index", "7", "X-Consul-Results-Filtered-By-ACLs", "true"};
    fake.on("GET", PATH)
        .answer(200, "[]", filtered)
        .answer(200, list(A), filtered)
        .answerWithIndex("8", list(A, B))
        .answer(200, list(A), filtered)
        .hang();
    watch();
    for (int i = 0; i < 5; i++) {
      nextQuery();
    }
    String warning = "WARN web: Consul at " + fake.uri() + " hides instances from this token";
    assertThat(log.linesFrom(Level.INFO)).containsExactly(warning, warning);
  }

  @Test
  void closeCancelsTheQueryInFlight() throws Exception {
    fake.on("GET", PATH).trickle(1);
    watch();
    nextQuery();
    instances.close();
    fake.awaitAbandoned();
    instances.close();
  }
}
