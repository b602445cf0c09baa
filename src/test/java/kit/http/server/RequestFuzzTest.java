// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestSummary;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Eventually;
import testing.TestService;

/**
 * Requests with random damage, each on a connection of its own: the server sends a response other
 * than a server error or closes the connection; nothing hangs, and nothing leaks.
 *
 * <p>Ends after 100,000 requests, or after 40 seconds on a machine with other work. {@code
 * -Dfuzz.seed=N} repeats a run; {@code fuzz.requests} and {@code fuzz.seconds} make it longer.
 */
@Timeout(3600)
class RequestFuzzTest {
  private static final long SEED = Long.getLong("fuzz.seed", new Random().nextLong());
  private static final int REQUESTS = Integer.getInteger("fuzz.requests", 100_000);
  private static final long SECONDS = Long.getLong("fuzz.seconds", 40);
  private static final int CLIENTS = 4;
  private static final int PATIENCE_MILLIS = 20_000; // For one response. Machines may be busy.

  private static final List<String> VALID =
      List.of(
          "GET /user/7 HTTP/1.1\r\nHost: test\r\n\r\n",
          "GET /user/7?a=b&c=%20+&d HTTP/1.1\r\nHost: test:80\r\nAccept: */*\r\n\r\n",
          "GET http://test/user/J%C3%BCrgen HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
          "HEAD /user/7 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
          "DELETE /user/7 HTTP/1.1\r\nHost: [::1]\r\nX-Request-Id: a.b-c_1\r\n\r\n",
          "OPTIONS /body HTTP/1.1\r\nHost: test\r\n\r\nGET /user/7 HTTP/1.1\r\nHost: test\r\n\r\n",
          "POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello world",
          "PUT /body HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
          "POST /body HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
              + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n");

  /** Tokens that are inserted, besides random bytes. */
  private static final List<String> TOKENS =
      List.of(
          "\r\n",
          "\n",
          "\r",
          "\0",
          " ",
          "\t",
          ":",
          ",",
          ";",
          "/",
          "//",
          "/../",
          "%",
          "%2e",
          "%2f",
          "%00",
          "%zz",
          "%c0%af",
          "\\",
          "?",
          "#",
          "*",
          "http://",
          "@",
          "[",
          "]",
          "{",
          "é",
          "\u001b",
          "Host: other\r\n",
          "Content-Length: 3\r\n",
          "Content-Length: -1\r\n",
          "Content-Length: 99999999\r\n",
          "Transfer-Encoding: chunked\r\n",
          "Connection: close\r\n",
          "Expect: 100-continue\r\n",
          " folded: line\r\n",
          "0\r\n\r\n",
          "FFFFFFFF\r\n",
          "100000000\r\n",
          "HTTP/1.1",
          "HTTP/9.9",
          "TRACE ",
          "CONNECT ");

  private final TestService http = new TestService();

  @Test
  void damagedRequestsGetAResponseOrAClosedConnection() throws Exception {
    Queue<String> faults = new ConcurrentLinkedQueue<>();
    Map<Integer, AtomicInteger> statuses = new TreeMap<>();
    http.serve(routes()).close();
    http.service().onCompleted(done -> note(done, faults));
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try {
      List<Future<?>> runs = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        Random random = new Random(SEED + client);
        runs.add(clients.submit(() -> sendMany(REQUESTS / CLIENTS, random, statuses, faults)));
      }
      for (Future<?> run : runs) {
        run.get();
      }
      assertThat(faults).as("seed %d", SEED).isEmpty();
      // The damage is varied enough to produce most of the statuses of the service.
      assertThat(statuses.keySet()).as("seed %d", SEED).contains(200, 204, 400, 404, 501, 505);
      Eventually.within(
          Duration.ofSeconds(10), () -> assertThat(http.service().inFlight()).isZero());
      assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
    } finally {
      clients.shutdownNow();
      http.close();
    }
  }

  private static Endpoint<Request, Response> routes() {
    return new RoutingHandler(
        new Router<Endpoint<Request, Response>>()
            .route("GET", "/user/{name}", RequestFuzzTest::name)
            .route("DELETE", "/user/{uid:\\d+}", (context, request) -> Response.empty(204))
            .routeAny("/body", (context, request) -> Response.of(200, "a/b", request.body(100))));
  }

  /** What a handler may rely on, whatever was sent. */
  private static Response name(Context context, Request request) {
    String name = request.variable("name");
    if (name.isEmpty() || name.chars().anyMatch(c -> c == '/' || Character.isISOControl(c))) {
      throw new IllegalStateException("a segment that is none: " + name);
    }
    return Response.text(200, name);
  }

  private static void note(RequestSummary done, Queue<String> faults) {
    Throwable error = done.error();
    if (done.status() == 500
        || error != null
            && !(error instanceof StatusException)
            && !(error instanceof IOException)) {
      faults.add(done.toString());
    }
  }

  private Void sendMany(
      int count, Random random, Map<Integer, AtomicInteger> statuses, Queue<String> faults)
      throws IOException {
    long startedAtNanos = System.nanoTime();
    for (int i = 0; i < count && faults.isEmpty(); i++) {
      if (System.nanoTime() - startedAtNanos > SECONDS * 1_000_000_000) {
        break;
      }
      String request = damaged(VALID.get(random.nextInt(VALID.size())), random);
      for (int status : send(request, faults)) {
        synchronized (statuses) {
          statuses.computeIfAbsent(status, absent -> new AtomicInteger()).incrementAndGet();
        }
      }
    }
    return null;
  }

  private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.1 (\\d{3}) [^\r\n]*\r\n");

  /** Returns the statuses of all responses until the server has closed the connection. */
  private List<Integer> send(String request, Queue<String> faults) throws IOException {
    List<Integer> statuses = new ArrayList<>();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), http.service().port())) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      socket.shutdownOutput();
      String answers = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
      Matcher statusLine = STATUS_LINE.matcher(answers);
      while (statusLine.find()) {
        statuses.add(Integer.valueOf(statusLine.group(1)));
      }
      if (statuses.contains(500)) {
        faults.add(printable(request) + " was answered by " + printable(answers));
      }
    } catch (SocketException reset) {
      // The server had seen enough.
    } catch (IOException e) {
      faults.add(printable(request) + " hangs: " + e);
    }
    return statuses;
  }

  private static String damaged(String request, Random random) {
    StringBuilder bytes = new StringBuilder(request);
    for (int damages = 1 + random.nextInt(3); damages > 0 && bytes.length() > 0; damages--) {
      int at = random.nextInt(bytes.length());
      int end = Math.min(bytes.length(), at + 1 + random.nextInt(20));
      switch (random.nextInt(8)) {
        case 0 -> bytes.setCharAt(at, (char) random.nextInt(256));
        case 1 -> bytes.insert(at, (char) random.nextInt(256));
        case 2 -> bytes.deleteCharAt(at);
        case 3 -> bytes.delete(at, end);
        case 4 -> bytes.insert(at, bytes.substring(at, end).repeat(1 + random.nextInt(3)));
        case 5 -> bytes.setLength(at);
        case 6 -> bytes.insert(at, TOKENS.get(random.nextInt(TOKENS.size())));
        default ->
            bytes.insert(
                Math.max(0, bytes.indexOf("\n", at) + 1),
                TOKENS.get(random.nextInt(TOKENS.size())));
      }
    }
    return bytes.toString();
  }

  private static String printable(String text) {
    StringBuilder printable = new StringBuilder();
    text.chars()
        .forEach(
            c -> printable.append(c < ' ' || c > '~' ? String.format("\\x%02x", c) : (char) c));
    return printable.toString();
  }
}
