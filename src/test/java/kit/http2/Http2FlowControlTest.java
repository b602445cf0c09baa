// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.RawHttp2.fields;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Windows of both sides and both levels, and times. */
@Timeout(60)
class Http2FlowControlTest {
  private static final int LARGE = 1 << 20;
  private static final int HUGE = Integer.MAX_VALUE - 65_535;

  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private EchoServer server;
  private RawHttp2 client;

  @BeforeEach
  void start() throws Exception {
    server = new EchoServer(0, Http2Settings.defaults(), this::handle);
  }

  private void handle(Http2Stream stream) throws Exception {
    switch (HeaderField.valueOf(stream.head(), ":path")) {
      case "/large" -> {
        stream.sendHead(fields(":status", "200"), false);
        stream.sendData(new byte[LARGE], 0, LARGE, true);
      }
      case "/endless" -> {
        stream.sendHead(fields(":status", "200"), false);
        while (!Thread.currentThread().isInterrupted()) {
          stream.sendData(new byte[LARGE], 0, LARGE, false);
        }
      }
      case "/count" -> {
        seen.add(stream.body().readAllBytes().length);
        stream.sendHead(fields(":status", "200"), true);
      }
      case "/wait" -> new CountDownLatch(1).await();
      case "/deadline" -> {
        stream.deadline(System.nanoTime() + Duration.ofMillis(20).toNanos());
        assertThatThrownBy(() -> stream.body().read()).isInstanceOf(SocketTimeoutException.class);
        stream.sendHead(fields(":status", "504"), true);
      }
      case "/interrupt" -> {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> stream.body().read()).isInstanceOf(InterruptedIOException.class);
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
        stream.sendHead(fields(":status", "500"), true);
      }
      default -> EchoServer.echo(stream);
    }
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    server.close();
  }

  private RawHttp2 connect(Setting... settings) throws Exception {
    client = RawHttp2.client(server.port(), settings);
    return client;
  }

  private int data() throws Exception {
    return client.expect(Frame.DATA).flowBytes();
  }

  @Test
  void serverSendsWhatBothWindowsPermit() throws Exception {
    connect(new Setting(Setting.INITIAL_WINDOW_SIZE, 10)).get(1, "/large");
    assertThat(data()).isEqualTo(10);
    client.send(to -> to.windowUpdate(1, 100_000));
    int received = 0;
    while (received < 65_525) { // The window of the connection.
      received += data();
    }
    assertThat(received).isEqualTo(65_525);
    client.send(to -> to.windowUpdate(0, 5));
    assertThat(data()).isEqualTo(5);
  }

  @Test
  void settingsChangeTheWindowsOfOpenStreams() throws Exception {
    connect(new Setting(Setting.INITIAL_WINDOW_SIZE, 10)).get(1, "/large");
    assertThat(data()).isEqualTo(10);
    client.send(to -> to.settings(List.of(new Setting(Setting.INITIAL_WINDOW_SIZE, 4)))); // -6.
    client.send(to -> to.settings(List.of(new Setting(Setting.INITIAL_WINDOW_SIZE, 13)))); // +3.
    assertThat(data()).isEqualTo(3);
  }

  /**
   * The acknowledgement divides what the old settings permit from what the new ones do, while the
   * handler sends as fast as it may and the window grows and shrinks.
   */
  @RepeatedTest(20)
  void dataObeysTheSettingsThatWereAcknowledged() throws Exception {
    int step = 20_000;
    int window = 0;
    Deque<Integer> sent = new ArrayDeque<>(List.of(0, 0));
    connect(new Setting(Setting.INITIAL_WINDOW_SIZE, 0)).get(1, "/endless");
    client.send(to -> to.windowUpdate(0, HUGE));
    for (int round = 1; round <= 20; round++) {
      for (int size : List.of((round + 1) * step, round * step)) {
        client.send(to -> to.settings(List.of(new Setting(Setting.INITIAL_WINDOW_SIZE, size))));
        sent.add(size);
      }
      while (sent.size() > 1) {
        Frame frame = client.next();
        if (frame.type() == Frame.SETTINGS) {
          assertThat(frame.has(Frame.ACK)).isTrue();
          window -= sent.remove();
          window += sent.element();
        } else if (frame.type() == Frame.DATA) {
          assertThat(frame.flowBytes()).isLessThanOrEqualTo(window);
          window -= frame.flowBytes();
        }
      }
    }
    while (window > 0) { // All that is permitted comes. Below 0 after the last setting.
      int bytes = data();
      assertThat(bytes).isLessThanOrEqualTo(window);
      window -= bytes;
    }
  }

  @Test
  void framesAreAsLargeAsTheClientPermits() throws Exception {
    connect().get(1, "/large");
    assertThat(data()).isEqualTo(16_384);
  }

  @Test
  void windowAboveTheBoundIsAnError() throws Exception {
    // Nothing is sent: what is sent makes room in the window for the update.
    connect().get(1, "/wait").send(to -> to.windowUpdate(1, Integer.MAX_VALUE));
    assertThat(client.reset()).isEqualTo(ErrorCode.FLOW_CONTROL_ERROR);
    client.send(to -> to.windowUpdate(0, Integer.MAX_VALUE));
    client.send(to -> to.windowUpdate(0, Integer.MAX_VALUE));
    assertThat(client.goAway()).isEqualTo(ErrorCode.FLOW_CONTROL_ERROR);
  }

  @Test
  void streamThatIsNotReadDoesNotStopOtherOnes() throws Exception {
    connect(new Setting(Setting.INITIAL_WINDOW_SIZE, 1000)).get(1, "/large");
    assertThat(data()).isEqualTo(1000);
    client.get(3, "/");
    assertThat(client.expect(Frame.DATA).streamId()).isEqualTo(3);
  }

  @Test
  void clientThatReadsNothingCanStillSend() throws Exception {
    connect(new Setting(Setting.INITIAL_WINDOW_SIZE, HUGE));
    client.send(to -> to.windowUpdate(0, HUGE)).get(1, "/endless");
    byte[] body = new byte[200_000]; // What the window permits without updates.
    client.post(3, "/count");
    client.send(to -> to.data(3, body, 0, body.length, true));
    assertThat(seen.take()).isEqualTo(body.length);
  }

  @Test
  void bodyMayBeLargerThanTheWindows() throws Exception {
    connect().post(1, "/count");
    byte[] body = new byte[16_384];
    int permitted = 256 << 10; // Of the stream: the smaller one.
    int updates = 0;
    for (int sent = 0; sent < 4 * LARGE; sent += body.length) {
      while (permitted < body.length) {
        Frame update = client.expect(Frame.WINDOW_UPDATE);
        permitted += update.streamId() == 1 ? update.word31(0) : 0;
        updates++;
      }
      permitted -= body.length;
      client.send(to -> to.data(1, body, 0, body.length, false));
    }
    client.data(1, "", true);
    assertThat(seen.take()).isEqualTo(4 * LARGE);
    assertThat(updates).isLessThan(50); // By halves of the windows.
  }

  @Test
  void paddingAndDiscardedBodiesAreGivenBack() throws Exception {
    connect();
    int[] padded = new int[256];
    padded[0] = 254; // All but this byte and one more is padding.
    client.post(1, "/wait");
    for (int i = 0; i < 600; i++) {
      client.frame(Frame.DATA, Frame.PADDED, 1, padded);
    }
    Frame update = client.expect(Frame.WINDOW_UPDATE);
    while (update.streamId() == 0) { // The first one is with the settings.
      update = client.expect(Frame.WINDOW_UPDATE);
    }
    assertThat(update.word31(0)).isGreaterThanOrEqualTo(128 << 10);
    for (int streamId = 3; streamId < 43; streamId += 2) { // 20 times 128 KiB.
      client.post(streamId, "/wait");
      for (int i = 0; i < 8; i++) {
        int id = streamId;
        client.send(to -> to.data(id, new byte[16_384], 0, 16_384, false));
      }
      int id = streamId;
      client.send(to -> to.rstStream(id, ErrorCode.CANCEL));
    }
    client.get(101, "/");
    assertThat(client.fields()).isNotEmpty();
  }

  @Test
  void moreThanTheWindowIsAnError() throws Exception {
    connect().post(1, "/wait");
    for (int i = 0; i < 17; i++) {
      client.send(to -> to.data(1, new byte[16_384], 0, 16_384, false));
    }
    assertThat(client.reset()).isEqualTo(ErrorCode.FLOW_CONTROL_ERROR);
  }

  @Test
  void readsEndAtTheDeadline() throws Exception {
    connect().post(1, "/deadline");
    assertThat(client.fields()).contains(HeaderField.of(":status", "504"));
  }

  @Test
  void readsAreInterruptible() throws Exception {
    connect().post(1, "/interrupt");
    assertThat(client.fields()).contains(HeaderField.of(":status", "500"));
    client.get(3, "/");
    assertThat(client.fields()).contains(HeaderField.of(":status", "200"));
  }

  @Test
  void silentClientIsSentPingsAndThenClosed() throws Exception {
    server.close();
    Http2Settings settings =
        Http2Settings.defaults().withTimes(Duration.ofMinutes(1), Duration.ofMillis(200));
    server = new EchoServer(0, settings, this::handle);
    connect().get(1, "/");
    assertThat(client.fields()).isNotEmpty();
    assertThat(client.expect(Frame.PING)).isNotNull();
    assertThat(client.expect(Frame.GOAWAY)).isNull();
  }

  @Test
  void idleConnectionIsDrained() throws Exception {
    server.close();
    Http2Settings settings =
        Http2Settings.defaults().withTimes(Duration.ofMillis(50), Duration.ofMinutes(1));
    server = new EchoServer(0, settings, this::handle);
    connect();
    assertThat(client.goAway()).isEqualTo(ErrorCode.NO_ERROR);
    byte[] ping = client.expect(Frame.PING).payload();
    client.send(to -> to.ping(ping, true));
    assertThat(client.expect(Frame.GOAWAY).word31(0)).isZero();
    assertThat(client.rest()).isEmpty();
  }
}
