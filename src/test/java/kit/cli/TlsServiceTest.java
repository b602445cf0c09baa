// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static kit.grpc.GrpcService.Settings.defaults;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import kit.Context;
import kit.engine.EngineProvider;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.GrpcMethod;
import kit.grpc.GrpcService;
import kit.http.Request;
import kit.http.Response;
import kit.http.TlsClient;
import kit.http.server.AccessLog;
import kit.http.server.HttpService;
import kit.http.server.ServerEngine;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import kit.tls.ReloadingTls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.RawClient;

/** HTTPS of an {@link HttpService} on both engines. */
@Timeout(60)
class TlsServiceTest {
  private static final Path FILES = Path.of("src/test/resources/kit/tls");
  private static final Optional<Path> NONE = Optional.empty();

  private final BlockingQueue<List<Object>> lines = new LinkedBlockingQueue<>();
  private final CountDownLatch arrived = new CountDownLatch(1);
  private final CountDownLatch released = new CountDownLatch(1);
  private HttpService http;

  private static final ReloadingTls.Listener SILENT =
      new ReloadingTls.Listener() {
        @Override
        public void reloaded(Optional<Instant> expiresAt) {}

        @Override
        public void failed(String reason) {}

        @Override
        public void expires(Instant at) {}
      };

  @AfterEach
  void stop() {
    released.countDown();
    if (http != null) {
      http.close();
    }
  }

  private static ReloadingTls server(Optional<Path> clientCa) throws IOException {
    return ReloadingTls.forServer(
        FILES.resolve("server.crt"),
        FILES.resolve("server.key"),
        clientCa,
        InstantSource.system(),
        SILENT);
  }

  private static Http2Protocol http2(GrpcService service) {
    return new Http2Protocol(Http2Settings.defaults(), service);
  }

  private void serve(String engine, Optional<Path> clientCa) throws IOException {
    ReloadingTls tls = server(clientCa);
    ServerEngine beneath =
        switch (engine) {
          case "jdk" -> ServerEngine.INSTALLED;
          case "kit" -> KitEngine.ENGINE;
          default -> KitEngine.speaking(List.of(http2(new GrpcService(defaults()))));
        };
    http =
        HttpService.bind(
            HttpService.Settings.of("127.0.0.1", 0).withEngine(beneath).withTls(tls.context()));
    http.onCompleted(new AccessLog(line -> lines.add(List.of(line))));
    http.start(this::respond);
  }

  private Response respond(Context context, Request request) throws Exception {
    if (request.target().rawPath().equals("/slow")) {
      arrived.countDown();
      released.await();
    }
    TlsClient client = context.get(TlsClient.KEY);
    return Response.text(200, client == null ? "unknown" : client.toString());
  }

  private static HttpClient client(Optional<String> identity) throws IOException {
    return HttpClient.newBuilder().sslContext(clientTls(identity)).build();
  }

  private static SSLContext clientTls(Optional<String> identity) throws IOException {
    return ReloadingTls.forClient(
            Optional.of(FILES.resolve("ca.crt")),
            identity.map(name -> FILES.resolve(name + ".crt")),
            identity.map(name -> FILES.resolve(name + ".key")),
            InstantSource.system(),
            SILENT)
        .context();
  }

  private HttpRequest request(String path) {
    return HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + http.port() + path)).build();
  }

  private HttpResponse<String> get(HttpClient client, String path) throws Exception {
    return client.send(request(path), BodyHandlers.ofString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit", "kit with h2"})
  void clientNeedsNoCertificateWithoutAnAuthorityOfClients(String engine) throws Exception {
    serve(engine, NONE);
    http.selfCheck("/");
    HttpResponse<String> response = get(client(Optional.empty()), "/");
    assertThat(response.body()).isEqualTo("unknown");
    assertThat(response.version()).isEqualTo(HttpClient.Version.HTTP_1_1);
    assertThat(response.sslSession().orElseThrow().getProtocol()).isEqualTo("TLSv1.3");
    assertThat(http.scheme()).isEqualTo("https");
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void clientOfMutualTlsIsInContextAndAccessLog(String engine) throws Exception {
    serve(engine, Optional.of(FILES.resolve("ca.crt")));
    HttpClient client = client(Optional.of("client"));
    String expected =
        "TlsClient[subject=O=Test,CN=client, names=[client.test, spiffe://test/client, 10.0.0.1]]";
    assertThat(get(client, "/").body()).isEqualTo(expected);
    assertThat(get(client, "/").body()).isEqualTo(expected);
    assertThat(lines.poll(10, TimeUnit.SECONDS))
        .containsSequence("client", "O=Test,CN=client")
        .containsSequence("client_names", "client.test,spiffe://test/client,10.0.0.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void clientOfMutualTlsNeedsACertificate(String engine) throws Exception {
    serve(engine, Optional.of(FILES.resolve("ca.crt")));
    http.selfCheck("/");
    assertThat(http.isReady()).isTrue();
    assertThatThrownBy(() -> get(client(Optional.empty()), "/")).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> get(client(Optional.of("other-client")), "/"))
        .isInstanceOf(IOException.class);
    assertThat(get(client(Optional.of("client")), "/").statusCode()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void requestInFlightIsServedWhileTheServerStops(String engine) throws Exception {
    serve(engine, Optional.of(FILES.resolve("ca.crt")));
    HttpClient client = client(Optional.of("client"));
    CompletableFuture<HttpResponse<String>> slow =
        client.sendAsync(request("/slow"), BodyHandlers.ofString());
    assertThat(arrived.await(20, TimeUnit.SECONDS)).isTrue();
    CompletableFuture<Boolean> stopped = CompletableFuture.supplyAsync(this::isStopped);
    awaitRefusal();
    assertThat(slow).isNotDone();
    released.countDown();
    assertThat(slow.get(10, TimeUnit.SECONDS).statusCode()).isEqualTo(200);
    assertThat(stopped.get(10, TimeUnit.SECONDS)).isTrue();
  }

  private boolean isStopped() {
    try {
      return http.stop(Duration.ofSeconds(10));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void awaitRefusal() throws Exception {
    Eventually.within(
        Duration.ofSeconds(10),
        () ->
            assertThatThrownBy(() -> new RawClient(http.port()).close())
                .isInstanceOf(IOException.class));
  }

  @Test
  void clientOfMutualTlsIsInTheContextOfGrpc() throws Exception {
    GrpcCodec<String> texts = GrpcCodec.of(String::getBytes, String::new);
    GrpcService service =
        new GrpcService(defaults())
            .addAll(
                List.of(
                    GrpcMethod.unary(
                        "/test.Test/Client",
                        texts,
                        texts,
                        (context, request) -> context.get(TlsClient.KEY).subject())));
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpsServer grpc =
        new EngineProvider().withProtocols(List.of(http2(service))).createHttpsServer(anyPort, 0);
    grpc.setHttpsConfigurator(
        new HttpsConfigurator(server(Optional.of(FILES.resolve("ca.crt"))).context()));
    grpc.start();
    int port = grpc.getAddress().getPort();
    try (GrpcChannel channel =
        GrpcChannel.to("127.0.0.1", port, clientTls(Optional.of("client")))) {
      Context context = Context.background().withTimeout(Duration.ofSeconds(20));
      assertThat(GrpcEndpoint.unary(channel, "/test.Test/Client", texts, texts).call(context, ""))
          .isEqualTo("O=Test,CN=client");
    } finally {
      grpc.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void clearHttpOnATlsPortEndsAtOnce(String engine) throws Exception {
    serve(engine, NONE);
    try (RawClient clear = new RawClient(http.port())) {
      clear.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertThat(clear.rest()).doesNotContain("200");
    }
  }
}
