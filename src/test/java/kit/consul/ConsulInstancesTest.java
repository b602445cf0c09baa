// SPDX-License-Identifier: Apache-2.0
package kit.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
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
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.RecordingLogger;

/** The watch against a Consul that misbehaves; with the real one: {@code it.ConsulWatchIT}. */
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
    ConsulClient consul = new ConsulClient(fake.uri()).withTimeout(Duration.ofSeconds(5));
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
  void asksAgainFromTheIndexOfTheAnswerAndPublishesEachChange() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).answerWithIndex("12", list(A, B)).hang();
    watch();
    assertThat(nextQuery()).contains("index=0").contains("passing");
    assertThat(nextQuery()).contains("index=7").contains("wait=45s");
    assertThat(nextQuery()).contains("index=12");
    awaitSnapshot(A, B);
  }

  @Test
  void indexThatGoesBackRestartsTheWatchAndItsAnswerCounts() throws Exception {
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
  void listenersHearOfDifferentContentOnly() throws Exception {
    FakeConsul.Script script = fake.on("GET", PATH).hang();
    script.answerWithIndex("1", list(A, B)).hang().answerWithIndex("2", list(B, A)).hang();
    script.answerWithIndex("3", list(B)).hang();
    watch();
    BlockingQueue<List<Instance>> heard = new LinkedBlockingQueue<>();
    instances.onChange(() -> heard.add(instances.snapshot()));
    script.release();
    assertThat(heard.poll(5, TimeUnit.SECONDS)).containsExactly(A, B);
    List<Instance> before = instances.snapshot();
    script.release();
    nextQuery();
    nextQuery();
    nextQuery(); // The answer with index 2 has been taken.
    assertThat(instances.snapshot()).isSameAs(before);
    script.release();
    assertThat(heard.poll(5, TimeUnit.SECONDS)).containsExactly(B);
    assertThat(heard).isEmpty();
  }

  @Test
  void listenerThatThrowsHarmsNobodyAndOneThatIsClosedHearsNothing() throws Exception {
    FakeConsul.Script script = fake.on("GET", PATH).hang();
    script.answerWithIndex("1", list(A)).hang().answerWithIndex("2", list(B)).hang();
    watch();
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    instances.onChange(
        () -> {
          throw new IllegalStateException("listener is broken, as it should be in this test");
        });
    instances.onChange(() -> heard.add("stays"));
    instances.onChange(() -> heard.add("goes")).close();
    script.release();
    script.release();
    assertThat(heard.poll(5, TimeUnit.SECONDS)).isEqualTo("stays");
    assertThat(heard.poll(5, TimeUnit.SECONDS)).isEqualTo("stays");
    awaitSnapshot(B);
  }

  @Test
  void errorsKeepTheListBackOffAndStartFromZero() throws Exception {
    fake.on("GET", PATH)
        .answerWithIndex("7", list(A))
        .answer(500, "rpc error: no cluster leader")
        .answer(403, "Permission denied")
        .answer(200, "<html>", "X-Consul-Index", "9")
        .answer(200, list(B)) // No index.
        .drop()
        .answer(500, "")
        .answer(500, "")
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
    awaitSnapshot(B);
    assertThat(instances.failure()).isEmpty();
    assertThat(sleeps.stream().limit(5).map(Duration::toMillis))
        .containsExactly(250L, 500L, 1000L, 2000L, 4000L);
    assertThat(sleeps).allMatch(slept -> slept.compareTo(Duration.ofSeconds(5)) <= 0);
  }

  @Test
  void consulThatIsNotThereIsAFailureUntilItIs() throws Exception {
    java.net.URI gone = fake.uri();
    fake.close();
    ConsulClient consul = new ConsulClient(gone);
    try (ConsulInstances nobody = new ConsulInstances(consul, "web")) {
      Eventually.within(Duration.ofSeconds(5), () -> assertThat(nobody.failure()).isPresent());
      assertThat(nobody.snapshot()).isEmpty();
      assertThat(nobody.awaitFirst(Duration.ZERO)).isFalse();
    }
  }

  @Test
  void answersWithoutPauseAreRateLimited() throws Exception {
    FakeConsul.Script script = fake.on("GET", PATH);
    for (int i = 1; i <= 30; i++) {
      script.answerWithIndex(Integer.toString(i), list(A));
    }
    script.hang();
    watch();
    for (int i = 0; i <= 30; i++) {
      nextQuery();
    }
    // 31 queries: 10 at once, then one a second.
    Duration slept = sleeps.stream().reduce(Duration.ZERO, Duration::plus);
    assertThat(slept).isBetween(Duration.ofSeconds(20), Duration.ofSeconds(22));
  }

  @Test
  void emptyAllAtOnceIsBelievedOnlyAfterTheGrace() throws Exception {
    FakeConsul.Script script = fake.on("GET", PATH).answerWithIndex("7", list(A)).hang();
    script.answerWithIndex("3", "[]").hang().answerWithIndex("3", "[]").hang();
    watch();
    awaitSnapshot(A);
    nextQuery();
    nextQuery();
    script.release();
    nextQuery(); // From 0, because the index went back: answered when released.
    assertThat(instances.snapshot()).containsExactly(A);
    time.advance(Duration.ofSeconds(31));
    script.release();
    awaitSnapshot();
  }

  @Test
  void graceEndsWhenSomebodyIsBack() throws Exception {
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
  void withoutAGraceEmptyIsBelievedAtOnce() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).answerWithIndex("8", "[]").hang();
    watch(ConsulInstances.Settings.of("web").withEmptyGrace(Duration.ZERO));
    nextQuery();
    nextQuery();
    nextQuery();
    awaitSnapshot();
  }

  @Test
  void firstAnswerMayBeEmpty() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", "[]").hang();
    watch();
    assertThat(instances.awaitFirst(Duration.ofSeconds(5))).isTrue();
    assertThat(instances.snapshot()).isEmpty();
  }

  @Test
  void entriesThatNobodyCouldCallAreLeftOutAndNamedOnce() throws Exception {
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
            "WARN web: left out web-10.0.0.1: port not in 1..65535: 0",
            "WARN web: left out we\\nb-10.0.0.2: not a host: a b");
  }

  @ParameterizedTest
  @ValueSource(strings = {"my_service", "a..b", "fe80::1%eth0", "[::1]", "127.1", "1::2::3", "h/a"})
  void hostThatCannotBeCalledIsLeftOutWithOneWarning(String host) throws Exception {
    String bad = entry(B).replace("\"Address\":\"10.0.0.2\"", "\"Address\":\"" + host + "\"");
    fake.on("GET", PATH)
        .answerWithIndex("7", "[" + bad + "]")
        .answerWithIndex("8", "[" + bad + "," + entry(A) + "]")
        .hang();
    watch();
    awaitSnapshot(A);
    assertThat(log.linesFrom(Level.INFO))
        .containsExactly("WARN web: left out web-10.0.0.2: not a host: " + host);
  }

  @Test
  void addressOfIpv6StandsInBrackets() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(Instance.of("fd00::1", 80))).hang();
    watch();
    awaitSnapshot(Instance.of("fd00::1", 80));
    assertThat(instances.snapshot().get(0).authority()).isEqualTo("[fd00::1]:80");
  }

  @Test
  void asksForTagsAndStaleAnswersIfSettingsSaySo() throws Exception {
    fake.on("GET", PATH).answerWithIndex("7", list(A)).hang();
    watch(ConsulInstances.Settings.of("web").withTags(List.of("primary", "eu 1")).withStale(true));
    assertThat(nextQuery()).endsWith("&passing=1&stale=1&tag=primary&tag=eu%201");
    assertThat(nextQuery()).contains("index=7").endsWith("&stale=1&tag=primary&tag=eu%201");
  }

  @Test
  void instancesThatWarnAreThereIfAskedForButNeverCriticalOnes() throws Exception {
    String warning = entry(A).replace("passing", "warning");
    String critical = entry(B).replace("passing", "critical");
    fake.on("GET", PATH).answerWithIndex("7", "[" + warning + "," + critical + "]").hang();
    watch(ConsulInstances.Settings.of("web").withWarnings(true));
    assertThat(nextQuery()).doesNotContain("passing");
    awaitSnapshot(A);
  }

  @Test
  void saysOnceThatTheTokenMayNotSeeAll() throws Exception {
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
