// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.http.Request;
import kit.http.RequestBody;
import kit.http.RequestSummary;
import kit.http.RequestTarget;
import kit.http.Response;
import kit.http.proxy.ReverseProxy.Forward;
import kit.http.proxy.ReverseProxy.Settings;
import kit.http.server.HttpService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnJre;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.Eventually;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.RawPeer;
import testing.TestService;

/** A client, a proxy and an upstream on real sockets. */
@Timeout(30)
class ReverseProxyTest {
  private static final int MEGABYTE = 1 << 20;

  private final ReverseProxy.Clients http = Engine.newProxyClients();
  private final HttpClient caller = Engine.newClient();
  private final TestService front = new TestService();
  private HttpService back;
  private RawPeer rawBack;

  @AfterEach
  void stop() throws IOException {
    front.close();
    if (back != null) {
      back.close();
    }
    if (rawBack != null) {
      rawBack.close();
    }
  }

  private RawClient proxyTo(String upstream, Settings settings) throws IOException {
    ReverseProxy proxy = new ReverseProxy(http, upstream, settings);
    return front.serve(
        (context, request) ->
            proxy.call(
                context.withTimeout(Duration.ofSeconds(10)),
                new Forward(request, request.target().rawPath())));
  }

  private RawClient proxyTo(RawPeer peer) throws IOException {
    rawBack = peer;
    return proxyTo(peer.address(), Settings.defaults());
  }

  private RawClient proxyTo(Endpoint<Request, Response> upstream) throws IOException {
    return proxyTo(upstream, Settings.defaults());
  }

  private RawClient proxyTo(Endpoint<Request, Response> upstream, Settings settings)
      throws IOException {
    back = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    back.start(upstream);
    return proxyTo("127.0.0.1:" + back.port(), settings);
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + front.service().port() + path);
  }

  /** What the upstream sees of a request with these headers, one line each in lower case. */
  private String seenBy(Settings settings, String... headers) throws Exception {
    rawBack = RawPeer.answering("HTTP/1.1 204 No Content\r\n\r\n");
    RawClient client = proxyTo(rawBack.address(), settings);
    assertThat(client.request("GET", "/user/101", headers).answer().status()).isEqualTo(204);
    return rawBack.heads().take().toLowerCase();
  }

  @Test
  void hopByHopHeadersAreNotForwarded() throws Exception {
    String seen =
        seenBy(
            Settings.defaults(),
            "Connection: keep-alive, X-Mine",
            "Keep-Alive: timeout=5",
            "X-Mine: secret",
            "TE: trailers",
            "Proxy-Authorization: Basic eDp5",
            "Accept: text/plain",
            "Authorization: Bearer abc",
            "Cookie: a=1",
            "X-Request-Id: id-1");
    assertThat(seen)
        .startsWith("get /user/101 http/1.1\r\n")
        .contains("accept: text/plain", "authorization: bearer abc", "cookie: a=1")
        .contains("x-request-id: id-1", "via: 1.1 kit")
        .doesNotContain("x-mine", "keep-alive", "trailers", "proxy-authorization", "upgrade");
  }

  @Test
  void forwardedHeadersOfUntrustedClientsAreReplaced() throws Exception {
    assertThat(
            seenBy(
                Settings.defaults(),
                "X-Forwarded-For: 6.6.6.6",
                "X-Forwarded-Host: evil",
                "X-Forwarded-Proto: https",
                "X-Real-IP: 6.6.6.6",
                "Forwarded: for=6.6.6.6"))
        .contains("x-forwarded-for: 127.0.0.1\r\n")
        .contains("x-forwarded-host: test\r\n")
        .contains("x-forwarded-proto: http\r\n")
        .contains("forwarded: for=127.0.0.1;proto=http;host=\"test\"")
        .doesNotContain("6.6.6.6", "evil", "https");
  }

  @Test
  void forwardedHeadersOfATrustedProxyAreKept() throws Exception {
    assertThat(
            seenBy(
                Settings.defaults().withTrusted(address -> address.isLoopbackAddress()),
                "X-Forwarded-For: 10.0.0.1",
                "X-Forwarded-Proto: https",
                "Forwarded: for=10.0.0.1;proto=https",
                "Via: 1.1 edge"))
        .contains("x-forwarded-for: 10.0.0.1, 127.0.0.1\r\n")
        .contains("x-forwarded-proto: https\r\n")
        .contains("forwarded: for=10.0.0.1;proto=https, for=127.0.0.1;")
        .contains("via: 1.1 edge, 1.1 kit\r\n");
  }

  @Test
  void responseIsForwardedUnchanged() throws Exception {
    RawClient client =
        proxyTo(
            RawPeer.answering(
                "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nRetry-After: 7\r\nConnection: X-Mine\r\n"
                    + "X-Mine: secret\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                    + "Keep-Alive: timeout=5\r\n\r\nbusy"));
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.body()).isEqualTo("busy");
    assertThat(answer.header("Retry-After")).isEqualTo("7");
    assertThat(answer.header("Set-Cookie")).contains("a=1").contains("b=2");
    assertThat(answer.headers()).doesNotContainKeys("X-Mine", "Keep-Alive");
  }

  @Test
  void redirectsAreReturnedToTheClient() throws Exception {
    RawClient client =
        proxyTo(
            RawPeer.answering(
                "HTTP/1.1 302 Found\r\n"
                    + "Location: http://127.0.0.1:1/\r\n"
                    + "Content-Length: 0\r\n\r\n"));
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(302);
    assertThat(answer.header("Location")).isEqualTo("http://127.0.0.1:1/");
  }

  @Test
  void headHasTheLengthAndNoBody() throws Exception {
    RawClient client =
        proxyTo(RawPeer.answering("HTTP/1.1 200 OK\r\nContent-Length: 1234567\r\n\r\n"));
    Answer answer = client.request("HEAD", "/").head();
    assertThat(answer.header("Content-Length")).isEqualTo("1234567");
  }

  /** Sends as many bytes as it was sent. */
  private static Response echo(Request request) throws IOException {
    long count = request.bodyStream().transferTo(OutputStream.nullOutputStream());
    return Response.streaming(
        200,
        "application/octet-stream",
        request.bodyLength(),
        out -> {
          byte[] chunk = new byte[MEGABYTE];
          for (long left = count; left > 0; left -= MEGABYTE) {
            out.write(chunk, 0, (int) Math.min(left, MEGABYTE));
          }
        });
  }

  private long echoed(BodyPublisher body) throws Exception {
    HttpResponse<InputStream> answer =
        caller.send(
            HttpRequest.newBuilder(uri("/")).POST(body).build(), BodyHandlers.ofInputStream());
    assertThat(answer.statusCode()).isEqualTo(200);
    return answer.body().transferTo(OutputStream.nullOutputStream());
  }

  @Test
  void bodiesOfAnySizeAndFramingPassBothWays() throws Exception {
    proxyTo((context, request) -> echo(request));
    byte[] big = new byte[20 * MEGABYTE];
    assertThat(echoed(BodyPublishers.ofByteArray(big))).isEqualTo(big.length);
    assertThat(echoed(BodyPublishers.ofByteArrays(List.of(big, new byte[1]))))
        .as("in chunks")
        .isEqualTo(big.length + 1);
    assertThat(echoed(BodyPublishers.ofByteArray(new byte[1]))).isEqualTo(1);
    assertThat(echoed(BodyPublishers.noBody())).isZero();
  }

  @Test
  void eventsAreForwardedWithoutBuffering() throws Exception {
    CountDownLatch seen = new CountDownLatch(1);
    proxyTo(
        (context, request) ->
            Response.streaming(
                200,
                "text/event-stream",
                -1,
                out -> {
                  out.write("first".getBytes(ISO_8859_1));
                  out.flush();
                  await(seen);
                }));
    InputStream events =
        caller.send(HttpRequest.newBuilder(uri("/")).build(), BodyHandlers.ofInputStream()).body();
    assertThat(new String(events.readNBytes(5), ISO_8859_1)).isEqualTo("first");
    seen.countDown();
    assertThat(events.read()).isEqualTo(-1);
  }

  @Test
  void truncatedResponseIsTruncatedForTheClientToo() throws Exception {
    byte[] half = new byte[100_000];
    Arrays.fill(half, (byte) 'x');
    RawClient client =
        proxyTo(
            RawPeer.answering(
                "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n"
                    + new String(half, ISO_8859_1)));
    client.request("GET", "/");
    assertThat(client.head().status()).isEqualTo(200);
    assertThat(client.rest().length()).isLessThan(200_000);
  }

  @Test
  void truncatedShortResponseIsABadGateway() throws Exception {
    RawClient client =
        proxyTo(RawPeer.answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(502);
  }

  /** A stream of events may be silent at first; its head must not wait. */
  @Test
  void headOfAStreamDoesNotWaitForItsFirstByte() throws Exception {
    CountDownLatch headSeen = new CountDownLatch(1);
    proxyTo(
        (context, request) ->
            Response.streaming(
                200,
                "text/event-stream",
                -1,
                out -> {
                  out.flush();
                  await(headSeen);
                  out.write("first".getBytes(ISO_8859_1));
                }));
    HttpResponse<InputStream> response =
        caller.send(HttpRequest.newBuilder(uri("/events")).build(), BodyHandlers.ofInputStream());
    assertThat(response.statusCode()).isEqualTo(200);
    headSeen.countDown();
    assertThat(new String(response.body().readAllBytes(), ISO_8859_1)).isEqualTo("first");
  }

  @DisabledOnJre(value = JRE.JAVA_17, disabledReason = "its client sends Content-Length: 0 always")
  @ParameterizedTest
  @ValueSource(strings = {"GET", "HEAD", "DELETE", "OPTIONS"})
  void requestWithoutABodyHasNoLength(String method) throws Exception {
    RawClient client = proxyTo(RawPeer.answering("HTTP/1.1 204 No Content\r\n\r\n"));
    client.request(method, "/user/101").answer();
    assertThat(rawBack.heads().take()).doesNotContainIgnoringCase("Content-Length");
  }

  @ParameterizedTest
  @ValueSource(strings = {"my_service:80", "a..b:80", "[fe80::1%eth0]:80", "a b:80", "", ":80"})
  void invalidUpstreamAddressIsNoClientError(String instance) {
    assertThatThrownBy(() -> new ReverseProxy(http, instance, Settings.defaults()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("HTTP server", "http://" + instance);
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://a:1/", "https://a:1/path", "http://a:1?b", "ftp://a:1", "/a"})
  void upstreamHasASchemeAndNoPath(String base) {
    assertThatThrownBy(() -> new ReverseProxy(http, URI.create(base), Settings.defaults()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(base);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH"})
  void emptyBodyOfAMethodThatExpectsOneHasALength(String method) throws Exception {
    RawClient client = proxyTo(RawPeer.answering("HTTP/1.1 204 No Content\r\n\r\n"));
    client.request(method, "/user/101").answer();
    assertThat(rawBack.heads().take()).containsIgnoringCase("Content-Length: 0\r\n");
  }

  /** The client of JDK 25 drops them; what must not happen is a closed connection without a byte. */
  @Test
  void responseWithTrailersIsForwarded() throws Exception {
    RawClient client =
        proxyTo(
            RawPeer.answering(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                    + "2\r\nok\r\n0\r\nX-T: y\r\n\r\n"));
    Answer answer = client.request("GET", "/user/101").answer();
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("ok");
  }

  @Test
  void clientDisconnectCancelsTheUpstreamRequest() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    BlockingQueue<String> ends = new LinkedBlockingQueue<>();
    RawClient client =
        proxyTo(
            (context, request) ->
                Response.streaming(
                    200,
                    "application/octet-stream",
                    -1,
                    out -> {
                      try {
                        while (true) {
                          out.write(new byte[MEGABYTE]);
                          begun.countDown();
                        }
                      } catch (IOException e) {
                        ends.add("closed");
                        throw e;
                      }
                    }));
    client.request("GET", "/");
    await(begun);
    client.reset();
    assertThat(ends.poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  @Test
  void endlessResponseIsTruncatedAtTheTimeout() throws Exception {
    rawBack = RawPeer.stallingAfter("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\nx");
    RawClient client =
        proxyTo(rawBack.address(), Settings.defaults().withBodyTimeout(Duration.ofMillis(200)));
    client.request("GET", "/");
    assertThat(client.head().status()).isEqualTo(200);
    assertThat(client.rest()).hasSizeLessThanOrEqualTo(1);
    assertThat(rawBack.ends().poll(5, TimeUnit.SECONDS))
        .as("the upstream request is cancelled")
        .isNotNull();
    assertThat(front.nextCompleted().error()).hasMessageContaining("PT0.2S");
  }

  @Test
  void stalledShortResponseIsAGatewayTimeout() throws Exception {
    rawBack = RawPeer.stallingAfter("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    ReverseProxy proxy = new ReverseProxy(http, rawBack.address(), Settings.defaults());
    RawClient client =
        front.serve(
            (context, request) ->
                proxy.call(context.withTimeout(Duration.ofMillis(300)), new Forward(request, "/")));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(504);
    assertThat(rawBack.ends().poll(5, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  @Test
  void interruptionAtAnyMomentClosesTheConnection() throws Exception {
    rawBack = RawPeer.stallingAfter("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\nx");
    ReverseProxy proxy = new ReverseProxy(http, rawBack.address(), Settings.defaults());
    List<Consumer<RequestSummary>> finalizers = new CopyOnWriteArrayList<>();
    Request request = requestOf("GET", "/", finalizers);
    Random random = new Random(7);
    for (int i = 0; i < 200; i++) {
      BlockingQueue<Object> outcome = new LinkedBlockingQueue<>();
      Thread thread =
          new Thread(
              () -> {
                try {
                  outcome.add(proxy.call(Context.background(), new Forward(request, "/")));
                } catch (Throwable e) {
                  outcome.add(e);
                }
              });
      thread.start();
      if (i % 2 == 0) {
        assertThat(rawBack.heads().poll(10, TimeUnit.SECONDS)).isNotNull();
      }
      for (int spin = random.nextInt(20_000); spin > 0; spin--) {
        Thread.onSpinWait();
      }
      thread.interrupt();
      if (outcome.poll(10, TimeUnit.SECONDS) instanceof Response late) { // It was through already.
        assertThatThrownBy(() -> late.writeTo(failingOut())).isInstanceOf(IOException.class);
      }
    }
    finalizers.forEach(end -> end.accept(null)); // As the server does in the end.
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(rawBack.open()).as("open connections").isZero());
  }

  private static Request requestOf(String method, String path) throws Exception {
    return requestOf(method, path, new ArrayList<>());
  }

  private static Request requestOf(
      String method, String path, List<Consumer<RequestSummary>> finalizers) throws Exception {
    return new Request(
        method,
        RequestTarget.parse(path, "test"),
        new Headers(),
        new RequestBody(InputStream.nullInputStream(), 0),
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 1),
        "1.1",
        finalizers::add);
  }

  private static OutputStream failingOut() {
    return new OutputStream() {
      @Override
      public void write(int value) throws IOException {
        throw new IOException("gone");
      }
    };
  }

  /** Two threads may read the rest of a body then, so it must not be parsed as a request. */
  @Test
  void unreadBodyClosesItsConnection() throws Exception {
    rawBack = // Reads what comes of the body, whenever that is.
        new RawPeer((peer, connection) -> connection.getInputStream().readAllBytes());
    ReverseProxy proxy = new ReverseProxy(http, rawBack.address(), Settings.defaults());
    RawClient client =
        front.serve(
            (context, request) ->
                proxy.call(context.withTimeout(Duration.ofMillis(300)), new Forward(request, "/")));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + "x".repeat(10));
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(504);
    assertThat(answer.header("Connection")).isEqualTo("close");
  }

  @Test
  void responseWithContentLengthBeyondTheLimitIsABadGateway() throws Exception {
    RawClient client =
        proxyTo(
            (context, request) -> Response.text(200, "0123456789"),
            Settings.defaults().withMaxResponseBytes(9));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(502);
  }

  @Test
  void responseBeyondTheLimitIsTruncated() throws Exception {
    RawClient client =
        proxyTo(
            (context, request) ->
                Response.streaming(200, "text/plain", -1, out -> out.write(new byte[100_000])),
            Settings.defaults().withMaxResponseBytes(50_000));
    client.request("GET", "/");
    assertThat(client.head().status()).isEqualTo(200);
    assertThat(client.rest()).doesNotEndWith("0\r\n\r\n");
  }

  @Test
  void noInstanceIsServiceUnavailable() throws Exception {
    RawClient client = proxyTo("127.0.0.1:1", Settings.defaults());
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(503);
    Answer posted =
        front.connect().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").answer();
    assertThat(posted.status()).isEqualTo(503);
  }

  @Test
  void malformedResponseIsABadGateway() throws Exception {
    RawClient client = proxyTo(RawPeer.answering("nonsense\r\n\r\n"));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(502);
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 100_000})
  void incompleteBodyIsAClientError(int length) throws Exception {
    back = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    back.start((context, request) -> echo(request));
    ReverseProxy proxy = new ReverseProxy(http, "127.0.0.1:" + back.port(), Settings.defaults());
    BlockingQueue<Throwable> thrown = new LinkedBlockingQueue<>();
    RawClient client =
        front.serve(
            (context, request) -> {
              try {
                return proxy.call(context, new Forward(request, "/"));
              } catch (Exception e) {
                thrown.add(e);
                throw e;
              }
            });
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\nhalf");
    client.endOfRequests();
    assertThat(client.answer().status()).isEqualTo(400);
    assertThat(thrown.take())
        .as("not counted against the upstream")
        .isInstanceOf(CancellationException.class);
  }

  @Test
  void shortBodyIsResentToTheNextInstance() throws Exception {
    back = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    back.start((context, request) -> echo(request));
    List<Endpoint<Forward, Response>> upstreams =
        List.of(
            new ReverseProxy(http, "127.0.0.1:1", Settings.defaults()),
            new ReverseProxy(http, "127.0.0.1:" + back.port(), Settings.defaults()));
    front.serve(
        (context, request) -> {
          Forward forward = new Forward(request, "/");
          try {
            return upstreams.get(0).call(context, forward);
          } catch (PeerException e) {
            assertThat(e.kind()).isEqualTo(PeerException.Kind.NOT_CONNECTED);
            return upstreams.get(1).call(context, forward);
          }
        });
    assertThat(echoed(BodyPublishers.ofByteArray(new byte[7]))).isEqualTo(7);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
