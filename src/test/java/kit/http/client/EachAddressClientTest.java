// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ForkedJvm;
import testing.RawPeer;

/**
 * Names with several addresses of this machine, of which a server listens on one. In JVMs of their own:
 * whether the field Host may be set is read once.
 */
@Timeout(60)
class EachAddressClientTest {
  private static final List<String> HOST_ALLOWED =
      List.of(
          "-Djdk.httpclient.allowRestrictedHeaders=host",
          "-Djdk.httpclient.redirects.retrylimit=1");

  private final AtomicInteger requests = new AtomicInteger();
  private HttpServer server;

  /** A server on one address only, which echoes the request. */
  private String serverOn(String address) throws IOException {
    server = HttpServer.create(new InetSocketAddress(address, 0), 0);
    server.createContext("/", this::answer);
    server.start();
    return "http://two.example:" + server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    requests.incrementAndGet();
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    String text =
        String.join(
            " ",
            exchange.getRequestMethod(),
            exchange.getRequestURI().toString(),
            exchange.getRequestHeaders().get("Host").toString(),
            exchange.getRequestHeaders().getFirst("X-Own"),
            body);
    exchange.sendResponseHeaders(200, text.length());
    exchange.getResponseBody().write(text.getBytes(UTF_8));
    exchange.close();
  }

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.2",
        "127.0.0.1,127.0.0.2",
        "127.0.0.2,127.0.0.1",
        "127.0.0.1,127.0.0.3,127.0.0.2",
        "::1,127.0.0.2"
      })
  void connectsToTheAddressThatAcceptsWithTheHostName(String addresses) throws Exception {
    String base = serverOn("127.0.0.2");
    String host = URI.create(base).getAuthority();
    try (ForkedJvm calls =
        new ForkedJvm(ForkedAddresses.class, HOST_ALLOWED, addresses, base, base)) {
      for (int call = 0; call < 4; call++) {
        // The JDK's client handles names with one address, and this name does not resolve.
        String expected =
            addresses.contains(",")
                ? "200 POST /a%2Fb?c=%20d [" + host + "] 1 body"
                : "failed, after 0";
        assertThat(calls.line()).isEqualTo(expected);
      }
      assertThat(calls.log()).isEmpty();
    }
    assertThat(requests).hasValue(addresses.contains(",") ? 4 : 0);
  }

  @Test
  void failsWithTheLastFailureWhenNoAddressAccepts() throws Exception {
    String base = serverOn("127.0.0.2");
    server.stop(0);
    try (ForkedJvm calls =
        new ForkedJvm(ForkedAddresses.class, HOST_ALLOWED, "127.0.0.1,127.0.0.2", base)) {
      assertThat(calls.line()).isEqualTo("failed, after 1");
      assertThat(calls.line()).isEqualTo("failed, after 1");
      assertThat(calls.log()).isEmpty();
    }
  }

  /** The certificate is for the name; an IP address needs no help. */
  @Test
  void sendsTheRestOfTheRequestUnchanged() throws Exception {
    String base = serverOn("127.0.0.2");
    String authority = "127.0.0.2:" + server.getAddress().getPort();
    try (ForkedJvm calls =
        new ForkedJvm(
            ForkedAddresses.class,
            HOST_ALLOWED,
            "127.0.0.1,127.0.0.2",
            base.replace("http:", "https:"),
            "http://" + authority)) {
      assertThat(calls.line()).isEqualTo("failed, after 0");
      assertThat(calls.line()).isEqualTo("failed, after 0");
      assertThat(calls.line()).contains("[" + authority + "]");
      assertThat(calls.line()).contains("[" + authority + "]");
      assertThat(calls.log()).isEmpty();
    }
  }

  @Test
  void cancellingAnAsynchronousCallClosesItsConnection() throws Exception {
    try (RawPeer peer = RawPeer.stallingAfter("");
        ForkedJvm calls =
            new ForkedJvm(
                ForkedAddresses.class,
                HOST_ALLOWED,
                "127.0.0.2,127.0.0.1",
                peer.uri().toString().replace("127.0.0.1", "hanging.example"))) {
      assertThat(calls.line()).isEqualTo("cancelled");
      assertThat(peer.heads().take()).contains("Host: hanging.example:");
      assertThat(peer.ends().take()).isEqualTo("closed");
      assertThat(calls.log()).isEmpty();
    }
  }

  @Test
  void isTheJdksClientWhereTheFieldHostCannotBeSet() {
    HttpClient http = HttpEndpoint.newClient();

    assertThat(EachAddressClient.over(http)).isSameAs(http);
  }
}
