// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.breaker.CircuitBreaker.Outcome;
import kit.breaker.CircuitBreaking;
import kit.cli.HttpEngine;
import kit.http.client.ResponseTable.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import testing.Eventually;

/** Odd and malformed responses, and what callers on each HTTP client see of them. */
@Timeout(60)
class ResponseHeadsTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

  private static final Map<HttpEngine, HttpClient> CLIENTS = new EnumMap<>(HttpEngine.class);

  static {
    CLIENTS.put(HttpEngine.JDK, HttpEndpoint.newClient());
    CLIENTS.put(HttpEngine.KIT, HttpEngine.KIT.newClient());
  }

  /** Sends one response to the first request, and {@link #FINE} to all others. */
  private static final class Peer implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Row row;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger accepted = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger();

    Peer(Row row) throws IOException {
      this.row = row;
      start(this::accept);
    }

    private void accept() {
      while (!listener.isClosed()) {
        try {
          Socket connection = listener.accept();
          accepted.incrementAndGet();
          open.incrementAndGet();
          start(() -> serve(connection));
        } catch (IOException e) {
          return; // Closed: the test is over.
        }
      }
    }

    private void serve(Socket connection) {
      try (connection) {
        InputStream in = connection.getInputStream();
        StringBuilder head = new StringBuilder();
        for (int next = in.read(); next >= 0; next = in.read()) {
          head.append((char) next);
          if (head.indexOf("\r\n\r\n") < 0) {
            continue;
          }
          head.setLength(0);
          boolean isFirst = requests.getAndIncrement() == 0;
          String response = isFirst ? row.bytes() : FINE;
          connection.getOutputStream().write(response.getBytes(ISO_8859_1));
          if (isFirst && row.endsStream()) {
            return;
          }
        }
      } catch (IOException e) {
        // Reset by the client: also an end.
      } finally {
        open.decrementAndGet();
      }
    }

    private static void start(Runnable task) {
      Thread thread = new Thread(task, "peer");
      thread.setDaemon(true);
      thread.start();
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }

  static Stream<Arguments> rowsOnBothClients() throws IOException {
    List<Arguments> all = new ArrayList<>();
    for (Row row : ResponseTable.rows()) {
      CLIENTS.keySet().forEach(engine -> all.add(Arguments.of(engine, row)));
    }
    return all.stream();
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("rowsOnBothClients")
  void outcomeEqualsTheTable(HttpEngine engine, Row row) throws Exception {
    ResponseTable.Outcome expected = engine == HttpEngine.JDK ? row.jdk() : row.kit();
    try (Peer peer = new Peer(row)) {
      HttpEndpoint<String, String> endpoint =
          new HttpEndpoint<>(
              CLIENTS.get(engine),
              URI.create("http://127.0.0.1:" + peer.listener.getLocalPort()),
              (context, base, method) -> HttpRequest.newBuilder(base).DELETE(),
              (context, response) ->
                  response.statusCode() + " " + new String(response.body(), UTF_8));
      endpoint = endpoint.with(HttpEndpoint.Settings.defaults().withMaxResponseBytes(1_000));
      assertThat(result(endpoint).split(" ")[0]).isEqualTo(expected.result());
      if (!expected.connection().equals("kept")) { // The JDK's client sometimes sends it again.
        assertThat(peer.requests).as("requests for one call").hasValue(1);
      }

      if (row.endsStream() && engine == HttpEngine.JDK) {
        return; // It may use the connection that the peer is closing.
      }
      // The next call shows that no byte of the response is left for it.
      assertThat(result(endpoint)).isEqualTo("200 fine");
      if (expected.connection().equals("open")) {
        assertThat(peer.accepted).as("connections for two calls").hasValue(1);
      } else if (expected.connection().equals("closed")) {
        Eventually.within(SOON, () -> assertThat(peer.open).hasValueLessThanOrEqualTo(1));
        assertThat(peer.accepted).as("connections for two calls").hasValue(2);
      }
    }
  }

  /** Returns the status or the kind of failure; fails if a breaker would count it wrongly. */
  private static String result(HttpEndpoint<String, String> endpoint) throws Exception {
    try {
      Context context = Context.background().withTimeout(Duration.ofSeconds(20));
      return endpoint.call(context, "");
    } catch (PeerException e) {
      Outcome counted = CircuitBreaking.outcomeOf(null, e);
      if (e.kind() == Kind.STATUS) {
        boolean isFailure = PeerException.isInstanceFailure(e.status());
        assertThat(counted).isEqualTo(isFailure ? Outcome.FAILURE : Outcome.REACHABLE);
        return Integer.toString(e.status());
      }
      assertThat(counted).isEqualTo(e.kind() == Kind.TOO_LARGE ? Outcome.IGNORED : Outcome.FAILURE);
      return e.kind().toString();
    }
  }

  @Test
  void tableIsLongAndTheEngineLeavesNothingOpen() throws Exception {
    List<Row> rows = ResponseTable.rows();
    assertThat(rows).hasSizeGreaterThanOrEqualTo(60);
    assertThat(rows)
        .allSatisfy(
            row -> {
              assertThat(row.kit().connection()).isIn("open", "closed");
              assertThat(row.jdk().connection()).isIn("open", "closed", "kept");
              assertThat(row.standard()).matches("\\d{4}, \\d.*|-");
            });
  }
}
