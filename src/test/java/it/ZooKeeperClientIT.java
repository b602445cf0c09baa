// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import kit.zookeeper.ZooKeeperClient;
import kit.zookeeper.ZooKeeperClient.Mode;
import kit.zookeeper.ZooKeeperClient.Node;
import kit.zookeeper.ZooKeeperClient.Settings;
import kit.zookeeper.ZooKeeperClient.User;
import kit.zookeeper.ZooKeeperClient.ZooKeeperException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.ZooKeeperServer;

/** ZooKeeperClient with a real ZooKeeper; skipped without one, see {@link ZooKeeperServer}. */
@Timeout(120)
class ZooKeeperClientIT {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final Duration SECOND = Duration.ofSeconds(1); // The shortest session.

  private static ZooKeeperServer shared;

  private final List<AutoCloseable> closing = new ArrayList<>();
  private final String folder = "/test-" + UUID.randomUUID();
  private ZooKeeperClient client;
  private ZooKeeperClient other;

  @BeforeEach
  void connect() throws Exception {
    if (shared == null) { // Not @BeforeAll: without ZooKeeper, each test is to be seen as skipped.
      shared = ZooKeeperServer.start();
    }
    client = client(settings(shared));
    other = client(settings(shared));
    client.createParents(folder);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : closing) {
      each.close();
    }
  }

  @AfterAll
  static void stop() throws Exception {
    if (shared != null) {
      shared.close();
    }
  }

  private static Settings settings(ZooKeeperServer server) {
    return Settings.of(server.address());
  }

  private ZooKeeperClient client(Settings settings) {
    ZooKeeperClient made = new ZooKeeperClient(settings);
    closing.add(0, made); // Before its server.
    return made;
  }

  private ZooKeeperServer ownServer(String... options) throws Exception {
    ZooKeeperServer server = ZooKeeperServer.start(options);
    closing.add(server);
    return server;
  }

  @Test
  void nodeExistsUntilItIsDeleted() throws Exception {
    String path = folder + "/a";

    assertThat(client.create(path, "x", Mode.PERSISTENT)).isEqualTo(path);

    assertThat(other.get(path, false)).contains(new Node("x", 0));
    assertThat(other.children(folder, false)).contains(List.of("a"));
    assertThat(other.delete(path)).isTrue();
    assertThat(client.delete(path)).isFalse();
    assertThat(client.get(path, false)).isEmpty();
    assertThat(client.children(path, false)).isEmpty();
    assertThat(client.children(folder, false)).contains(List.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "-", "a b", "...", "ü", "日本語", "%2F", "a:b,c"})
  void namesAndDataAreText(String text) throws Exception {
    client.create(folder + "/" + text, text, Mode.PERSISTENT);

    assertThat(client.children(folder, false)).contains(List.of(text));
    assertThat(client.get(folder + "/" + text, false).map(Node::data)).contains(text);
  }

  @Test
  void invalidPathsAreThoseOfTheServer() throws Exception {
    for (char c : new char[] {1, 0x1f, 0x7f, 0x9f, 0xd800, 0xe000, 0xf8ff, 0xfff0, 0xffff}) {
      assertThatThrownBy(() -> client.create(folder + "/" + c, "", Mode.PERSISTENT))
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (char c : new char[] {0x20, 0xa0, 0xd7ff, 0xf900, 0xffef}) {
      client.create(folder + "/" + c, "", Mode.PERSISTENT);
    }
  }

  @Test
  void ephemeralNodesEndWithTheSession() throws Exception {
    String first = client.create(folder + "/i-", "1", Mode.EPHEMERAL_SEQUENTIAL);
    String second = client.create(folder + "/i-", "2", Mode.EPHEMERAL_SEQUENTIAL);
    String third = client.create(folder + "/e", "3", Mode.EPHEMERAL);

    assertThat(List.of(first, second, third))
        .containsExactly(folder + "/i-0000000000", folder + "/i-0000000001", folder + "/e");
    assertThat(other.get(first, false)).contains(new Node("1", client.sessionId()));
    assertThat(other.children(folder, true).get()).hasSize(3);

    client.close();

    assertThat(other.await(SOON)).containsExactly(folder);
    assertThat(other.children(folder, false)).contains(List.of());
  }

  @Test
  void parentsAreCreatedOnceByAnyNumberOfClients() throws Exception {
    client.createParents(folder + "/a/b/c");
    other.createParents(folder + "/a/b/d");
    other.createParents(folder + "/a/b/c");

    assertThat(client.children(folder + "/a/b", false).get()).containsExactlyInAnyOrder("c", "d");
  }

  @ParameterizedTest
  @CsvSource({"/none/a, -101", "/a, -110", "/a/b, -108"})
  void impossibleNodesAreErrors(String path, int code) throws Exception {
    client.create(folder + "/a", "", Mode.EPHEMERAL);

    assertThatThrownBy(() -> client.create(folder + path, "", Mode.PERSISTENT))
        .isInstanceOfSatisfying(
            ZooKeeperException.class, e -> assertThat(e.code()).isEqualTo(code));
    assertThatThrownBy(() -> client.delete(folder))
        .isInstanceOfSatisfying(
            ZooKeeperException.class, e -> assertThat(e.code()).isEqualTo(-111));
    assertThat(client.children(folder, false)).contains(List.of("a"));
  }

  @Test
  void chrootIsCreatedAndHidden() throws Exception {
    ZooKeeperClient inside = client(settings(shared).withChroot(folder + "/x/y"));

    assertThat(inside.children("/", true)).isEmpty();
    inside.createParents("/a");
    inside.create("/a/b", "1", Mode.EPHEMERAL);

    assertThat(inside.await(SOON)).containsExactly("/");
    assertThat(inside.children("/", false)).contains(List.of("a"));
    assertThat(client.get(folder + "/x/y/a/b", false).map(Node::data)).contains("1");
  }

  // Watches.

  @Test
  void eachKindOfChangeIsReturned() throws Exception {
    String path = folder + "/a";
    assertThat(client.children(path, true)).isEmpty();
    other.create(path, "1", Mode.PERSISTENT);
    assertThat(client.await(SOON)).containsExactly(path);

    assertThat(client.children(path, true)).contains(List.of());
    other.create(path + "/b", "", Mode.PERSISTENT);
    assertThat(client.await(SOON)).containsExactly(path);

    assertThat(client.get(path + "/b", true)).isPresent();
    other.delete(path + "/b");
    assertThat(client.await(SOON)).containsExactly(path + "/b");

    assertThat(client.children(path, true)).contains(List.of());
    other.delete(path);
    assertThat(client.await(SOON)).containsExactly(path);
    assertThat(client.await(Duration.ofMillis(50))).isEmpty();
  }

  @Test
  void changeBetweenReadAndAwaitIsNotMissed() throws Exception {
    for (int i = 0; i < 50; i++) {
      client.children(folder, true);
      other.create(folder + "/" + i, "", Mode.PERSISTENT);
      assertThat(client.await(SOON)).containsExactly(folder);
      assertThat(client.children(folder, false).get()).hasSize(i + 1);
    }
  }

  // Faults of the server.

  @Test
  void sessionAndWatchesSurviveARestartOfTheServer() throws Exception {
    ZooKeeperServer server = ownServer();
    client = client(settings(server));
    other = client(settings(server));
    client.createParents("/a/b");
    client.create("/a/e", "1", Mode.EPHEMERAL);
    client.children("/a", true);
    client.children("/a/b", true);
    client.children("/none", true);
    long session = client.sessionId();

    server.kill();
    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> client.await(SOON)).hasMessageContaining("refused");
    server.restart();
    Eventually.within(SOON, () -> other.createParents("/none")); // While the client is detached.

    assertThat(client.await(SOON)).containsExactly("/none");
    assertThat(client.sessionId()).isEqualTo(session);
    assertThat(client.get("/a/e", false)).contains(new Node("1", session));
    other.create("/a/c", "", Mode.PERSISTENT);
    assertThat(client.await(SOON)).containsExactly("/a");
    other.create("/a/b/c", "", Mode.PERSISTENT);
    assertThat(client.await(SOON)).containsExactly("/a/b");
  }

  @Test
  void lossOfTheServersDataIsLikeExpiry() throws Exception {
    ZooKeeperServer server = ownServer();
    client = client(settings(server));
    client.createParents("/a/b");
    client.create("/a/e", "1", Mode.EPHEMERAL);
    client.children("/a", true);
    long session = client.sessionId();

    server.restartEmpty();

    Eventually.within(SOON, () -> assertThat(client.await(SECOND)).containsExactly("/a"));
    assertThat(client.sessionId()).isNotIn(session, 0L);
    assertThat(client.children("/a", true)).isEmpty();
    client.createParents("/a");
    assertThat(client.await(SOON)).containsExactly("/a");
  }

  @Test
  void suspendedServerIsLeftAndUsedAgain() throws Exception {
    ZooKeeperServer server = ownServer();
    Settings settings = settings(server).withSessionTimeout(Duration.ofSeconds(3));
    client = client(settings);
    client.createParents("/a");
    client.create("/a/e", "1", Mode.EPHEMERAL);
    client.children("/a", true);

    server.signal("STOP"); // Takes effect a moment later.
    Eventually.within(
        SOON, () -> assertThatThrownBy(client::ping).hasMessage("ping: no response in time"));
    assertThatThrownBy(() -> client.await(SOON)).hasMessageContaining("no response in time");
    server.signal("CONT");
    other = client(settings);
    Eventually.within(SOON, () -> other.createParents("/a/b"));

    Eventually.within(SOON, () -> assertThat(client.await(SECOND)).containsExactly("/a"));
  }

  @Test
  void sessionWithoutRequestsExpires() throws Exception {
    client = client(settings(shared).withSessionTimeout(SECOND));
    client.create(folder + "/e", "1", Mode.EPHEMERAL);
    client.children(folder, true);
    long session = client.sessionId();
    Eventually.within(SOON, () -> assertThat(other.children(folder, false)).contains(List.of()));

    assertThat(client.await(SOON)).containsExactly(folder);

    assertThat(client.await(SECOND)).isEmpty();
    assertThat(client.sessionId()).isNotIn(session, 0L);
  }

  @Test
  void pingsAndAwaitKeepTheSessionAlive() throws Exception {
    client = client(settings(shared).withSessionTimeout(SECOND));
    client.create(folder + "/e", "1", Mode.EPHEMERAL);
    long session = client.sessionId();

    for (int i = 0; i < 4; i++) {
      assertThat(client.await(SECOND)).isEmpty();
    }

    assertThat(client.sessionId()).isEqualTo(session);
    assertThat(other.children(folder, false)).contains(List.of("e"));
  }

  // Users.

  @Test
  void nodesOfAUserAreForTheUserAlone() throws Exception {
    User user = new User("kit", "s3:cret");
    ZooKeeperClient owner = client(settings(shared).withUser(user));
    ZooKeeperClient again = client(settings(shared).withUser(user));
    ZooKeeperClient wrong = client(settings(shared).withUser(new User("kit", "wr0ng")));
    String path = folder + "/a";
    owner.createParents(path);
    owner.create(path + "/b", "1", Mode.EPHEMERAL);

    assertThat(again.children(path, true)).contains(List.of("b"));
    assertThat(again.get(path + "/b", false).map(Node::data)).contains("1");
    for (ZooKeeperClient stranger : List.of(client, wrong)) {
      assertThatThrownBy(() -> stranger.children(path, true))
          .isInstanceOfSatisfying(
              ZooKeeperException.class,
              e -> assertThat(e.code()).isEqualTo(ZooKeeperException.NO_AUTH))
          .hasMessageContaining("no permission")
          .hasMessageNotContaining("wr0ng");
      assertThatThrownBy(() -> stranger.create(path + "/c", "", Mode.EPHEMERAL))
          .isInstanceOf(ZooKeeperException.class);
      assertThatThrownBy(() -> stranger.createParents(path + "/c"))
          .isInstanceOf(ZooKeeperException.class);
      stranger.createParents(path); // Exists.
    }
    assertThatThrownBy(() -> wrong.get(path, false)).hasMessageContaining("as user kit");
  }

  // Other clients.

  @Test
  void zooKeepersOwnShellSeesOurNodesAndWeSeeIts() throws Exception {
    client.create(folder + "/ours", "127.0.0.1:8081", Mode.EPHEMERAL);
    client.children(folder, true);

    List<String> created = shared.shell("create", folder + "/its", "127.0.0.1:9000");

    assertThat(created).contains("Created " + folder + "/its");
    assertThat(client.await(SOON)).containsExactly(folder);
    assertThat(client.get(folder + "/its", false)).contains(new Node("127.0.0.1:9000", 0));
    assertThat(shared.shell("ls", folder)).contains("[its, ours]");
    assertThat(shared.shell("get", folder + "/ours")).contains("127.0.0.1:8081");
  }

  // Cost.

  @Test
  void cyclesLeaveNothing() throws Exception {
    client.ping();
    other.ping();
    long sessions = sessions();
    long files = files();
    int threads = Thread.activeCount();
    for (int i = 0; i < 300; i++) {
      try (ZooKeeperClient each = new ZooKeeperClient(settings(shared))) {
        each.create(folder + "/e", "", Mode.EPHEMERAL);
        each.children(folder, true);
      }
      client.ping(); // On a busy machine this takes longer than a session.
      other.ping();
    }

    assertThat(client.children(folder, false)).contains(List.of());
    assertThat(sessions).isPositive();
    assertThat(sessions()).isLessThanOrEqualTo(sessions); // Those of earlier tests may expire.
    Eventually.within(
        SOON, () -> assertThat(shared.metric("zk_num_alive_connections")).isLessThan(6));
    assertThat(files()).isLessThanOrEqualTo(files + 3); // The JVM may open some of its own.
    // Those of earlier tests may have ended.
    Eventually.within(SOON, () -> assertThat(Thread.activeCount()).isLessThanOrEqualTo(threads));
  }

  private static long sessions() throws IOException {
    return shared.word("dump").lines().filter(line -> line.matches("\\s*0x[0-9a-f]+")).count();
  }

  private static long files() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
      return all.count();
    }
  }

  @Test
  void manyWatchesAreSetAgainAfterARestart() throws Exception {
    ZooKeeperServer server = ownServer();
    client = client(settings(server));
    client.createParents("/a");
    for (int i = 0; i < 250; i++) {
      client.create("/a/" + i, "", Mode.PERSISTENT);
      client.get("/a/" + i, true);
    }

    server.restart();
    Eventually.within(SOON, client::ping);

    assertThat(server.metric("zk_watch_count")).isEqualTo(250);
    other = client(settings(server));
    other.delete("/a/249");
    assertThat(client.await(SOON)).isEqualTo(Set.of("/a/249"));
  }
}
