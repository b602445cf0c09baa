// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.RawClient;

/** What a program learns of requests that no handler sees. */
@Timeout(30)
class EngineRejectionsTest {
  private final BlockingQueue<String> rejected = new LinkedBlockingQueue<>();
  private HttpServer server;
  private boolean fails;

  @BeforeEach
  void serve() throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    server =
        new EngineProvider(EngineSettings.defaults().withHead(1024, 2))
            .withRejections(this::listen)
            .createHttpServer(anyPort, 0);
    server.createContext("/known", exchange -> exchange.sendResponseHeaders(204, -1));
    server.start();
  }

  private void listen(InetSocketAddress remote, int status, String reason) {
    rejected.add(status + " " + reason + " " + remote.getAddress().isLoopbackAddress());
    if (fails) {
      throw new IllegalStateException("the listener fails");
    }
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET  / HTTP/1.1~Host: a~~                        | 400 | malformed request line",
        "GET /known HTTP/1.1~Host: a~A: b~C: d~~          | 431 | more than 2 header fields",
        "GET /known HTTP/2.0~~                            | 505 | HTTP version is not 1",
        "GET /known HTTP/1.1~Host: a~Transfer-Encoding: x~~ | 501 | Transfer-Encoding is not chunked alone",
        "GET /unknown HTTP/1.1~Host: a~~                  | 404 | no context for this path",
      })
  void rejectionIsPassedOnWithItsReason(String sent, int status, String reason) throws Exception {
    try (RawClient client = new RawClient(server.getAddress().getPort())) {
      RawClient.Answer answer = client.send(sent.replace("~", "\r\n")).answer();
      assertThat(answer.status()).isEqualTo(status);
      assertThat(answer.body()).isEqualTo(reason + "\n");
    }
    assertThat(rejected.poll(10, TimeUnit.SECONDS)).isEqualTo(status + " " + reason + " true");
  }

  @Test
  void failureOfTheListenerDoesNotReachTheClient() throws Exception {
    fails = true;
    try (RawClient client = new RawClient(server.getAddress().getPort())) {
      assertThat(client.send("GET\r\n\r\n").answer().status()).isEqualTo(400);
      assertThat(client.isClosed()).isTrue();
    }
  }

  @Test
  void servedRequestIsNoRejection() throws Exception {
    try (RawClient client = new RawClient(server.getAddress().getPort())) {
      assertThat(client.request("GET", "/known").answer().status()).isEqualTo(204);
    }
    assertThat(rejected).isEmpty();
  }
}
