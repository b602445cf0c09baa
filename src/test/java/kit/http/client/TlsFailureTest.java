// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static kit.http.client.TlsFailure.Kind.EXPIRED;
import static kit.http.client.TlsFailure.Kind.HANDSHAKE;
import static kit.http.client.TlsFailure.Kind.NOT_TLS;
import static kit.http.client.TlsFailure.Kind.NOT_YET_VALID;
import static kit.http.client.TlsFailure.Kind.NO_CLIENT_CERTIFICATE;
import static kit.http.client.TlsFailure.Kind.REJECTED;
import static kit.http.client.TlsFailure.Kind.UNKNOWN_CA;
import static kit.http.client.TlsFailure.Kind.WRONG_NAME;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import kit.Context;
import kit.PeerException;
import kit.cli.HttpEngine;
import kit.engine.EngineProvider;
import kit.grpc.GrpcChannel;
import kit.grpc.GrpcCodec;
import kit.grpc.GrpcEndpoint;
import kit.grpc.GrpcService;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import testing.TlsFiles;

/** On real handshakes of both clients: what they throw differs, and from JDK to JDK. */
@Timeout(60)
class TlsFailureTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final GrpcCodec<String> TEXTS = GrpcCodec.of(String::getBytes, String::new);

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private HttpServer server;

  @AfterEach
  void stop() {
    threads.shutdown();
    if (server != null) {
      server.stop(0);
    }
  }

  private int serve(Optional<SSLContext> tls) throws IOException {
    return serve("127.0.0.1", tls.map(HttpsConfigurator::new));
  }

  private int serve(String host, Optional<HttpsConfigurator> tls) throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getByName(host), 0);
    GrpcService grpc = new GrpcService(GrpcService.Settings.defaults());
    EngineProvider engine =
        new EngineProvider()
            .withProtocols(List.of(new Http2Protocol(Http2Settings.defaults(), grpc)));
    if (tls.isPresent()) {
      HttpsServer secured = engine.createHttpsServer(anyPort, 0);
      secured.setHttpsConfigurator(tls.get());
      server = secured;
    } else {
      server = engine.createHttpServer(anyPort, 0);
    }
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.setExecutor(threads);
    server.start();
    return server.getAddress().getPort();
  }

  private static HttpEndpoint<String, String> endpoint(HttpClient client, String host, int port) {
    return new HttpEndpoint<>(
        client,
        URI.create("https://" + host + ":" + port),
        (context, base, request) -> HttpRequest.newBuilder(base.resolve("/")),
        (context, response) -> "status " + response.statusCode());
  }

  private static Context soon() {
    return Context.background().withTimeout(PATIENCE);
  }

  /** Certificate of the server, CA of the client, host that is called. */
  static Stream<Arguments> refusals() {
    return Stream.of(HttpEngine.values())
        .flatMap(
            engine ->
                Stream.of(
                    Arguments.of(engine, "server.crt", "other-ca.crt", "127.0.0.1", UNKNOWN_CA),
                    Arguments.of(engine, "expired.crt", "ca.crt", "127.0.0.1", EXPIRED),
                    Arguments.of(engine, "not-yet-valid.crt", "ca.crt", "localhost", NOT_YET_VALID),
                    Arguments.of(engine, "elsewhere.crt", "ca.crt", "127.0.0.1", WRONG_NAME),
                    Arguments.of(engine, "elsewhere.crt", "ca.crt", "localhost", WRONG_NAME)));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void clientRefusesTheServer(
      HttpEngine engine, String certificate, String ca, String host, TlsFailure.Kind kind)
      throws Exception {
    int port = serve(Optional.of(TlsFiles.server(certificate)));
    HttpClient client = engine.newClient(TlsFiles.client(ca, Optional.empty()), PATIENCE);
    assertFails(endpoint(client, host, port)::call, kind);
    try (GrpcChannel channel = GrpcChannel.to(host, port, TlsFiles.client(ca, Optional.empty()))) {
      GrpcEndpoint<String, String> grpc = GrpcEndpoint.unary(channel, "/a.B/C", TEXTS, TEXTS);
      assertFails(grpc::call, kind);
      assertFails(grpc::call, kind); // Without another attempt to connect.
    }
  }

  private interface Call {
    String call(Context context, String request) throws Exception;
  }

  private static void assertFails(Call call, TlsFailure.Kind kind) {
    PeerException thrown = catchThrowableOfType(PeerException.class, () -> call.call(soon(), ""));
    assertThat(thrown.kind()).isEqualTo(PeerException.Kind.NOT_CONNECTED);
    assertThat(TlsFailure.of(thrown).orElseThrow().kind()).as(thrown.detail()).isEqualTo(kind);
    assertThat(thrown.detail())
        .isEqualTo(TlsFailure.of(thrown).orElseThrow().detail())
        .startsWith("TLS: ")
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @EnumSource
  void serverRequiresACertificate(HttpEngine engine) throws Exception {
    int port = serve(Optional.of(TlsFiles.mutualServer()));
    for (Optional<String> identity :
        List.of(Optional.<String>empty(), Optional.of("other-client"))) {
      SSLContext tls = TlsFiles.client("ca.crt", identity);
      HttpClient client = engine.newClient(tls, PATIENCE);
      for (int i = 0; i < 20; i++) { // The alert and the end of the connection race.
        assertFails(endpoint(client, "127.0.0.1", port)::call, NO_CLIENT_CERTIFICATE);
      }
      try (GrpcChannel channel = GrpcChannel.to("127.0.0.1", port, tls)) {
        assertFails(
            GrpcEndpoint.unary(channel, "/a.B/C", TEXTS, TEXTS)::call, NO_CLIENT_CERTIFICATE);
      }
    }
    SSLContext accepted = TlsFiles.client("ca.crt", Optional.of("client"));
    HttpEndpoint<String, String> endpoint =
        endpoint(engine.newClient(accepted, PATIENCE), "localhost", port);
    assertThat(endpoint.call(soon(), "")).isEqualTo("status 204");
  }

  @ParameterizedTest
  @EnumSource
  void serverSpeaksClearHttp(HttpEngine engine) throws Exception {
    int port = serve(Optional.empty());
    HttpClient client = engine.newClient(TlsFiles.client("ca.crt", Optional.empty()), PATIENCE);
    assertFails(endpoint(client, "127.0.0.1", port)::call, NOT_TLS);
  }

  @ParameterizedTest
  @EnumSource
  void serverHasNoProtocolInCommon(HttpEngine engine) throws Exception {
    HttpsConfigurator old =
        new HttpsConfigurator(TlsFiles.server("server.crt")) {
          @Override
          public void configure(HttpsParameters parameters) {
            parameters.setProtocols(new String[] {"TLSv1.1"});
          }
        };
    int port = serve("127.0.0.1", Optional.of(old));
    HttpClient client = engine.newClient(TlsFiles.client("ca.crt", Optional.empty()), PATIENCE);
    assertFails(endpoint(client, "127.0.0.1", port)::call, HANDSHAKE);
  }

  @ParameterizedTest
  @EnumSource
  void addressOfIpv6IsVerified(HttpEngine engine) throws Exception {
    int port;
    try {
      port = serve("::1", Optional.of(new HttpsConfigurator(TlsFiles.server("server.crt"))));
    } catch (IOException e) {
      assumeTrue(false, "no IPv6");
      return;
    }
    HttpClient client = engine.newClient(TlsFiles.client("ca.crt", Optional.empty()), PATIENCE);
    assertThat(endpoint(client, "[::1]", port).call(soon(), "")).isEqualTo("status 204");
  }

  /** On JDK 17 the JDK's client does all its reading and writing on one thread. */
  @ParameterizedTest
  @EnumSource
  void manyCallsAtATimeSucceed(HttpEngine engine) throws Exception {
    int port = serve(Optional.of(TlsFiles.mutualServer()));
    SSLContext tls = TlsFiles.client("ca.crt", Optional.of("client"));
    HttpEndpoint<String, String> endpoint = endpoint(engine.newClient(tls), "127.0.0.1", port);
    List<Callable<String>> calls = Collections.nCopies(200, () -> endpoint.call(soon(), ""));
    ExecutorService callers = Executors.newFixedThreadPool(8);
    try {
      for (Future<String> result : callers.invokeAll(calls)) {
        assertThat(result.get()).isEqualTo("status 204");
      }
    } finally {
      callers.shutdownNow();
    }
  }

  @Test
  void alertsOfOtherServersAreRecognized() {
    TlsFailure unknown =
        TlsFailure.of(new SSLHandshakeException("Received fatal alert: unknown_ca")).orElseThrow();
    assertThat(unknown.kind()).isEqualTo(REJECTED);
    assertThat(unknown.detail())
        .isEqualTo("TLS: the server rejected the client certificate: unknown_ca");
    assertThat(TlsFailure.of(new IOException("Connection reset"))).isEmpty();
    assertThatThrownBy(() -> new TlsFailure(null, "")).isInstanceOf(NullPointerException.class);
  }
}
