// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.RawHttp2.fields;
import static kit.http2.RawHttp2.request;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients that want to cost more than they pay: each gets GOAWAY with ENHANCE_YOUR_CALM. */
@Timeout(60)
class Http2FloodTest {
  private static final int MANY = 2000; // Above the burst, and what returns meanwhile.

  private final CountDownLatch end = new CountDownLatch(1);
  private EchoServer server;
  private RawHttp2 client;

  @BeforeEach
  void start() throws Exception {
    server = new EchoServer(0, Http2Settings.defaults(), this::handle);
    client = RawHttp2.client(server.port());
  }

  private void handle(Http2Stream stream) throws Exception {
    switch (HeaderField.valueOf(stream.head(), ":path")) {
      case "/wait" -> end.await();
      case "/large" -> {
        stream.sendHead(fields(":status", "200"), false);
        stream.sendData(new byte[1 << 20], 0, 1 << 20, true);
      }
      default -> EchoServer.echo(stream);
    }
  }

  @AfterEach
  void stop() throws Exception {
    end.countDown();
    client.close();
    server.close();
  }

  @FunctionalInterface
  private interface Attack {
    void begin(RawHttp2 client, int round) throws IOException;
  }

  /** What a client repeats. */
  enum Flood {
    PING((client, round) -> client.send(to -> to.ping(new byte[8], false))),
    PING_ACK((client, round) -> client.send(to -> to.ping(new byte[8], true))),
    SETTINGS((client, round) -> client.send(to -> to.settings(List.of()))),
    SETTINGS_OF_ONE(
        (client, round) -> client.send(to -> to.settings(List.of(new Setting(1, round))))),
    PRIORITY((client, round) -> client.frame(Frame.PRIORITY, 0, 1, 0, 0, 0, 3, 1)),
    UNKNOWN((client, round) -> client.frame(99, 0, 0)),
    WINDOW_UPDATE((client, round) -> client.send(to -> to.windowUpdate(0, 1))),
    EMPTY_DATA(
        (client, round) -> {
          if (round == 0) {
            client.post(1, "/wait");
          }
          client.data(1, "", false);
        }),
    RAPID_RESET(
        (client, round) -> {
          int streamId = 2 * round + 1;
          client.get(streamId, "/wait").send(to -> to.rstStream(streamId, ErrorCode.CANCEL));
        }),
    PROVOKED_RESET(
        (client, round) -> {
          int streamId = 2 * round + 1;
          client.post(streamId, "/wait").frame(Frame.WINDOW_UPDATE, 0, streamId, 0, 0, 0, 0);
        }),
    REFUSED_STREAM((client, round) -> client.get(2 * round + 1, "/wait")),
    MALFORMED_REQUEST(
        (client, round) -> client.headers(2 * round + 1, fields("no", "method"), true)),
    ONE_BYTE_WINDOWS(
        (client, round) -> {
          if (round == 0) {
            client.send(to -> to.settings(List.of(new Setting(Setting.INITIAL_WINDOW_SIZE, 0))));
            client.get(1, "/large");
          }
          client.send(to -> to.windowUpdate(1, 1));
        }),
    CONTINUATION(
        (client, round) -> {
          int type = round == 0 ? Frame.HEADERS : Frame.CONTINUATION;
          client.frame(type, 0, 1, new int[100]);
        }),
    EMPTY_CONTINUATION(
        (client, round) -> {
          for (int i = 0; i < 10; i++) {
            client.frame(round + i == 0 ? Frame.HEADERS : Frame.CONTINUATION, 0, 1);
          }
        });

    private final Attack attack;

    Flood(Attack attack) {
      this.attack = attack;
    }
  }

  @ParameterizedTest
  @EnumSource
  void connectionEnds(Flood flood) throws Exception {
    try {
      for (int round = 0; round < MANY; round++) {
        flood.attack.begin(client, round);
      }
    } catch (IOException e) {
      // Closed by the server: it has sent GOAWAY before.
    }
    assertThat(client.goAway()).isEqualTo(ErrorCode.ENHANCE_YOUR_CALM);
  }

  @Test
  void listThatIsLargeOnlyWhenDecodedEndsItsStream() throws Exception {
    HpackEncoder encoder = new HpackEncoder(false);
    ByteArrayOutputStream bomb = new ByteArrayOutputStream();
    List<HeaderField> head = request("GET", "/");
    bomb.writeBytes(encoder.encode(head));
    bomb.writeBytes(encoder.encode(fields("large", "x".repeat(2000))));
    bomb.writeBytes(new byte[] {(byte) 0xbe}); // The newest field of the table, again and again.
    for (int i = 0; i < 10_000; i++) {
      bomb.write(0xbe);
    }
    client.send(to -> to.headers(1, bomb.toByteArray(), true));
    assertThat(client.reset()).isEqualTo(ErrorCode.ENHANCE_YOUR_CALM);
    client.send(to -> to.headers(3, encoder.encode(head), true));
    assertThat(client.fields()).contains(HeaderField.of(":status", "200"));
  }

  @Test
  void usefulWorkPaysForTheFramesThatComeWithIt() throws Exception {
    for (int i = 0; i < MANY; i++) {
      int streamId = 2 * i + 1;
      client.get(streamId, "/");
      assertThat(client.fields()).isNotEmpty();
      client.send(
          to -> {
            to.windowUpdate(0, 6);
            to.ping(new byte[8], false);
            to.rstStream(streamId, ErrorCode.NO_ERROR);
          });
    }
    client.get(2 * MANY + 1, "/");
    assertThat(client.fields()).isNotEmpty();
  }

  @Test
  void streamsOfHandlersThatRunCountUntilTheyReturn() throws Exception {
    CountDownLatch begun = new CountDownLatch(100);
    server.close();
    server =
        new EchoServer(
            0,
            Http2Settings.defaults(),
            stream -> {
              begun.countDown();
              while (end.getCount() > 0) {
                try {
                  end.await();
                } catch (InterruptedException e) {
                  // It goes on, as handlers may.
                }
              }
            });
    client.close();
    client = RawHttp2.client(server.port());
    for (int i = 0; i < 100; i++) {
      client.get(2 * i + 1, "/");
    }
    begun.await();
    for (int i = 0; i < 100; i++) {
      int streamId = 2 * i + 1;
      client.send(to -> to.rstStream(streamId, ErrorCode.CANCEL));
    }
    client.get(201, "/");
    assertThat(client.expect(Frame.RST_STREAM).streamId()).isEqualTo(201);
  }
}
