// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
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
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.TestCertificate;

/** Client and server of this package over TCP. */
@Timeout(60)
class GrpcConnectionTest {
  private static final String ECHO = "/test.Texts/Echo";
  private static final String REFUSED = "/test.Texts/Refused";
  private static final String COUNT = "/test.Texts/Count";

  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch cancelled = new CountDownLatch(1);
  private final GrpcService service =
      new GrpcService(GrpcService.Settings.defaults())
          .add(GrpcMethod.unary(ECHO, Texts.CODEC, Texts.CODEC, this::echo))
          .add(
              GrpcMethod.unary(REFUSED, Texts.CODEC, Texts.CODEC, this::echo)
                  .around(
                      next ->
                          (context, request) -> {
                            throw new StatusException(401, "no token");
                          }))
          .add(GrpcMethod.serverStream(COUNT, Texts.CODEC, Texts.CODEC, GrpcConnectionTest::count));
  private HttpServer server = serve(0);
  private final int port = server.getAddress().getPort();
  private final GrpcChannel channel = GrpcChannel.to("127.0.0.1", port);
  private final GrpcEndpoint<String, String> echo =
      GrpcEndpoint.unary(channel, ECHO, Texts.CODEC, Texts.CODEC);

  GrpcConnectionTest() throws IOException {}

  private HttpServer serve(int port) throws IOException {
    Http2Protocol http2 = new Http2Protocol(Http2Settings.defaults(), service);
    HttpServer started =
        new EngineProvider(EngineSettings.defaults())
            .withProtocols(List.of(http2))
            .createHttpServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    started.start();
    return started;
  }

  @AfterEach
  void stop() {
    channel.close();
    server.stop(0);
  }

  private String echo(Context context, String text) throws Exception {
    if (text.equals("fail")) {
      throw new StatusException(403, "no: \u00fcn\u00ef %");
    }
    if (text.equals("wait")) {
      begun.countDown();
      try {
        new CountDownLatch(1).await();
      } finally {
        cancelled.countDown();
      }
    }
    return text;
  }

  private static Iterator<String> count(Context context, String upTo) {
    return IntStream.rangeClosed(1, Integer.parseInt(upTo)).mapToObj(Integer::toString).iterator();
  }

  private PeerException failure(Context context, String text) {
    return catchThrowableOfType(PeerException.class, () -> echo.call(context, text));
  }

  @Test
  void messagesOfAnyLength() throws Exception {
    for (int length : new int[] {0, 1, 16_380, 65_535, 3_000_000}) {
      String text = "x".repeat(length);
      assertThat(echo.call(Context.background(), text)).isEqualTo(text);
    }
  }

  @Test
  void failure() {
    assertThat(failure(Context.background(), "fail").detail()).isEqualTo("no: \u00fcn\u00ef %");
    assertThat(failure(Context.background(), "fail").status()).isEqualTo(403);
  }

  @Test
  void statusOfALongRequestThatIsNotReadArrives() throws Exception {
    GrpcEndpoint<String, String> refused =
        GrpcEndpoint.unary(channel, REFUSED, Texts.CODEC, Texts.CODEC);
    for (int length : new int[] {10, 100_000, 3_000_000}) {
      PeerException e =
          catchThrowableOfType(
              PeerException.class, () -> refused.call(Context.background(), "x".repeat(length)));
      assertThat(e.getMessage()).startsWith("401 no token");
    }
    PeerException e = failure(Context.background(), "x".repeat(5_000_000));
    assertThat(e.getMessage()).startsWith("429 message of 5000005 bytes, at most 4194304");
    assertThat(echo.call(Context.background(), "still there")).isEqualTo("still there");
  }

  @Test
  void longStreamIsReadAndAShortOneIsCancelled() throws Exception {
    var counting = GrpcEndpoint.serverStream(channel, COUNT, Texts.CODEC, Texts.CODEC);
    int count = 0;
    for (var all = counting.call(Context.background(), "20000"); all.hasNext(); all.next()) {
      count++;
    }
    assertThat(count).isEqualTo(20_000);
    try (var some = counting.call(Context.background(), "100000000")) {
      assertThat(some.next()).isEqualTo("1");
    }
    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
    assertThat(echo.call(Context.background(), "still there")).isEqualTo("still there");
  }

  @Test
  void deadlineEndsTheCallOnBothSides() throws Exception {
    Context context = Context.background().withTimeout(Duration.ofMillis(300));
    PeerException e = failure(context, "wait");
    cancelled.await();

    assertThat(e.kind() == Kind.TIMEOUT || e.status() == 504).as(e.toString()).isTrue();
    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void interruptionEndsTheCallOnBothSides() throws Exception {
    Thread caller =
        new Thread(
            () ->
                catchThrowableOfType(
                    Exception.class, () -> echo.call(Context.background(), "wait")));
    caller.start();
    begun.await();
    caller.interrupt();
    cancelled.await();
    caller.join();

    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void manyCallsShareTheConnection() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try {
      List<Callable<Integer>> callers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        String text = "x".repeat(i * 1000);
        callers.add(
            () -> {
              int right = 0;
              for (int call = 0; call < 100; call++) {
                right += echo.call(Context.background(), text + call).equals(text + call) ? 1 : 0;
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
    assertThat(echo.call(Context.background(), "a")).isEqualTo("a");
    server.stop(0);
    Eventually.within(
        Duration.ofSeconds(10),
        () -> {
          PeerException e = failure(Context.background(), "b");
          assertThat(e.kind()).isEqualTo(Kind.NOT_CONNECTED);
          assertThat(e.detail()).isEqualTo("connection refused");
        });
    server = serve(port);
    Eventually.within(
        Duration.ofSeconds(10),
        () -> assertThat(echo.call(Context.background(), "c")).isEqualTo("c"));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void connectionsThatAreClosedLeaveNothing() throws Exception {
    called(GrpcChannel.to("127.0.0.1", port)); // What is kept for later ones.
    long sockets = openSockets();
    int threads = Thread.activeCount();
    for (int i = 0; i < 200; i++) {
      assertThat(called(GrpcChannel.to("127.0.0.1", port))).isEqualTo("a");
    }

    Eventually.within(
        Duration.ofSeconds(20),
        () -> {
          assertThat(openSockets()).isLessThanOrEqualTo(sockets);
          assertThat(Thread.activeCount()).isLessThanOrEqualTo(threads);
        });
  }

  /** Other files may be opened once, such as those of a selector when a connection first waits. */
  private static long openSockets() throws IOException {
    long sockets = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path file : files) {
        sockets += isSocket(file) ? 1 : 0;
      }
    }
    return sockets;
  }

  private static boolean isSocket(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // Closed meanwhile.
    }
  }

  private static String called(GrpcChannel channel) throws Exception {
    try (channel) {
      return GrpcEndpoint.unary(channel, ECHO, Texts.CODEC, Texts.CODEC)
          .call(Context.background(), "a");
    }
  }

  @Test
  void allAddressesOfANameAreTried() throws Exception {
    // The server listens on one of those that the name has, whatever their order.
    assertThat(called(GrpcChannel.to("localhost", port))).isEqualTo("a");
    PeerException e =
        catchThrowableOfType(
            PeerException.class, () -> called(GrpcChannel.to("no-such-host.invalid", port)));
    assertThat(e.kind()).isEqualTo(Kind.NOT_CONNECTED);
  }

  @Test
  void tls(@TempDir Path folder) throws Exception {
    TestCertificate certificate = TestCertificate.in(folder);
    HttpsServer https =
        new EngineProvider(EngineSettings.defaults())
            .withProtocols(List.of(new Http2Protocol(Http2Settings.defaults(), service)))
            .createHttpsServer(new InetSocketAddress("127.0.0.1", 0), 0);
    https.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
    https.start();
    try {
      int tlsPort = https.getAddress().getPort();
      SSLContext trusting = TestCertificate.trusting(certificate.pem());
      Eventually.within( // The first handshake of a server may take long.
          Duration.ofSeconds(20),
          () -> assertThat(called(GrpcChannel.to("127.0.0.1", tlsPort, trusting))).isEqualTo("a"));
      PeerException e =
          catchThrowableOfType(
              PeerException.class,
              () -> called(GrpcChannel.to("127.0.0.1", tlsPort, SSLContext.getDefault())));
      assertThat(e.kind()).isEqualTo(Kind.NOT_CONNECTED);
    } finally {
      https.stop(0);
    }
  }

  @Test
  void serverThatDoesNotSpeakHttp2IsNotConnected() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      try (GrpcChannel other = GrpcChannel.to("127.0.0.1", silent.getLocalPort())) {
        GrpcEndpoint<String, String> endpoint =
            GrpcEndpoint.unary(other, ECHO, Texts.CODEC, Texts.CODEC);
        PeerException e =
            catchThrowableOfType(
                PeerException.class, () -> endpoint.call(Context.background(), ""));

        assertThat(e.kind()).isEqualTo(Kind.NOT_CONNECTED);
      }
    }
  }
}
