// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.StatusException;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Streams of requests, from the client to the server over TCP. */
@Timeout(60)
class GrpcStreamTest {
  private static final String LENGTH = "/test.Texts/Length";
  private static final String ECHO = "/test.Texts/Echo";

  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch cancelled = new CountDownLatch(1);
  private final GrpcService service =
      new GrpcService(GrpcService.Settings.defaults())
          .add(GrpcMethod.stream(LENGTH, Texts.CODEC, Texts.CODEC, GrpcStreamTest::length))
          .add(GrpcMethod.stream(ECHO, Texts.CODEC, Texts.CODEC, this::echo));
  private final HttpServer server =
      new EngineProvider(EngineSettings.defaults())
          .withProtocols(List.of(new Http2Protocol(Http2Settings.defaults(), service)))
          .createHttpServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  private final GrpcChannel channel = GrpcChannel.to("127.0.0.1", server.getAddress().getPort());
  private final GrpcEndpoint<Iterator<? extends String>, String> length =
      GrpcEndpoint.clientStream(channel, LENGTH, Texts.CODEC, Texts.CODEC);
  private final GrpcEndpoint<String, GrpcStream<String, String>> echo =
      GrpcEndpoint.stream(channel, ECHO, Texts.CODEC, Texts.CODEC);

  GrpcStreamTest() throws IOException {
    server.start();
  }

  @AfterEach
  void stop() {
    channel.close();
    server.stop(0);
  }

  private static void length(
      Context context,
      GrpcStreamHandler.Reader<String> requests,
      GrpcStreamHandler.Writer<String> responses)
      throws Exception {
    long sum = 0;
    for (String next = requests.read(); next != null; next = requests.read()) {
      if (next.equals("enough")) {
        break;
      }
      if (next.equals("refused")) {
        throw new StatusException(409, "refused");
      }
      sum += next.length();
    }
    responses.write(Long.toString(sum));
  }

  private void echo(
      Context context,
      GrpcStreamHandler.Reader<String> requests,
      GrpcStreamHandler.Writer<String> responses)
      throws Exception {
    begun.countDown();
    try {
      for (String next = requests.read(); next != null; next = requests.read()) {
        responses.write(next);
        if (next.equals("last")) {
          return;
        }
      }
    } catch (IOException e) {
      cancelled.countDown();
      throw e;
    }
  }

  private String length(Stream<String> requests) throws Exception {
    return length.call(Context.background(), requests.iterator());
  }

  @Test
  void oneResponseForManyRequests() throws Exception {
    assertThat(length(Stream.of())).isEqualTo("0");
    assertThat(length(Stream.of("a", "", "bcd"))).isEqualTo("4");
    String kilobyte = "x".repeat(1000);
    assertThat(length(IntStream.range(0, 20_000).mapToObj(i -> kilobyte))).isEqualTo("20000000");
  }

  @Test
  void serverThatHasEndedTheCallIsSentNoMore() throws Exception {
    Stream<String> endless = Stream.concat(Stream.of("ab", "enough"), Stream.generate(() -> "x"));
    assertThat(length(endless)).isEqualTo("2");
    PeerException e =
        catchThrowableOfType(
            PeerException.class,
            () -> length(Stream.concat(Stream.of("refused"), Stream.generate(() -> "x"))));

    assertThat(e.kind()).isEqualTo(Kind.STATUS);
    assertThat(e.status()).isEqualTo(409);
  }

  @Test
  void exceptionOfTheRequestsCancelsTheCall() throws Exception {
    Iterator<String> requests =
        Stream.of("a", "b")
            .peek(
                text -> {
                  if (text.equals("b")) {
                    throw new IllegalStateException("no more");
                  }
                })
            .iterator();

    assertThatThrownBy(() -> length.call(Context.background(), requests)).hasMessage("no more");
    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
    assertThat(length(Stream.of("a"))).isEqualTo("1");
  }

  @Test
  void requestsAndResponsesInTurn() throws Exception {
    try (GrpcStream<String, String> stream = echo.call(Context.background(), "a")) {
      assertThat(stream.read()).isEqualTo("a");
      for (int i = 0; i < 1000; i++) {
        assertThat(stream.write("" + i)).isTrue();
        assertThat(stream.read()).isEqualTo("" + i);
      }
      stream.endRequests();
      stream.endRequests();
      assertThat(stream.read()).isNull();
      assertThat(stream.read()).isNull();
      assertThatThrownBy(() -> stream.write("b")).hasMessage("the requests have ended");
    }
  }

  @Test
  void oneThreadWritesWhileAnotherOneReads() throws Exception {
    String kilobyte = "x".repeat(1000);
    int count = 10_000; // Ten times what the windows of both directions hold.
    try (GrpcStream<String, String> stream = echo.call(Context.background(), kilobyte)) {
      FutureTask<Integer> read =
          new FutureTask<>(
              () -> {
                int bytes = 0;
                for (String next = stream.read(); next != null; next = stream.read()) {
                  bytes += next.length();
                }
                return bytes;
              });
      new Thread(read).start();
      for (int i = 1; i < count; i++) {
        stream.write(kilobyte);
      }
      stream.endRequests();

      assertThat(read.get()).isEqualTo(count * kilobyte.length());
    }
  }

  @Test
  void writingEndsWhenTheServerHasEndedTheCall() throws Exception {
    try (GrpcStream<String, String> stream = echo.call(Context.background(), "last")) {
      while (stream.write("ignored")) {
        Thread.onSpinWait();
      }
      stream.endRequests();
      assertThat(stream.read()).isEqualTo("last");
      assertThat(stream.read()).isNull();
    }
  }

  @Test
  void closingCancelsTheCall() throws Exception {
    GrpcStream<String, String> stream = echo.call(Context.background(), "a");
    begun.await();
    stream.close();
    stream.close();
    cancelled.await();

    assertThatThrownBy(stream::read).isInstanceOf(PeerException.class);
    assertThatThrownBy(() -> stream.write("b")).isInstanceOf(PeerException.class);
  }

  @Test
  void deadlineAndInterruptionEndAWait() throws Exception {
    Context context = Context.background().withTimeout(Duration.ofMillis(200));
    try (GrpcStream<String, String> stream = echo.call(context, "a")) {
      assertThat(stream.read()).isEqualTo("a");
      PeerException e = catchThrowableOfType(PeerException.class, stream::read);
      assertThat(e.kind()).isEqualTo(Kind.TIMEOUT);
    }
    try (GrpcStream<String, String> stream = echo.call(Context.background(), "a")) {
      assertThat(stream.read()).isEqualTo("a");
      Thread.currentThread().interrupt();
      assertThatThrownBy(stream::read).isInstanceOf(InterruptedException.class);
    }
    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void serverThatIsGoneIsNotConnectedOrBroken() throws Exception {
    try (GrpcStream<String, String> stream = echo.call(Context.background(), "a")) {
      assertThat(stream.read()).isEqualTo("a");
      server.stop(0);
      PeerException e = catchThrowableOfType(PeerException.class, stream::read);
      assertThat(e.kind()).isEqualTo(Kind.BROKEN);
    }
  }
}
