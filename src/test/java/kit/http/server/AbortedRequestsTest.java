// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import kit.http.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.Eventually;
import testing.ForkedJvm;
import testing.RawClient;

/**
 * Clients that disconnect during a request or a response. The JDK's server counts connections for
 * {@code jdk.httpserver.maxConnections} and may leak aborted ones: the service runs in a JVM of its
 * own with a low limit, and without timeouts that would close leaked connections.
 */
@Timeout(120)
class AbortedRequestsTest {
  private static final int ABORTED = 10_000;
  private static final int CLIENTS = 8;
  private static final int MAX_CONNECTIONS = 100;
  private static final Duration LONG = Duration.ofSeconds(20);

  /** The service; {@code /self} returns its open connections and busy threads. */
  static final class Service {
    public static void main(String... args) throws Exception {
      AtomicReference<HttpService> self = new AtomicReference<>();
      HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
      self.set(http);
      http.start(
          (context, request) ->
              switch (request.target().rawPath()) {
                case "/self" -> Response.text(200, self(self.get()));
                case "/body" -> Response.of(200, "a/b", request.body(1_000));
                case "/empty" -> Response.empty(204);
                case "/large" -> Response.streaming(200, "a/b", 50_000_000, Service::large);
                case "/endless" -> Response.streaming(200, "a/b", -1, Service::endless);
                default -> Response.text(200, "fine");
              });
      System.out.println(http.port());
    }

    private static String self(HttpService http) {
      UnixOperatingSystemMXBean system =
          (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      long serving =
          Thread.getAllStackTraces().values().stream()
              .filter(stack -> Arrays.toString(stack).contains("ServerImpl$Exchange.run"))
              .count();
      return http.inFlight() + " " + serving + " " + system.getOpenFileDescriptorCount();
    }

    private static void large(OutputStream out) throws IOException {
      for (int i = 0; i < 1_000; i++) {
        out.write(new byte[50_000]);
      }
    }

    private static void endless(OutputStream out) throws IOException {
      while (true) {
        out.write(new byte[50_000]);
      }
    }
  }

  /** Requests in flight, threads that serve one (virtual ones are not seen), and open files. */
  private record Self(int inFlight, int serving, int files) {}

  /** What is sent, and how much of a response is read, before the client disconnects. */
  private record Abort(String sent, int received) {}

  private static final String HOST = " HTTP/1.1\r\nHost: test\r\n";
  private static final List<Abort> ABORTS =
      List.of(
          new Abort("", 0),
          new Abort("GET /ok HT", 0),
          new Abort("GET /ok" + HOST, 0),
          new Abort("GET /ok" + HOST + "\r\n", 0),
          new Abort("GET /ok" + HOST + "\r\nGET /ok" + HOST + "\r\nGET /o", 10),
          new Abort("POST /body" + HOST + "Content-Length: 100\r\n\r\nhello", 0),
          new Abort("POST /body" + HOST + "Content-Length: 9999999\r\n\r\nhello", 0),
          new Abort("POST /body" + HOST + "Transfer-Encoding: chunked\r\n\r\n10\r\nhello", 0),
          new Abort("POST /body" + HOST + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 10),
          // Answers without a body: here the JDK drains what is left of the request, out of our
          // sight.
          new Abort("PUT /empty" + HOST + "Content-Length: 100\r\n\r\nhello", 0),
          new Abort("PUT /empty" + HOST + "Content-Length: 100\r\n\r\nhello", 10),
          new Abort("PUT /empty" + HOST + "Transfer-Encoding: chunked\r\n\r\n10\r\nhello", 10),
          new Abort("PUT /empty" + HOST + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 10),
          new Abort("PUT /empty" + HOST + "Transfer-Encoding: chunked\r\n\r\nno chunk\r\n", 10),
          new Abort("HEAD /ok" + HOST + "Content-Length: 100\r\n\r\nhello", 10),
          new Abort("GET /ok" + HOST + "Content-Length: 100\r\n\r\nhello", 10),
          new Abort("GET //" + HOST + "Content-Length: 100\r\n\r\nhello", 10),
          new Abort("GET /large" + HOST + "\r\n", 0),
          new Abort("GET /large" + HOST + "\r\n", 100_000),
          new Abort("GET /endless" + HOST + "\r\n", 0),
          new Abort("GET /endless" + HOST + "\r\n", 100_000));

  @Test
  void abortedRequestsLeakNothing() throws Exception {
    List<String> options =
        List.of(
            "-Djdk.httpserver.maxConnections=" + MAX_CONNECTIONS,
            "-D" + Engine.NAME + ".maxReqTime=600",
            "-D" + Engine.NAME + ".maxRspTime=600",
            "-Xmx256m");
    try (ForkedJvm jvm = new ForkedJvm(Service.class, options)) {
      int port = Integer.parseInt(jvm.line());
      abortMany(port, CLIENTS * 2 * ABORTS.size()); // What is opened once and kept is open now.
      AtomicReference<Self> before = new AtomicReference<>();
      Eventually.within(LONG, () -> before.set(quiet(port)));
      abortMany(port, ABORTED);
      Eventually.within(
          LONG, () -> assertThat(quiet(port).files()).isLessThanOrEqualTo(before.get().files()));
    }
  }

  /** The state of the service while this test uses all the connections that it allows. */
  private static Self quiet(int port) throws IOException {
    List<RawClient> clients = new ArrayList<>();
    try {
      // Only if every connection of before is off the books, there is room for all of these.
      for (int i = 0; i < MAX_CONNECTIONS; i++) {
        clients.add(new RawClient(port));
        assertThat(clients.get(i).request("GET", "/ok").answer().body()).isEqualTo("fine");
      }
      int[] counts =
          Arrays.stream(clients.get(0).request("GET", "/self").answer().body().split(" "))
              .mapToInt(Integer::parseInt)
              .toArray();
      Self self = new Self(counts[0], counts[1], counts[2]);
      assertThat(self.inFlight()).isEqualTo(1);
      assertThat(self.serving()).isLessThanOrEqualTo(1);
      return self;
    } finally {
      clients.forEach(RawClient::close);
    }
  }

  private static void abortMany(int port, int count) throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try {
      List<Future<?>> runs = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        runs.add(clients.submit(() -> abort(port, count / CLIENTS)));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    } finally {
      clients.shutdownNow();
    }
  }

  private static Void abort(int port, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      Abort abort = ABORTS.get(i % ABORTS.size());
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout((int) LONG.toMillis());
        socket.getOutputStream().write(abort.sent().getBytes(US_ASCII));
        socket.getInputStream().readNBytes(abort.received());
        if (i / ABORTS.size() % 2 == 0) {
          socket.setSoLinger(true, 0); // A reset, as of a crash; otherwise the usual goodbye.
        }
      } catch (SocketException e) {
        // The server may have been faster, or for a moment have had too many.
      }
    }
    return null;
  }
}
