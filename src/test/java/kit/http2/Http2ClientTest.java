// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static kit.http2.RawHttp2.fields;
import static kit.http2.RawHttp2.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kit.engine.EngineProvider;
import kit.engine.EngineSettings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.TestCertificate;

/** A client and its server, valid or not. */
@Timeout(60)
class Http2ClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final List<AutoCloseable> opened = new ArrayList<>();
  private Http2Client client;

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened) {
      one.close();
    }
  }

  private <T extends AutoCloseable> T closing(T one) {
    opened.add(0, one);
    return one;
  }

  private Http2Client connect(int port) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    client = closing(Http2Client.connect(address, PATIENCE, Http2Settings.defaults()));
    return client;
  }

  private Http2Client connect(Http2Handler handler) throws IOException {
    return connect(closing(new EchoServer(0, Http2Settings.defaults(), handler)).port());
  }

  /** Connects to a server that sends frame by frame. */
  private RawHttp2 connectRaw(Setting... settings) throws Exception {
    ServerSocket listener = closing(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    CompletableFuture<Http2Client> connected =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return connect(listener.getLocalPort());
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    RawHttp2 server = closing(RawHttp2.server(listener, settings));
    connected.get();
    return server;
  }

  private static long deadline(Duration timeout) {
    return System.nanoTime() + timeout.toNanos();
  }

  private Http2Stream get(String path) throws IOException {
    return client.open(request("GET", path), true, deadline(PATIENCE));
  }

  private Http2Stream post(String path) throws IOException {
    return client.open(request("POST", path), false, deadline(PATIENCE));
  }

  private static StreamResetException resetOf(Http2Stream stream) {
    CompletableFuture<StreamResetException> reset = new CompletableFuture<>();
    stream.onReset(reset::complete);
    return reset.orTimeout(15, TimeUnit.SECONDS).join();
  }

  @Test
  void requestIsAnswered() throws Exception {
    connect(EchoServer::echo);
    Http2Stream stream = get("/");
    assertThat(stream.head()).contains(HeaderField.of(":status", "200"));
    assertThat(stream.body().readAllBytes()).asString().isEqualTo("hello\n");
    assertThat(stream.trailers()).isEmpty();
    assertThat(stream.session()).isEmpty();
  }

  @Test
  void requestsAndResponsesMayBeLargerThanTheWindows() throws Exception {
    connect(EchoServer::echo);
    byte[] body = new byte[3 << 20];
    body[body.length - 1] = 1;
    Http2Stream stream = post("/");
    stream.sendData(body, 0, body.length, true);
    assertThat(stream.body().readAllBytes()).isEqualTo(body);
  }

  @Test
  void bothSidesSendPartsInTurn() throws Exception {
    connect(
        stream -> {
          stream.sendHead(fields(":status", "200"), false);
          byte[] one = new byte[1];
          while (stream.body().read(one) > 0) {
            stream.sendData(one, 0, 1, false);
          }
          stream.sendTrailers(fields("end", "yes"));
        });
    Http2Stream stream = post("/");
    for (int i = 0; i < 100; i++) {
      stream.sendData(new byte[] {(byte) i}, 0, 1, i == 99);
      assertThat(stream.body().read()).isEqualTo(i);
    }
    assertThat(stream.body().read()).isNegative();
    assertThat(stream.trailers()).isEqualTo(fields("end", "yes"));
  }

  @Test
  void tlsAgreesOnTheProtocol(@TempDir Path folder) throws Exception {
    TestCertificate certificate = TestCertificate.in(folder);
    EngineProvider provider = new EngineProvider(EngineSettings.defaults());
    Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), EchoServer::echo);
    for (boolean hasHttp2 : new boolean[] {true, false}) {
      HttpsServer server =
          (hasHttp2 ? provider.withProtocols(List.of(http2)) : provider)
              .createHttpsServer(new InetSocketAddress("127.0.0.1", 0), 0);
      closing(() -> server.stop(0));
      server.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
      server.start();
      InetSocketAddress address = new InetSocketAddress("127.0.0.1", server.getAddress().getPort());
      if (hasHttp2) {
        client =
            closing(
                Http2Client.connect(
                    address,
                    PATIENCE,
                    Http2Settings.defaults(),
                    TestCertificate.trusting(certificate.pem())));
        Http2Stream stream = get("/");
        assertThat(stream.body().readAllBytes()).hasSize(6);
        assertThat(stream.session()).isPresent();
      } else {
        assertThatThrownBy(
                () ->
                    Http2Client.connect(
                        address,
                        PATIENCE,
                        Http2Settings.defaults(),
                        TestCertificate.trusting(certificate.pem())))
            .isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void serverWithoutHttp2IsAnError() throws Exception {
    ServerSocket listener = closing(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort());
    assertThatThrownBy(
            () -> Http2Client.connect(address, Duration.ofMillis(50), Http2Settings.defaults()))
        .hasMessage("no settings of HTTP/2 from the server");
  }

  @Test
  void streamsAboveTheLimitOfTheServerWait() throws Exception {
    RawHttp2 server = connectRaw(new Setting(Setting.MAX_CONCURRENT_STREAMS, 1));
    Http2Stream first = get("/1");
    first.flush();
    assertThatThrownBy(
            () -> client.open(request("GET", "/2"), true, deadline(Duration.ofMillis(20))))
        .isInstanceOf(SocketTimeoutException.class);
    CompletableFuture<Http2Stream> second =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                Http2Stream stream = get("/3");
                stream.flush();
                return stream;
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    assertThat(server.fields()).contains(HeaderField.of(":path", "/1"));
    server.headers(1, fields(":status", "204"), true);
    assertThat(server.fields()).contains(HeaderField.of(":path", "/3"));
    second.get();
  }

  @Test
  void interimResponsesAreSkipped() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream stream = get("/");
    server.headers(1, fields(":status", "103", "link", "</a>"), false);
    server.headers(1, fields(":status", "204"), true);
    assertThat(stream.head()).isEqualTo(fields(":status", "204"));
  }

  @Test
  void goAwaySeparatesWhatWasProcessed() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream first = get("/1");
    Http2Stream second = get("/2");
    second.flush();
    server.expect(Frame.HEADERS);
    server.send(to -> to.goAway(1, ErrorCode.NO_ERROR, ""));
    assertThat(resetOf(second).isUnprocessed()).isTrue();
    assertThat(client.isUsable()).isFalse();
    assertThatThrownBy(() -> get("/3"))
        .asInstanceOf(type(StreamResetException.class))
        .matches(StreamResetException::isUnprocessed);
    CompletableFuture<Void> closed = new CompletableFuture<>();
    client.onClose(() -> closed.complete(null));
    server.headers(1, fields(":status", "204"), true);
    assertThat(first.head()).isNotEmpty();
    closed.get(15, TimeUnit.SECONDS); // After its last stream.
  }

  @Test
  void refusedStreamsAreUnprocessed() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream refused = get("/");
    Http2Stream cancelled = get("/");
    cancelled.flush();
    server.send(
        to -> {
          to.rstStream(1, ErrorCode.REFUSED_STREAM);
          to.rstStream(3, ErrorCode.CANCEL);
        });
    assertThatThrownBy(refused::head)
        .asInstanceOf(type(StreamResetException.class))
        .matches(StreamResetException::isUnprocessed);
    assertThatThrownBy(cancelled::head)
        .asInstanceOf(type(StreamResetException.class))
        .matches(e -> e.code() == ErrorCode.CANCEL && !e.isUnprocessed());
  }

  @Test
  void streamThatHasEndedIsNotReset() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream stream = get("/");
    server.headers(1, fields(":status", "204"), true);
    stream.head();
    stream.reset(ErrorCode.CANCEL);
    Http2Stream other = get("/");
    other.reset(ErrorCode.CANCEL);
    assertThat(server.expect(Frame.RST_STREAM).streamId()).isEqualTo(3);
  }

  @Test
  void responseIsReadAfterTheServerStopsReading() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream stream = post("/");
    stream.sendData(new byte[10], 0, 10, false);
    server.headers(1, fields(":status", "200"), false).data(1, "early", true);
    server.send(to -> to.rstStream(1, ErrorCode.NO_ERROR));
    assertThat(resetOf(stream).code()).isEqualTo(ErrorCode.NO_ERROR);
    assertThat(stream.body().readAllBytes()).asString().isEqualTo("early");
    assertThatThrownBy(() -> stream.sendData(new byte[1], 0, 1, true))
        .isInstanceOf(StreamResetException.class);
  }

  @Test
  void responseThatEndsBeforeItsRequestEndsBoth() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream stream = post("/");
    CompletableFuture<Throwable> sending =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                stream.sendData(new byte[1 << 20], 0, 1 << 20, true); // Above the window.
                return null;
              } catch (IOException e) {
                return e;
              }
            });
    for (int received = 0; received < 65_535; ) {
      received += server.expect(Frame.DATA).flowBytes();
    }
    server.headers(1, fields(":status", "413"), false).data(1, "too long", true);

    assertThat(sending.get(15, TimeUnit.SECONDS))
        .asInstanceOf(type(StreamResetException.class))
        .matches(e -> e.code() == ErrorCode.NO_ERROR && !e.isUnprocessed());
    assertThat(server.reset()).isEqualTo(ErrorCode.NO_ERROR);
    assertThat(stream.body().readAllBytes()).asString().isEqualTo("too long");
    assertThat(client.isUsable()).isTrue();
  }

  @Test
  void protocolErrorsOfTheServerEndTheConnection() throws Exception {
    RawHttp2 server = connectRaw();
    Http2Stream stream = get("/");
    server.data(2, "pushed", true);
    assertThat(resetOf(stream).code()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
    assertThat(server.goAway()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
  }

  @Test
  void waitsEndAtTheDeadlineAndByInterrupts() throws Exception {
    connectRaw();
    Http2Stream late = client.open(request("GET", "/"), true, deadline(Duration.ofMillis(20)));
    assertThatThrownBy(late::head).isInstanceOf(SocketTimeoutException.class);
    Http2Stream stream = get("/");
    Thread.currentThread().interrupt();
    assertThatThrownBy(stream::head).isInstanceOf(InterruptedIOException.class);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(client.isUsable()).isTrue(); // An interrupt must not close it.
  }

  @Test
  void connectionToASilentServerEnds() throws Exception {
    ServerSocket listener = closing(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.getLocalPort());
    Http2Settings settings =
        Http2Settings.clientDefaults().withTimes(Duration.ofMinutes(1), Duration.ofMillis(200));
    CompletableFuture<RawHttp2> accepted =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return closing(RawHttp2.server(listener));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    client = closing(Http2Client.connect(address, PATIENCE, settings));
    RawHttp2 server = accepted.get();
    Http2Stream stream = get("/");
    stream.flush();
    assertThat(server.expect(Frame.PING)).isNotNull();
    assertThatThrownBy(stream::head).isInstanceOf(StreamResetException.class);
    assertThat(client.isUsable()).isFalse();
  }

  @Test
  void closeEndsStreamsAndThreads() throws Exception {
    CountDownLatch begun = new CountDownLatch(20);
    CountDownLatch interrupted = new CountDownLatch(20);
    EchoServer server =
        closing(
            new EchoServer(
                0,
                Http2Settings.defaults(),
                stream -> {
                  stream.onReset(problem -> interrupted.countDown());
                  begun.countDown();
                  new CountDownLatch(1).await();
                }));
    for (int i = 0; i < 20; i++) {
      connect(server.port());
      Http2Stream stream = get("/");
      stream.flush();
      client.close();
      client.close();
      assertThat(resetOf(stream)).isNotNull();
    }
    begun.await();
    interrupted.await();
    Eventually.within(
        PATIENCE,
        () ->
            assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().equals("http2-client")));
  }

  @Test
  void fieldsThatAreNotLegalAreRejected() throws Exception {
    connectRaw();
    for (List<HeaderField> illegal :
        List.of(
            fields("Upper", "case"),
            fields("line", "a\r\nb"),
            fields("connection", "close"),
            fields("", "a"))) {
      assertThatThrownBy(() -> client.open(illegal, true, deadline(PATIENCE)))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
