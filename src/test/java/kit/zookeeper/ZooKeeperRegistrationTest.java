// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import kit.discovery.Instance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.event.Level;
import testing.Eventually;
import testing.FakeZooKeeper;
import testing.RecordingLogger;

/** The registration with a faulty ZooKeeper; with a real one: {@code it.ZooKeeperRegistryIT}. */
@Timeout(60)
class ZooKeeperRegistrationTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Duration SESSION = Duration.ofMillis(600);
  private static final String WEB = "/services/web";

  private final RecordingLogger log = new RecordingLogger();
  private FakeZooKeeper fake;
  private ZooKeeperRegistration registration;

  @BeforeEach
  void start() throws Exception {
    fake = new FakeZooKeeper();
    ZooKeeperClient.Settings settings =
        ZooKeeperClient.Settings.of(fake.address()).withSessionTimeout(SESSION);
    registration =
        new ZooKeeperRegistration(
            new ZooKeeperClient(settings),
            WEB,
            Instance.of("10.0.0.5", 8081),
            Duration.ofMillis(500),
            log);
  }

  @AfterEach
  void stop() throws Exception {
    registration.close();
    fake.close();
  }

  private List<String> nodes() {
    return fake.below(WEB);
  }

  private void awaitRegistered() throws Exception {
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isTrue());
  }

  private void awaitUnregistered() throws Exception {
    Eventually.within(SOON, () -> assertThat(registration.isRegistered()).isFalse());
  }

  private String awaitNode() throws Exception {
    Eventually.within(SOON, () -> assertThat(nodes()).hasSize(1));
    return nodes().get(0);
  }

  @Test
  void nodeIsThatOfGoKit() throws Exception {
    registration.start();

    String node = awaitNode();
    assertThat(node).matches("/services/web/_c_[0-9a-f]{32}-[0-9]{10}");
    assertThat(fake.data(node)).isEqualTo("10.0.0.5:8081");
    awaitRegistered();
    assertThat(fake.sessions()).isEqualTo(1);

    registration.close();
    registration.close();
    assertThat(nodes()).isEmpty();
    assertThat(fake.below("/services")).containsExactly(WEB);
    assertThat(fake.sessions()).isZero();
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void sessionIsKeptWithPings() throws Exception {
    registration.start();
    awaitRegistered();
    Eventually.within(SOON, () -> assertThat(fake.count(FakeZooKeeper.PING)).isGreaterThan(5));
    assertThat(fake.count(FakeZooKeeper.CREATE)).isEqualTo(3); // Two parents and the node.
    assertThat(log.linesFrom(Level.WARN)).isEmpty();
  }

  @Test
  void expiredSessionIsRegisteredAgain() throws Exception {
    registration.start();
    String first = awaitNode();

    fake.expireSessions();

    Eventually.within(SOON, () -> assertThat(nodes()).hasSize(1).doesNotContain(first));
    awaitRegistered();
    assertThat(log.linesFrom(Level.WARN))
        .anySatisfy(line -> assertThat(line).contains("has ended the session of " + first));
  }

  @Test
  void nodeIsKeptWhenOnlyTheConnectionIsLost() throws Exception {
    registration.start();
    String first = awaitNode();
    awaitRegistered();

    fake.refuse(true);
    awaitUnregistered();
    fake.refuse(false);

    awaitRegistered();
    assertThat(nodes()).containsExactly(first);
    assertThat(fake.sessions()).isEqualTo(1);
  }

  @Test
  void lostDataIsRegisteredAgain() throws Exception {
    registration.start();
    awaitNode();
    awaitRegistered();

    fake.refuse(true);
    awaitUnregistered();
    fake.wipe();
    fake.refuse(false);

    awaitRegistered();
    assertThat(awaitNode()).startsWith(WEB + "/_c_");
  }

  @Test
  void deletedNodeIsCreatedAgain() throws Exception {
    registration.start();
    String first = awaitNode();
    fake.delete(first);

    assertThat(nodes()).isEmpty();
    Eventually.within(SOON, () -> assertThat(nodes()).hasSize(1).doesNotContain(first));
    assertThat(log.linesFrom(Level.WARN))
        .singleElement()
        .asString()
        .contains("has lost or changed " + first);
  }

  @Test
  void nodeWhoseDataWasChangedIsReplaced() throws Exception {
    registration.start();
    fake.put(awaitNode(), "10.0.0.6:8081");

    Eventually.within(
        SOON,
        () ->
            assertThat(nodes())
                .singleElement()
                .satisfies(node -> assertThat(fake.data(node)).isEqualTo("10.0.0.5:8081")));
  }

  @Test
  void creationWithoutResponseIsNotRepeated() throws Exception {
    fake.put(WEB, "");
    fake.loseResponseTo(FakeZooKeeper.CREATE);
    registration.start();
    awaitNode();
    fake.refuse(false);

    awaitRegistered();
    assertThat(nodes()).hasSize(1);
    assertThat(fake.count(FakeZooKeeper.CREATE)).isEqualTo(1);
  }

  @Test
  void creationWithoutResponseInAnExpiredSessionIsRepeated() throws Exception {
    fake.put(WEB, "");
    fake.put(WEB + "/other", "10.0.0.9:80");
    fake.loseResponseTo(FakeZooKeeper.CREATE);
    registration.start();
    Eventually.within(SOON, () -> assertThat(nodes()).hasSize(2));
    // The node is owned by a session that is not the client's any more.
    List<String> before = nodes();
    fake.forgetSessions();
    fake.refuse(false);

    awaitRegistered();
    assertThat(nodes()).hasSize(2).contains(WEB + "/other").isNotEqualTo(before);
  }

  @Test
  void closeDuringACreationWithoutResponseLeavesNothing() throws Exception {
    fake.put(WEB, "");
    fake.loseResponseTo(FakeZooKeeper.CREATE);
    registration.start();
    awaitNode();
    fake.refuse(false);

    registration.close();

    Eventually.within(SOON, () -> assertThat(nodes()).isEmpty());
    Eventually.within(SOON, () -> assertThat(fake.sessions()).isZero());
  }

  @Test
  void closeDuringAnOutageIsAWarning() throws Exception {
    registration.start();
    awaitRegistered();
    fake.refuse(true);

    registration.close();

    Eventually.within(
        SOON,
        () ->
            assertThat(log.linesFrom(Level.WARN))
                .anySatisfy(
                    line -> assertThat(line).contains("web-10.0.0.5:8081 is not deregistered")));
  }

  @Test
  void closeWithoutAConnectionDeletesTheNodeIfItCan() throws Exception {
    registration.start();
    awaitNode();
    awaitRegistered();

    fake.dropConnections();
    registration.close();

    Eventually.within(SOON, () -> assertThat(nodes()).isEmpty());
  }

  @Test
  void outageIsTwoLines() throws Exception {
    fake.refuse(true);
    registration.start();
    Eventually.within(SOON, () -> assertThat(log.linesFrom(Level.WARN)).hasSize(1));
    assertThat(registration.isRegistered()).isFalse();
    fake.refuse(false);

    awaitRegistered();
    assertThat(log.linesFrom(Level.WARN))
        .singleElement()
        .asString()
        .contains("registration of web-10.0.0.5:8081 with ZooKeeper at", "serving unregistered");
  }

  @Test
  void registrationThatWasNeverStartedSendsNothing() throws Exception {
    registration.close();
    assertThat(fake.requests()).isEmpty();
    assertThat(fake.sessions()).isZero();
  }
}
