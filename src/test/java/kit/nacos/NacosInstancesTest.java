// SPDX-License-Identifier: Apache-2.0
package kit.nacos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import kit.discovery.Instance;
import kit.discovery.Watch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Engine;
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.RecordingLogger;

@Timeout(30)
class NacosInstancesTest {
  private static final String LIST = "/nacos/v3/client/ns/instance/list";
  private static final HttpClient HTTP = Engine.newHttpClient();

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final List<Duration> pauses = new CopyOnWriteArrayList<>();
  private final Semaphore paused = new Semaphore(0);
  private final Semaphore polls = new Semaphore(0);
  private FakeConsul fake; // Any server with scripts.
  private NacosInstances instances;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
  }

  @AfterEach
  void stop() {
    instances.close();
    fake.close();
  }

  private void watch(NacosInstances.Settings settings) throws Exception {
    NacosClient client = new NacosClient(List.of(fake.uri()), HTTP, Duration.ofSeconds(5));
    Watch.Timing timing =
        new Watch.Timing(
            time,
            nanos -> {
              pauses.add(Duration.ofNanos(nanos));
              paused.release();
              polls.acquire();
              time.advance(Duration.ofNanos(nanos));
            },
            () -> 0.5);
    instances = new NacosInstances(client, settings, timing, log);
    awaitPause();
  }

  private void awaitPause() throws InterruptedException {
    assertThat(paused.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
  }

  private void nextPoll() throws InterruptedException {
    polls.release();
    awaitPause();
  }

  private static String entry(String ip, int port, String more) {
    return "{\"ip\":\"%s\",\"port\":%d,\"healthy\":true,\"enabled\":true,\"weight\":1%s}"
        .formatted(ip, port, more);
  }

  private void respondWith(String... entries) {
    fake.on("GET", LIST).answer(200, "{\"code\":0,\"data\":[" + String.join(",", entries) + "]}");
  }

  private List<String> addresses() {
    return instances.snapshot().stream().map(Instance::authority).toList();
  }

  @Test
  void onlyHealthyEnabledInstancesAreListed() throws Exception {
    respondWith(
        entry("10.0.0.2", 2, ""),
        entry("10.0.0.1", 1, ",\"weight\":2.5,\"metadata\":{\"tags\":\"v1,v2\",\"zone\":\"a\"}"),
        entry("10.0.0.3", 3, "").replace("\"healthy\":true", "\"healthy\":false"),
        entry("10.0.0.4", 4, "").replace("\"enabled\":true", "\"enabled\":false"));
    watch(NacosInstances.Settings.of("web"));

    Map<String, String> meta = Map.of("tags", "v1,v2", "zone", "a");
    assertThat(instances.snapshot())
        .containsExactly(
            new Instance("10.0.0.1", 1, List.of("v1", "v2"), meta, 2.5),
            Instance.of("10.0.0.2", 2));
  }

  @Test
  void instancesWithoutTheTagsAreSkipped() throws Exception {
    respondWith(entry("h", 1, ",\"metadata\":{\"tags\":\"v1,v2\"}"), entry("h", 2, ""));
    NacosInstances.Settings all = NacosInstances.Settings.of("web");
    watch(
        new NacosInstances.Settings(
            all.service(), List.of(), List.of("v2"), all.interval(), all.emptyGrace()));
    assertThat(addresses()).containsExactly("h:1");
  }

  @Test
  void rubbishOfOtherClientsIsSkippedWithOneWarning() throws Exception {
    respondWith(entry("10.0.0.1", 1, ""), entry("my_host", 2, ""), entry("h", 0, ""));
    watch(NacosInstances.Settings.of("web"));
    nextPoll();
    nextPoll();
    assertThat(addresses()).containsExactly("10.0.0.1:1");
    assertThat(log.linesFrom(Level.WARN))
        .hasSize(2)
        .anySatisfy(line -> assertThat(line).startsWith("WARN").contains("my_host"))
        .anySatisfy(line -> assertThat(line).startsWith("WARN").contains("h:0"));
  }

  @Test
  void pollsAtTheIntervalWithJitter() throws Exception {
    respondWith(entry("h", 1, ""));
    watch(NacosInstances.Settings.of("web"));
    respondWith(entry("h", 2, ""));
    nextPoll();
    assertThat(addresses()).containsExactly("h:2");
    assertThat(pauses).containsOnly(Duration.ofSeconds(2));
  }

  @Test
  void lastListIsKeptDuringAnOutageAndWhileTheListIsEmpty() throws Exception {
    respondWith(entry("h", 1, ""));
    watch(NacosInstances.Settings.of("web"));

    fake.on("GET", LIST).answer(200, "");
    nextPoll();
    assertThat(addresses()).containsExactly("h:1");
    assertThat(instances.failure()).isPresent();
    assertThat(log.linesFrom(Level.WARN))
        .singleElement()
        .satisfies(line -> assertThat(line).startsWith("WARN"));

    respondWith();
    nextPoll();
    assertThat(instances.failure()).isEmpty();
    for (int i = 0; i < 14; i++) { // Of 2 seconds each.
      nextPoll();
      assertThat(addresses()).containsExactly("h:1");
    }
    nextPoll();
    nextPoll();
    nextPoll();
    assertThat(addresses()).isEmpty();
  }

  @Test
  void settingsAreChecked() throws Exception {
    respondWith();
    watch(NacosInstances.Settings.of("web"));
    NacosInstances.Settings all = NacosInstances.Settings.of("web");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new NacosInstances.Settings(
                    all.service(), List.of(), List.of(), Duration.ofMillis(99), Duration.ZERO))
        .withMessageContaining("100 ms");
  }
}
