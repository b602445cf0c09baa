// SPDX-License-Identifier: Apache-2.0
package kit.eureka;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.event.Level;
import testing.Engine;
import testing.FakeConsul;
import testing.FakeNanoTime;
import testing.RecordingLogger;

@Timeout(30)
class EurekaInstancesTest {
  private static final String APP = "/eureka/apps/WEB";
  private static final HttpClient HTTP = Engine.newHttpClient();

  private static final String SECURE = ",\"securePort\":{\"$\":8443,\"@enabled\":\"true\"}";

  private final FakeNanoTime time = new FakeNanoTime();
  private final RecordingLogger log = new RecordingLogger();
  private final List<Duration> pauses = new CopyOnWriteArrayList<>();
  private final Semaphore paused = new Semaphore(0);
  private final Semaphore polls = new Semaphore(0);
  private FakeConsul fake; // Any server with scripts.
  private EurekaInstances instances;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeConsul();
    fake.on("GET", "/eureka/apps/delta").answer(200, "{\"applications\":{}}");
  }

  @AfterEach
  void stop() {
    instances.close();
    fake.close();
  }

  private void watch() throws Exception {
    watch(EurekaInstances.Settings.of("web"));
  }

  private void watch(EurekaInstances.Settings settings) throws Exception {
    EurekaClient client =
        new EurekaClient(List.of(fake.uri().resolve("/eureka")), HTTP, Duration.ofSeconds(5));
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
    instances = new EurekaInstances(client, settings, timing, log);
    awaitPause();
  }

  private void awaitPause() throws InterruptedException {
    assertThat(paused.tryAcquire(10, TimeUnit.SECONDS)).isTrue();
  }

  private void nextPoll() throws InterruptedException {
    polls.release();
    awaitPause();
  }

  private static String entry(String host, int port, String more) {
    return """
        {"instanceId":"web-%s-%d","hostName":"%s","app":"WEB","status":"UP",
         "port":{"$":%d,"@enabled":"true"}%s}"""
        .formatted(host, port, host, port, more);
  }

  private void respondWith(String... entries) {
    String body = "{\"application\":{\"instance\":[" + String.join(",", entries) + "]}}";
    fake.on("GET", APP).answer(200, body);
  }

  private List<String> addresses() {
    return instances.snapshot().stream().map(Instance::authority).toList();
  }

  @Test
  void onlyInstancesThatAreUpAreListed() throws Exception {
    respondWith(
        entry("10.0.0.2", 2, ""),
        entry("10.0.0.1", 1, ",\"metadata\":{\"tags\":\"v1,v2\",\"zone\":\"a\"}"),
        entry("10.0.0.3", 3, "").replace("UP", "OUT_OF_SERVICE"),
        entry("10.0.0.4", 4, "").replace("UP", "DOWN"),
        entry("10.0.0.5", 5, "").replace("UP", "STARTING"),
        entry("10.0.0.6", 6, "").replace("UP", "up"));
    watch();

    Map<String, String> meta = Map.of("tags", "v1,v2", "zone", "a");
    assertThat(instances.snapshot())
        .containsExactly(
            new Instance("10.0.0.1", 1, List.of("v1", "v2"), meta), Instance.of("10.0.0.2", 2));
  }

  @Test
  void instancesWithoutTheTagsAreSkipped() throws Exception {
    respondWith(entry("h", 1, ",\"metadata\":{\"tags\":\"v1,v2\"}"), entry("h", 2, ""));
    EurekaInstances.Settings all = EurekaInstances.Settings.of("web");
    watch(new EurekaInstances.Settings("web", List.of("v2"), all.interval(), all.emptyGrace()));
    assertThat(addresses()).containsExactly("h:1");
  }

  @Test
  void rubbishOfOtherClientsIsSkippedWithOneWarning() throws Exception {
    respondWith(
        entry("10.0.0.1", 1, ""),
        entry("my_host", 2, ""),
        entry("h", 0, ""),
        entry("h", 3, SECURE.replace("8443", "84430")),
        "7",
        "\"text\"");
    watch();
    nextPoll();
    nextPoll();
    assertThat(addresses()).containsExactly("10.0.0.1:1");
    assertThat(log.linesFrom(Level.WARN))
        .hasSize(3)
        .anySatisfy(line -> assertThat(line).contains("web-my_host-2", "not a host"))
        .anySatisfy(line -> assertThat(line).contains("web-h-3 at h:84430"))
        .anySatisfy(line -> assertThat(line).contains("web-h-0", "port not in"));
  }

  @Test
  void instanceWithAPortForHttpsIsCalledThere() throws Exception {
    String disabled = "\"@enabled\":\"false\"";
    respondWith(
        entry("both", 1, SECURE),
        entry("http", 1, SECURE.replace("\"@enabled\":\"true\"", disabled)),
        entry("https", 1, SECURE).replaceFirst("\"@enabled\":\"true\"", disabled),
        entry("wrong", 1, SECURE + ",\"metadata\":{\"scheme\":\"http\"}"),
        entry("ours", 1, ",\"metadata\":{\"scheme\":\"https\"}"));
    watch();
    assertThat(instances.snapshot())
        .extracting(instance -> instance.scheme() + "://" + instance)
        .containsExactly(
            "https://both:8443",
            "http://http:1",
            "https://https:8443",
            "https://ours:1",
            "https://wrong:8443");
  }

  @Test
  void pollsAtTheIntervalWithJitter() throws Exception {
    respondWith(entry("h", 1, ""));
    watch();
    respondWith(entry("h", 2, ""));
    nextPoll();
    assertThat(addresses()).containsExactly("h:2");
    assertThat(pauses).containsOnly(Duration.ofSeconds(2));
  }

  @ParameterizedTest
  @CsvSource({"200, ''", "200, garbage", "200, {}", "500, ''", "401, ''"})
  void lastListIsKeptDuringAnOutage(int status, String body) throws Exception {
    respondWith(entry("h", 1, ""));
    watch();

    fake.on("GET", APP).answer(status, body);
    nextPoll();
    nextPoll();
    assertThat(addresses()).containsExactly("h:1");
    assertThat(instances.failure()).isPresent();
    assertThat(log.linesFrom(Level.WARN)).hasSize(1);

    respondWith(entry("h", 2, ""));
    nextPoll();
    assertThat(addresses()).containsExactly("h:2");
    assertThat(instances.failure()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"404, ''", "200, '{\"application\":{\"name\":\"WEB\",\"instance\":[]}}'"})
  void listThatBecomesEmptyIsKeptForTheGrace(int status, String body) throws Exception {
    respondWith(entry("h", 1, ""));
    watch();

    fake.on("GET", APP).answer(status, body);
    nextPoll();
    for (int i = 0; i < 44; i++) { // Of 2 seconds each.
      nextPoll();
      assertThat(addresses()).containsExactly("h:1");
    }
    nextPoll();
    nextPoll();
    nextPoll();
    assertThat(addresses()).isEmpty();
    assertThat(instances.failure()).isEmpty();
  }

  @Test
  void unknownServiceIsAnEmptyList() throws Exception {
    watch();
    assertThat(instances.awaitFirst(Duration.ZERO)).isTrue();
    assertThat(instances.snapshot()).isEmpty();
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void wrongPathIsAFailure() throws Exception {
    fake.on("GET", "/eureka/apps/delta").answer(404, "").answer(200, "{\"applications\":{}}");
    watch();
    assertThat(instances.failure())
        .hasValueSatisfying(e -> assertThat(e).hasMessageContaining("404"));
    assertThat(instances.awaitFirst(Duration.ZERO)).isFalse();

    nextPoll();
    nextPoll();
    assertThat(instances.failure()).isEmpty();
    assertThat(fake.requests()).filteredOn(request -> request.path().endsWith("delta")).hasSize(2);
  }

  @Test
  void settingsAreChecked() throws Exception {
    watch();
    Duration second = Duration.ofSeconds(1);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new EurekaInstances.Settings(
                    "web", List.of(), Duration.ofMillis(99), Duration.ZERO))
        .withMessageContaining("100 ms");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EurekaInstances.Settings("a/b", List.of(), second, second))
        .withMessageContaining("application");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new EurekaInstances.Settings("web", List.of(), second, second.negated()));
  }
}
