// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests and responses of a server, seen by a client that sends frame by frame. */
@Timeout(60)
class Http2ServerTest {
  private final Map<String, Http2Handler> handlers = new ConcurrentHashMap<>();
  private final BlockingQueue<Object> seen = new LinkedBlockingQueue<>();
  private EchoServer server;
  private RawHttp2 client;

  @AfterEach
  void stop() throws Exception {
    client.close();
    server.close();
  }

  private RawHttp2 connect(Setting... settings) throws Exception {
    return connect(Http2Settings.defaults(), settings);
  }

  private RawHttp2 connect(Http2Settings limits, Setting... settings) throws Exception {
    handlers.put("/echo", EchoServer::echo);
    server =
        new EchoServer(
            0,
            limits,
            stream -> handlers.get(HeaderField.valueOf(stream.head(), ":path")).handle(stream));
    client = RawHttp2.client(server.port(), settings);
    return client;
  }

  private static String text(Frame frame) {
    return new String(frame.payload(), StandardCharsets.ISO_8859_1);
  }

  @Test
  void requestIsAnswered() throws Exception {
    connect().post(1, "/echo").data(1, "ping", true);
    assertThat(client.fields()).contains(HeaderField.of(":status", "200"));
    Frame data = client.next();
    assertThat(text(data)).isEqualTo("ping");
    assertThat(data.has(Frame.END_STREAM)).isTrue();
  }

  @Test
  void trailersAreReceivedAndSent() throws Exception {
    handlers.put(
        "/trailers",
        stream -> {
          byte[] body = stream.body().readAllBytes();
          stream.sendHead(RawHttp2.fields(":status", "200"), false);
          stream.sendData(body, 0, body.length, false);
          stream.sendTrailers(stream.trailers());
        });
    connect().post(1, "/trailers").data(1, "body", false);
    client.headers(1, RawHttp2.fields("grpc-status", "0"), true);
    assertThat(client.fields()).hasSize(1);
    assertThat(text(client.next())).isEqualTo("body");
    assertThat(client.fields()).containsExactly(HeaderField.of("grpc-status", "0"));
  }

  @Test
  void streamsAreServedAtTheSameTime() throws Exception {
    CountDownLatch both = new CountDownLatch(2);
    handlers.put(
        "/both",
        stream -> {
          both.countDown();
          both.await();
          stream.sendHead(RawHttp2.fields(":status", "204"), true);
        });
    connect().get(1, "/both").get(3, "/both");
    assertThat(client.fields()).isEqualTo(client.fields());
  }

  @Test
  void handlerIsInterruptedWhenTheClientResetsTheStream() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    handlers.put(
        "/wait",
        stream -> {
          stream.onReset(problem -> seen.add(problem.code()));
          begun.countDown();
          try {
            new CountDownLatch(1).await();
          } finally {
            seen.add("interrupted");
          }
        });
    connect().get(1, "/wait");
    begun.await();
    client.send(to -> to.rstStream(1, ErrorCode.CANCEL));
    assertThat(List.of(seen.take(), seen.take()))
        .containsExactlyInAnyOrder(ErrorCode.CANCEL, "interrupted");
    client.get(3, "/echo");
    assertThat(client.fields()).hasSize(2); // The connection goes on.
  }

  @Test
  void streamThatTheHandlerHasNotEndedIsReset() throws Exception {
    handlers.put("/nothing", stream -> {});
    handlers.put("/head", stream -> stream.sendHead(RawHttp2.fields(":status", "200"), true));
    connect().get(1, "/nothing");
    assertThat(client.reset()).isEqualTo(ErrorCode.INTERNAL_ERROR);
    client.post(3, "/head"); // The client need not send the rest.
    assertThat(client.reset()).isEqualTo(ErrorCode.NO_ERROR);
    client.data(3, "late", true).get(5, "/echo");
    assertThat(client.fields()).hasSize(2);
  }

  @Test
  void connectionIsDrainedWhenTheServerStops() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    handlers.put(
        "/wait",
        stream -> {
          seen.add("begun");
          end.await();
          stream.sendHead(RawHttp2.fields(":status", "204"), true);
        });
    connect().get(1, "/wait");
    seen.take();
    CompletableFuture<Void> stopped = CompletableFuture.runAsync(() -> server.stop(30));
    Frame first = client.expect(Frame.GOAWAY);
    assertThat(first.word31(0)).isEqualTo(Integer.MAX_VALUE);
    byte[] ping = client.expect(Frame.PING).payload();
    client.get(3, "/wait"); // It was sent before GOAWAY was read.
    seen.take();
    client.send(to -> to.ping(ping, true));
    assertThat(client.expect(Frame.GOAWAY).word31(0)).isEqualTo(3);
    client.get(5, "/wait");
    assertThat(client.reset()).isEqualTo(ErrorCode.REFUSED_STREAM);
    assertThat(stopped).isNotDone();
    end.countDown();
    assertThat(client.fields()).isEqualTo(client.fields());
    assertThat(client.rest()).isEmpty();
    stopped.get(10, TimeUnit.SECONDS);
  }
}
