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
import kit.consul.ConsulClient;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;
import testing.JarProcess;

/** One gateway before upstreams whose responses break the rules of RFC 9110 and RFC 9112. */
@Timeout(120)
class MalformedResponsesIT {
  private static final int THRESHOLD = 5; // Failures in a row that open a breaker of the gateway.

  /** The outcome of one request, after which the upstream was called {@code asked} times. */
  private record Row(String response, String result, int asked, boolean opens, boolean staysOpen) {}

  // ⏎ stands for CR LF. A row: response, what the client gets, how often the upstream is asked for
  // one
  // DELETE, whether five of them open the breaker. "kept" marks what the JDK's client leaves open,
  // because it fails before any code of the toolkit runs (docs/http.md).
  private static final String ROWS =
      """
      HTTP/1.1 200 OK⏎Content-Length: 2⏎X: Jürgen⏎⏎ok                        | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Content-Disposition: filename="Jürgen"⏎⏎ok | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 2⏎X: \\x80\\xff⏎⏎ok                     | 200 | 1 | closed
      HTTP/1.1 200 Jürgen⏎Content-Length: 2⏎⏎ok                              | 200 | 1 | closed
      HTTP/1.1 200⏎Content-Length: 2⏎⏎ok                                     | 200 | 1 | closed
      HTTP/1.1 201 OK⏎Content-Length: 2⏎Location: /j\\xfc⏎⏎ok                | 201 | 1 | closed
      HTTP/1.1 404 No⏎Content-Length: 2⏎X: \\xfc⏎⏎ok                         | 404 | 1 | closed
      HTTP/1.1 503 No⏎Content-Length: 2⏎X: \\xfc⏎⏎ok                         | 503 | 1 | open
      HTTP/1.1 501 No⏎Content-Length: 2⏎⏎ok                                  | 501 | 1 | closed
      HTTP/1.1 505 No⏎Content-Length: 2⏎⏎ok                                  | 505 | 1 | closed
      HTTP/1.1 507 No⏎Content-Length: 2⏎⏎ok                                  | 507 | 1 | closed
      HTTP/1.1 599 No⏎Content-Length: 2⏎⏎ok                                  | 599 | 1 | closed
      HTTP/1.1 204 No⏎⏎                                                      | 204 | 1 | closed
      HTTP/1.1 204 No⏎Content-Length: 0⏎⏎                                    | 204 | 1 | closed
      HTTP/1.1 204 No⏎Content-Length: 5⏎⏎                                    | 204 | 1 | closed
      HTTP/1.1 204 No⏎Content-Length: 5⏎⏎hello                               | 204 | 1 | closed
      HTTP/1.1 204 No⏎Transfer-Encoding: chunked⏎⏎                           | 204 | 1 | closed
      HTTP/1.1 204 No⏎Transfer-Encoding: chunked⏎⏎0⏎⏎                        | 204 | 1 | closed
      HTTP/1.1 204 No⏎Transfer-Encoding: chunked⏎⏎5⏎hello⏎0⏎⏎                | 204 | 1 | closed
      HTTP/1.1 205 No⏎Content-Length: 0⏎⏎                                    | 205 | 1 | closed
      HTTP/1.1 304 No⏎⏎                                                      | 304 | 1 | closed
      HTTP/1.1 304 No⏎Content-Length: 5⏎⏎                                    | 304 | 1 | closed
      HTTP/1.1 304 No⏎Transfer-Encoding: chunked⏎⏎                           | 304 | 1 | closed
      HTTP/1.1 600 X⏎Content-Length: 2⏎⏎ok                                   | 502 | 1 | closed
      HTTP/1.1 777 X⏎Content-Length: 2⏎⏎ok                                   | 502 | 1 | closed
      HTTP/1.1 999 X⏎Content-Length: 2⏎⏎ok                                   | 502 | 1 | closed
      HTTP/1.1 999 X⏎Transfer-Encoding: chunked⏎⏎2⏎ok⏎0⏎⏎                    | 502 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: -1⏎⏎ok                                 | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: -2⏎⏎ok                                 | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: +2⏎⏎ok                                 | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Content-Length: 3⏎⏎ok                | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: 3⏎Content-Length: 2⏎⏎ok                | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Content-Length: 2⏎⏎ok                | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Content-Length: 02⏎⏎ok               | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 0000000000000000000002⏎⏎ok             | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 2 ⏎⏎ok                                 | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 9223372036854775807⏎⏎ok                | 502 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 20000000000⏎⏎ok                        | 502 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Transfer-Encoding: chunked⏎⏎2⏎ok⏎0⏎⏎ | 502 | 1 | open
      HTTP/1.1 200 OK⏎Content-Length: 2⏎Transfer-Encoding: identity⏎⏎ok      | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: identity⏎⏎ok                        | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: gzip⏎⏎ok                            | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: gzip, chunked⏎⏎2⏎ok⏎0⏎⏎             | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked, gzip⏎⏎2⏎ok⏎0⏎⏎             | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: gzip⏎Transfer-Encoding: chunked⏎⏎2⏎ok⏎0⏎⏎ | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎Transfer-Encoding: chunked⏎⏎2⏎ok⏎0⏎⏎ | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked, chunked⏎⏎2⏎ok⏎0⏎⏎          | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: xchunked⏎⏎2⏎ok⏎0⏎⏎                  | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked;q=1⏎⏎2⏎ok⏎0⏎⏎               | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: "chunked"⏎⏎2⏎ok⏎0⏎⏎                 | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding:⏎⏎ok                                 | 502 | 1 | open
      HTTP/1.1 500 OK⏎Transfer-Encoding: gzip⏎⏎ok                            | 502 | 1 | open
      HTTP/1.1 404 OK⏎Content-Length: 2⏎Content-Length: 3⏎⏎ok                | 502 | 1 | open
      HTTP/1.1 200 OK⏎Transfer-Encoding: Chunked⏎⏎2⏎ok⏎0⏎⏎                   | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎2;a=b⏎ok⏎0⏎⏎               | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎zz⏎ok⏎0⏎⏎                  | cut | 1 | closed
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎-1⏎ok⏎0⏎⏎                  | cut | 1 | closed
      HTTP/1.1 200 OK⏎Transfer-Encoding: chunked⏎⏎ffffffffff⏎ok⏎0⏎⏎          | cut | 1 | closed
      HTTP/1.1 102 X⏎⏎HTTP/1.1 200 OK⏎Content-Length: 2⏎⏎ok                  | 200 | 1 | closed
      HTTP/1.1 103 X⏎Link: a⏎⏎HTTP/1.1 200 OK⏎Content-Length: 2⏎⏎ok          | 200 | 1 | closed
      HTTP/1.1 200 OK⏎X: a⏎ b⏎Content-Length: 2⏎⏎ok                          | 200 | 1 | closed
      HTTP/1.1 200 OK⏎Content-Length: abc⏎⏎ok                                | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2, 2⏎⏎ok                               | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2, 3⏎⏎ok                               | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 99999999999999999999⏎⏎ok               | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length:⏎⏎ok                                    | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 0x2⏎⏎ok                                | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2;a⏎⏎ok                                | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: abc⏎Transfer-Encoding: chunked⏎⏎0⏎⏎    | 502 | 1 | open | kept
      HTTP/1.1 204 No⏎Content-Length: abc⏎⏎                                  | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2⏎X: a\\x01b⏎⏎ok                        | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2⏎X: a\\x7fb⏎⏎ok                        | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length: 2⏎X: a\\x00b⏎⏎ok                        | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎Content-Length : 2⏎⏎ok                                 | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎X y: 1⏎Content-Length: 2⏎⏎ok                           | 502 | 1 | open | kept
      HTTP/1.1 200 OK⏎: v⏎Content-Length: 2⏎⏎ok                              | 200 | 1 | closed
      HTTP/1.1 200 OK⏎X\\xfc: a⏎Content-Length: 2⏎⏎ok                         | 502 | 1 | open | kept
      HTTP/1.1 099 X⏎Content-Length: 2⏎⏎ok                                   | 502 | 1 | open | kept
      HTTP/1.1 20 X⏎Content-Length: 2⏎⏎ok                                    | 502 | 1 | open | kept
      HTTP/1.1 abc X⏎Content-Length: 2⏎⏎ok                                   | 502 | 1 | open | kept
      HTTP/2.0 200 OK⏎Content-Length: 2⏎⏎ok                                  | 502 | 1 | open | kept
      HTTP/0.9 200 OK⏎Content-Length: 2⏎⏎ok                                  | 502 | 1 | open | kept
      ICY 200 OK⏎Content-Length: 2⏎⏎ok                                       | 502 | 1 | open | kept
      garbage⏎⏎                                                              | 502 | 1 | open | kept
      HTTP/1.1 101 X⏎⏎                                                       | 502 | 1 | open | kept
      """;

  private static List<Row> rows() {
    return ROWS.lines()
        .map(line -> line.split(" *\\| *"))
        .map(
            cell ->
                new Row(
                    unescaped(cell[0]),
                    cell[1],
                    Integer.parseInt(cell[2]),
                    cell[3].equals("open"),
                    cell.length > 4))
        .toList();
  }

  private static String unescaped(String text) {
    StringBuilder bytes = new StringBuilder();
    String wire = text.replace("⏎", "\r\n");
    for (int i = 0; i < wire.length(); i++) {
      if (wire.startsWith("\\x", i)) {
        bytes.append((char) Integer.parseInt(wire.substring(i + 2, i + 4), 16));
        i += 3;
      } else {
        bytes.append(wire.charAt(i));
      }
    }
    return bytes.toString();
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
        Upstream upstream = new Upstream(rows.get(i).response());
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
          String wanted =
              row.result() + " " + row.asked() + " " + (row.opens() ? "open" : "closed");
          if (!seen.equals(wanted)) {
            wrong.add(row.response().replace("\r\n", "⏎") + " -> " + seen + ", not " + wanted);
          }
        }
        assertThat(wrong).isEmpty();
        // A connection that can be used again may stay in the pool: one for each upstream.
        Eventually.within(
            Duration.ofSeconds(10),
            () -> {
              for (int i = 0; i < rows.size(); i++) {
                if (!rows.get(i).staysOpen()) {
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
