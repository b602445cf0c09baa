// SPDX-License-Identifier: Apache-2.0
package kit.etcd;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
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
import testing.Engine;
import testing.Eventually;
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.RecordingLogger;

/** The watch against a faulty etcd; with a real one: {@code it.EtcdRegistryIT}. */
@Timeout(20)
class EtcdInstancesTest {
  private static final String RANGE = "/v3/kv/range";
  private static final String WATCH = "/v3/watch";
  private static final String CREATED = "{\"result\":{\"created\":true}}\n";
  private static final Instance A = Instance.of("10.0.0.1", 80);
  private static final Instance B = Instance.of("10.0.0.2", 80);

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final BlockingQueue<Duration> sleeps = new LinkedBlockingQueue<>();
  private FakeConsul fake; // A scripted HTTP server; it has no logic of Consul or etcd.
  private EtcdInstances instances;

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
    Watch.Timing timing =
        new Watch.Timing(
            time,
            nanos -> {
              time.advance(Duration.ofNanos(nanos));
              sleeps.add(Duration.ofNanos(nanos));
            },
            () -> 1.0);
    instances =
        new EtcdInstances(
            new EtcdClient(List.of(fake.uri()), Engine.newHttpClient(), Duration.ofSeconds(3)),
            "web",
            Duration.ofSeconds(30),
            timing,
            log);
  }

  private void awaitSnapshot(Instance... expected) throws Exception {
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(instances.snapshot()).containsExactly(expected));
  }

  /** The body of the next watch, with readable keys. */
  private String awaitWatch() throws Exception {
    return fake.awaitRequest("POST", WATCH).body();
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private static String entry(String id, String value) {
    return "{\"key\":\"%s\",\"value\":\"%s\"}"
        .formatted(base64("/services/web/" + id), base64(value));
  }

  private static String list(int revision, String... entries) {
    return "{\"header\":{\"revision\":\"%d\"},\"kvs\":[%s]}"
        .formatted(revision, String.join(",", entries));
  }

  private static String list(int revision, Instance... instances) {
    return list(
        revision,
        Stream.of(instances)
            .map(instance -> entry(instance.host(), instance.authority()))
            .toArray(String[]::new));
  }

  private static String events(String... events) {
    return "{\"result\":{\"events\":["
        + Stream.of(events).collect(Collectors.joining(","))
        + "]}}\n";
  }

  private static String put(Instance instance) {
    return "{\"kv\":" + entry(instance.host(), instance.authority()) + "}";
  }

  private static String deletion(Instance instance) {
    return "{\"type\":\"DELETE\",\"kv\":{\"key\":\""
        + base64("/services/web/" + instance.host())
        + "\"}}";
  }

  @Test
  void watchesFromTheRevisionThatItHasReadPlusOne() throws Exception {
    fake.on("POST", RANGE).answer(200, list(41, B, A));
    fake.on("POST", WATCH).trickle(CREATED, 1);
    watch();

    assertThat(fake.awaitRequest("POST", RANGE).body())
        .contains(base64("/services/web/"), base64("/services/web0"));
    assertThat(awaitWatch()).contains("\"start_revision\":\"42\"", base64("/services/web/"));
    awaitSnapshot(A, B);
  }

  @Test
  void appliesEachChange() throws Exception {
    fake.on("POST", RANGE).answer(200, list(1, A));
    fake.on("POST", WATCH)
        .trickle(CREATED + events(put(B)) + events(deletion(A), deletion(A)) + events(put(B)), 1);
    watch();

    awaitSnapshot(B);
    assertThat(fake.requests()).hasSize(2);
  }

  @Test
  void compactionTriggersANewRead() throws Exception {
    fake.on("POST", RANGE).answer(200, list(7, A)).answer(200, list(99, B));
    fake.on("POST", WATCH)
        .answer(200, CREATED + "{\"result\":{\"canceled\":true,\"compact_revision\":\"50\"}}\n")
        .trickle(CREATED, 1);
    watch();

    assertThat(awaitWatch()).contains("\"8\"");
    assertThat(awaitWatch()).contains("\"100\"");
    awaitSnapshot(B);
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void watchThatIsLostOnceIsNoOutage() throws Exception {
    fake.on("POST", RANGE).answer(200, list(7, A)).answer(200, list(3, B));
    fake.on("POST", WATCH).drop().trickle(CREATED, 1);
    watch();

    awaitWatch();
    assertThat(awaitWatch()).contains("\"start_revision\":\"4\""); // Lower: other data.
    awaitSnapshot(B);
    assertThat(instances.failure()).isEmpty();
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void withoutAWatchItPollsEverySecondAndWarnsOnce() throws Exception {
    fake.on("POST", RANGE).answer(200, list(7, A));
    FakeConsul.Script watches = fake.on("POST", WATCH);
    for (int i = 0; i < 20; i++) {
      watches.answer(501, "{\"message\":\"not here\",\"code\":12}");
    }
    watches.trickle(CREATED + events(put(B)), 1);
    watch();
    for (int i = 0; i <= 20; i++) {
      awaitWatch();
    }
    awaitSnapshot(A, B);

    // 21 lists: 10 at once, then one a second.
    Duration slept = sleeps.stream().reduce(Duration.ZERO, Duration::plus);
    assertThat(slept).isBetween(Duration.ofSeconds(10), Duration.ofSeconds(12));
    String subject = "hearing of changes from etcd at " + fake.uri();
    Eventually.within(
        Duration.ofSeconds(5), () -> assertThat(log.linesFrom(Level.WARN)).hasSize(2));
    assertThat(log.linesFrom(Level.WARN))
        .satisfiesExactly(
            line ->
                assertThat(line)
                    .startsWith("WARN " + subject + " failed")
                    .endsWith("/v3/watch: 501 not here; polling every second"),
            line -> assertThat(line).isEqualTo("WARN " + subject + " recovered"));
  }

  @Test
  void errorsKeepTheListAndAreAnOutage() throws Exception {
    fake.on("POST", RANGE)
        .answer(200, list(7, A))
        .answer(503, "{\"message\":\"etcdserver: no leader\",\"code\":14}")
        .answer(403, "{\"message\":\"etcdserver: permission denied\",\"code\":7}")
        .answer(200, "<html>")
        .drop()
        .answer(200, list(9, B));
    fake.on("POST", WATCH).drop().trickle(CREATED, 1);
    watch();
    awaitWatch();

    awaitWatch();
    awaitSnapshot(B);
    assertThat(instances.failure()).isEmpty();
    assertThat(sleeps).extracting(Duration::toMillis).containsExactly(250L, 500L, 1000L, 2000L);
    assertThat(log.linesFrom(Level.WARN))
        .satisfiesExactly(
            line -> assertThat(line).contains("watching web in etcd at", "no leader"),
            line -> assertThat(line).contains("recovered"));
  }

  @Test
  void emptyAllAtOnceEndsTheWatchBecauseTheGraceIsShorter() throws Exception {
    FakeConsul.Script lists = fake.on("POST", RANGE).answer(200, list(7, A));
    lists.answer(200, list(8, new Instance[0]));
    fake.on("POST", WATCH)
        .trickle(CREATED + events(deletion(A)), 1)
        .trickle(CREATED, 1)
        .trickle(CREATED, 1);
    watch();
    awaitWatch();
    awaitWatch(); // After the second list.
    assertThat(instances.snapshot()).containsExactly(A);
  }

  @Test
  void valuesThatAreNoAddressAreSkippedWithOneWarning() throws Exception {
    String[] entries = {
      entry("bad", "not an\naddress"), entry("zero", "10.0.0.9:0"), entry("a", A.authority())
    };
    fake.on("POST", RANGE)
        .answer(200, list(7, entries))
        .answer(200, list(7, entries))
        .answer(200, list(7, entries));
    fake.on("POST", WATCH).drop().drop().trickle(CREATED, 1);
    watch();
    awaitWatch();
    awaitWatch();
    awaitWatch();

    awaitSnapshot(A);
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN web: skipped /services/web/bad: not host:port: not an\\naddress",
            "WARN web: skipped /services/web/zero: port not in 1..65535: 0");
  }

  @Test
  void invalidHostIsSkippedWithOneWarningHoweverOftenItIsPut() throws Exception {
    String bad = entry("bad", "my_service:80");
    String a = entry("a", A.authority());
    String later = bad.replace("}", ",\"mod_revision\":\"%d\"}");
    fake.on("POST", RANGE).answer(200, list(7, bad, entry("zone", "[fe80::1%eth0]:80"), a));
    fake.on("POST", WATCH)
        .trickle(
            CREATED
                + events("{\"kv\":" + later.formatted(8) + "}")
                + events("{\"kv\":" + later.formatted(9) + "}", put(B)),
            1);
    watch();

    awaitSnapshot(A, B);
    assertThat(log.linesFrom(Level.WARN))
        .containsExactly(
            "WARN web: skipped /services/web/bad: not a host: my_service",
            "WARN web: skipped /services/web/zone: not a host: fe80::1%eth0");
  }

  @Test
  void twoKeysWithOneAddressAreOneInstanceUntilBothAreDeleted() throws Exception {
    fake.on("POST", RANGE)
        .answer(200, list(7, entry("a", A.authority()), entry("10.0.0.1", A.authority())));
    fake.on("POST", WATCH).trickle(CREATED + events(deletion(A), put(B)), 1);
    watch();

    awaitSnapshot(A, B);
  }

  @Test
  void closeEndsTheWatchOnTheWire() throws Exception {
    fake.on("POST", RANGE).answer(200, list(7, A));
    fake.on("POST", WATCH).trickle(CREATED, 1);
    watch();
    awaitWatch();

    instances.close();

    fake.awaitAbandoned();
    assertThat(instances.snapshot()).containsExactly(A);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a/b", "/"})
  void nameWithASlashIsRejected(String service) {
    EtcdClient etcd =
        new EtcdClient(
            List.of(URI.create("http://127.0.0.1:1")),
            Engine.newHttpClient(),
            Duration.ofSeconds(3));
    assertThatIllegalArgumentException().isThrownBy(() -> new EtcdInstances(etcd, service));
  }
}
