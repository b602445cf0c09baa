// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kit.http2.Http2Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.FakeNanoTime;

@Timeout(30)
class GrpcChannelTest {
  private static final long SECOND = 1_000_000_000;

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<LoopbackConnection> connections = new CopyOnWriteArrayList<>();
  private final List<IOException> failures = new ArrayList<>(); // Of the next attempts.
  private int attempts;
  private final GrpcChannel channel = new GrpcChannel("a:1", false, this::connect, time, () -> 0.0);

  private GrpcChannel.Connection connect(long deadlineNanos) throws IOException {
    attempts++;
    if (!failures.isEmpty()) {
      throw failures.remove(0);
    }
    LoopbackConnection connection = new LoopbackConnection(stream -> {});
    connections.add(connection);
    return connection;
  }

  private Http2Stream open() throws Exception {
    return channel.open(List.of(), System.nanoTime() + 10 * SECOND);
  }

  @Test
  void streamsShareAConnection() throws Exception {
    assertThat(attempts).isZero();
    open();
    open();

    assertThat(attempts).isEqualTo(1);
    assertThat(connections.get(0).streams).hasSize(2);
  }

  @Test
  void connectionThatHasEndedIsReplaced() throws Exception {
    open();
    connections.get(0).close();
    open();
    connections.get(1).goAway();
    open();

    assertThat(attempts).isEqualTo(3);
  }

  @Test
  void afterAFailureCallsFailAtOnceForAWhile() throws Exception {
    for (long pauseMillis : new long[] {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
      failures.add(new ConnectException("refused"));
      int before = attempts;
      assertThatThrownBy(this::open).isInstanceOf(ConnectException.class);
      time.advance(Duration.ofMillis(pauseMillis - 1));
      assertThatThrownBy(this::open).isInstanceOf(ConnectException.class).hasMessage("refused");
      assertThat(attempts).isEqualTo(before + 1);
      time.advance(Duration.ofMillis(1));
    }
    open();
    connections.get(0).close();
    failures.add(new IOException());
    assertThatThrownBy(this::open).isInstanceOf(IOException.class);
    time.advance(Duration.ofMillis(100));
    open();
  }

  @Test
  void timeoutOfConnectingIsAFailureAndInterruptionIsNot() throws Exception {
    failures.add(new InterruptedIOException("interrupted"));
    assertThatThrownBy(this::open).isInstanceOf(InterruptedIOException.class);
    failures.add(new SocketTimeoutException("deadline"));
    assertThatThrownBy(this::open)
        .isInstanceOf(ConnectException.class)
        .hasMessage("connect timed out");
    assertThatThrownBy(this::open).hasMessage("connect timed out");

    assertThat(attempts).isEqualTo(2);
  }

  @Test
  void callersWaitForTheOneThatConnectsUntilTheirDeadline() throws Exception {
    CountDownLatch connecting = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    LoopbackConnection connection = new LoopbackConnection(stream -> {});
    GrpcChannel slow =
        new GrpcChannel(
            "a:1",
            false,
            deadlineNanos -> {
              connecting.countDown();
              try {
                end.await();
              } catch (InterruptedException e) {
                throw new InterruptedIOException();
              }
              return connection;
            });
    List<Object> results = new CopyOnWriteArrayList<>();
    Runnable call =
        () -> {
          try {
            results.add(slow.open(List.of(), System.nanoTime() + 20 * SECOND));
          } catch (Exception e) {
            results.add(e);
          }
        };
    Thread first = new Thread(call);
    first.start();
    connecting.await();
    Thread second = new Thread(call);
    second.start();
    long shortNanos = TimeUnit.MILLISECONDS.toNanos(5);
    assertThatThrownBy(() -> slow.open(List.of(), System.nanoTime() + shortNanos))
        .isInstanceOf(SocketTimeoutException.class);
    end.countDown();
    first.join();
    second.join();

    assertThat(results).hasSize(2).allMatch(result -> result instanceof Http2Stream);
  }

  @Test
  void closedChannelOpensNothing() throws Exception {
    open();
    channel.close();
    channel.close();

    assertThat(connections.get(0).isUsable()).isFalse();
    assertThatThrownBy(this::open).hasMessage("the channel is closed");
    assertThat(attempts).isEqualTo(1);
  }

  @Test
  void connectionThatComesAfterTheEndIsClosed() throws Exception {
    LoopbackConnection late = new LoopbackConnection(stream -> {});
    GrpcChannel[] self = new GrpcChannel[1];
    self[0] =
        new GrpcChannel(
            "a:1",
            false,
            deadlineNanos -> {
              self[0].close();
              return late;
            });

    assertThatThrownBy(() -> self[0].open(List.of(), System.nanoTime() + SECOND))
        .hasMessage("the channel is closed");
    assertThat(late.isUsable()).isFalse();
  }
}
