// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.RawClient;
import testing.TestCertificate;

/** Connections that are handed to another protocol. */
@Timeout(60)
class EngineProtocolTest {
  private final BlockingQueue<EngineProtocol.Peer> peers = new LinkedBlockingQueue<>();
  private final EngineProtocol echo =
      new EngineProtocol() {
        @Override
        public String name() {
          return "echo";
        }

        @Override
        public byte[] preface() {
          return "ECHO\n".getBytes(StandardCharsets.US_ASCII);
        }

        @Override
        public void serve(Peer peer) throws IOException {
          peers.add(peer);
          for (int c; (c = peer.input().read()) >= 0; ) {
            peer.output().write(c);
            peer.output().flush();
          }
        }
      };

  private HttpServer server;

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void start(HttpServer created) {
    server = created;
    server.createContext("/", exchange -> exchange.sendResponseHeaders(204, -1));
    server.start();
  }

  private RawClient serve() throws IOException {
    start(provider().createHttpServer(anyPort(), 0));
    return new RawClient(server.getAddress().getPort());
  }

  private EngineProvider provider() {
    return new EngineProvider(EngineSettings.defaults()).withProtocols(List.of(echo));
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  @Test
  void clientThatBeginsWithThePrefaceIsServedByTheProtocol() throws Exception {
    try (RawClient client = serve()) {
      for (char c : "ECHO\nhello".toCharArray()) {
        client.send(String.valueOf(c)); // The preface may arrive in pieces.
      }
      client.endOfRequests();
      assertThat(client.rest()).isEqualTo("ECHO\nhello");
    }
    assertThat(peers.take().session()).isEmpty();
  }

  @Test
  void incompletePrefacesNeedNoPlatformThread() throws Exception {
    ExecutorService two = Executors.newFixedThreadPool(2);
    List<RawClient> clients = new ArrayList<>();
    try {
      server = provider().createHttpServer(anyPort(), 0);
      server.setExecutor(two);
      start(server);
      for (int i = 0; i < 5; i++) {
        clients.add(0, new RawClient(server.getAddress().getPort()).send("ECH"));
      }
      for (RawClient client : clients) {
        client.send("O\nhello").endOfRequests();
        assertThat(client.rest()).isEqualTo("ECHO\nhello");
      }
    } finally {
      clients.forEach(RawClient::close);
      two.shutdownNow();
    }
  }

  @Test
  void otherClientsAreServedByHttp() throws Exception {
    try (RawClient client = serve()) {
      assertThat(client.request("ECHO", "/").answer().status()).isEqualTo(204);
      client.send("ECHO\n");
      assertThat(client.answer().status()).isEqualTo(400); // Too late.
    }
    assertThat(peers).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"echo, echo", "http/1.1, http/1.1", "'other,echo', echo", "'', ''"})
  void protocolIsAgreedOnByTls(String offered, String agreed, @TempDir Path folder)
      throws Exception {
    TestCertificate certificate = TestCertificate.in(folder);
    HttpsServer secured = provider().createHttpsServer(anyPort(), 0);
    secured.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
    start(secured);
    try (SSLSocket client =
        (SSLSocket)
            TestCertificate.trusting(certificate.pem())
                .getSocketFactory()
                .createSocket("localhost", server.getAddress().getPort())) {
      SSLParameters parameters = client.getSSLParameters();
      parameters.setApplicationProtocols(offered.isEmpty() ? new String[0] : offered.split(","));
      client.setSSLParameters(parameters);
      client.getOutputStream().write("GET / HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII));
      assertThat(client.getApplicationProtocol()).isEqualTo(agreed);
      client.getOutputStream().write("Host: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      String expected = agreed.equals("echo") ? "GET / HTTP/1" : "HTTP/1.1 204";
      assertThat(client.getInputStream().readNBytes(12)).asString().isEqualTo(expected);
    }
    if (agreed.equals("echo")) {
      assertThat(peers.take().session()).isPresent();
    }
  }

  @Test
  void protocolSetsTheTimeLimit() throws Exception {
    try (RawClient client = serve()) {
      client.send("ECHO\n");
      peers.take().expireIn(Duration.ofMillis(1));
      assertThat(client.rest()).isEqualTo("ECHO\n");
    }
  }

  @Test
  void protocolRunsTasksOnTheThreadsOfTheServer() throws Exception {
    try (RawClient client = serve()) {
      client.send("ECHO\n");
      CompletableFuture<Thread> thread = new CompletableFuture<>();
      peers.take().threads().execute(() -> thread.complete(Thread.currentThread()));
      assertThat(thread.get(10, TimeUnit.SECONDS)).isNotSameAs(Thread.currentThread());
    }
  }

  @Test
  void stopCallsTheProtocolAndWaitsForItsRequests() throws Exception {
    try (RawClient client = serve()) {
      client.send("ECHO\n");
      EngineProtocol.Peer peer = peers.take();
      CompletableFuture<Void> stopping = new CompletableFuture<>();
      peer.busy(true);
      peer.onStop(() -> stopping.complete(null));
      CompletableFuture<Void> stopped = CompletableFuture.runAsync(() -> server.stop(60));
      stopping.get(10, TimeUnit.SECONDS);
      client.send("x");
      assertThat(stopped).isNotDone();
      peer.busy(false);
      stopped.get(10, TimeUnit.SECONDS);
      CompletableFuture<Void> late = new CompletableFuture<>();
      peer.onStop(() -> late.complete(null));
      assertThat(late).isDone();
    }
  }
}
