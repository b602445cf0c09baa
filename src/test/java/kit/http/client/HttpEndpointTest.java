// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.StatusException;
import kit.http.EndpointHandler;
import kit.http.Json;
import kit.http.RequestId;
import kit.http.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.ForkedJvm;
import testing.RawPeer;

/** The client side of a call, against correct and faulty peers. */
@Timeout(30)
class HttpEndpointTest extends RawPeerSetUp {
  private static final long SOON_MILLIS = 5_000; // For busy machines; usually a hundredth.

  record Name(String result) {}

  private static HttpEndpoint<Integer, String> getName(URI base) {
    return getName(HTTP, base);
  }

  private static HttpEndpoint<Integer, String> getName(HttpClient http, URI base) {
    return new HttpEndpoint<>(
        http,
        base,
        (context, uri, uid) -> HttpRequest.newBuilder(uri.resolve("/user/" + uid)),
        (context, response) -> Json.read(response.body(), Name.class).result());
  }

  private static PeerException failureOf(URI base) {
    return failureOf(base, Context.background().withTimeout(Duration.ofSeconds(20)));
  }

  private static PeerException failureOf(URI base, Context context) {
    return catchThrowableOfType(PeerException.class, () -> getName(base).call(context, 7));
  }

  private static String answer(String head, String body) {
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
  }

  // A peer that behaves.

  @Test
  void callsAnEndpointHandler() throws Exception {
    service.serve(
        new EndpointHandler<Integer, String>(
            (context, request) -> Integer.parseInt(request.target().segments().get(1)),
            (context, uid) -> "guest" + uid,
            (context, name) -> Response.json(200, Json.write(new Name(name)))));
    URI base = URI.create("http://127.0.0.1:" + service.service().port());
    assertThat(getName(base).call(Context.background(), 7)).isEqualTo("guest7");
    assertThat(getName(base).call(Context.background(), 8)).isEqualTo("guest8");
  }

  @Test
  void rejectsUserInfoWhichMessagesWouldQuote() {
    assertThatThrownBy(() -> getName(URI.create("http://u:s3cret@127.0.0.1:8081")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("user info")
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void everyStepRunsInOrderAndSeesTheContext() throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK\r\nX-Served-By: peer", "hello")));
    Context.Key<List<String>> steps = Context.key("steps");
    HttpEndpoint<Integer, String> endpoint =
        new HttpEndpoint<Integer, String>(
                HTTP,
                peer.uri(),
                (context, base, uid) -> {
                  context.get(steps).add("encode " + uid + " for " + base.getPort());
                  return HttpRequest.newBuilder(base.resolve("/x"))
                      .POST(BodyPublishers.ofString("{}"));
                },
                (context, response) -> {
                  context.get(steps).add("decode");
                  return new String(response.body(), UTF_8);
                })
            .before(
                (context, request) -> {
                  context.get(steps).add("before 1");
                  request.header("X-Step", "1");
                })
            .after(
                (context, response) ->
                    context
                        .get(steps)
                        .add("after " + response.headers().firstValue("X-Served-By").get()))
            .before(
                (context, request) -> {
                  context.get(steps).add("before 2");
                  request.header("X-Step", "2");
                });
    Context context = Context.background().with(steps, new ArrayList<>());
    assertThat(endpoint.call(context, 7)).isEqualTo("hello");
    assertThat(context.get(steps))
        .containsExactly(
            "encode 7 for " + peer.uri().getPort(), "before 1", "before 2", "after peer", "decode");
    assertThat(peer.heads().take()).startsWith("POST /x ").contains("X-Step: 1", "X-Step: 2");
  }

  @Test
  void addingDoesNotChangeTheOriginal() throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", "{\"result\":\"jerry\"}")));
    HttpEndpoint<Integer, String> plain = getName(peer.uri());
    plain.before((context, request) -> request.header("X-Step", "1"));
    plain.after(
        (context, response) -> {
          throw new IllegalStateException("not mine");
        });
    assertThat(plain.call(Context.background(), 7)).isEqualTo("jerry");
    assertThat(peer.heads().take()).doesNotContain("X-Step");
  }

  @Test
  void requestIdIsForwarded() throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", "{\"result\":\"jerry\"}")));
    getName(peer.uri()).call(Context.background().with(RequestId.KEY, "id-1"), 7);
    assertThat(peer.heads().take()).contains("X-Request-Id: id-1\r\n");
    getName(peer.uri()).call(Context.background(), 7);
    assertThat(peer.heads().take()).doesNotContainIgnoringCase("X-Request-Id");
  }

  @Test
  void requestOffersNoUpgrade() throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", "{\"result\":\"jerry\"}")));
    getName(peer.uri()).call(Context.background(), 7);
    assertThat(peer.heads().take())
        .startsWith("GET /user/7 HTTP/1.1\r\n")
        .doesNotContainIgnoringCase("upgrade");
  }

  @Test
  void anySuccessIsDecoded() throws Exception {
    RawPeer peer = peer(RawPeer.answering("HTTP/1.1 204 No Content\r\n\r\n"));
    HttpEndpoint<Integer, Integer> length =
        new HttpEndpoint<>(
            HTTP,
            peer.uri(),
            (context, base, uid) -> HttpRequest.newBuilder(base),
            (context, response) -> response.body().length);
    assertThat(length.call(Context.background(), 7)).isZero();
  }

  // Error responses.

  @ParameterizedTest
  @CsvSource({
    "400, Bad Request",
    "401, Unauthorized",
    "404, Not Found",
    "429, Too Many Requests",
    "500, Internal Server Error",
    "503, Service Unavailable",
    "302, Redirection",
    "304, Redirection"
  })
  void statusOtherThan2xxIsAFailure(int status, String title) throws Exception {
    RawPeer peer = peer(RawPeer.answering("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.STATUS);
    assertThat(failure.status()).isEqualTo(status);
    assertThat(failure).hasMessage(status + " " + title + " (" + peer.address() + ")");
    assertThat(failure.retryAfter()).isEmpty();
  }

  @Test
  void redirectIsNotFollowed() throws Exception {
    RawPeer other = peer(RawPeer.answering(answer("200 OK", "{\"result\":\"jerry\"}")));
    RawPeer peer =
        peer(RawPeer.answering(answer("307 Elsewhere\r\nLocation: " + other.uri() + "/", "")));
    assertThat(failureOf(peer.uri()).status()).isEqualTo(307);
    assertThat(other.heads()).isEmpty();
  }

  @Test
  void detailOfAProblemBecomesTheDetail() throws Exception {
    service.serve(
        (context, request) -> {
          throw new StatusException(403, "permission denied");
        });
    String address = "127.0.0.1:" + service.service().port();
    PeerException failure = failureOf(URI.create("http://" + address));
    assertThat(failure).hasMessage("403 permission denied (" + address + ")");
    assertThat(failure.detail()).isEqualTo("permission denied");
    assertThat(failure.instance()).contains(address);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          application/problem+json; charset=utf-8 | {"detail":"no user"}       | no user
          application/problem+json                | {"detail":"a\\u000ab"}     | a\\nb
          application/problem+json                | {"detail":"a\\u001b[31mb"} | a\\u001b[31mb
          application/problem+json                | {"title":"x"}              | Not Found
          application/problem+json                | <html>                     | Not Found
          application/json                        | {"detail":"no user"}       | Not Found
          text/html                               | <h1>404</h1>               | Not Found
          """)
  void onlyTheDetailOfAProblemIsTakenAndItIsOneLine(String type, String body, String detail)
      throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("404 x\r\nContent-Type: " + type, body)));
    assertThat(failureOf(peer.uri()).detail()).isEqualTo(detail);
  }

  /** A 204 ends with its head (RFC 9112, section 6.3), whatever its headers. */
  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"})
  void noContentThatAnnouncesABodyIsASuccess(String framing) throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter("HTTP/1.1 204 x\r\n" + framing + "\r\n\r\n"));
    HttpEndpoint<Integer, Integer> length =
        new HttpEndpoint<>(
            HTTP,
            peer.uri(),
            (context, uri, uid) -> HttpRequest.newBuilder(uri).DELETE(),
            (context, response) -> response.statusCode() + response.body().length);
    assertThat(length.call(Context.background(), 7)).isEqualTo(204);
    assertThat(peer.heads()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {600, 777, 999})
  void statusOutOfRangeIsAFailureNotCountedAgainstTheInstance(int status) throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer(status + " x", "")));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.STATUS);
    assertThat(failure.status()).isEqualTo(status);
    assertThat(PeerException.isInstanceFailure(status)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Content-Length: -1",
        "Content-Length: +2",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 2",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
      })
  void ambiguousFramingIsMalformedAndClosesTheConnection(String framing) throws Exception {
    RawPeer peer =
        peer(
            RawPeer.stallingAfter("HTTP/1.1 200 x\r\n" + framing + "\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
    assertThat(peer.ends().poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  /** With any client; one without {@link ResponseFraming#GUARD} throws NumberFormatException. */
  @ParameterizedTest
  @ValueSource(strings = {"", "abc", "2, 2", "0x2", "99999999999999999999", "2;a"})
  void lengthThatIsNoNumberIsMalformed(String length) throws Exception {
    RawPeer peer =
        peer(RawPeer.answering("HTTP/1.1 200 x\r\nContent-Length: " + length + "\r\n\r\nok"));
    for (HttpClient client : List.of(HTTP, HttpClient.newHttpClient())) {
      PeerException failure =
          catchThrowableOfType(
              PeerException.class, () -> getName(client, peer.uri()).call(Context.background(), 7));
      assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
      assertThat(failure.detail()).startsWith("malformed response: Content-Length is not a number");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3, 3",
    "0, 0",
    "' 120 ', 120",
    "31536000, 31536000",
    "0000000005, 5",
    "000000000000000000000000000000000000000, 0",
    "'Thursday, 01-Jan-04 00:00:00 GMT', 0",
    "'Thu Jan  1 00:00:00 1970', 0",
    "'Thu, 01 Jan 1970 00:00:00 GMT', 0",
  })
  void retryAfterIsReported(String header, long seconds) throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("503 x\r\nRetry-After: " + header, "")));
    assertThat(failureOf(peer.uri()).retryAfter()).contains(Duration.ofSeconds(seconds));
  }

  @Test
  void repeatedRetryAfterIsIgnored() throws Exception {
    RawPeer peer =
        peer(RawPeer.answering(answer("503 x\r\nRetry-After: 3\r\nRetry-After: 300", "")));
    assertThat(failureOf(peer.uri()).retryAfter()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"J\u00fcrgen", "\u20ac", "a\u0080b"})
  void headerThatTheClientWouldAlterIsRejected(String value) throws Exception {
    RawPeer peer = peer(RawPeer.answering(""));
    HttpEndpoint<Integer, String> endpoint =
        getName(peer.uri()).before((context, request) -> request.header("X-User", value));
    assertThatThrownBy(() -> endpoint.call(Context.background(), 7))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(peer.heads()).isEmpty();
  }

  @Test
  void retryAfterMayBeADate() throws Exception {
    String inAMinute = // RFC_1123_DATE_TIME has one digit for the first days of a month.
        DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            .format(ZonedDateTime.now(ZoneOffset.UTC).plusSeconds(60));
    RawPeer peer = peer(RawPeer.answering(answer("503 x\r\nRetry-After: " + inAMinute, "")));
    assertThat(failureOf(peer.uri()).retryAfter().get())
        .isBetween(Duration.ofSeconds(30), Duration.ofSeconds(60));
  }

  @Test
  void retryAfterInThePastIsNow() {
    assertThat(PeerExceptions.retryAfter("Thu, 01 Jan 1970 00:00:00 GMT", Instant.now()))
        .isEqualTo(Duration.ZERO);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "soon", "1.5", "-5", "+5", "0x10", "3 seconds", "Thu, 01 Jan 1970", "\u0663"})
  void retryAfterThatIsNeitherIsIgnored(String header) {
    assertThat(PeerExceptions.retryAfter(header, Instant.now())).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"9223372036854775807", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"})
  void longestRetryAfterDoesNotOverflow(String header) {
    Duration retryAfter = PeerExceptions.retryAfter(header, Instant.now());
    assertThat(retryAfter).isGreaterThan(Duration.ofDays(1));
    assertThat(retryAfter.toNanos()).isPositive(); // Would throw if it overflowed.
  }

  // A peer that cannot be reached.

  private static URI unusedAddress() throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return URI.create("http://127.0.0.1:" + socket.getLocalPort());
    }
  }

  @Test
  void peerOfAnotherProtocolIsMalformed() throws Exception {
    RawPeer peer = peer(RawPeer.answering("SSH-2.0-OpenSSH_9.2\r\n"));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
    assertThat(failure.detail())
        .startsWith("malformed response: ")
        .containsIgnoringCase("status line");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://my_service:80",
        "http://a..b:80",
        "http:///user",
        "/user",
        "ftp://a:21",
        "mailto:a"
      })
  void invalidAddressIsRejectedAtOnce(String base) {
    assertThatThrownBy(() -> getName(URI.create(base)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("HTTP server", base);
  }

  @Test
  void refusedConnectionIsNotConnected() throws Exception {
    URI unusedAddress = unusedAddress();
    PeerException failure = failureOf(unusedAddress);
    assertThat(failure.kind()).isEqualTo(Kind.NOT_CONNECTED);
    assertThat(failure).hasMessageContainingAll("refused", unusedAddress.getAuthority());
  }

  @Test
  void unknownHostIsNotConnectedEither() {
    PeerException failure = failureOf(URI.create("http://unknown.invalid:80"));
    assertThat(failure.kind()).isEqualTo(Kind.NOT_CONNECTED);
    assertThat(failure).hasMessageContainingAll("unknown host", "unknown.invalid:80");
  }

  /**
   * With this property the JDK's client does not retry a GET by itself, but it wraps the failure.
   * The kind of the failure must stay known, because retries and breakers depend on it.
   */
  @Test
  void failuresKeepTheirKindWhenTheClientMayNotRetry() throws Exception {
    RawPeer mute = peer(RawPeer.answering(""));
    List<String> options = List.of("-Djdk.httpclient.redirects.retrylimit=1");
    String refused = unusedAddress().toString();
    String unknown = "http://unknown.invalid:80";
    try (ForkedJvm calls =
        new ForkedJvm(ForkedCalls.class, options, refused, unknown, mute.uri().toString())) {
      assertThat(calls.line()).isEqualTo("NOT_CONNECTED connection refused");
      assertThat(calls.line()).isEqualTo("NOT_CONNECTED unknown host");
      assertThat(calls.line())
          .startsWith("BROKEN connection failed: ")
          .doesNotContain("Too many retries");
      assertThat(calls.log()).isEmpty();
    }
    assertThat(mute.heads()).hasSize(1);
  }

  // Truncated and malformed responses.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
      })
  void incompleteResponseIsBroken(String bytes) throws Exception {
    RawPeer peer = peer(RawPeer.answering(bytes));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.BROKEN);
    assertThat(failure.detail()).startsWith("connection failed: ");
    assertThat(failure)
        .hasMessageEndingWith("(" + peer.address() + ")")
        .hasNoSuppressedExceptions();
    assertThat(failure.getCause()).isNotNull();
  }

  @Test
  void resetIsBroken() throws Exception {
    RawPeer peer = peer(new RawPeer((self, connection) -> connection.setSoLinger(true, 0)));
    assertThat(failureOf(peer.uri()).kind()).isEqualTo(Kind.BROKEN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          <html>secret   | malformed JSON at line 1, column 1
          {"result":[1]} | malformed JSON at line 1, column 11
          null           | null where a value is needed
          """)
  void responseThatIsNotTheExpectedJsonIsMalformed(String body, String why) throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", body)));
    PeerException failure = failureOf(peer.uri());
    assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
    assertThat(failure.detail()).isEqualTo("malformed response: " + why);
    assertThat(failure).hasCauseInstanceOf(Json.MalformedException.class);
  }

  @Test
  void programmingErrorIsThrownUnchanged() throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", "")));
    HttpEndpoint<Integer, String> encoding =
        new HttpEndpoint<>(
            HTTP,
            peer.uri(),
            (context, base, uid) -> {
              throw new IllegalStateException("encoder");
            },
            (context, response) -> "");
    assertThatThrownBy(() -> encoding.call(Context.background(), 7)).hasMessage("encoder");
    HttpEndpoint<Integer, String> decoding =
        new HttpEndpoint<>(
            HTTP,
            peer.uri(),
            (context, base, uid) -> HttpRequest.newBuilder(base),
            (context, response) -> {
              throw new IllegalStateException("decoder");
            });
    assertThatThrownBy(() -> decoding.call(Context.background(), 7)).hasMessage("decoder");
  }

  // A peer that takes too long.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
      })
  void stalledResponseTimesOutAtTheDeadlineAndTheConnectionIsClosed(String bytes) throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(bytes));
    long startedAtNanos = System.nanoTime();
    PeerException failure =
        failureOf(peer.uri(), Context.background().withTimeout(Duration.ofMillis(300)));
    long tookMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedAtNanos);
    assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
    assertThat(failure).hasMessageContainingAll("timed out", peer.address());
    assertThat(tookMillis).isBetween(300L, 300 + SOON_MILLIS);
    assertThat(peer.ends().poll(5, TimeUnit.SECONDS)).isEqualTo("closed");
    assertThat(peer.heads()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -1})
  void expiredContextSendsNothing(long timeoutMillis) throws Exception {
    RawPeer peer = peer(RawPeer.answering(answer("200 OK", "{\"result\":\"jerry\"}")));
    PeerException failure =
        failureOf(peer.uri(), Context.background().withTimeout(Duration.ofMillis(timeoutMillis)));
    assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
    // One that is sent afterwards is the first that arrives.
    getName(peer.uri()).call(Context.background().with(RequestId.KEY, "second"), 8);
    assertThat(peer.heads()).singleElement().asString().contains("second");
  }

  @Test
  void interruptionEndsTheCallAndClosesTheConnection() throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"));
    BlockingQueue<Throwable> thrown = new LinkedBlockingQueue<>();
    Thread caller =
        new Thread(
            () -> {
              try {
                getName(peer.uri()).call(Context.background(), 7);
              } catch (Throwable e) {
                thrown.add(e);
              }
            });
    caller.start();
    assertThat(peer.heads().poll(10, TimeUnit.SECONDS)).isNotNull();
    caller.interrupt();
    assertThat(thrown.poll(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    assertThat(peer.ends().poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  // Wiring.

}
