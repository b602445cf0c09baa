// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import kit.zookeeper.ZooKeeperClient.Mode;
import kit.zookeeper.ZooKeeperClient.Settings;
import kit.zookeeper.ZooKeeperClient.User;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.ScriptedZooKeeper;
import testing.ScriptedZooKeeper.Request;
import testing.ScriptedZooKeeper.Script;

/** Sessions, watches, servers and interruptions, against scripted responses. */
@Timeout(30)
class ZooKeeperSessionTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration LONG = Duration.ofMinutes(1); // Never reached.
  private static final Duration SHORT = Duration.ofMillis(300); // Session timeout of tests of it.

  private final List<AutoCloseable> closing = new ArrayList<>();
  private ScriptedZooKeeper fake;
  private ZooKeeperClient client;

  @BeforeEach
  void start() throws Exception {
    fake = fake();
    client = client(Settings.of(fake.address()));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    for (AutoCloseable each : closing) {
      each.close();
    }
  }

  private ScriptedZooKeeper fake() throws IOException {
    ScriptedZooKeeper started = new ScriptedZooKeeper(Request::accept);
    closing.add(started);
    return started;
  }

  private static ZooKeeperClient client(Settings settings) {
    return new ZooKeeperClient(settings, new Random(1), System::nanoTime);
  }

  private ZooKeeperClient withTimeout(Duration timeout) {
    return client(Settings.of(fake.address()).withSessionTimeout(timeout));
  }

  /** A script for requests of one type; the others are accepted. */
  private static Script on(int type, Script script) {
    return request -> {
      if (request.type() == type) {
        script.play(request);
      } else {
        request.accept();
      }
    };
  }

  /** Responds to requests for children with none. */
  private static Script withChildren(Script others) {
    return request -> {
      if (request.type() == ScriptedZooKeeper.CHILDREN) {
        request.respond(List.of());
      } else {
        others.play(request);
      }
    };
  }

  /** Returns the next request of a type, and skips those before it. */
  private Request next(int type) throws InterruptedException {
    while (true) {
      Request request = fake.requests().poll(10, TimeUnit.SECONDS);
      assertThat(request).as("request of type " + type).isNotNull();
      if (request.type() == type) {
        return request;
      }
    }
  }

  private void awaitNoConnection() throws Exception {
    Eventually.within(SOON, () -> assertThat(fake.open()).isZero());
  }

  private void loseConnection() throws Exception {
    fake.play(on(ScriptedZooKeeper.PING, Request::close));
    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    fake.play(Request::accept);
    fake.requests().clear();
  }

  // Watches.

  @Test
  void changeIsReturnedOnce() throws Exception {
    fake.play(
        withChildren(
            on(
                ScriptedZooKeeper.PING,
                request -> {
                  request.event(4, "/a");
                  request.event(4, "/a");
                  request.event(4, "/other");
                  request.respond();
                })));
    client.children("/a", true);

    client.ping();

    assertThat(client.await(LONG)).containsExactly("/a");
    assertThat(client.await(Duration.ofMillis(20))).isEmpty();
    client.ping();
    assertThat(client.await(Duration.ofMillis(20))).isEmpty();
  }

  @Test
  void awaitReturnsWhenTheEventArrives() throws Exception {
    CompletableFuture<Request> watched = new CompletableFuture<>();
    fake.play(
        on(
            ScriptedZooKeeper.CHILDREN,
            request -> {
              request.respond(List.of());
              watched.complete(request);
            }));
    client.children("/a", true);
    CompletableFuture<Set<String>> changed = new CompletableFuture<>();
    Thread waiting = inBackground(() -> changed.complete(client.await(LONG)));
    awaitSelecting(waiting);

    watched.get().event(4, "/a");

    assertThat(changed.get(10, TimeUnit.SECONDS)).containsExactly("/a");
  }

  private interface Task {
    void run() throws Exception;
  }

  private static Thread inBackground(Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (Exception e) {
                Thread.currentThread().interrupt(); // The test sees that there is no result.
              }
            });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private static void awaitSelecting(Thread thread) throws Exception {
    Eventually.within(
        SOON,
        () ->
            assertThat(thread.getStackTrace())
                .extracting(StackTraceElement::getMethodName)
                .contains("select"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 9})
  void anyEventOfThePathEndsItsWatches(int type) throws Exception {
    fake.play(
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.CHILDREN -> request.respond(List.of());
            case ScriptedZooKeeper.GET ->
                request.respond("x", 1L, 1L, 1L, 1L, 0, 0, 0, 0L, 0, 0, 1L);
            case ScriptedZooKeeper.PING -> {
              request.event(type, "/a");
              request.respond();
            }
            default -> request.accept();
          }
        });
    client.children("/a", true);
    client.get("/a", true);

    client.ping();

    assertThat(client.await(LONG)).containsExactly("/a");
  }

  @Test
  void eventThatOvertakesItsResponseIsKept() throws Exception {
    fake.play(
        on(
            ScriptedZooKeeper.CHILDREN,
            request -> {
              request.event(4, "/a");
              request.respond(List.of("b"));
            }));

    assertThat(client.children("/a", true)).contains(List.of("b"));
    assertThat(client.await(LONG)).containsExactly("/a");
  }

  @Test
  void eventOfAnEarlierWatchDoesNotEndTheNewOne() throws Exception {
    fake.play(withChildren(Request::accept));
    client.children("/a", true);
    fake.play(
        on(
            ScriptedZooKeeper.CHILDREN,
            request -> {
              request.event(4, "/a");
              request.respond(List.of("b"));
            }));
    client.children("/a", true);
    assertThat(client.await(LONG)).containsExactly("/a");

    fake.play(
        on(
            ScriptedZooKeeper.PING,
            request -> {
              request.event(4, "/a");
              request.respond();
            }));
    client.ping();

    assertThat(client.await(LONG)).containsExactly("/a");
  }

  @Test
  void creationOfAMissingNodeIsWatched() throws Exception {
    assertThat(client.children("/a", true)).isEmpty();
    fake.play(
        on(
            ScriptedZooKeeper.PING,
            request -> {
              request.event(1, "/a");
              request.respond();
            }));

    client.ping();

    assertThat(client.await(LONG)).containsExactly("/a");
  }

  @Test
  void nodeCreatedBetweenListAndWatchIsAChange() throws Exception {
    fake.play(on(ScriptedZooKeeper.EXISTS, request -> request.respond(ScriptedZooKeeper.stat(0))));

    assertThat(client.children("/a", true)).isEmpty();

    assertThat(client.await(LONG)).containsExactly("/a");
  }

  @Test
  void readWithoutAWatchIsNotWatched() throws Exception {
    fake.play(withChildren(Request::accept));
    client.children("/a", false);
    client.get("/a", false);
    client.get("/a", true); // Does not exist.
    fake.play(
        on(
            ScriptedZooKeeper.PING,
            request -> {
              request.event(4, "/a");
              request.event(2, "/a");
              request.respond();
            }));

    client.ping();

    assertThat(client.await(Duration.ofMillis(20))).isEmpty();
  }

  // Connections that are lost.

  @Test
  void reattachingSetsWatchesAndReturnsWhatWasMissed() throws Exception {
    client = withTimeout(Duration.ofHours(1)); // No ping ends the wait.
    fake.play(
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.CHILDREN -> request.respondAt(40L, List.of());
            case ScriptedZooKeeper.GET ->
                request.respondAt(41L, "x", 1L, 1L, 1L, 1L, 0, 0, 0, 0L, 0, 0, 1L);
            default -> request.accept();
          }
        });
    client.children("/a", true);
    client.get("/b", true);
    fake.play(Request::accept);
    client.children("/c", true);
    loseConnection();
    fake.play(
        on(
            ScriptedZooKeeper.SET_WATCHES,
            request -> {
              request.event(4, "/a");
              request.respondAt(50L);
            }));

    assertThat(client.await(LONG)).containsExactly("/a");

    Request connect = next(ScriptedZooKeeper.CONNECT);
    assertThat(connect.session()).isEqualTo(ScriptedZooKeeper.SESSION);
    assertThat(connect.zxid()).isEqualTo(41);
    assertThat(connect.content()).endsWith(ScriptedZooKeeper.encoded(bytes(16), false));
    assertThat(next(ScriptedZooKeeper.SET_WATCHES).content())
        .isEqualTo(
            ScriptedZooKeeper.encoded(-8, 101, 41L, List.of("/b"), List.of("/c"), List.of("/a")));
    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);

    loseConnection();
    client.ping();
    assertThat(next(ScriptedZooKeeper.CONNECT).zxid()).isEqualTo(50);
    assertThat(next(ScriptedZooKeeper.SET_WATCHES).content())
        .isEqualTo(
            ScriptedZooKeeper.encoded(-8, 101, 50L, List.of("/b"), List.of("/c"), List.of()));
  }

  private static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }

  @Test
  void transactionsBeforeTheWatchesAreSetDoNotHideWhatWasMissed() throws Exception {
    client = client(Settings.of(fake.address()).withUser(new User("kit", "s3cret")));
    fake.play(on(ScriptedZooKeeper.CHILDREN, request -> request.respondAt(40L, List.of())));
    client.children("/a", true);
    loseConnection();
    fake.play(
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.AUTH -> request.respondAt(60L);
            case ScriptedZooKeeper.SET_WATCHES -> request.close();
            default -> request.accept();
          }
        });

    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);

    next(ScriptedZooKeeper.SET_WATCHES);
    assertThat(next(ScriptedZooKeeper.CONNECT).zxid()).isEqualTo(40);
    assertThat(next(ScriptedZooKeeper.SET_WATCHES).content())
        .startsWith(ScriptedZooKeeper.encoded(-8, 101, 40L));
  }

  @Test
  void manyWatchesAreSetInSeveralRequests() throws Exception {
    fake.play(withChildren(Request::accept));
    Set<String> paths = new HashSet<>();
    for (int i = 0; i < 250; i++) {
      client.children("/a" + i, true);
      paths.add("/a" + i);
    }
    loseConnection();
    fake.play(
        on(
            ScriptedZooKeeper.SET_WATCHES,
            request -> {
              for (int i = 0; i < 250; i++) {
                request.event(4, "/a" + i);
              }
              request.respond();
            }));

    client.ping();

    assertThat(client.await(LONG)).isEqualTo(paths);
    assertThat(fake.requests())
        .filteredOn(request -> request.type() == ScriptedZooKeeper.SET_WATCHES)
        .hasSize(3);
  }

  @Test
  void awaitReattachesOnceThenFails() throws Exception {
    fake.play(withChildren(Request::accept));
    client.children("/a", true);
    fake.requests().clear();
    fake.play(
        on(
            ScriptedZooKeeper.SET_WATCHES,
            request -> {
              request.respond();
              request.close();
            }));
    CompletableFuture<Exception> failure = new CompletableFuture<>();
    Thread waiting = inBackground(() -> failure.complete(failureOf(() -> client.await(LONG))));
    awaitSelecting(waiting);

    fake.disconnect();

    assertThat(failure.get(10, TimeUnit.SECONDS))
        .hasMessage("waiting for changes: connection closed by the server");
    assertThat(fake.requests())
        .filteredOn(request -> request.type() == ScriptedZooKeeper.CONNECT)
        .hasSize(1);
  }

  private static Exception failureOf(Task task) {
    try {
      task.run();
      return new Exception("none");
    } catch (Exception e) {
      return e;
    }
  }

  @Test
  void expiredSessionIsReplacedAndAllWatchedPathsAreReturned() throws Exception {
    client = withTimeout(Duration.ofHours(1)); // No ping ends the wait.
    fake.play(withChildren(Request::accept));
    client.children("/a", true);
    client.children("/b", true);
    client.children("/c", false);
    loseConnection();
    fake.play(
        on(
            ScriptedZooKeeper.CONNECT,
            request -> {
              if (request.session() == 0) {
                request.grant(ScriptedZooKeeper.SESSION + 1, 3_600_000);
              } else {
                request.grant(0, 0);
                request.close();
              }
            }));

    assertThat(client.await(LONG)).containsExactlyInAnyOrder("/a", "/b");
    client.ping();

    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION + 1);
    Request first = next(ScriptedZooKeeper.CONNECT);
    Request second = next(ScriptedZooKeeper.CONNECT);
    assertThat(first.session()).isEqualTo(ScriptedZooKeeper.SESSION);
    assertThat(second.session()).isZero();
    assertThat(second.zxid()).isZero();
    assertThat(second.content()).endsWith(ScriptedZooKeeper.encoded(new byte[16], false));
    assertThat(fake.requests())
        .extracting(Request::type)
        .doesNotContain(ScriptedZooKeeper.SET_WATCHES);
  }

  @Test
  void serverWithoutTheDataIsAcceptedAfterThreeRefusals() throws Exception {
    fake.play(on(ScriptedZooKeeper.CHILDREN, request -> request.respondAt(40L, List.of())));
    client.children("/a", true);
    loseConnection();
    fake.play(
        on(
            ScriptedZooKeeper.CONNECT,
            request -> {
              if (request.zxid() > 39) {
                request.close();
              } else {
                request.grant(request.session(), 10_000);
              }
            }));

    client.ping();

    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
    assertThat(connects(fake)).isEqualTo(3 + 1);
    assertThat(next(ScriptedZooKeeper.SET_WATCHES).content())
        .startsWith(ScriptedZooKeeper.encoded(-8, 101, 0L));
  }

  @Test
  void refusalsThatAreNotInARowDoNotCount() throws Exception {
    fake.play(on(ScriptedZooKeeper.CHILDREN, request -> request.respondAt(40L, List.of())));
    client.children("/a", true);
    for (int i = 0; i < 3; i++) {
      loseConnection();
      AtomicInteger attempts = new AtomicInteger();
      fake.play(
          on(
              ScriptedZooKeeper.CONNECT,
              request -> {
                if (attempts.incrementAndGet() < 3) {
                  request.close();
                } else {
                  request.accept();
                }
              }));

      client.ping();

      for (int attempt = 0; attempt < 3; attempt++) {
        assertThat(next(ScriptedZooKeeper.CONNECT).zxid()).isEqualTo(40);
      }
    }
  }

  @Test
  void silentServerIsNotTakenForOneWithoutTheData() throws Exception {
    client = withTimeout(SHORT);
    fake.play(on(ScriptedZooKeeper.CHILDREN, request -> request.respondAt(40L, List.of())));
    client.children("/a", true);
    loseConnection();
    fake.play(request -> {});
    for (int i = 0; i < 4; i++) {
      assertThatThrownBy(client::ping).hasMessageContaining("no response in time");
    }
    fake.play(Request::accept);
    fake.requests().clear();

    client.ping();

    assertThat(next(ScriptedZooKeeper.CONNECT).zxid()).isEqualTo(40);
  }

  // Servers.

  @Test
  void nextServerIsTriedAfterAFailure() throws Exception {
    ScriptedZooKeeper second = fake();
    client = client(settings(fake.address(), second.address()));
    for (int i = 0; i < 4; i++) {
      client.ping();
      fake.disconnect();
      second.disconnect();
      assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    }

    assertThat(connects(fake)).isEqualTo(2);
    assertThat(connects(second)).isEqualTo(2);
  }

  private static Settings settings(InetSocketAddress... servers) {
    return Settings.of(servers);
  }

  private static long connects(ScriptedZooKeeper server) {
    return server.requests().stream().filter(request -> request.type() == 0).count();
  }

  @Test
  void serversAreShuffled() throws Exception {
    ScriptedZooKeeper second = fake();
    Random random = new Random(1);
    for (int i = 0; i < 40; i++) {
      Settings settings = settings(fake.address(), second.address());
      try (ZooKeeperClient each = new ZooKeeperClient(settings, random, System::nanoTime)) {
        each.ping();
      }
    }

    assertThat(connects(fake)).isBetween(5L, 35L);
    assertThat(connects(second)).isEqualTo(40 - connects(fake));
  }

  @Test
  void deadServersAreSkipped() throws Exception {
    ScriptedZooKeeper closing = fake();
    closing.play(Request::close);
    InetSocketAddress unknown = InetSocketAddress.createUnresolved("unknown.invalid", 2181);
    Settings settings = settings(unused(), closing.address(), unknown, fake.address());
    Random random = new Random(1);
    for (int i = 0; i < 5; i++) {
      try (ZooKeeperClient each = new ZooKeeperClient(settings, random, System::nanoTime)) {
        each.ping();
        assertThat(each.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
      }
    }
  }

  @Test
  void silentServerIsSkipped() throws Exception {
    ScriptedZooKeeper silent = fake();
    silent.play(request -> {});
    Settings settings =
        settings(silent.address(), fake.address()).withSessionTimeout(Duration.ofSeconds(3));
    Random random = new Random(1);
    while (connects(silent) == 0) {
      try (ZooKeeperClient each = new ZooKeeperClient(settings, random, System::nanoTime)) {
        each.ping();
        assertThat(each.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
      }
    }
  }

  private static InetSocketAddress unused() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return InetSocketAddress.createUnresolved("127.0.0.1", socket.getLocalPort());
    }
  }

  @Test
  void failureNamesTheServer() throws Exception {
    InetSocketAddress dead = unused();
    client = client(settings(dead));

    assertThatThrownBy(client::ping)
        .isInstanceOf(IOException.class)
        .hasMessage("127.0.0.1:" + dead.getPort() + ": Connection refused");
  }

  @Test
  void allAddressesOfANameAreTried() throws Exception {
    client =
        client(settings(InetSocketAddress.createUnresolved("localhost", fake.address().getPort())));

    client.ping(); // On a machine whose localhost is ::1 first, the second one.

    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
  }

  // Keeping the session alive.

  @Test
  void awaitPingsInEachThirdOfTheTimeout() throws Exception {
    client = withTimeout(Duration.ofMillis(600));

    assertThat(client.await(Duration.ofMillis(900))).isEmpty();

    // On a busy machine, pings are late.
    assertThat(fake.requests())
        .extracting(Request::type)
        .startsWith(ScriptedZooKeeper.CONNECT, ScriptedZooKeeper.PING, ScriptedZooKeeper.PING)
        .hasSizeBetween(3, 5);
  }

  @Test
  void timeoutThatTheServerGrantsCounts() throws Exception {
    client = withTimeout(LONG);
    fake.play(
        on(ScriptedZooKeeper.CONNECT, request -> request.grant(ScriptedZooKeeper.SESSION, 600)));

    client.await(Duration.ofMillis(300));

    next(ScriptedZooKeeper.PING);
    assertThat(client.sessionTimeout()).isEqualTo(Duration.ofMillis(600));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, Integer.MAX_VALUE})
  void absurdTimeoutIsBounded(int millis) throws Exception {
    client = withTimeout(SHORT);
    fake.play(
        on(ScriptedZooKeeper.CONNECT, request -> request.grant(ScriptedZooKeeper.SESSION, millis)));

    // On a busy machine, a response may be later than two thirds of 100 ms.
    failureOf(() -> client.await(Duration.ofMillis(350)));

    assertThat(fake.requests()).hasSizeBetween(2, 14);
  }

  @Test
  void silentServerIsLeft() throws Exception {
    client = withTimeout(SHORT);
    client.ping();
    fake.play(on(ScriptedZooKeeper.PING, request -> {}));

    assertThatThrownBy(() -> client.await(LONG)).hasMessageContaining("no response in time");
  }

  // Interruption and end.

  @Test
  void interruptionEndsAwaitAndTheSessionCanStillBeClosed() throws Exception {
    CountDownLatch closed = new CountDownLatch(1);
    CompletableFuture<Request> closing = new CompletableFuture<>();
    AtomicInteger interruptions = new AtomicInteger();
    Thread waiting =
        inBackground(
            () -> {
              try {
                client.await(LONG);
              } catch (InterruptedException e) {
                interruptions.incrementAndGet();
                Thread.currentThread().interrupt();
                client.close();
                interruptions.addAndGet(Thread.interrupted() ? 1 : 0);
              }
              closed.countDown();
            });
    awaitSelecting(waiting);
    fake.play(on(ScriptedZooKeeper.CLOSE, closing::complete));

    waiting.interrupt();

    Request close = closing.get(10, TimeUnit.SECONDS);
    awaitSelecting(waiting); // For the response.
    close.accept();
    assertThat(closed.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(interruptions).hasValue(2);
    awaitNoConnection();
  }

  @Test
  void responseOfAnInterruptedCallIsSkipped() throws Exception {
    client.ping();
    CompletableFuture<Request> late = new CompletableFuture<>();
    fake.play(on(ScriptedZooKeeper.GET, late::complete));
    CompletableFuture<Exception> failure = new CompletableFuture<>();
    Thread calling = inBackground(() -> failure.complete(failureOf(() -> client.get("/a", false))));
    Request unanswered = late.get(10, TimeUnit.SECONDS);
    awaitSelecting(calling);
    calling.interrupt();
    assertThat(failure.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    fake.play(withChildren(Request::accept));

    unanswered.fail(-102);

    assertThat(client.children("/a", false)).contains(List.of());
    client.ping();
    assertThat(connects(fake)).isEqualTo(1);
  }

  @Test
  void sessionBegunBeforeAnInterruptionIsClosed() throws Exception {
    CompletableFuture<Request> late = new CompletableFuture<>();
    fake.play(on(ScriptedZooKeeper.CONNECT, late::complete));
    CompletableFuture<Exception> failure = new CompletableFuture<>();
    Thread calling = inBackground(() -> failure.complete(failureOf(client::ping)));
    Request connect = late.get(10, TimeUnit.SECONDS);
    awaitSelecting(calling);
    fake.play(on(ScriptedZooKeeper.PING, request -> {})); // A response would end the call first.

    calling.interrupt();
    connect.accept();

    assertThat(failure.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    client.close();
    next(ScriptedZooKeeper.CLOSE);
    awaitNoConnection();
  }

  @Test
  void interruptedConnectionAttemptIsClosed() throws Exception {
    CompletableFuture<Request> silent = new CompletableFuture<>();
    fake.play(on(ScriptedZooKeeper.CONNECT, silent::complete));
    CompletableFuture<Exception> failure = new CompletableFuture<>();
    Thread calling = inBackground(() -> failure.complete(failureOf(client::ping)));
    silent.get(10, TimeUnit.SECONDS);
    awaitSelecting(calling);

    calling.interrupt();

    assertThat(failure.get(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    awaitNoConnection();
    fake.play(Request::accept);
    client.ping();
  }

  @Test
  void closingTwiceIsHarmlessAndEndsTheClient() throws Exception {
    client.ping();
    client.close();
    client.close();

    assertThatThrownBy(client::ping).isInstanceOf(IOException.class).hasMessageContaining("closed");
    assertThatThrownBy(() -> client.await(LONG)).isInstanceOf(IOException.class);
    assertThat(fake.requests())
        .extracting(Request::type)
        .containsExactly(
            ScriptedZooKeeper.CONNECT, ScriptedZooKeeper.PING, ScriptedZooKeeper.CLOSE);
    awaitNoConnection();
  }

  @Test
  void unusedClientClosesWithoutAConnection() throws Exception {
    client.close();

    assertThat(fake.requests()).isEmpty();
  }

  @Test
  void closingDoesNotWaitLongForASilentServer() throws Exception {
    client.ping();
    fake.play(request -> {});
    long startedAtNanos = System.nanoTime();

    client.close();

    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos)).isLessThan(SOON);
    awaitNoConnection();
  }

  @Test
  void cyclesLeaveNoConnectionAndNoFile() throws Exception {
    for (int i = 0; i < 50; i++) {
      try (ZooKeeperClient each = client(Settings.of(fake.address()))) {
        each.ping();
      }
    }

    awaitNoConnection();
    assertThat(fake.requests())
        .filteredOn(request -> request.type() == ScriptedZooKeeper.CLOSE)
        .hasSize(50);
  }

  // Bad arguments.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "/a/",
        "//",
        "/a//b",
        "/.",
        "/..",
        "/a/./b",
        "/a/..",
        "/a\u0000",
        "/\n",
        "/\ud83d\ude00",
        "/\ud800",
        "/\ue000",
        "/\ufff0",
        "/\u0085"
      })
  void invalidPathIsRejected(String path) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.get(path, false))
        .withMessageStartingWith("path is not /a/b: ")
        .withMessageNotContaining("\n");
    if (!path.isEmpty()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Settings.of(fake.address()).withChroot(path))
          .withMessageStartingWith("chroot is not /a/b: ");
    }
    assertThat(fake.requests()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/a", "/a/b", "/...", "/.a", "/a.", "/ü/日本", "/a b", "/%2F"})
  void validPathIsAccepted(String path) throws Exception {
    assertThat(client.get(path, false)).isEmpty();
    assertThat(next(ScriptedZooKeeper.GET).path()).isEqualTo(path);
  }

  @Test
  void longPathIsChecked() throws Exception {
    assertThat(client.get("/a".repeat(100_000), false)).isEmpty();
  }

  @Test
  void invalidSettingsAreRejected() {
    Settings settings = Settings.of(fake.address());
    assertThatIllegalArgumentException().isThrownBy(() -> Settings.of()).withMessage("no servers");
    assertThatIllegalArgumentException().isThrownBy(() -> settings.withChroot("/"));
    for (Duration timeout :
        List.of(Duration.ofMillis(99), Duration.ZERO, Duration.ofMillis(-1), Duration.ofDays(1))) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> settings.withSessionTimeout(timeout))
          .withMessage("sessionTimeout not in 100 ms..1 day: " + timeout);
    }
    for (String name : List.of("", "a:b", "a\n")) {
      assertThatIllegalArgumentException().isThrownBy(() -> new User(name, "s3cret"));
    }
    assertThat(settings.user()).isEqualTo(Optional.empty());
    assertThat(Mode.values()).hasSize(4);
  }
}
