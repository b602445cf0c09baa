// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
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
import testing.FakeZooKeeper;
import testing.RecordingLogger;

/** The watch against a faulty ZooKeeper; with a real one: {@code it.ZooKeeperRegistryIT}. */
@Timeout(60)
class ZooKeeperInstancesTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Duration SESSION = Duration.ofMillis(600);
  private static final String WEB = "/services/web";

  private final RecordingLogger log = new RecordingLogger();
  private final List<Integer> sizes = new CopyOnWriteArrayList<>();
  private FakeZooKeeper fake;
  private ZooKeeperInstances instances;

  @BeforeEach
  void startFake() throws Exception {
    fake = new FakeZooKeeper();
  }

  @AfterEach
  void stop() throws Exception {
    if (instances != null) {
      instances.close();
    }
    fake.close();
  }

  private void watch(Duration emptyGrace) {
    ZooKeeperClient.Settings settings =
        ZooKeeperClient.Settings.of(fake.address()).withSessionTimeout(SESSION);
    instances =
        new ZooKeeperInstances(
            new ZooKeeperClient(settings), WEB, emptyGrace, Watch.Timing.real(), log);
    instances.onChange(() -> sizes.add(instances.snapshot().size()));
  }

  private void watch() {
    watch(Watch.EMPTY_GRACE);
  }

  private List<String> addresses() {
    return instances.snapshot().stream().map(Instance::authority).toList();
  }

  private void awaitExactly(String... expected) throws Exception {
    Eventually.within(SOON, () -> assertThat(addresses()).containsExactly(expected));
  }

  private void awaitFailure() throws Exception {
    Eventually.within(SOON, () -> assertThat(instances.failure()).isPresent());
  }

  private void awaitRecovery() throws Exception {
    Eventually.within(SOON, () -> assertThat(instances.failure()).isEmpty());
  }

  @Test
  void childrenAreInstances() throws Exception {
    fake.put(WEB + "/b", "10.0.0.2:80");
    fake.put(WEB + "/a", "[::1]:81");
    fake.put(WEB + "/same", "10.0.0.2:80");
    fake.put("/services/webshop/c", "10.0.0.3:80");
    watch();

    assertThat(instances.awaitFirst(SOON)).isTrue();
    assertThat(addresses()).containsExactly("10.0.0.2:80", "[::1]:81");
  }

  @Test
  void onlyWhatIsNewIsRead() throws Exception {
    for (int i = 0; i < 50; i++) {
      fake.put(WEB + "/" + i, "10.0.0.1:" + (1000 + i));
    }
    watch();
    Eventually.within(SOON, () -> assertThat(addresses()).hasSize(50));

    fake.put(WEB + "/new", "10.0.0.1:2000");
    fake.delete(WEB + "/7");
    Eventually.within(
        SOON,
        () ->
            assertThat(addresses())
                .hasSize(50)
                .contains("10.0.0.1:2000")
                .doesNotContain("10.0.0.1:1007"));
    assertThat(fake.count(FakeZooKeeper.GET)).isEqualTo(51);
  }

  @Test
  void changedDataIsReadAgain() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    fake.put(WEB + "/b", "10.0.0.2:80");
    watch();
    awaitExactly("10.0.0.1:80", "10.0.0.2:80");

    fake.put(WEB + "/a", "10.0.0.3:80");

    awaitExactly("10.0.0.2:80", "10.0.0.3:80");
    assertThat(fake.count(FakeZooKeeper.GET)).isEqualTo(3);
  }

  @Test
  void missingPathIsAnEmptyServiceUntilItIsCreated() throws Exception {
    watch();
    assertThat(instances.awaitFirst(SOON)).isTrue();
    assertThat(instances.snapshot()).isEmpty();
    assertThat(fake.below("")).as("created by the watch").containsExactly("/");

    fake.put(WEB + "/a", "10.0.0.1:80");

    awaitExactly("10.0.0.1:80");
  }

  @Test
  void rubbishIsSkippedWithOneWarning() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    fake.put(WEB + "/bad", "not an\naddress");
    fake.put(WEB + "/huge", "x".repeat(1_000_000));
    fake.put(WEB + "/secret", "10.0.0.2:80");
    fake.put(WEB + "/url", "http://10.0.0.5:80");
    fake.deny(WEB + "/secret");
    watch();
    awaitExactly("10.0.0.1:80");
    fake.put(WEB + "/b", "10.0.0.3:80");
    awaitExactly("10.0.0.1:80", "10.0.0.3:80");

    assertThat(log.linesFrom(Level.WARN))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).endsWith("web: skipped bad: not host:port: not an\\naddress"),
            line -> assertThat(line).contains("skipped huge").hasSizeLessThan(700),
            line -> assertThat(line).endsWith("web: skipped secret: no permission to read it"),
            line -> assertThat(line).contains("skipped url: ", "http://10.0.0.5:80"));
  }

  @Test
  void lastListIsKeptDuringAnOutage() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    watch();
    awaitExactly("10.0.0.1:80");

    fake.refuse(true);
    awaitFailure();
    assertThat(addresses()).containsExactly("10.0.0.1:80");
    fake.delete(WEB + "/a");
    fake.put(WEB + "/b", "10.0.0.2:80");
    fake.refuse(false);

    awaitExactly("10.0.0.2:80");
    awaitRecovery();
    assertThat(log.linesFrom(Level.WARN))
        .satisfiesExactly(
            line -> assertThat(line).contains("watching web in ZooKeeper at", "failed"),
            line -> assertThat(line).contains("recovered"));
    assertThat(fake.sessions()).isEqualTo(1);
  }

  @Test
  void serverThatDoesNotRespondIsAnOutage() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    watch();
    awaitExactly("10.0.0.1:80");

    fake.silence(true);
    awaitFailure();
    assertThat(addresses()).containsExactly("10.0.0.1:80");

    fake.silence(false);
    awaitRecovery();
    fake.put(WEB + "/b", "10.0.0.2:80");
    awaitExactly("10.0.0.1:80", "10.0.0.2:80");
  }

  @Test
  void everythingIsReadAgainWhenTheSessionHasExpired() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    fake.put(WEB + "/b", "10.0.0.2:80");
    watch();
    awaitExactly("10.0.0.1:80", "10.0.0.2:80");

    fake.refuse(true);
    fake.expireSessions();
    fake.put(WEB + "/a", "10.0.0.3:80"); // No watch is left for it.
    fake.refuse(false);

    awaitExactly("10.0.0.2:80", "10.0.0.3:80");
    fake.put(WEB + "/b", "10.0.0.4:80");
    awaitExactly("10.0.0.3:80", "10.0.0.4:80");
  }

  @Test
  void listIsKeptForTheGraceWhenTheDataIsLost() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    watch();
    awaitExactly("10.0.0.1:80");

    fake.refuse(true);
    awaitFailure();
    fake.wipe();
    fake.refuse(false);
    awaitRecovery();
    assertThat(addresses()).containsExactly("10.0.0.1:80");
    fake.put(WEB + "/b", "10.0.0.2:80");

    awaitExactly("10.0.0.2:80");
    assertThat(sizes).doesNotContain(0);
  }

  @Test
  void emptyListIsPublishedAfterTheGrace() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    watch(Duration.ofSeconds(1));
    awaitExactly("10.0.0.1:80");
    long deletedAtNanos = System.nanoTime();
    fake.delete(WEB + "/a");

    awaitExactly();
    assertThat(Duration.ofNanos(System.nanoTime() - deletedAtNanos))
        .isGreaterThan(Duration.ofMillis(900));
    fake.put(WEB + "/a", "10.0.0.1:80");
    awaitExactly("10.0.0.1:80");
  }

  @Test
  void closeEndsTheSession() throws Exception {
    fake.put(WEB + "/a", "10.0.0.1:80");
    watch();
    awaitExactly("10.0.0.1:80");
    assertThat(fake.sessions()).isEqualTo(1);

    instances.close();
    instances.close();

    assertThat(fake.sessions()).isZero();
    assertThat(addresses()).containsExactly("10.0.0.1:80");
  }

  @Test
  void closeDuringAnOutageIsQuick() throws Exception {
    fake.silence(true);
    watch();
    long startNanos = System.nanoTime();
    instances.close();
    assertThat(Duration.ofNanos(System.nanoTime() - startNanos)).isLessThan(SOON);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "web",
        "/services/",
        "//web",
        "/a//b",
        "/.",
        "/a/..",
        "/a\nb",
        "/a\u0000",
        "/\ue000"
      })
  void pathThatZooKeeperRejectsIsRejected(String path) {
    ZooKeeperClient.Settings settings = ZooKeeperClient.Settings.of(fake.address());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ZooKeeperInstances(settings, path))
        .withMessageContaining("not a path of a service");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ZooKeeperRegistration(settings, path, Instance.of("h", 1)));
  }
}
