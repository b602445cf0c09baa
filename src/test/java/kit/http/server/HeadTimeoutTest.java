// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import kit.http.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.Eventually;
import testing.FakeNanoTime;
import testing.ForkedJvm;
import testing.RawClient;

@Timeout(60)
class HeadTimeoutTest {
  private static final String HALF_A_HEAD = "GET /ok HTTP/1.1\r\nHost:";

  private final ExecutorService oneThread = Executors.newSingleThreadExecutor();
  private final FakeNanoTime time = new FakeNanoTime();
  private final HeadTimeout heads = new HeadTimeout(Duration.ofSeconds(10), time);
  private final CountDownLatch begun = new CountDownLatch(1);

  @AfterEach
  void stop() {
    oneThread.shutdownNow();
    heads.close();
  }

  /** Has a task of the executor read from {@code channel}; returns how that ends. */
  private CompletableFuture<Integer> reading(SocketChannel channel) {
    CompletableFuture<Integer> end = new CompletableFuture<>();
    heads
        .executor(oneThread)
        .execute(
            () -> {
              begun.countDown();
              try {
                end.complete(channel.read(ByteBuffer.allocate(1)));
              } catch (IOException e) {
                end.completeExceptionally(e);
              }
            });
    return end;
  }

  @Test
  void readerIsInterruptedAtTheTimeoutAndItsThreadStaysUsable() throws Exception {
    try (ServerSocket peer = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        SocketChannel channel = SocketChannel.open(peer.getLocalSocketAddress())) {
      CompletableFuture<Integer> end = reading(channel);
      begun.await();
      time.advance(Duration.ofSeconds(10).minusNanos(1));
      heads.expire();
      assertThat(channel.isOpen()).isTrue();

      time.advance(Duration.ofNanos(1));
      heads.expire();
      assertThat(end)
          .failsWithin(Duration.ofSeconds(5))
          .withThrowableOfType(ExecutionException.class)
          .withCauseInstanceOf(ClosedByInterruptException.class);
      assertThat(oneThread.submit(() -> Thread.currentThread().isInterrupted()).get()).isFalse();
    }
  }

  @Test
  void handlerIsNotLimitedByTheHeadTimeout() throws Exception {
    CountDownLatch inHandler = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
    heads
        .executor(oneThread)
        .execute(
            () -> {
              try {
                heads
                    .handler(
                        exchange -> {
                          inHandler.countDown();
                          try {
                            release.await();
                          } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                          }
                          interrupted.complete(Thread.currentThread().isInterrupted());
                        })
                    .handle(null);
              } catch (IOException e) {
                interrupted.completeExceptionally(e);
              }
            });
    inHandler.await();
    time.advance(Duration.ofHours(1));
    heads.expire();
    release.countDown();
    assertThat(interrupted.get(5, TimeUnit.SECONDS)).isFalse();
  }

  @Test
  void headCompletedAtTheTimeoutIsTooLate() throws Exception {
    CountDownLatch expired = new CountDownLatch(1);
    CompletableFuture<Void> served = new CompletableFuture<>();
    heads
        .executor(oneThread)
        .execute(
            () -> {
              begun.countDown();
              awaitUninterrupted(expired);
              try {
                heads.handler(exchange -> served.complete(null)).handle(null);
              } catch (IOException e) {
                served.completeExceptionally(e);
              }
            });
    begun.await();
    time.advance(Duration.ofSeconds(10));
    heads.expire();
    expired.countDown();
    assertThat(served)
        .failsWithin(Duration.ofSeconds(5))
        .withThrowableOfType(ExecutionException.class)
        .withMessageContaining("head of the request timed out");
    assertThat(oneThread.submit(() -> Thread.currentThread().isInterrupted()).get()).isFalse();
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    boolean interrupted = false;
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** A service that has five minutes for uploads, as a gateway has. */
  static final class Uploads {
    public static void main(String... args) throws Exception {
      HttpService http =
          HttpService.bind(
              HttpService.Settings.of("127.0.0.1", 0)
                  .withMaxInFlight(1)
                  .withHeadTimeout(Duration.ofMillis(500)));
      http.start((context, request) -> Response.of(200, "a/b", request.body(100)));
      System.out.println(http.port());
    }
  }

  private static ForkedJvm uploads(String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of(options));
    all.add("-D" + Engine.NAME + ".maxReqTime=300");
    return new ForkedJvm(Uploads.class, all);
  }

  private static List<Socket> halfHeads(int port, int count) throws IOException {
    List<Socket> sockets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Socket socket = new Socket();
      sockets.add(socket);
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 10_000);
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(HALF_A_HEAD.getBytes(ISO_8859_1));
    }
    return sockets;
  }

  private static boolean isClosed(Socket socket) {
    try (socket) {
      return socket.getInputStream().read() < 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true; // Reset.
    }
  }

  private static void assertServes(int port) throws IOException {
    try (RawClient client = new RawClient(port)) {
      assertThat(client.request("GET", "/ok").answer().status()).isEqualTo(200);
    }
  }

  /** More than the pool of JDK 17 has threads. */
  @Test
  void incompleteHeadsDoNotBlockTheService() throws Exception {
    try (ForkedJvm jvm = uploads()) {
      int port = Integer.parseInt(jvm.line());
      List<Socket> slow = halfHeads(port, 1_200);
      Eventually.within(Duration.ofSeconds(20), () -> assertServes(port));
      assertThat(slow).allMatch(HeadTimeoutTest::isClosed);
    }
  }

  @Test
  void closedConnectionsAreNotCounted() throws Exception {
    try (ForkedJvm jvm = uploads("-Djdk.httpserver.maxConnections=20")) {
      int port = Integer.parseInt(jvm.line());
      for (int round = 0; round < 3; round++) {
        assertThat(halfHeads(port, 15)).allMatch(HeadTimeoutTest::isClosed);
      }
      Eventually.within(Duration.ofSeconds(10), () -> assertServes(port));
    }
  }

  @Test
  void bodyThatIsSlowAndConnectionThatIsIdleAreServed() throws Exception {
    try (ForkedJvm jvm = uploads()) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient client = new RawClient(port)) {
        client.request("POST", "/", "Content-Length: 5").send("h");
        assertThat(halfHeads(port, 1))
            .as("half a second later")
            .allMatch(HeadTimeoutTest::isClosed);
        client.send("ello");
        assertThat(client.answer().body()).isEqualTo("hello");
        assertThat(halfHeads(port, 1))
            .as("half a second later")
            .allMatch(HeadTimeoutTest::isClosed);
        assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
      }
    }
  }
}
