// SPDX-License-Identifier: Apache-2.0
package kit.thrift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.engine.EngineSettings;
import kit.thrift.Calculator.Overflow;
import kit.thrift.Calculator.Sum;
import kit.thrift.Calculator.Work;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Eventually;

/** Client and server of this package over TCP, and the client alone. */
@Timeout(60)
class ThriftEndpointTest {
  private static final Context CONTEXT = Context.background();

  private final Calculator calculator = new Calculator();
  private ThriftServer server = calculator.server();
  private final int port = bind(0);
  private final ThriftChannel channel = ThriftChannel.to("127.0.0.1", port);
  private final ThriftEndpoint<Sum, Integer> add = new ThriftEndpoint<>(channel, Calculator.ADD);
  private final ThriftEndpoint<Work, Work> echo = new ThriftEndpoint<>(channel, Calculator.ECHO);

  ThriftEndpointTest() throws IOException {}

  private int bind(int wanted) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), wanted);
    int bound = server.bind(address, EngineSettings.defaults()).getPort();
    server.start();
    return bound;
  }

  @AfterEach
  void stop() {
    channel.close();
    server.stop(Duration.ZERO);
  }

  private PeerException failure(Context context, Sum sum) {
    return catchThrowableOfType(PeerException.class, () -> add.call(context, sum));
  }

  @Test
  void results() throws Exception {
    assertThat(add.call(CONTEXT, new Sum(2, 3))).isEqualTo(5);
    Work work = new Work(1, 2, "\u00fc", List.of(1L, -1L), Map.of("k", 1.5), true);
    assertThat(echo.call(CONTEXT, work)).isEqualTo(work);
    Work large = new Work(1, 2, "x".repeat(3_000_000), List.of(), Map.of(), true);
    assertThat(echo.call(CONTEXT, large)).isEqualTo(large);
    assertThat(new ThriftEndpoint<>(channel, Calculator.ZIP).call(CONTEXT, true)).isNull();
    calculator.zipped.await();
  }

  @Test
  void exceptionsOfTheServer() throws Exception {
    assertThatThrownBy(() -> add.call(CONTEXT, new Sum(Integer.MAX_VALUE, 1)))
        .isInstanceOf(Overflow.class)
        .hasMessage("too big");
    PeerException internal = failure(CONTEXT, new Sum(-1, 0));
    assertThat(internal.status()).isEqualTo(500);
    assertThat(internal.detail()).isEqualTo("the request could not be completed");
    PeerException own = failure(CONTEXT, new Sum(-3, 0));
    assertThat(own.detail()).isEqualTo("no: \u00fcn\u00ef");
    assertThat(((ThriftException) own.getCause()).type()).isEqualTo(42);
    ThriftMethod<Sum, Integer> unknown =
        ThriftMethod.of(
            "nope", new ThriftCodec<>((sum, to) -> {}, from -> new Sum(0, 0)), ThriftType.I32);
    PeerException e =
        catchThrowableOfType(
            PeerException.class,
            () -> new ThriftEndpoint<>(channel, unknown).call(CONTEXT, new Sum(1, 1)));
    assertThat(e.status()).isEqualTo(501);
    assertThat(add.call(CONTEXT, new Sum(2, 3))).isEqualTo(5);
  }

  @Test
  void deadlineEndsTheCall() throws Exception {
    Context context = CONTEXT.withTimeout(Duration.ofMillis(100));
    assertThat(failure(context, new Sum(-2, 0)).kind()).isEqualTo(Kind.TIMEOUT);
    assertThat(failure(CONTEXT.withTimeout(Duration.ZERO), new Sum(1, 1)).kind())
        .isEqualTo(Kind.TIMEOUT);
    assertThat(add.call(CONTEXT, new Sum(2, 3))).isEqualTo(5);
  }

  @Test
  void deadlineEndsACallThatTheServerDoesNotRead() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        ThriftChannel other = ThriftChannel.to("127.0.0.1", silent.getLocalPort())) {
      Work large = new Work(1, 2, "x".repeat(30_000_000), List.of(), Map.of(), true);
      ThriftEndpoint<Work, Work> endpoint = new ThriftEndpoint<>(other, Calculator.ECHO);
      Context context = CONTEXT.withTimeout(Duration.ofMillis(300));
      PeerException e =
          catchThrowableOfType(PeerException.class, () -> endpoint.call(context, large));
      assertThat(e.kind()).isEqualTo(Kind.TIMEOUT);
    }
  }

  @Test
  void interruptionEndsTheCall() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    LinkedBlockingQueue<Object> thrown = new LinkedBlockingQueue<>();
    Thread caller =
        new Thread(
            () -> {
              begun.countDown();
              try {
                thrown.add(add.call(CONTEXT, new Sum(-2, 0)));
              } catch (Throwable e) {
                thrown.add(e);
              }
            });
    caller.start();
    begun.await();
    caller.interrupt();
    assertThat(thrown.take()).isInstanceOf(InterruptedException.class);
  }

  @Test
  void callsAtATimeHaveConnectionsOfTheirOwn() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<Integer>> callers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        int own = i;
        callers.add(
            () -> {
              int right = 0;
              for (int call = 0; call < 100; call++) {
                right += add.call(CONTEXT, new Sum(own, call)) == own + call ? 1 : 0;
              }
              return right;
            });
      }
      for (Future<Integer> right : threads.invokeAll(callers)) {
        assertThat(right.get()).isEqualTo(100);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void serverThatIsBackIsCalledAgain() throws Exception {
    assertThat(add.call(CONTEXT, new Sum(2, 3))).isEqualTo(5);
    server.stop(Duration.ZERO);
    Eventually.within(
        Duration.ofSeconds(10),
        () -> {
          PeerException e = failure(CONTEXT, new Sum(2, 3));
          assertThat(e.kind()).isEqualTo(Kind.NOT_CONNECTED);
          assertThat(e.detail()).isEqualTo("connection refused");
        });
    server = calculator.server();
    bind(port);
    assertThat(add.call(CONTEXT, new Sum(2, 3))).isEqualTo(5);
  }

  @Test
  void closedChannelIsNotConnected() {
    channel.close();
    channel.close();
    assertThat(failure(CONTEXT, new Sum(2, 3)).kind()).isEqualTo(Kind.NOT_CONNECTED);
  }

  /** Calls a server that sends these bytes, and closes the connection. */
  private static Throwable failureOf(String response) throws Exception {
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        ThriftChannel other = ThriftChannel.to("127.0.0.1", listener.getLocalPort())) {
      CompletableFuture.runAsync(
          () -> {
            try (Socket socket = listener.accept()) {
              socket.getInputStream().readNBytes(4 + 29);
              socket.getOutputStream().write(HexFormat.of().parseHex(response.replace(" ", "")));
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
      ThriftEndpoint<Sum, Integer> endpoint = new ThriftEndpoint<>(other, Calculator.ADD);
      return catchThrowableOfType(Exception.class, () -> endpoint.call(CONTEXT, new Sum(2, 3)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'', BROKEN, frame cut off after 0 of 4 bytes",
    "000000, BROKEN, frame cut off after 3 of 4 bytes",
    "00000010 80010002, BROKEN, frame cut off after 4 of 16 bytes",
    "7fffffff, TOO_LARGE, 'frame of 2147483647 bytes, at most 4194304'",
    "ffffffff, TOO_LARGE, 'frame of 4294967295 bytes, at most 4194304'",
    "00000004 00000000, MALFORMED, not a message of the strict binary protocol",
    "00000017 80010002 00000003 616464 00000002 08 0000 00000005 00, MALFORMED, not the response",
    "00000017 80010001 00000003 616464 00000001 08 0000 00000005 00, MALFORMED, not the response",
    "00000017 80010002 00000003 616465 00000001 08 0000 00000005 00, MALFORMED, not the response",
    "00000017 80010002 00000003 616464 00000001 0b 0000 00000005 00, MALFORMED, type 11 instead of",
    "00000010 80010002 00000003 616464 00000001 00, STATUS, the response has no result",
    "00000010 80010003 00000003 616464 00000001 00, STATUS, ''"
  })
  void badResponseIsAFailureOfThePeer(String response, Kind kind, String detail) throws Exception {
    Throwable e = failureOf(response);

    assertThat(e).isInstanceOf(PeerException.class).hasMessageContaining(detail);
    assertThat(((PeerException) e).kind()).isEqualTo(kind);
  }
}
