// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Timeout;
import testing.RawClient;

/** The end of a server, as its clients see it. */
@Timeout(30)
class EngineStopTest {
  private final CountDownLatch held = new CountDownLatch(1);
  private final CountDownLatch release = new CountDownLatch(1);

  private void serve(HttpExchange exchange) throws IOException {
    if (exchange.getRequestURI().getPath().equals("/held")) {
      held.countDown();
      try {
        release.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
    exchange.sendResponseHeaders(200, -1);
    exchange.close();
  }

  /** A client whose connection is closed connects again at once, and may not find a dying port. */
  @RepeatedTest(10)
  void portIsClosedBeforeResponsesCloseTheirConnections() throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server = new EngineProvider().createHttpServer(anyPort, 0);
    server.createContext("/", this::serve);
    server.start();
    int port = server.getAddress().getPort();
    try (RawClient busy = new RawClient(port);
        RawClient client = new RawClient(port)) {
      busy.request("GET", "/held");
      held.await();
      // Accepted: a connection that still waits for that is reset when the port closes.
      assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);

      Thread stopping = new Thread(() -> server.stop(20));
      stopping.start();
      String connection = null;
      while (connection == null) {
        connection = client.request("GET", "/").answer().header("Connection");
      }
      assertThatThrownBy(() -> new RawClient(port)).isInstanceOf(ConnectException.class);

      release.countDown();
      assertThat(busy.answer().header("Connection")).isEqualTo("close");
      stopping.join();
    } finally {
      release.countDown();
      server.stop(0);
    }
  }
}
