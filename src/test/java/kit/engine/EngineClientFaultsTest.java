// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ProtocolException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;

/** Servers that stall, break off or respond early; callers that give up. */
@Timeout(60)
class EngineClientFaultsTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofMillis(100);
  private static final String HALF = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha";

  private final EngineClient client = EngineClient.create();

  @AfterEach
  void close() {
    client.close(); // Also shows that no exchange is left.
  }

  /** Sends this and then nothing until the client closes the connection. */
  private static ScriptedServer stalling(String response) throws IOException {
    return new ScriptedServer(
        peer -> {
          peer.readHead();
          peer.write(response);
          peer.event("stalled");
          peer.awaitEnd();
        });
  }

  private static HttpRequest.Builder to(ScriptedServer server) {
    return HttpRequest.newBuilder(server.uri());
  }

  private static void assertEnded(ScriptedServer server) throws Exception {
    Eventually.within(SOON, () -> assertThat(server.open()).isZero());
  }

  static Stream<BodyPublisher> stallingUploads() {
    byte[] huge = new byte[50 << 20];
    return Stream.of(
        BodyPublishers.ofByteArray(huge),
        BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(huge)),
        BodyPublishers.fromPublisher(subscriber -> {}), // Never begins.
        BodyPublishers.fromPublisher(subscriber -> {}, 10));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "HTTP/1.1 200 OK\r\nConte", HALF, "HTTP/1.1 100 Continue\r\n\r\n"})
  void timeoutAppliesUntilTheBodyIsThere(String response) throws Exception {
    try (ScriptedServer server = stalling(response)) {
      HttpRequest request = to(server).timeout(SHORT).build();
      assertThatThrownBy(() -> client.send(request, BodyHandlers.ofString()))
          .isInstanceOf(HttpTimeoutException.class)
          .hasMessage("request timed out");
      assertEnded(server);
    }
  }

  @ParameterizedTest
  @MethodSource("stallingUploads")
  void timeoutAppliesToAnUploadThatStalls(BodyPublisher publisher) throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (ScriptedServer server = new ScriptedServer(peer -> end.await())) { // Reads nothing.
      HttpRequest request = to(server).timeout(SHORT).POST(publisher).build();
      assertThatThrownBy(() -> client.send(request, BodyHandlers.ofString()))
          .isInstanceOf(HttpTimeoutException.class);
      end.countDown();
    }
  }

  @Test
  void timeoutDoesNotApplyToAStreamAfterItsHead() throws Exception {
    CountDownLatch more = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(HALF);
              more.await();
              peer.write("lf");
              peer.awaitEnd();
            })) {
      HttpRequest request = to(server).timeout(SHORT.multipliedBy(10)).build();
      InputStream in = client.send(request, BodyHandlers.ofInputStream()).body();
      assertThat(in.readNBytes(2)).hasSize(2);
      assertThat(more.await(1200, TimeUnit.MILLISECONDS)).isFalse(); // Longer than the timeout.
      more.countDown();
      assertThat(in.readAllBytes()).hasSize(2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", HALF})
  void interruptionClosesTheConnection(String response) throws Exception {
    try (ScriptedServer server = stalling(response)) {
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread caller =
          new Thread(
              () -> {
                try {
                  client.send(to(server).build(), BodyHandlers.ofString());
                } catch (Exception e) {
                  thrown.set(e);
                }
              });
      caller.start();
      server.events().take();
      caller.interrupt();
      caller.join();
      assertThat(thrown.get()).isInstanceOf(InterruptedException.class);
      assertEnded(server);
    }
  }

  /** As a subscriber that takes all and whose caller waits elsewhere for the end. */
  private static final class TakesAll implements HttpResponse.BodySubscriber<String> {
    private final CompletableFuture<Throwable> end = new CompletableFuture<>();
    private final Consumer<Flow.Subscription> onPiece;
    private Flow.Subscription subscription;

    TakesAll(Consumer<Flow.Subscription> onPiece) {
      this.onPiece = onPiece;
    }

    @Override
    public CompletionStage<String> getBody() {
      return CompletableFuture.completedFuture("at once");
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      given.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> pieces) {
      onPiece.accept(subscription);
    }

    @Override
    public void onError(Throwable thrown) {
      end.complete(thrown);
    }

    @Override
    public void onComplete() {
      end.complete(null);
    }
  }

  /** The interruption comes while send waits a moment for the rest of the body. */
  @Test
  void interruptionIsThrownAlsoIfTheSubscriberHasItsResult() throws Exception {
    TakesAll subscriber = new TakesAll(first -> Thread.currentThread().interrupt());
    try (ScriptedServer server = stalling(HALF)) {
      assertThatThrownBy(() -> client.send(to(server).build(), head -> subscriber))
          .isInstanceOf(InterruptedException.class);
      assertThat(subscriber.end.get(10, TimeUnit.SECONDS)).isInstanceOf(IOException.class);
      assertEnded(server);
    }
  }

  @Test
  void subscriberThatHasItsResultIsFedByAnotherThread() throws Exception {
    CountDownLatch more = new CountDownLatch(1);
    TakesAll subscriber = new TakesAll(piece -> {});
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(HALF);
              more.await();
              peer.write("lf");
              peer.awaitEnd();
            })) {
      assertThat(client.send(to(server).build(), head -> subscriber).body()).isEqualTo("at once");
      assertThat(subscriber.end).isNotDone();
      more.countDown();
      assertThat(subscriber.end.get(10, TimeUnit.SECONDS)).isNull();
      assertThat(server.open()).isEqualTo(1);
    }
  }

  @Test
  void subscriberThatCancelsWithTheLastPieceClosesTheConnection() throws Exception {
    TakesAll subscriber = new TakesAll(Flow.Subscription::cancel);
    try (ScriptedServer server = stalling("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) {
      assertThat(client.send(to(server).build(), head -> subscriber).body()).isEqualTo("at once");
      assertEnded(server);
      assertThat(subscriber.end).isNotDone();
    }
  }

  @Test
  void interruptedThreadSendsNothing() throws Exception {
    try (ScriptedServer server = stalling("")) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> client.send(to(server).build(), BodyHandlers.ofString()))
          .isInstanceOf(InterruptedException.class);
      assertThat(Thread.interrupted()).isFalse();
      assertThat(server.accepted()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void cancellingAFutureClosesTheConnection(boolean isDerived) throws Exception {
    try (ScriptedServer server = stalling(HALF)) {
      CompletableFuture<?> call = client.sendAsync(to(server).build(), BodyHandlers.ofString());
      CompletableFuture<?> future = isDerived ? call.thenApply(Object::toString) : call;
      server.events().take();
      assertThat(future.cancel(true)).isTrue();
      assertEnded(server);
    }
  }

  @Test
  void cancelledFutureHasNoOtherResult() throws Exception {
    try (ScriptedServer server = stalling(HALF)) {
      for (int i = 0; i < 50; i++) { // The interrupted exchange fails at the same time.
        CompletableFuture<?> call = client.sendAsync(to(server).build(), BodyHandlers.ofString());
        server.events().take();
        assertThat(call.cancel(true)).isTrue();
        assertThat(call.isCancelled()).isTrue();
        assertEnded(server);
      }
    }
  }

  /** The thread that reads a caller's stream is not interrupted. */
  @Test
  void cancellingDoesNotWaitForAPublisherThatBlocks() throws Exception {
    CountDownLatch reading = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    AtomicReference<String> read = new AtomicReference<>();
    InputStream blocking =
        new InputStream() {
          @Override
          public int read() throws IOException {
            reading.countDown();
            try {
              end.await();
              read.set("end");
            } catch (InterruptedException e) {
              read.set("interrupted");
            }
            return -1;
          }
        };
    try (ScriptedServer server = stalling("")) {
      HttpRequest request =
          to(server)
              .POST(
                  BodyPublishers.fromPublisher(
                      BodyPublishers.ofInputStream(() -> blocking), 1L << 20))
              .build();
      CompletableFuture<?> call = client.sendAsync(request, BodyHandlers.ofString());
      reading.await();
      call.cancel(true);
      assertEnded(server);
      end.countDown();
      Eventually.within(SOON, () -> assertThat(read.get()).isEqualTo("end"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        HALF,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf"
      })
  void bodyThatBreaksOffIsAFailure(String response) throws Exception {
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(response);
            })) {
      assertThatThrownBy(() -> client.send(to(server).build(), BodyHandlers.ofString()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("closed within");
      InputStream in = client.send(to(server).build(), BodyHandlers.ofInputStream()).body();
      assertThatThrownBy(in::readAllBytes).isInstanceOf(IOException.class);
      assertEnded(server);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxy\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n A: b\r\n\r\n"
      })
  void malformedResponseIsAProtocolExceptionAndClosesTheConnection(String response)
      throws Exception {
    try (ScriptedServer server = stalling(response)) {
      assertThatThrownBy(() -> client.send(to(server).build(), BodyHandlers.ofString()))
          .isInstanceOf(ProtocolException.class);
      assertEnded(server);
    }
  }

  @Test
  void headsAreBounded() throws Exception {
    String ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    String interim = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
    try (ScriptedServer server = stalling(ok + "A: b\r\n".repeat(199) + "\r\n")) {
      assertThat(client.send(to(server).build(), BodyHandlers.discarding()).headers().map())
          .hasSize(2);
    }
    try (ScriptedServer server = stalling(interim.repeat(8) + ok + "\r\n")) {
      assertThat(client.send(to(server).build(), BodyHandlers.discarding()).statusCode())
          .isEqualTo(200);
    }
    for (String tooMuch :
        List.of(
            ok + "A: b\r\n".repeat(200) + "\r\n",
            ok + "A: " + "b".repeat(65_536) + "\r\n\r\n",
            interim.repeat(9) + ok + "\r\n")) {
      try (ScriptedServer server = stalling(tooMuch)) {
        assertThatThrownBy(() -> client.send(to(server).build(), BodyHandlers.discarding()))
            .isInstanceOf(ProtocolException.class);
        assertEnded(server);
      }
    }
  }

  /** The server reads the head only, responds, and waits. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void earlyResponseIsReadWhileTheBodyIsSent(boolean hasLength) throws Exception {
    byte[] huge = new byte[50 << 20];
    BodyPublisher body =
        hasLength
            ? BodyPublishers.ofByteArray(huge)
            : BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(huge));
    String response = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
    CountDownLatch end = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write(response);
              end.await();
            })) {
      HttpResponse<String> early =
          client.send(to(server).POST(body).build(), BodyHandlers.ofString());
      assertThat(early.statusCode()).isEqualTo(413);
      assertThat(early.body()).isEqualTo("no");
      end.countDown();
      assertEnded(server);
    }
  }

  /** The writer gets a reset, and the response was there before. */
  @Test
  void responseBeforeAResetIsRead() throws Exception {
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
              peer.socket().setSoLinger(true, 0);
            })) {
      BodyPublisher body = BodyPublishers.ofByteArray(new byte[16 << 10]);
      for (int i = 0; i < 20; i++) {
        try {
          assertThat(
                  client.send(to(server).POST(body).build(), BodyHandlers.ofString()).statusCode())
              .isEqualTo(413);
        } catch (IOException e) {
          assertThat(e).hasMessageContaining("reset"); // It had discarded the response.
        }
      }
    }
  }

  /** A response that streams while its request does, as an echo does. */
  @Test
  void bothBodiesMayBeSentAtTheSameTime() throws Exception {
    byte[] sent = new byte[20 << 20];
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + sent.length + "\r\n\r\n");
              byte[] some = new byte[10_000];
              for (int left = sent.length; left > 0; ) {
                int count = peer.in().read(some);
                peer.socket().getOutputStream().write(some, 0, count);
                left -= count;
              }
              peer.awaitEnd();
            })) {
      HttpRequest request = to(server).POST(BodyPublishers.ofByteArray(sent)).build();
      assertThat(client.send(request, BodyHandlers.ofByteArray()).body()).isEqualTo(sent);
    }
  }

  /** Reads a byte, and gives the next one as soon as the server has that. */
  private static final class Stepwise extends InputStream {
    private final CyclicBarrier received;
    private int left = 3;

    Stepwise(CyclicBarrier received) {
      this.received = received;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0];
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      try {
        if (left < 3) {
          received.await(10, TimeUnit.SECONDS);
        }
      } catch (Exception e) {
        throw new IOException(e);
      }
      to[offset] = 'a';
      return left-- == 0 ? -1 : 1;
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 3 + (1 << 20)})
  void piecesOfABodyAreSentAsTheyArePublished(long length) throws Exception {
    CyclicBarrier received = new CyclicBarrier(2);
    BodyPublisher stepwise = BodyPublishers.ofInputStream(() -> new Stepwise(received));
    BodyPublisher rest = BodyPublishers.ofByteArray(new byte[1 << 20]);
    BodyPublisher all = BodyPublishers.concat(stepwise, rest);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              for (int i = 0; i < 3; i++) {
                peer.read(length < 0 ? "1\r\na\r\n".length() : 1);
                received.await(10, TimeUnit.SECONDS);
              }
              peer.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
              peer.awaitEnd();
            })) {
      BodyPublisher body = length < 0 ? all : BodyPublishers.fromPublisher(all, length);
      assertThat(client.send(to(server).POST(body).build(), BodyHandlers.discarding()).statusCode())
          .isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"continue", "final", "silent"})
  void expectContinueWaitsForTheServer(String how) throws Exception {
    String ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              String head = peer.readHead();
              peer.event(head.contains("Expect: 100-continue\r\n") ? "expected" : head);
              if (how.equals("final")) {
                peer.write("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
                peer.awaitEnd();
                return;
              }
              if (how.equals("continue")) {
                peer.write("HTTP/1.1 100 Continue\r\n\r\n");
              }
              peer.event(peer.read(4));
              peer.write(ok);
              peer.awaitEnd();
            })) {
      HttpRequest request =
          to(server).expectContinue(true).POST(BodyPublishers.ofString("body")).build();
      int status = client.send(request, BodyHandlers.discarding()).statusCode();
      assertThat(server.events().take()).isEqualTo("expected");
      assertThat(status).isEqualTo(how.equals("final") ? 417 : 200);
      assertThat(server.events().poll(10, TimeUnit.SECONDS))
          .isEqualTo(how.equals("final") ? "ended" : "body");
    }
  }

  /** Each chunk is there before the next is sent. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void streamIsFedAsItArrives(boolean hasLineEnd) throws Exception {
    CountDownLatch first = new CountDownLatch(1);
    CountDownLatch second = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
              first.await();
              peer.write("4\r\none\n" + (hasLineEnd ? "\r\n" : ""));
              second.await();
              peer.write((hasLineEnd ? "" : "\r\n") + "4\r\ntwo\n\r\n0\r\n\r\n");
              peer.awaitEnd();
            })) {
      InputStream in = client.send(to(server).build(), BodyHandlers.ofInputStream()).body();
      first.countDown();
      assertThat(new String(in.readNBytes(4), UTF_8)).isEqualTo("one\n");
      second.countDown();
      assertThat(new String(in.readAllBytes(), UTF_8)).isEqualTo("two\n");
      assertThat(server.open()).isEqualTo(1); // Kept.
    }
  }

  @Test
  void abandonedStreamClosesItsConnection() throws Exception {
    try (ScriptedServer server = stalling(HALF)) {
      InputStream in = client.send(to(server).build(), BodyHandlers.ofInputStream()).body();
      in.read();
      in.close();
      assertEnded(server);
    }
  }

  @Test
  void closingAStreamWakesItsReader() throws Exception {
    try (ScriptedServer server = stalling(HALF)) {
      InputStream in = client.send(to(server).build(), BodyHandlers.ofInputStream()).body();
      in.readNBytes(2);
      CompletableFuture<Object> read =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return in.read();
                } catch (IOException e) {
                  return e;
                }
              });
      in.close();
      assertThat(read.get(10, TimeUnit.SECONDS)).isNotNull();
      assertEnded(server);
    }
  }

  /** A server cannot send more than was asked for, and what the kernel buffers. */
  @Test
  void subscriberThatDoesNotAskIsNotFed() throws Exception {
    int total = 64 << 20;
    AtomicReference<Flow.Subscription> subscription = new AtomicReference<>();
    CountDownLatch all = new CountDownLatch(1);
    long[] received = new long[1];
    Flow.Subscriber<List<ByteBuffer>> slow =
        new Flow.Subscriber<>() {
          @Override
          public void onSubscribe(Flow.Subscription given) {
            subscription.set(given);
          }

          @Override
          public void onNext(List<ByteBuffer> pieces) {
            received[0] += pieces.stream().mapToInt(ByteBuffer::remaining).sum();
          }

          @Override
          public void onError(Throwable failure) {}

          @Override
          public void onComplete() {
            all.countDown();
          }
        };
    CountDownLatch written = new CountDownLatch(1);
    try (ScriptedServer server =
        new ScriptedServer(
            peer -> {
              peer.readHead();
              peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
              for (int left = total; left > 0; left -= 1 << 20) {
                peer.socket().getOutputStream().write(new byte[1 << 20]);
              }
              written.countDown();
              peer.awaitEnd();
            })) {
      BodyHandler<Flow.Publisher<List<ByteBuffer>>> handler = BodyHandlers.ofPublisher();
      client.send(to(server).build(), handler).body().subscribe(slow);
      assertThat(written.await(300, TimeUnit.MILLISECONDS)).isFalse();
      assertThat(received[0]).isZero();
      subscription.get().request(Long.MAX_VALUE);
      assertThat(all.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(received[0]).isEqualTo(total);
    }
  }

  @Test
  void requestForNothingIsAnError() throws Exception {
    CompletableFuture<Throwable> failure = new CompletableFuture<>();
    Flow.Subscriber<List<ByteBuffer>> wrong =
        new Flow.Subscriber<>() {
          @Override
          public void onSubscribe(Flow.Subscription given) {
            given.request(0);
          }

          @Override
          public void onNext(List<ByteBuffer> pieces) {}

          @Override
          public void onError(Throwable thrown) {
            failure.complete(thrown);
          }

          @Override
          public void onComplete() {}
        };
    try (ScriptedServer server = stalling(HALF)) {
      assertThatThrownBy(() -> client.send(to(server).build(), BodyHandlers.fromSubscriber(wrong)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(failure.get(10, TimeUnit.SECONDS)).isInstanceOf(IllegalArgumentException.class);
      assertEnded(server);
    }
  }
}
