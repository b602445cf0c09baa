// SPDX-License-Identifier: Apache-2.0
package it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import kit.PeerException;
import kit.cli.HttpEngine;
import kit.consul.ConsulClient;
import kit.consul.agent.DevAgent;
import kit.http.client.ResponseTable;
import kit.http.client.ResponseTable.Outcome;
import kit.http.client.ResponseTable.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.Eventually;
import testing.JarProcess;

/** One gateway before upstreams whose responses are those of {@code responses.md}. */
@Timeout(120)
class MalformedResponsesIT {
  private static final int THRESHOLD = 5; // Failures in a row that open a breaker of the gateway.

  /** Returns the rows in which the peer keeps the connection, so that no call meets its end. */
  private static List<Row> rows() throws IOException {
    return ResponseTable.rows().stream().filter(row -> !row.endsStream()).toList();
  }

  private static Outcome outcome(Row row) {
    return Engine.CALLS == HttpEngine.KIT ? row.kit() : row.jdk();
  }

  /** Result of a DELETE, number of requests for it, and state of the breaker after five of them. */
  private static String wanted(Row row) {
    String result = outcome(row).result();
    if (result.matches("\\d+")) {
      int status = Integer.parseInt(result);
      boolean opens = PeerException.isInstanceFailure(status);
      return (status < 600 ? result : "502") + " 1 " + (opens ? "open" : "closed");
    }
    boolean isBodyAtFault = row.shown().startsWith("HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎");
    if (isBodyAtFault) { // The gateway has sent the head.
      return "cut 1 closed";
    }
    return "502 1 " + (result.equals("TOO_LARGE") ? "closed" : "open");
  }

  /** Sends the response of its row, then waits until the gateway closes the connection. */
  private static final class Upstream implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final AtomicInteger asked = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger();
    private volatile String response;

    Upstream(String response) throws IOException {
      this.response = response;
      start(this::accept);
    }

    private void accept() {
      while (!listener.isClosed()) {
        try {
          Socket connection = listener.accept();
          start(() -> serve(connection));
        } catch (IOException e) {
          return; // Closed: the test is over.
        }
      }
    }

    private void serve(Socket connection) {
      open.incrementAndGet();
      try (connection) {
        InputStream in = connection.getInputStream();
        StringBuilder head = new StringBuilder();
        for (int next = in.read(); next >= 0; next = in.read()) {
          head.append((char) next);
          if (head.toString().endsWith("\r\n\r\n")) {
            asked.incrementAndGet();
            connection.getOutputStream().write(response.getBytes(ISO_8859_1));
            head.setLength(0);
          }
        }
      } catch (IOException e) {
        // Reset by the gateway: also an end.
      } finally {
        open.decrementAndGet();
      }
    }

    private static void start(Runnable task) {
      Thread thread = new Thread(task, "upstream");
      thread.setDaemon(true);
      thread.start();
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();

  private String delete(URI uri) throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(Duration.ofSeconds(20))
            .method("DELETE", BodyPublishers.noBody())
            .build();
    try {
      HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
      return Integer.toString(response.statusCode());
    } catch (IOException e) {
      return "cut";
    }
  }

  @Test
  void isSentOnceAndLeaksNothing() throws Exception {
    List<Row> rows = rows();
    List<Upstream> upstreams = new ArrayList<>();
    String names =
        IntStream.range(0, rows.size()).mapToObj(i -> "m" + i).collect(Collectors.joining(","));
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      ConsulClient consul = new ConsulClient(agent.uri());
      for (int i = 0; i < rows.size(); i++) {
        Upstream upstream = new Upstream(rows.get(i).bytes());
        upstreams.add(upstream);
        consul.register(service("m" + i, upstream.listener.getLocalPort()), List.of());
      }
      try (JarProcess gateway =
          JarProcess.start(
              "client",
              "gateway",
              "--services",
              names,
              "--port",
              "0",
              "--registry",
              "consul://" + agent.uri().getAuthority())) {
        String line = gateway.nextLine();
        String base = "http://127.0.0.1:" + line.substring(line.lastIndexOf(':') + 1) + "/m";
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
          String seen = seen(URI.create(base + i + "/x"), upstreams.get(i));
          Row row = rows.get(i);
          if (!seen.equals(wanted(row))) {
            wrong.add(row + " -> " + seen + ", not " + wanted(row));
          }
        }
        assertThat(wrong).isEmpty();
        // A connection that can be used again may stay in the pool: one for each upstream.
        Eventually.within(
            Duration.ofSeconds(10),
            () -> {
              for (int i = 0; i < rows.size(); i++) {
                if (!outcome(rows.get(i)).connection().equals("kept")) {
                  assertThat(upstreams.get(i).open.get()).as("row %d", i).isLessThanOrEqualTo(1);
                }
              }
            });
      }
    } finally {
      for (Upstream upstream : upstreams) {
        upstream.close();
      }
    }
  }

  /** Result and number of requests of the first DELETE, and the breaker after as many as it bears. */
  private String seen(URI uri, Upstream upstream) throws Exception {
    String result = delete(uri);
    int asked = upstream.asked.get();
    for (int i = 1; i < THRESHOLD; i++) {
      delete(uri);
    }
    upstream.response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    return result + " " + asked + " " + (delete(uri).equals("200") ? "closed" : "open");
  }

  private static ConsulClient.Service service(String name, int port) {
    return new ConsulClient.Service(name, name, "127.0.0.1", port, List.of(), Map.of());
  }
}
