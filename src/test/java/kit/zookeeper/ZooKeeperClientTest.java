// SPDX-License-Identifier: Apache-2.0
package kit.zookeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import kit.zookeeper.ZooKeeperClient.Mode;
import kit.zookeeper.ZooKeeperClient.Node;
import kit.zookeeper.ZooKeeperClient.Settings;
import kit.zookeeper.ZooKeeperClient.User;
import kit.zookeeper.ZooKeeperClient.ZooKeeperException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.ScriptedZooKeeper;
import testing.ScriptedZooKeeper.Request;
import testing.ScriptedZooKeeper.Script;

/** The client against scripted responses; {@code it.ZooKeeperClientIT} has a real server. */
@Timeout(30)
class ZooKeeperClientTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration LONG = Duration.ofMinutes(1); // Never reached.
  private static final Duration SHORT = Duration.ofMillis(900); // Session timeout of tests of it.

  private ScriptedZooKeeper fake;
  private ZooKeeperClient client;

  @BeforeEach
  void start() throws Exception {
    fake = new ScriptedZooKeeper(Request::accept);
    client = new ZooKeeperClient(Settings.of(fake.address()));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    fake.close();
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

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex.replace(" ", ""));
  }

  // Requests and responses.

  @Test
  void requestsAreEncodedAsByZooKeepersOwnClient() throws Exception {
    client = withTimeout(Duration.ofSeconds(2));
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.respond("/a")));

    client.create("/a", "x", Mode.EPHEMERAL);
    client.ping();
    client.delete("/a");
    client.children("/a", true);

    assertThat(next(ScriptedZooKeeper.CONNECT).content())
        .isEqualTo(
            bytes(
                "00000000 0000000000000000 000007d0 0000000000000000 00000010" + "00".repeat(17)));
    assertThat(next(ScriptedZooKeeper.CREATE).content())
        .isEqualTo(
            bytes(
                "00000001 00000001 00000002 2f61 00000001 78 00000001 0000001f"
                    + "00000005 776f726c64 00000006 616e796f6e65 00000001"));
    assertThat(next(ScriptedZooKeeper.PING).content()).isEqualTo(bytes("fffffffe 0000000b"));
    assertThat(next(ScriptedZooKeeper.DELETE).content())
        .isEqualTo(bytes("00000002 00000002 00000002 2f61 ffffffff"));
    assertThat(next(ScriptedZooKeeper.CHILDREN).content())
        .isEqualTo(bytes("00000003 00000008 00000002 2f61 01"));
    assertThat(next(ScriptedZooKeeper.EXISTS).content())
        .isEqualTo(bytes("00000004 00000003 00000002 2f61 01"));
  }

  @ParameterizedTest
  @CsvSource({
    "PERSISTENT, 0",
    "EPHEMERAL, 1",
    "PERSISTENT_SEQUENTIAL, 2",
    "EPHEMERAL_SEQUENTIAL, 3"
  })
  void modeIsSentAsFlags(Mode mode, int flags) throws Exception {
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.respond("/a0000000001")));

    assertThat(client.create("/a", "", mode)).isEqualTo("/a0000000001");

    assertThat(next(ScriptedZooKeeper.CREATE).content()).endsWith(0, 0, 0, flags);
  }

  @Test
  void nodeHasDataAndOwner() throws Exception {
    fake.play(
        on(
            ScriptedZooKeeper.GET,
            request -> {
              switch (request.path()) {
                case "/a" -> request.respond(with(bytes("c3bc ff 41"), ScriptedZooKeeper.stat(7)));
                case "/null" -> request.respond(with(-1, ScriptedZooKeeper.stat(0)));
                default -> request.fail(-101);
              }
            }));

    assertThat(client.get("/a", false)).contains(new Node("ü\ufffdA", 7));
    assertThat(client.get("/null", false)).contains(new Node("", 0));
    assertThat(client.get("/none", true)).isEmpty();
  }

  private static Object[] with(Object first, Object... others) {
    return Stream.concat(Stream.of(first), Arrays.stream(others)).toArray();
  }

  @Test
  void childrenAreNames() throws Exception {
    fake.play(
        on(
            ScriptedZooKeeper.CHILDREN,
            request -> {
              switch (request.path()) {
                case "/a" -> request.respond(List.of("b", "ü", ""));
                case "/" -> request.respond(-1);
                default -> request.fail(-101);
              }
            }));

    assertThat(client.children("/a", false)).contains(List.of("b", "ü", ""));
    assertThat(client.children("/", false)).contains(List.of());
    assertThat(client.children("/none", false)).isEmpty();
    assertThat(fake.requests()).extracting(Request::type).doesNotContain(ScriptedZooKeeper.EXISTS);
  }

  @Test
  void deleteReturnsWhetherTheNodeWasThere() throws Exception {
    fake.play(
        on(
            ScriptedZooKeeper.DELETE,
            request -> {
              switch (request.path()) {
                case "/a" -> request.respond();
                case "/full" -> request.fail(-111);
                default -> request.fail(-101);
              }
            }));

    assertThat(client.delete("/a")).isTrue();
    assertThat(client.delete("/none")).isFalse();
    assertThatThrownBy(() -> client.delete("/full"))
        .isInstanceOf(ZooKeeperException.class)
        .hasMessage("/full: node has children (-111)");
  }

  @Test
  void parentsAreCreatedOneByOne() throws Exception {
    client = client(Settings.of(fake.address()).withChroot("/x/y"));
    fake.play(
        request -> {
          switch (request.type() + request.path()) {
            case "1/x" -> request.fail(-110);
            case "1/x/y" -> request.fail(-102);
            case "3/x/y" -> request.respond(ScriptedZooKeeper.stat(0));
            case "1/x/y/a", "1/x/y/a/b" -> request.respond(request.path());
            default -> request.accept();
          }
        });

    client.createParents("/a/b");

    assertThat(fake.requests())
        .filteredOn(request -> request.type() == ScriptedZooKeeper.CREATE)
        .extracting(Request::path)
        .containsExactly("/x", "/x/y", "/x/y/a", "/x/y/a/b");
  }

  @Test
  void parentThatMayNotBeCreatedAndIsMissingIsAnError() throws Exception {
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.fail(-102)));

    assertThatThrownBy(() -> client.createParents("/a/b"))
        .isInstanceOfSatisfying(ZooKeeperException.class, e -> assertThat(e.code()).isEqualTo(-102))
        .hasMessage("/a: no permission (-102)");
  }

  @Test
  void parentsThatExistAreNotCreated() throws Exception {
    fake.play(on(ScriptedZooKeeper.EXISTS, request -> request.respond(ScriptedZooKeeper.stat(0))));

    client.createParents("/a/b");
    client.createParents("/");

    assertThat(fake.requests())
        .extracting(Request::type)
        .containsExactly(
            ScriptedZooKeeper.CONNECT, ScriptedZooKeeper.EXISTS, ScriptedZooKeeper.EXISTS);
  }

  @Test
  void chrootIsInRequestsAndNotInResults() throws Exception {
    client = client(Settings.of(fake.address()).withChroot("/x/y"));
    fake.play(
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.CREATE -> request.respond(request.path() + "0000000001");
            case ScriptedZooKeeper.CHILDREN -> {
              request.respond(List.of());
              request.event(4, request.path());
            }
            default -> request.accept();
          }
        });

    assertThat(client.create("/a-", "", Mode.EPHEMERAL_SEQUENTIAL)).isEqualTo("/a-0000000001");
    assertThat(next(ScriptedZooKeeper.CREATE).path()).isEqualTo("/x/y/a-");
    client.children("/", true);
    assertThat(next(ScriptedZooKeeper.CHILDREN).path()).isEqualTo("/x/y");
    assertThat(client.await(LONG)).containsExactly("/");
    client.children("/a", true);
    assertThat(client.await(LONG)).containsExactly("/a");
    assertThat(client).hasToString("ZooKeeper at 127.0.0.1:" + fake.address().getPort() + "/x/y");
  }

  @Test
  void userIsAuthenticatedOnEachConnectionAndOwnsItsNodes() throws Exception {
    User user = new User("kit", "s3:cret");
    client = client(Settings.of(fake.address()).withUser(user));
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.respond("/a")));

    client.create("/a", "", Mode.PERSISTENT);
    fake.play(on(ScriptedZooKeeper.PING, Request::close));
    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.respond("/b")));
    client.create("/b", "", Mode.PERSISTENT);

    byte[] auth = ScriptedZooKeeper.encoded(-4, 100, 0, "digest", "kit:s3:cret");
    assertThat(next(ScriptedZooKeeper.AUTH).content()).isEqualTo(auth);
    assertThat(next(ScriptedZooKeeper.CREATE).content())
        .endsWith(ScriptedZooKeeper.encoded(1, 31, "auth", "", 0));
    next(ScriptedZooKeeper.AUTH);
    next(ScriptedZooKeeper.CREATE);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          -101 | no such node
          -102 | no permission
          -110 | node exists
          -112 | session expired
          -114 | invalid ACL
          -115 | authentication failed
          -118 | session moved to another connection
          -6   | error
          7    | error
          """)
  void errorNamesThePathAndTheUser(int code, String meaning) throws Exception {
    User user = new User("kit", "s3cret");
    client = client(Settings.of(fake.address()).withUser(user));
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.fail(code)));

    assertThatThrownBy(() -> client.create("/a", "", Mode.PERSISTENT))
        .isInstanceOfSatisfying(ZooKeeperException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessage("/a as user kit: " + meaning + " (" + code + ")");
  }

  @Test
  void rejectedUserIsAnErrorWithoutThePassword() throws Exception {
    User user = new User("kit", "s3cret");
    client = client(Settings.of(fake.address()).withUser(user));
    fake.play(
        on(
            ScriptedZooKeeper.AUTH,
            request -> {
              request.fail(-115);
              request.close();
            }));

    assertThatThrownBy(() -> client.children("/a", true))
        .isInstanceOf(ZooKeeperException.class)
        .hasMessage("authentication as user kit: authentication failed (-115)");
    assertThat(user + " " + Settings.of(fake.address()).withUser(user)).doesNotContain("s3cret");
    awaitNoConnection();
  }

  @ParameterizedTest
  @ValueSource(ints = {-112, -115, -118})
  void errorOfTheSessionIsFollowedByAReconnect(int code) throws Exception {
    client.ping();
    fake.play(on(ScriptedZooKeeper.GET, request -> request.fail(code)));

    assertThatThrownBy(() -> client.get("/a", false)).isInstanceOf(ZooKeeperException.class);
    awaitNoConnection();
    fake.requests().clear();
    client.ping();

    assertThat(next(ScriptedZooKeeper.CONNECT).session()).isEqualTo(ScriptedZooKeeper.SESSION);
  }

  // Faults of responses.

  private static Arguments fault(String what, Script script, String message) {
    return Arguments.of(what, script, message);
  }

  static Stream<Arguments> faults() {
    Stream<Arguments> lengths =
        Stream.of(-1, Integer.MIN_VALUE, 0, 15, (4 << 20) + 1, Integer.MAX_VALUE, 0x48545450)
            .map(
                length ->
                    fault(
                        "length " + length,
                        request -> request.bytes(ScriptedZooKeeper.encoded(length)),
                        "malformed response: frame of " + length + " bytes"));
    Stream<Arguments> others =
        Stream.of(
            fault("hang", request -> {}, "no response in time"),
            fault("end", Request::close, "connection closed by the server"),
            fault("reset", Request::reset, "Connection reset"),
            fault(
                "half a length",
                request -> {
                  request.bytes(new byte[2]);
                  request.close();
                },
                "connection closed by the server"),
            fault(
                "half a frame",
                request -> {
                  request.bytes(ScriptedZooKeeper.encoded(100, request.xid(), 1L));
                  request.close();
                },
                "connection closed by the server"),
            fault(
                "slow",
                request -> request.bytes(ScriptedZooKeeper.encoded(100, 1)),
                "no response in time"),
            fault("no body", Request::respond, "truncated response"),
            fault("half a body", request -> request.respond(5), "malformed response: length 5"),
            fault("no state", request -> request.respond("x"), "truncated response"),
            fault("half a state", request -> request.respond("x", 1L, 1L), "truncated response"),
            fault("negative length", request -> request.respond(-2), "length -2"),
            fault("huge length", request -> request.respond(1 << 30), "length 1073741824"),
            fault(
                "number 0", request -> request.frame(ScriptedZooKeeper.encoded(0, 1L, 0)), "xid 0"),
            fault(
                "number 2", request -> request.frame(ScriptedZooKeeper.encoded(2, 1L, 0)), "xid 2"),
            fault(
                "number -8",
                request -> request.frame(ScriptedZooKeeper.encoded(-8, 1L, 0)),
                "xid -8"),
            fault(
                "number -4",
                request -> request.frame(ScriptedZooKeeper.encoded(-4, 1L, 0)),
                "xid -4"),
            fault(
                "number -3",
                request -> request.frame(ScriptedZooKeeper.encoded(-3, 1L, 0)),
                "xid -3"),
            fault(
                "event without path",
                request -> request.frame(ScriptedZooKeeper.encoded(-1, 1L, 0, 4)),
                "truncat"),
            fault(
                "event with half a path",
                request -> request.frame(ScriptedZooKeeper.encoded(-1, 1L, 0, 4, 3, 9)),
                "length 9"),
            fault(
                "endless events",
                request -> {
                  while (true) {
                    request.event(4, "/other");
                  }
                },
                "no response in time"));
    return Stream.concat(lengths, others);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("faults")
  void faultyResponseIsAnErrorAndClosesTheConnection(String what, Script fault, String message)
      throws Exception {
    client = withTimeout(SHORT);
    fake.play(on(ScriptedZooKeeper.GET, fault));

    assertThatThrownBy(() -> client.get("/a", false))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(ZooKeeperException.class)
        .hasMessageStartingWith("/a: ")
        .hasMessageContaining(message);
    awaitNoConnection();

    fake.play(Request::accept);
    fake.requests().clear();
    assertThat(client.get("/a", false)).isEmpty();
    assertThat(next(ScriptedZooKeeper.CONNECT).session()).isEqualTo(ScriptedZooKeeper.SESSION);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/", "/b", "a\n"})
  void creationOfAnotherNodeIsRejected(String path) throws Exception {
    fake.play(on(ScriptedZooKeeper.CREATE, request -> request.respond(path)));

    assertThatThrownBy(() -> client.create("/a", "", Mode.PERSISTENT))
        .hasMessageStartingWith("/a: malformed response: created ")
        .hasMessageNotContaining("\n");
    awaitNoConnection();
  }

  @ParameterizedTest
  @ValueSource(ints = {-2, 1 << 28, 3})
  void listOfImpossibleLengthIsRejected(int length) throws Exception {
    fake.play(on(ScriptedZooKeeper.CHILDREN, request -> request.respond(length, "a")));

    assertThatThrownBy(() -> client.children("/a", false))
        .hasMessage("/a: malformed response: length " + length);
  }

  static Stream<Arguments> faultsOfConnecting() {
    return Stream.of(
        fault("hang", request -> {}, "no response in time"),
        fault("end", Request::close, "connection closed by the server"),
        fault("reset", Request::reset, "reset"),
        fault(
            "length", request -> request.bytes(ScriptedZooKeeper.encoded(-1)), "frame of -1 bytes"),
        fault("truncated", request -> request.frame(new byte[16]), "truncated response"),
        fault("expired", request -> request.grant(0, 0), "the server accepts no new session"),
        fault("negative", request -> request.grant(0, -1), "the server accepts no new session"),
        fault("without id", request -> request.grant(0, 10_000), "malformed response: session 0"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("faultsOfConnecting")
  void faultyConnectionIsAnErrorThatNamesTheServer(String what, Script fault, String message)
      throws Exception {
    client = withTimeout(SHORT);
    fake.play(on(ScriptedZooKeeper.CONNECT, fault));

    assertThatThrownBy(() -> client.ping())
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("127.0.0.1:" + fake.address().getPort() + ": ")
        .hasMessageContaining(message);
    awaitNoConnection();
    assertThat(client.sessionId()).isZero();

    fake.play(Request::accept);
    client.ping();
    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
  }

  @Test
  void otherSessionThanTheKnownOneIsRejected() throws Exception {
    client.ping();
    loseConnection();
    fake.play(on(ScriptedZooKeeper.CONNECT, request -> request.grant(99, 10_000)));

    assertThatThrownBy(client::ping).hasMessageContaining("malformed response: session 99");

    assertThat(client.sessionId()).isEqualTo(ScriptedZooKeeper.SESSION);
  }

  private void loseConnection() throws Exception {
    fake.play(on(ScriptedZooKeeper.PING, Request::close));
    assertThatThrownBy(client::ping).isInstanceOf(IOException.class);
    fake.play(Request::accept);
    fake.requests().clear();
  }

  @Test
  void responseThatComesTwiceIsRejected() throws Exception {
    fake.play(
        on(
            ScriptedZooKeeper.GET,
            request -> {
              request.accept();
              request.accept();
            }));

    assertThat(client.get("/a", false)).isEmpty();
    assertThatThrownBy(() -> client.get("/a", false)).hasMessageContaining("xid 1");
  }

  @Test
  void eventsDoNotExtendTheDeadline() throws Exception {
    AtomicLong time = new AtomicLong();
    client = new ZooKeeperClient(Settings.of(fake.address()), new Random(1), time::get);
    client.ping();
    fake.play(
        on(
            ScriptedZooKeeper.GET,
            request -> {
              byte[] event = ScriptedZooKeeper.encoded(-1, -1L, 0, 4, 3, "/a");
              byte[] response = ScriptedZooKeeper.encoded(request.xid(), 1L, -101);
              time.addAndGet(TimeUnit.MINUTES.toNanos(1));
              request.bytes(
                  ByteBuffer.allocate(8 + event.length + response.length)
                      .put(ScriptedZooKeeper.encoded(event))
                      .put(ScriptedZooKeeper.encoded(response))
                      .array());
            }));

    assertThatThrownBy(() -> client.get("/a", true)).hasMessage("/a: no response in time");
  }

  @Test
  void requestIsNeverRepeated() throws Exception {
    fake.play(on(ScriptedZooKeeper.CREATE, Request::close));

    assertThatThrownBy(() -> client.create("/a", "", Mode.EPHEMERAL_SEQUENTIAL))
        .isInstanceOf(IOException.class);
    client.ping();

    assertThat(fake.requests())
        .extracting(Request::type)
        .containsExactly(
            ScriptedZooKeeper.CONNECT,
            ScriptedZooKeeper.CREATE,
            ScriptedZooKeeper.CONNECT,
            ScriptedZooKeeper.PING);
  }

  @Test
  void responseMayArriveByteByByte() throws Exception {
    fake.play(
        request -> {
          byte[] response =
              request.type() == ScriptedZooKeeper.CONNECT
                  ? ScriptedZooKeeper.encoded(0, 10_000, ScriptedZooKeeper.SESSION, new byte[16])
                  : ScriptedZooKeeper.encoded(request.xid(), 1L, 0, List.of("a", "b"));
          for (byte part : ScriptedZooKeeper.encoded(response)) {
            request.bytes(new byte[] {part});
          }
        });

    assertThat(client.children("/a", false)).contains(List.of("a", "b"));
  }

  @Test
  void largestFrameIsAccepted() throws Exception {
    byte[] data = new byte[(4 << 20) - 16 - 4 - 68];
    Arrays.fill(data, (byte) 'x');
    fake.play(
        on(
            ScriptedZooKeeper.GET,
            request -> request.respond(with(data, ScriptedZooKeeper.stat(0)))));

    assertThat(client.get("/a", false).get().data()).hasSize(data.length);
  }

  @Test
  void tooLargeRequestIsNotSentAndTheConnectionStaysUsable() throws Exception {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> client.create("/a", "x".repeat(1 << 20), Mode.PERSISTENT))
        .withMessageContaining("request > 1 MiB: 1048");
    client.ping();
    assertThat(client.get("/a", false)).isEmpty();

    assertThat(fake.requests()).filteredOn(Request::type, ScriptedZooKeeper.CONNECT).hasSize(1);
  }

  // Deterministic: a failure names its round, which is the seed.
  @Test
  @Timeout(120) // Takes 3 s alone; the machine may be busy.
  void mutatedResponsesNeitherHangNorLeak() throws Exception {
    client = withTimeout(SHORT);
    AtomicInteger round = new AtomicInteger();
    fake.play(
        request -> {
          switch (request.type()) {
            case ScriptedZooKeeper.GET -> {
              byte[] event =
                  ScriptedZooKeeper.encoded(ScriptedZooKeeper.encoded(-1, -1L, 0, 4, 3, "/a"));
              byte[] response =
                  ScriptedZooKeeper.encoded(
                      ScriptedZooKeeper.encoded(
                          with(
                              request.xid(),
                              with(1L, with(0, with("x", ScriptedZooKeeper.stat(7)))))));
              request.bytes(mutated(event, round.get()));
              request.bytes(mutated(response, -round.get()));
              request.close(); // Else each shortened one would take the timeout.
            }
            case ScriptedZooKeeper.CONNECT -> {
              long session = request.session() == 0 ? ScriptedZooKeeper.SESSION : request.session();
              byte[] grant =
                  ScriptedZooKeeper.encoded(
                      ScriptedZooKeeper.encoded(0, 1_000, session, new byte[16], false));
              byte[] sent = round.get() % 3 == 0 ? mutated(grant, round.get()) : grant;
              request.bytes(sent);
              if (!Arrays.equals(sent, grant)) {
                request.close();
              }
            }
            default -> request.accept();
          }
        });

    int succeeded = 0;
    long startedAtNanos = System.nanoTime();
    for (int i = 0; i < 2_000; i++) {
      round.set(i);
      try {
        client.get("/a", i % 2 == 0);
        succeeded++;
      } catch (IOException e) {
        assertThat(e).as("round " + i).hasMessageNotContaining("null");
      }
    }

    assertThat(succeeded).isBetween(200, 1_800);
    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos)).isLessThan(LONG);
    client.close();
    awaitNoConnection();
  }

  private static byte[] mutated(byte[] frame, int seed) {
    Random random = new Random(seed);
    byte[] mutated = frame.clone();
    for (int i = random.nextInt(3); i > 0; i--) {
      mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
    }
    return random.nextInt(8) == 0
        ? Arrays.copyOf(mutated, random.nextInt(mutated.length))
        : mutated;
  }
}
