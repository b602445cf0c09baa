// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.StatusException;
import kit.auth.JwtAuthenticating;
import kit.http.RequestId;
import kit.http2.ErrorCode;
import kit.http2.HeaderField;
import kit.http2.Http2Handler;
import kit.http2.Http2Stream;
import kit.http2.StreamResetException;
import kit.tracing.Tracing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import testing.Eventually;

/** Client and server of this package, on streams without a connection. */
@Timeout(30)
class GrpcEndpointTest {
  private static final String PATH = "/test.Texts/Echo";

  private LoopbackConnection connection;

  private GrpcChannel channel(Http2Handler handler) {
    connection = new LoopbackConnection(handler);
    return new GrpcChannel("a:1", false, deadlineNanos -> connection);
  }

  private GrpcEndpoint<String, String> calling(Http2Handler handler) {
    return GrpcEndpoint.unary(channel(handler), PATH, Texts.CODEC, Texts.CODEC);
  }

  private GrpcEndpoint<String, String> callingServer(Endpoint<String, String> endpoint) {
    return calling(
        new GrpcService(GrpcService.Settings.defaults())
            .add(GrpcMethod.unary(PATH, Texts.CODEC, Texts.CODEC, endpoint)));
  }

  private static PeerException failure(GrpcEndpoint<String, String> endpoint) {
    return catchThrowableOfType(
        PeerException.class, () -> endpoint.call(Context.background(), "text"));
  }

  @Test
  void unaryCall() throws Exception {
    GrpcEndpoint<String, String> endpoint =
        callingServer(
            (context, text) -> {
              long seconds = context.remainingNanos() / 1_000_000_000;
              return text + " " + context.get(RequestId.KEY) + " " + (seconds >= 29);
            });
    Context context = Context.background().with(RequestId.KEY, "id-1");

    assertThat(endpoint.call(context, "hello")).isEqualTo("hello id-1 true");
    assertThat(connection.lastStream().head())
        .contains(
            HeaderField.of(":method", "POST"),
            HeaderField.of(":scheme", "http"),
            HeaderField.of(":path", PATH),
            HeaderField.of(":authority", "a:1"),
            HeaderField.of("te", "trailers"),
            HeaderField.of("content-type", "application/grpc"));
  }

  @Test
  void functionsForHttpAddMetadata() throws Exception {
    AtomicReference<GrpcMetadata> received = new AtomicReference<>();
    GrpcEndpoint<String, String> endpoint =
        callingServer(
                (context, text) -> {
                  received.set(GrpcCall.in(context).metadata());
                  return text;
                })
            .before(Tracing::inject)
            .before(JwtAuthenticating.sending(() -> "secret"));
    new Tracing(1, span -> {})
        .<String, String>calls(text -> "echo", "a:1")
        .around(endpoint)
        .call(Context.background(), "");

    assertThat(received.get().get("authorization")).contains("Bearer secret");
    assertThat(received.get().get("traceparent").orElseThrow()).startsWith("00-");
  }

  @Test
  void metadataInBothDirections() throws Exception {
    List<GrpcMetadata> received = new ArrayList<>();
    GrpcEndpoint<String, String> endpoint =
        callingServer(
                (context, text) -> {
                  GrpcCall call = GrpcCall.in(context);
                  byte[] bytes = call.metadata().bytes("a-bin").orElseThrow();
                  call.sendFirst(GrpcMetadata.empty().with("first-bin", bytes));
                  call.sendLater(GrpcMetadata.empty().with("later", "2"));
                  return text;
                })
            .before((context, request) -> request.header("A-bin", "AQI="))
            .after((context, metadata) -> received.add(metadata));
    endpoint.call(Context.background(), "");

    assertThat(received).hasSize(2);
    assertThat(received.get(0).bytes("first-bin").orElseThrow()).containsExactly(1, 2);
    assertThat(received.get(1).get("later")).contains("2");
  }

  @ParameterizedTest
  @CsvSource({
    "404, 404, NOT_FOUND",
    "403, 403, PERMISSION_DENIED",
    "429, 429, RESOURCE_EXHAUSTED",
    "500, 500, INTERNAL",
    "503, 503, UNAVAILABLE"
  })
  void statusOfTheServerIsThatOfHttp(int thrown, int status, GrpcStatus cause) {
    PeerException e =
        failure(
            callingServer(
                (context, text) -> {
                  throw new StatusException(thrown, "no: \u00fc\n").with("Retry-After", "3");
                }));

    assertThat(e.kind()).isEqualTo(Kind.STATUS);
    assertThat(e.status()).isEqualTo(status);
    assertThat(e.detail()).isEqualTo("no: \u00fc\\n");
    assertThat(e.instance()).contains("a:1");
    assertThat(e.retryAfter()).contains(Duration.ofSeconds(3));
    assertThat(((GrpcException) e.getCause()).status()).isEqualTo(cause);
  }

  @Test
  void detailsArePassedOn() {
    PeerException e =
        failure(
            callingServer(
                (context, text) -> {
                  throw new GrpcException(GrpcStatus.ABORTED, "", new byte[] {1, 2});
                }));

    assertThat(e.detail()).isEqualTo("ABORTED");
    assertThat(((GrpcException) e.getCause()).details()).containsExactly(1, 2);
  }

  private static List<HeaderField> fields(String... namesAndValues) {
    List<HeaderField> fields = new ArrayList<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.add(HeaderField.of(namesAndValues[i], namesAndValues[i + 1]));
    }
    return fields;
  }

  private static Http2Handler sending(List<HeaderField> head, byte[] body, String... trailers) {
    return stream -> {
      stream.body().readAllBytes();
      if (trailers.length == 0 && body.length == 0) {
        stream.sendHead(head, true);
        return;
      }
      stream.sendHead(head, false);
      stream.sendData(body, 0, body.length, trailers.length == 0);
      if (trailers.length > 0) {
        stream.sendTrailers(fields(trailers));
      }
    };
  }

  static Stream<Arguments> badResponses() throws IOException {
    List<HeaderField> ok = fields(":status", "200", "content-type", "application/grpc");
    byte[] message = MessageWriter.framed(Texts.CODEC.encode("a"), false);
    byte[] two = new byte[2 * message.length];
    System.arraycopy(message, 0, two, 0, message.length);
    System.arraycopy(message, 0, two, message.length, message.length);
    byte[] long5 = {0, 127, 0, 0, 0};
    byte[] none = {};
    return Stream.of(
        Arguments.of(sending(fields(":status", "502"), none), Kind.STATUS, "HTTP status"),
        Arguments.of(sending(fields(":status", "x"), none), Kind.MALFORMED, "no HTTP status"),
        Arguments.of(
            sending(fields(":status", "200", "content-type", "text/html"), none),
            Kind.MALFORMED,
            "not of type"),
        Arguments.of(sending(ok, none), Kind.MALFORMED, "no status of gRPC"),
        Arguments.of(sending(ok, message), Kind.MALFORMED, "no status of gRPC"),
        Arguments.of(
            sending(ok, message, "grpc-status", "0", "a-bin", "?"), Kind.MALFORMED, "not base64"),
        Arguments.of(sending(ok, none, "grpc-status", "0"), Kind.MALFORMED, "no message"),
        Arguments.of(sending(ok, message, "grpc-status", "x"), Kind.MALFORMED, "no number"),
        Arguments.of(sending(ok, message, "grpc-status", "99"), Kind.STATUS, "UNKNOWN"),
        Arguments.of(sending(ok, none, "grpc-status", "4"), Kind.TIMEOUT, "timed out"),
        Arguments.of(sending(ok, two, "grpc-status", "0"), Kind.MALFORMED, "more than one"),
        Arguments.of(sending(ok, long5, "grpc-status", "0"), Kind.TOO_LARGE, "message of"),
        Arguments.of(
            sending(ok, new byte[] {1, 0, 0, 0, 0}, "grpc-status", "0"),
            Kind.MALFORMED,
            "compressed message"),
        Arguments.of(
            sending(ok, new byte[] {0, 0, 0, 0, 1, 10}, "grpc-status", "0"),
            Kind.MALFORMED,
            "cut off"),
        Arguments.of(
            (Http2Handler) stream -> stream.body().readAllBytes(), Kind.BROKEN, "call broken"));
  }

  @ParameterizedTest
  @MethodSource("badResponses")
  void badResponseIsAFailureOfThePeer(Http2Handler handler, Kind kind, String detail) {
    PeerException e = failure(calling(handler));

    assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
    assertThat(e.getMessage()).contains(detail);
  }

  @Test
  void deadlineIsThatOfTheContext() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    GrpcEndpoint<String, String> endpoint =
        callingServer(
            (context, text) -> {
              never.await();
              return text;
            });
    Context context = Context.background().withTimeout(Duration.ofMillis(50));
    Throwable e = catchThrowableOfType(PeerException.class, () -> endpoint.call(context, ""));

    // Which side is first is a matter of chance.
    assertThat(e).isInstanceOf(PeerException.class);
    assertThat(((PeerException) e).kind() == Kind.TIMEOUT || ((PeerException) e).status() == 504)
        .isTrue();
    assertThatThrownBy(() -> endpoint.call(context.withTimeout(Duration.ZERO), ""))
        .hasMessageContaining("timed out");
    assertThat(connection.streams).hasSize(1);
  }

  @Test
  void interruptionCancelsTheCall() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    LinkedBlockingQueue<Object> thrown = new LinkedBlockingQueue<>();
    GrpcEndpoint<String, String> endpoint =
        callingServer(
            (context, text) -> {
              begun.countDown();
              new CountDownLatch(1).await();
              return text;
            });
    Thread caller =
        new Thread(
            () -> {
              try {
                thrown.add(endpoint.call(Context.background(), ""));
              } catch (Throwable e) {
                thrown.add(e);
              }
            });
    caller.start();
    begun.await();
    caller.interrupt();

    assertThat(thrown.take()).isInstanceOf(InterruptedException.class);
    assertThat(connection.lastStream().isReset()).isTrue();
  }

  @Test
  void noConnectionAndNoStreamAreNotConnected() {
    GrpcChannel none =
        new GrpcChannel(
            "a:1",
            false,
            deadlineNanos -> {
              throw new ConnectException("connection refused");
            });
    PeerException refused = failure(GrpcEndpoint.unary(none, PATH, Texts.CODEC, Texts.CODEC));
    PeerException unprocessed =
        failure(
            calling(
                    stream -> {
                      throw new IllegalStateException("not called");
                    })
                .before((context, request) -> connection.goAway()));

    assertThat(refused.kind()).isEqualTo(Kind.NOT_CONNECTED);
    assertThat(refused.detail()).isEqualTo("connection refused");
    assertThat(unprocessed.kind()).isEqualTo(Kind.NOT_CONNECTED);
  }

  @Test
  void onlyAnUnprocessedResetMayBeRepeated() throws Exception {
    StreamResetException unprocessed =
        new StreamResetException(ErrorCode.REFUSED_STREAM, true, "refused");
    StreamResetException processed = new StreamResetException(ErrorCode.CANCEL, false, "reset");

    assertThat(ClientCall.failure(unprocessed, "a:1").kind()).isEqualTo(Kind.NOT_CONNECTED);
    assertThat(ClientCall.failure(processed, "a:1").kind()).isEqualTo(Kind.BROKEN);
  }

  private GrpcEndpoint<String, GrpcEndpoint.Responses<String>> streaming(
      GrpcStreamHandler<String, String> handler) {
    GrpcService service =
        new GrpcService(GrpcService.Settings.defaults())
            .add(GrpcMethod.stream(PATH, Texts.CODEC, Texts.CODEC, handler));
    return GrpcEndpoint.serverStream(channel(service), PATH, Texts.CODEC, Texts.CODEC);
  }

  @Test
  void streamWithoutResponsesMayBeTrailersOnly() throws Exception {
    List<HeaderField> head =
        fields(":status", "200", "content-type", "application/grpc", "grpc-status", "0");
    var endpoint =
        GrpcEndpoint.serverStream(
            channel(sending(head, new byte[0])), PATH, Texts.CODEC, Texts.CODEC);
    var responses = endpoint.call(Context.background(), "a");

    assertThat(responses.hasNext()).isFalse();
    assertThat(responses.hasNext()).isFalse();
  }

  @Test
  void responsesAreReadAsTheyCome() throws Exception {
    CountDownLatch isRead = new CountDownLatch(1);
    var endpoint =
        streaming(
            (context, requests, responses) -> {
              assertThat(context.hasDeadline()).isFalse();
              responses.write(requests.read() + "1");
              isRead.await();
              responses.write("2");
            });
    List<String> all = new ArrayList<>();
    try (var responses = endpoint.call(Context.background(), "a")) {
      all.add(responses.next());
      isRead.countDown();
      responses.forEachRemaining(all::add);
      assertThat(responses.hasNext()).isFalse();
    }

    assertThat(all).containsExactly("a1", "2");
    assertThat(connection.lastStream().isReset()).isFalse();
  }

  @Test
  void failureOfAStreamComesAfterItsResponses() throws Exception {
    var endpoint =
        streaming(
            (context, requests, responses) -> {
              responses.write("1");
              throw new StatusException(409, "conflict");
            });
    var responses = endpoint.call(Context.background(), "a");

    assertThat(responses.next()).isEqualTo("1");
    assertThatThrownBy(responses::hasNext).hasMessage("409 conflict (a:1)");
    assertThat(responses.hasNext()).isFalse();
  }

  @Test
  void closingAStreamCancelsTheCall() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    var endpoint =
        streaming(
            (context, requests, responses) -> {
              responses.write("1");
              try {
                new CountDownLatch(1).await();
              } finally {
                interrupted.countDown();
              }
            });
    var responses = endpoint.call(Context.background(), "a");
    assertThat(responses.next()).isEqualTo("1");
    responses.close();
    responses.close();
    interrupted.await();

    assertThat(responses.hasNext()).isFalse();
  }

  @Test
  void interruptionOfAStreamIsACancellation() throws Exception {
    var endpoint = streaming((context, requests, responses) -> new CountDownLatch(1).await());
    var responses = endpoint.call(Context.background(), "a");
    Thread.currentThread().interrupt();

    assertThatThrownBy(responses::hasNext).isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
    Http2Stream stream = connection.lastStream();
    Eventually.within(
        Duration.ofSeconds(5), () -> assertThat(((FakeHttp2Stream) stream).isReset()).isTrue());
  }
}
