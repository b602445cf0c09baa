// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.ratelimit.RateLimiting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;

@Timeout(30)
class GrpcServiceTest {
  private static final String PATH = "/test.Texts/Echo";

  private static GrpcService serving(GrpcMethod method) {
    return new GrpcService(GrpcService.Settings.defaults()).add(method);
  }

  private static GrpcService unary(Endpoint<String, String> endpoint) {
    return serving(GrpcMethod.unary(PATH, Texts.CODEC, Texts.CODEC, endpoint));
  }

  private static FakeHttp2Stream request(String text) throws Exception {
    return new FakeHttp2Stream(PATH).sendsMessage(text).ends();
  }

  @Test
  void unaryCall() throws Exception {
    FakeHttp2Stream stream = request("jerry").servedBy(unary((context, text) -> "hello, " + text));

    assertThat(stream.messages()).containsExactly("hello, jerry");
    assertThat(stream.responseField(":status")).isEqualTo("200");
    assertThat(stream.responseField("content-type")).isEqualTo("application/grpc");
    assertThat(stream.responseField("grpc-accept-encoding")).isEqualTo("identity,gzip");
    assertThat(stream.responseField("grpc-encoding")).isEmpty();
    assertThat(stream.status()).isEqualTo("0");
  }

  @Test
  void metadataGoesInAndOut() throws Exception {
    GrpcService service =
        unary(
            (context, text) -> {
              GrpcCall call = GrpcCall.in(context);
              call.sendFirst(GrpcMetadata.empty().with("first", "1"));
              call.sendLater(GrpcMetadata.empty().with("last-bin", new byte[] {-1}));
              assertThat(call.remoteAddress().getPort()).isEqualTo(4711);
              return call.metadata().get("name").orElseThrow();
            });
    FakeHttp2Stream stream = request("").with("name", "value").servedBy(service);

    assertThat(stream.messages()).containsExactly("value");
    assertThat(stream.responseField("first")).isEqualTo("1");
    assertThat(stream.trailer("last-bin")).isEqualTo("/w");
  }

  @Test
  void requestIdIsKeptOrNew() throws Exception {
    GrpcService service = unary((context, text) -> context.get(RequestId.KEY));
    FakeHttp2Stream own = request("").with("x-request-id", "id-1").servedBy(service);
    FakeHttp2Stream none = request("").servedBy(service);

    assertThat(own.messages()).containsExactly("id-1");
    assertThat(own.responseField("x-request-id")).isEqualTo("id-1");
    assertThat(none.messages()).containsExactly(none.responseField("x-request-id"));
  }

  static Stream<Arguments> failures() {
    byte[] details = {8, 5};
    return Stream.of(
        Arguments.of(new GrpcException(GrpcStatus.ABORTED, "busy", details), "10 busy"),
        Arguments.of(new GrpcException(GrpcStatus.DATA_LOSS, ""), "15"),
        Arguments.of(new StatusException(403, "permission denied"), "7 permission denied"),
        Arguments.of(new StatusException(400, "no: \u00fcn\u00ef %\n"), "3 no: \u00fcn\u00ef %\n"),
        Arguments.of(PeerException.timeout("a:1", null), "4 upstream timed out"),
        Arguments.of(PeerException.status("a:1", 404, "secret", null), "14 upstream failed"),
        Arguments.of(PeerException.noInstance("none", null), "14 upstream unavailable"),
        Arguments.of(new ExecutionException(new StatusException(404, "no user 7")), "5 no user 7"),
        Arguments.of(new IllegalStateException("secret"), "13 the request could not be completed"),
        Arguments.of(new SocketTimeoutException("own"), "13 the request could not be completed"),
        Arguments.of(new StackOverflowError(), "13 the request could not be completed"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failureIsAStatusWithoutMessages(Throwable error, String status) throws Exception {
    GrpcService service =
        unary(
            (context, text) -> {
              if (error instanceof Error fatal) {
                throw fatal;
              }
              throw (Exception) error;
            });
    FakeHttp2Stream stream = request("").servedBy(service);

    assertThat(stream.status()).isEqualTo(status);
    assertThat(stream.isTrailersOnly()).isTrue();
    assertThat(stream.responseField("content-type")).isEqualTo("application/grpc");
    boolean hasDetails = error instanceof GrpcException failure && failure.details().length > 0;
    assertThat(stream.responseField("grpc-status-details-bin")).isEqualTo(hasDetails ? "CAU" : "");
  }

  @Test
  void headerFieldsOfAFailureBecomeMetadata() throws Exception {
    StatusException refusal = new StatusException(429, "too many").with("Retry-After", "3");
    FakeHttp2Stream stream =
        request("")
            .servedBy(
                unary(
                    (context, text) -> {
                      throw refusal;
                    }));

    assertThat(stream.status()).isEqualTo("8 too many");
    assertThat(stream.responseField("retry-after")).isEqualTo("3");
    assertThat(stream.responseField("content-type")).isEqualTo("application/grpc");
  }

  @Test
  void longTextOfAFailureIsCut() throws Exception {
    FakeHttp2Stream stream =
        request("")
            .servedBy(
                unary(
                    (context, text) -> {
                      throw new StatusException(400, "x".repeat(100_000));
                    }));

    assertThat(stream.status()).hasSize(2 + 1000);
  }

  @ParameterizedTest
  @CsvSource({
    "/test.Texts/Other, 12 unknown method",
    "/other.Texts/Echo, 12 unknown service",
    "/test.Texts/Echo/, 12 unknown service",
    "/, 12 unknown service",
    "/%0a, 3 malformed path or metadata"
  })
  void unknownMethodIsUnimplemented(String path, String status) throws Exception {
    FakeHttp2Stream stream = new FakeHttp2Stream(path).servedBy(unary((context, text) -> text));

    assertThat(stream.status()).isEqualTo(status);
  }

  @ParameterizedTest
  @CsvSource({
    ":method, GET, 405",
    "content-type, application/json, 415",
    "content-type, application/grpcx, 415",
    "content-type, application/grpc, 200",
    "content-type, application/grpc+proto, 200",
    "content-type, application/grpc;charset=utf-8, 200"
  })
  void requestsWithoutGrpcAreRejected(String name, String value, String status) throws Exception {
    FakeHttp2Stream stream = request("").with(name, value).servedBy(unary((context, text) -> text));

    assertThat(stream.responseField(":status")).isEqualTo(status);
    assertThat(stream.responseField("allow")).isEqualTo(status.equals("405") ? "POST" : "");
    assertThat(stream.status()).isEqualTo(status.equals("200") ? "0" : "");
  }

  @ParameterizedTest
  @CsvSource({
    "grpc-timeout, 5x, '3 grpc-timeout is not at most eight digits and one of H, M, S, m, u, n'",
    "x-bin, a*b, '3 value of metadata that ends in -bin is not base64'",
    "grpc-encoding, snappy, '12 unknown grpc-encoding; known: identity, gzip'",
    "grpc-encoding, identity, '0'"
  })
  void malformedHeadIsAStatus(String name, String value, String status) throws Exception {
    FakeHttp2Stream stream = request("").with(name, value).servedBy(unary((context, text) -> text));

    assertThat(stream.status()).isEqualTo(status);
    assertThat(stream.responseField("grpc-accept-encoding")).isEqualTo("identity,gzip");
  }

  @ParameterizedTest
  @CsvSource({
    "'', '12 the method takes one request, the client sent none'",
    "00000000000000000000, '12 the method takes one request, the client sent more than one'",
    "00000000010a, '3 malformed message: cut off: needs 1 bytes, has 0 in field 1 at byte 1'",
    "0000000002, '13 message cut off after 0 of 2 bytes'",
    "0000400001, '8 message of 4194305 bytes, at most 4194304'",
    "0100000000, '13 compressed message without grpc-encoding'"
  })
  void malformedBodyIsAStatus(String hex, String status) throws Exception {
    FakeHttp2Stream stream =
        new FakeHttp2Stream(PATH)
            .sends(HexFormat.of().parseHex(hex))
            .ends()
            .servedBy(unary((context, text) -> text));

    assertThat(stream.status()).isEqualTo(status);
  }

  @Test
  void messagesAreCompressedIfBothSidesAgree() throws Exception {
    String text = "x".repeat(10_000);
    GrpcService service =
        unary(
            (context, request) -> {
              GrpcCall.in(context).compress(true);
              return request;
            });
    FakeHttp2Stream accepting =
        new FakeHttp2Stream(PATH)
            .with("grpc-encoding", "gzip")
            .with("grpc-accept-encoding", "identity, gzip")
            .sends(MessageWriter.framed(Texts.CODEC.encode(text), true))
            .ends()
            .servedBy(service);
    FakeHttp2Stream plain = request(text).servedBy(service);

    assertThat(accepting.responseField("grpc-encoding")).isEqualTo("gzip");
    assertThat(accepting.messages()).containsExactly(text);
    assertThat(accepting.sentBytes().length).isLessThan(200);
    assertThat(plain.messages()).containsExactly(text);
    assertThat(plain.sentBytes().length).isGreaterThan(10_000);
  }

  @Test
  void deadlineOfTheClientIsThatOfTheContext() throws Exception {
    FakeHttp2Stream stream =
        request("")
            .with("grpc-timeout", "100S")
            .servedBy(unary((context, text) -> "" + context.remainingNanos() / 1_000_000_000));

    assertThat(stream.messages().get(0)).isIn("99", "100");
    assertThat(Thread.interrupted()).isFalse();
  }

  @Test
  void atTheDeadlineTheWorkIsInterrupted() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    AtomicBoolean isInterrupted = new AtomicBoolean();
    GrpcService service =
        unary(
            (context, text) -> {
              try {
                never.await();
              } catch (InterruptedException e) {
                isInterrupted.set(true);
                throw new IllegalStateException("any exception", e);
              }
              return text;
            });
    FakeHttp2Stream stream = request("").with("grpc-timeout", "20m").servedBy(service);

    assertThat(stream.status()).isEqualTo("4 deadline exceeded");
    assertThat(isInterrupted).isTrue();
    assertThat(Thread.interrupted()).isFalse();
  }

  @Test
  void deadlineEndsTheWaitForTheRequest() throws Exception {
    FakeHttp2Stream stream =
        new FakeHttp2Stream(PATH)
            .with("grpc-timeout", "20m")
            .servedBy(unary((context, text) -> text));

    assertThat(stream.status()).startsWith("4 ");
  }

  @Test
  void requestMustArriveInTime() throws Exception {
    GrpcService service =
        new GrpcService(new GrpcService.Settings(1000, 10, Duration.ofMillis(20)))
            .add(GrpcMethod.unary(PATH, Texts.CODEC, Texts.CODEC, (context, text) -> text));

    assertThat(new FakeHttp2Stream(PATH).servedBy(service).status())
        .isEqualTo("4 the request did not arrive in time");
  }

  @Test
  void cancellationInterruptsTheWorkAndSendsNothing() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    AtomicBoolean isInterrupted = new AtomicBoolean();
    GrpcService service =
        unary(
            (context, text) -> {
              begun.countDown();
              try {
                never.await();
              } catch (InterruptedException e) {
                isInterrupted.set(true);
                throw e;
              }
              return text;
            });
    FakeHttp2Stream stream = request("");
    Thread thread = stream.startedBy(service);
    begun.await();
    assertThat(service.inFlight()).isEqualTo(1);
    assertThat(service.awaitIdle(Duration.ofMillis(1))).isFalse();
    stream.cancel();
    thread.join();

    assertThat(isInterrupted).isTrue();
    assertThat(stream.responseField(":status")).isEmpty();
    assertThat(service.awaitIdle(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void moreCallsThanTheLimitAreRejected() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    GrpcService service =
        new GrpcService(new GrpcService.Settings(1000, 1, Duration.ofSeconds(10)))
            .add(
                GrpcMethod.unary(
                    PATH,
                    Texts.CODEC,
                    Texts.CODEC,
                    (context, text) -> {
                      begun.countDown();
                      end.await();
                      return text;
                    }));
    FakeHttp2Stream first = request("first");
    Thread thread = first.startedBy(service);
    begun.await();
    FakeHttp2Stream second = request("second").servedBy(service);
    end.countDown();
    thread.join();

    assertThat(second.status()).isEqualTo("14 too many calls in flight");
    assertThat(first.messages()).containsExactly("first");
  }

  /** Endless; records that it was closed. */
  private static final class Numbers implements Iterator<String>, AutoCloseable {
    private final CountDownLatch closed = new CountDownLatch(1);
    private int next;

    @Override
    public boolean hasNext() {
      return true;
    }

    @Override
    public String next() {
      return "" + next++;
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  @Test
  void serverStream() throws Exception {
    GrpcService service =
        serving(
            GrpcMethod.serverStream(
                PATH,
                Texts.CODEC,
                Texts.CODEC,
                (context, text) -> List.of(text + "1", text + "2").iterator()));
    FakeHttp2Stream stream = request("a").servedBy(service);

    assertThat(stream.messages()).containsExactly("a1", "a2");
    assertThat(stream.status()).isEqualTo("0");
  }

  @Test
  void streamWithoutMessagesHasAHead() throws Exception {
    GrpcService service =
        serving(
            GrpcMethod.serverStream(
                PATH, Texts.CODEC, Texts.CODEC, (context, text) -> List.<String>of().iterator()));
    FakeHttp2Stream stream = request("a").servedBy(service);

    assertThat(stream.isTrailersOnly()).isFalse();
    assertThat(stream.status()).isEqualTo("0");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void iteratorIsClosedWhenTheCallEnds(boolean byDeadline) throws Exception {
    Numbers numbers = new Numbers();
    GrpcService service =
        serving(
            GrpcMethod.serverStream(PATH, Texts.CODEC, Texts.CODEC, (context, text) -> numbers));
    FakeHttp2Stream stream = request("a");
    if (byDeadline) {
      stream.with("grpc-timeout", "1S"); // Not over before the call has begun.
    }
    Thread thread = stream.startedBy(service);
    if (!byDeadline) {
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(stream.messages()).contains("0"));
      stream.cancel();
    }
    thread.join();

    assertThat(numbers.closed.getCount()).isZero();
    assertThat(stream.status()).isEqualTo(byDeadline ? "4 deadline exceeded" : "");
  }

  @Test
  void failureAfterMessagesIsInTheTrailers() throws Exception {
    GrpcService service =
        serving(
            GrpcMethod.stream(
                PATH,
                Texts.CODEC,
                Texts.CODEC,
                (context, requests, responses) -> {
                  responses.write(requests.read());
                  throw new StatusException(409, "conflict");
                }));
    FakeHttp2Stream stream = request("a").servedBy(service);

    assertThat(stream.messages()).containsExactly("a");
    assertThat(stream.trailer("grpc-status")).isEqualTo("10");
    assertThat(stream.status()).isEqualTo("10 conflict");
  }

  @Test
  void requestsAndResponsesTakeTurns() throws Exception {
    GrpcService service =
        serving(
            GrpcMethod.stream(
                PATH,
                Texts.CODEC,
                Texts.CODEC,
                (context, requests, responses) -> {
                  for (String next = requests.read(); next != null; next = requests.read()) {
                    responses.write(next + "!");
                  }
                }));
    FakeHttp2Stream stream = new FakeHttp2Stream(PATH);
    Thread thread = stream.startedBy(service);
    stream.sendsMessage("a");
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(stream.messages()).containsExactly("a!"));
    stream.sendsMessage("b").ends();
    thread.join();

    assertThat(stream.messages()).containsExactly("a!", "b!");
    assertThat(stream.status()).isEqualTo("0");
  }

  @Test
  void waitForTheNextRequestEndsWithTheCancellation() throws Exception {
    BlockingQueue<Exception> thrown = new LinkedBlockingQueue<>();
    GrpcService service =
        serving(
            GrpcMethod.stream(
                PATH,
                Texts.CODEC,
                Texts.CODEC,
                (context, requests, responses) -> {
                  responses.write(requests.read());
                  try {
                    requests.read();
                  } catch (Exception e) {
                    thrown.add(e);
                    throw e;
                  }
                }));
    FakeHttp2Stream stream = new FakeHttp2Stream(PATH).sendsMessage("a");
    Thread thread = stream.startedBy(service);
    Eventually.within(Duration.ofSeconds(10), () -> assertThat(stream.messages()).hasSize(1));
    stream.cancel();
    thread.join();

    assertThat(thrown.poll(1, TimeUnit.SECONDS)).isInstanceOf(java.io.IOException.class);
  }

  @Test
  void middlewareOfRequestsSeesTheMetadata() throws Exception {
    Middleware<Request, Response> check =
        next ->
            (context, request) -> {
              assertThat(request.method()).isEqualTo("POST");
              assertThat(request.target().rawPath()).isEqualTo(PATH);
              if (!"Bearer x".equals(request.header("Authorization"))) {
                throw new StatusException(401, "no token").with("WWW-Authenticate", "Bearer");
              }
              return next.call(context, request);
            };
    Middleware<Request, Response> limit = RateLimiting.rejecting(() -> 0);
    GrpcMethod method =
        GrpcMethod.unary(PATH, Texts.CODEC, Texts.CODEC, (context, text) -> text)
            .around(Middleware.chain(limit, check));
    FakeHttp2Stream without = new FakeHttp2Stream(PATH).servedBy(serving(method));
    FakeHttp2Stream two = new FakeHttp2Stream(PATH).servedBy(serving(method));
    FakeHttp2Stream with =
        request("in").with("authorization", "Bearer x").servedBy(serving(method));

    assertThat(without.status()).isEqualTo("16 no token");
    assertThat(without.responseField("www-authenticate")).isEqualTo("Bearer");
    assertThat(two.status()).isEqualTo("16 no token");
    assertThat(with.messages()).containsExactly("in");
  }

  @Test
  void misuseIsRejected() throws Exception {
    GrpcMethod method = GrpcMethod.unary(PATH, Texts.CODEC, Texts.CODEC, (context, text) -> text);
    assertThatThrownBy(() -> serving(method).add(method))
        .hasMessage("duplicate method: /test.Texts/Echo");
    assertThatThrownBy(() -> GrpcMethod.unary("a/b", Texts.CODEC, Texts.CODEC, (c, text) -> text))
        .hasMessage("not /package.Service/Method: a/b");
    assertThatThrownBy(() -> GrpcCall.in(Context.background()))
        .isInstanceOf(IllegalStateException.class);
    assertThat(request("").servedBy(unary((context, text) -> null)).status()).startsWith("13 ");
  }

  @Test
  void interruptionOfTheServerIsUnavailable() throws Exception {
    GrpcService service =
        unary(
            (context, text) -> {
              throw new InterruptedIOException("interrupted");
            });

    assertThat(request("").servedBy(service).status()).isEqualTo("14 the server is stopping");
  }

  /** Changes, removes and repeats bytes. */
  private static byte[] damaged(byte[] body, Random random) {
    byte[] damaged = Arrays.copyOf(body, random.nextInt(body.length + 6));
    for (int changes = random.nextInt(3); changes > 0 && damaged.length > 0; changes--) {
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
    }
    return damaged;
  }

  @Test
  void damagedRequestsEndInAStatus() throws Exception {
    GrpcService service = unary((context, text) -> text);
    Random random = new Random(13);
    List<String> values = List.of("", "gzip", "1S", "%", "-1", "AA==", "\u00ff", "a,b", "0n");
    List<String> names =
        List.of("grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "x-bin", "x", ":path");
    Set<String> statuses = new TreeSet<>();
    for (int i = 0; i < 5_000; i++) {
      FakeHttp2Stream stream = new FakeHttp2Stream(PATH);
      if (random.nextBoolean()) {
        stream.with(
            names.get(random.nextInt(names.size())), values.get(random.nextInt(values.size())));
      }
      boolean isGzip = random.nextBoolean();
      byte[] body = MessageWriter.framed(Texts.CODEC.encode("a text"), isGzip);
      stream.sends(damaged(body, random)).ends().servedBy(service);
      statuses.add(stream.status().split(" ")[0]);
    }

    assertThat(statuses).isSubsetOf("0", "3", "4", "8", "12", "13").contains("0", "3", "12", "13");
    assertThat(service.inFlight()).isZero();
  }

  @Test
  void messageUpToTheLimitIsServed() throws Exception {
    byte[] text = new byte[(4 << 20) - 5];
    Arrays.fill(text, (byte) 'x');
    GrpcService service = unary((context, request) -> "" + request.length());

    assertThat(request(new String(text, "US-ASCII")).servedBy(service).messages())
        .containsExactly("" + text.length);
  }
}
