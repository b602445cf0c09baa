// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.BasicAuthenticator;
import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.RawClient;
import testing.RawClient.Answer;

/** What handlers and clients see of a server, by the JDK's documentation and RFC 9112. */
@Timeout(60)
class EngineTest {
  private final List<AutoCloseable> open = new ArrayList<>();
  private HttpServer server;

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    if (server != null) {
      server.stop(0);
      server.stop(0);
    }
  }

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }

  private HttpServer create() throws IOException {
    server = new EngineProvider(EngineSettings.defaults()).createHttpServer(anyPort(), 0);
    return server;
  }

  private RawClient serve(HttpHandler handler) throws IOException {
    create().createContext("/", handler);
    server.start();
    return connect();
  }

  private RawClient connect() throws IOException {
    RawClient client = new RawClient(server.getAddress().getPort());
    open.add(client);
    return client;
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  /** Responds with what it has read. */
  private static void echo(HttpExchange exchange) throws IOException {
    byte[] body = exchange.getRequestBody().readAllBytes();
    send(exchange, 200, "got " + new String(body, StandardCharsets.UTF_8));
  }

  // Contexts, filters, authenticators.

  @Test
  void pathBelongsToTheContextWithTheLongestPrefix() throws Exception {
    create();
    for (String path : List.of("/", "/a", "/a/b")) {
      server.createContext(path, exchange -> send(exchange, 200, path));
    }
    server.start();
    RawClient client = connect();
    assertThat(client.request("GET", "/a/b/c").answer().body()).isEqualTo("/a/b");
    assertThat(client.request("GET", "/a/c").answer().body()).isEqualTo("/a");
    assertThat(client.request("GET", "/x").answer().body()).isEqualTo("/");

    server.removeContext("/a/b");
    assertThat(client.request("GET", "/a/b/c").answer().body()).isEqualTo("/a");
    server.removeContext("/");
    assertThat(client.request("GET", "/x").answer().status()).isEqualTo(404);
  }

  @Test
  void contextsHaveDifferentPathsThatBeginWithASlash() throws Exception {
    create().createContext("/a");
    assertThatIllegalArgumentException().isThrownBy(() -> server.createContext("/a"));
    assertThatIllegalArgumentException().isThrownBy(() -> server.createContext("a"));
    assertThatIllegalArgumentException().isThrownBy(() -> server.removeContext("/b"));
  }

  @Test
  void contextWithoutAHandlerRespondsWith500() throws Exception {
    create().createContext("/");
    server.start();
    assertThat(connect().request("GET", "/").answer().status()).isEqualTo(500);
  }

  @Test
  void filtersSurroundTheHandlerInTheirOrder() throws Exception {
    HttpContext context = create().createContext("/", exchange -> send(exchange, 200, "handler"));
    BlockingQueue<String> calls = new LinkedBlockingQueue<>();
    for (String name : List.of("first", "second")) {
      context.getFilters().add(Filter.beforeHandler(name, exchange -> calls.add(name)));
    }
    server.start();
    assertThat(connect().request("GET", "/").answer().body()).isEqualTo("handler");
    assertThat(calls).containsExactly("first", "second");
  }

  @Test
  void authenticatorIsAskedBeforeFiltersAndSetsThePrincipal() throws Exception {
    HttpContext context =
        create()
            .createContext(
                "/", exchange -> send(exchange, 200, exchange.getPrincipal().getUsername()));
    context.setAuthenticator(
        new BasicAuthenticator("realm") {
          @Override
          public boolean checkCredentials(String user, String password) {
            return user.equals("u") && password.equals("p");
          }
        });
    server.start();
    RawClient client = connect();
    Answer rejected = client.request("GET", "/").answer();
    assertThat(rejected.status()).isEqualTo(401);
    assertThat(rejected.header("WWW-Authenticate")).contains("realm");
    assertThat(client.request("GET", "/", "Authorization: Basic dTpw").answer().body())
        .isEqualTo("u");
  }

  @Test
  void attributesBelongToTheExchange() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              Object before = exchange.getAttribute("name");
              exchange.setAttribute("name", "value");
              send(exchange, 200, before + " " + exchange.getAttribute("name"));
            });
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("null value");
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("null value");
  }

  // Responses.

  @Test
  void handlerMayFinishOnAnotherThread() throws Exception {
    CountDownLatch returned = new CountDownLatch(1);
    RawClient client =
        serve(
            exchange -> {
              CompletableFuture.runAsync(
                  () -> {
                    try {
                      returned.await();
                      send(exchange, 200, "later");
                    } catch (IOException | InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  });
              returned.countDown();
            });
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("later");
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("later");
  }

  @ParameterizedTest
  @CsvSource({
    "GET,  200, 5,  Content-Length: 5",
    "GET,  200, 0,  Transfer-Encoding: chunked",
    "GET,  200, -1, Content-Length: 0",
    "HEAD, 200, 5,  Content-Length: 5",
    "HEAD, 200, -1, ''",
    "GET,  204, -1, ''",
    "GET,  304, -1, ''",
    "GET,  204, 5,  ''",
  })
  void framingFollowsMethodStatusAndLength(String method, int status, int length, String field)
      throws Exception {
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(status, length);
              if (length >= 0) {
                exchange.getResponseBody().write("hello".getBytes(StandardCharsets.UTF_8));
              }
              exchange.close();
            });
    client.request(method, "/");
    Answer answer = method.equals("HEAD") ? client.head() : client.answer();
    assertThat(answer.status()).isEqualTo(status);
    List<String> framing = new ArrayList<>();
    for (String name : List.of("Content-Length", "Transfer-Encoding")) {
      if (answer.header(name) != null) {
        framing.add(name + ": " + answer.header(name));
      }
    }
    assertThat(String.join(", ", framing)).isEqualTo(field);
    client.request("GET", "/"); // The connection is in step.
    assertThat(client.answer().status()).isEqualTo(status);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4096, 4097, 8191, 8192, 8193, 100_000})
  void bodiesOfAllLengthsArriveWhole(int length) throws Exception {
    byte[] body = new byte[length];
    Arrays.fill(body, (byte) 'x');
    RawClient client =
        serve(
            exchange -> {
              boolean isChunked = exchange.getRequestURI().getPath().equals("/chunked");
              exchange.sendResponseHeaders(200, isChunked ? 0 : length);
              exchange.getResponseBody().write(body, 0, length / 2);
              exchange.getResponseBody().write(body, length / 2, length - length / 2);
              exchange.close();
            });
    assertThat(client.request("GET", "/").answer().bytes()).isEqualTo(body);
    assertThat(client.request("GET", "/chunked").answer().bytes()).isEqualTo(body);
  }

  @Test
  void flushSendsWhatWasWrittenSoFar() throws Exception {
    CountDownLatch seen = new CountDownLatch(1);
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(200, 6);
              exchange.getResponseBody().write("abc".getBytes(StandardCharsets.UTF_8));
              exchange.getResponseBody().flush();
              try {
                seen.await();
              } catch (InterruptedException e) {
                throw new IOException(e);
              }
              exchange.getResponseBody().write("def".getBytes(StandardCharsets.UTF_8));
              exchange.close();
            });
    assertThat(client.request("GET", "/").head().header("Content-Length")).isEqualTo("6");
    seen.countDown();
    client.endOfRequests();
    assertThat(client.rest()).isEqualTo("abcdef");
  }

  @ParameterizedTest
  @CsvSource({"4, too short", "2, too long"})
  void bodyOfAnotherLengthThanAnnouncedClosesTheConnection(int announced, String why)
      throws Exception {
    BlockingQueue<String> failures = new LinkedBlockingQueue<>();
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(200, announced);
              try {
                exchange.getResponseBody().write(new byte[3]);
                exchange.getResponseBody().close();
              } catch (IOException e) {
                failures.add(e.getMessage());
              }
              exchange.close();
            });
    client.request("GET", "/").head();
    assertThat(client.rest().length()).as(why).isLessThan(announced);
    assertThat(failures.take()).contains("than announced");
  }

  @ParameterizedTest
  @ValueSource(strings = {"exception", "error"})
  void failureOfAHandlerIsA500IfNothingWasSent(String kind) throws Exception {
    RawClient client =
        serve(
            exchange -> {
              if (kind.equals("error")) {
                throw new StackOverflowError();
              }
              throw new IllegalStateException("secret");
            });
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.body()).isEmpty();
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void failureOfAHandlerWithinABodyClosesTheConnection() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(200, 0);
              exchange.getResponseBody().write(new byte[10]);
              throw new IOException("the disk");
            });
    client.request("GET", "/");
    assertThat(client.rest()).doesNotContain("0\r\n\r\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\u0001b", "a\u0000b", "a\u2028b"})
  void invalidResponseFieldIsAnExceptionAndNothingIsSent(String value) throws Exception {
    RawClient client =
        serve(
            exchange -> {
              assertThatIllegalArgumentException()
                  .isThrownBy(
                      () -> {
                        exchange.getResponseHeaders().put("X", List.of(value)); // May throw, too.
                        exchange.sendResponseHeaders(200, -1);
                      });
              exchange.getResponseHeaders().remove("X");
              send(exchange, 200, "fine");
            });
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("fine");
  }

  @Test
  void headIsSentOnceAndBeforeTheBody() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              assertThatThrownBy(() -> exchange.getResponseBody().write(1))
                  .isInstanceOf(IOException.class);
              exchange.sendResponseHeaders(200, 2);
              assertThatThrownBy(() -> exchange.sendResponseHeaders(200, 2))
                  .isInstanceOf(IOException.class);
              exchange.getResponseBody().write("ok".getBytes(StandardCharsets.UTF_8));
              exchange.close();
            });
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("ok");
  }

  @Test
  void exchangeClosedWithoutAResponseClosesTheConnection() throws Exception {
    RawClient client = serve(HttpExchange::close);
    assertThat(client.request("GET", "/").rest()).isEmpty();
  }

  @Test
  void interimResponsesPrecedeTheResponse() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(103, -1);
              send(exchange, 200, "final");
            });
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(103);
    assertThat(client.answer().body()).isEqualTo("final");
  }

  // Requests.

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws Exception {
    RawClient client = serve(exchange -> send(exchange, 200, exchange.getRequestURI().toString()));
    StringBuilder requests = new StringBuilder();
    for (int i = 0; i < 100; i++) {
      requests.append("GET /").append(i).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    client.send(requests.toString());
    for (int i = 0; i < 100; i++) {
      assertThat(client.answer().body()).isEqualTo("/" + i);
    }
  }

  @Test
  void requestInSinglesBytesIsTheSame() throws Exception {
    RawClient client = serve(EngineTest::echo);
    String request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (char c : (request + "3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n").toCharArray()) {
      client.send(String.valueOf(c));
    }
    assertThat(client.answer().body()).isEqualTo("got abc");
    assertThat(client.request("POST", "/", "Content-Length: 1").send("d").answer().body())
        .isEqualTo("got d");
  }

  @Test
  void trailersAreAnAttributeOnceTheBodyWasRead() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              Headers before = (Headers) exchange.getAttribute(EngineProvider.TRAILERS);
              assertThat(before).isEmpty();
              exchange.getRequestBody().readAllBytes();
              Headers trailers = (Headers) exchange.getAttribute(EngineProvider.TRAILERS);
              send(exchange, 200, trailers.getFirst("Checksum"));
            });
    client.request("POST", "/", "Transfer-Encoding: chunked");
    assertThat(client.send("1\r\nx\r\n0\r\nChecksum: 42\r\n\r\n").answer().body()).isEqualTo("42");
  }

  @Test
  void continueIsSentWhenTheBodyIsReadAndNotBefore() throws Exception {
    RawClient client = serve(EngineTest::echo);
    client.request("POST", "/", "Content-Length: 3", "Expect: 100-continue");
    assertThat(client.answer().status()).isEqualTo(100);
    assertThat(client.send("abc").answer().body()).isEqualTo("got abc");

    server.removeContext("/");
    server.createContext("/", exchange -> send(exchange, 413, "too much"));
    client.request("POST", "/", "Content-Length: 3", "Expect: 100-continue");
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.header("Connection")).isEqualTo("close");
    client.endOfRequests();
    assertThat(client.isClosed()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "1.0, '',                     close",
    "1.0, Connection: keep-alive, keep-alive",
    "1.1, '',                     ",
    "1.1, Connection: close,      close",
    "1.1, 'Connection: x, Close', close",
  })
  void connectionIsKeptAsTheClientWants(String version, String field, String option)
      throws Exception {
    RawClient client = serve(EngineTest::echo);
    client.send("GET / HTTP/" + version + "\r\nHost: a\r\n" + field);
    Answer answer = client.send(field.isEmpty() ? "\r\n" : "\r\n\r\n").answer();
    assertThat(answer.header("Connection")).isEqualTo(option);
    if ("close".equals(option)) {
      assertThat(client.isClosed()).isTrue();
    } else {
      assertThat(client.request("GET", "/").answer().body()).isEqualTo("got ");
    }
  }

  @Test
  void bodyOfUnknownLengthEndsWithTheConnectionInHttp10() throws Exception {
    RawClient client =
        serve(
            exchange -> {
              exchange.sendResponseHeaders(200, 0);
              exchange.getResponseBody().write("all".getBytes(StandardCharsets.UTF_8));
              exchange.close();
            });
    Answer answer = client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").answer();
    assertThat(answer.header("Transfer-Encoding")).isNull();
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(answer.body()).isEqualTo("all");
  }

  @Test
  void unreadBodyIsNotTheNextRequest() throws Exception {
    RawClient client = serve(exchange -> send(exchange, 200, "unread"));
    String body = "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n";
    client.request("POST", "/", "Content-Length: " + body.length()).send(body);
    assertThat(client.answer().body()).isEqualTo("unread");
    client.request("POST", "/", "Transfer-Encoding: chunked");
    client.send(Integer.toHexString(body.length()) + "\r\n" + body + "\r\n0\r\n\r\n");
    assertThat(client.answer().body()).isEqualTo("unread");
    client.request("POST", "/", "Content-Length: 2000000").send("x");
    assertThat(client.answer().header("Connection")).isEqualTo("close");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "+1\r\nx\r\n",
        "0x1\r\nx\r\n",
        "1\nx\r\n",
        "1 \r\nx\r\n",
        "1\r\nxy\r\n",
        "1\r\nx\n",
        "fffffffffffffffff\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\n X: y\r\n\r\n"
      })
  void malformedChunkIsAnExceptionAndEndsTheConnection(String chunk) throws Exception {
    RawClient client =
        serve(
            exchange -> {
              try {
                exchange.getRequestBody().readAllBytes();
                send(exchange, 200, "accepted");
              } catch (IOException e) {
                send(exchange, 400, "malformed");
              }
            });
    client.request("POST", "/", "Transfer-Encoding: chunked").send(chunk);
    assertThat(client.answer().body()).isEqualTo("malformed");
    client.endOfRequests();
    assertThat(client.isClosed()).isTrue();
  }

  // Start and stop.

  @Test
  void takenPortIsABindException() throws Exception {
    create();
    assertThatThrownBy(() -> new EngineProvider().createHttpServer(server.getAddress(), 0))
        .isInstanceOf(BindException.class);
    assertThatThrownBy(() -> server.bind(anyPort(), 0)).isInstanceOf(BindException.class);
  }

  @Test
  void serverStartsOnceAndOnlyIfItIsBound() throws Exception {
    HttpServer unbound = new EngineProvider().createHttpServer(null, 0);
    assertThatThrownBy(unbound::start).isInstanceOf(IllegalStateException.class);
    unbound.stop(0);
    create().start();
    assertThatThrownBy(server::start).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> server.setExecutor(Runnable::run))
        .isInstanceOf(IllegalStateException.class);
    assertThatIllegalArgumentException().isThrownBy(() -> server.stop(-1));
  }

  @Test
  void stopWaitsForTheRequestInFlightAndReleasesThePort() throws Exception {
    CountDownLatch arrived = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    RawClient client =
        serve(
            exchange -> {
              arrived.countDown();
              try {
                release.await();
              } catch (InterruptedException e) {
                throw new IOException(e);
              }
              send(exchange, 200, "done");
            });
    RawClient idle = connect();
    client.request("GET", "/");
    arrived.await();
    CompletableFuture<Void> stopped = CompletableFuture.runAsync(() -> server.stop(30));
    release.countDown();
    assertThat(client.answer().body()).isEqualTo("done");
    stopped.get(20, TimeUnit.SECONDS);
    assertThat(client.isClosed()).isTrue();
    assertThat(idle.isClosed()).isTrue();
    new EngineProvider().createHttpServer(server.getAddress(), 0).stop(0);
  }

  @Test
  void stopWithoutADelayClosesWhatIsInFlight() throws Exception {
    CountDownLatch arrived = new CountDownLatch(1);
    RawClient client = serve(exchange -> arrived.countDown()); // Never responds.
    client.request("GET", "/");
    arrived.await();
    server.stop(0);
    assertThat(client.isClosed()).isTrue();
  }
}
