// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.http.EndpointHandler;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.RequestSummary;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

/** Failures of handlers: the response on the wire, and what finalizers are told. */
@Timeout(20)
class ExchangeHandlerTest {
  private static final byte[] HELLO = "hello".getBytes(UTF_8);

  private final TestService http = new TestService();

  @AfterEach
  void stop() {
    http.close();
  }

  static Stream<Throwable> failures() {
    return Stream.of(
        new IllegalStateException("secret"),
        new FileNotFoundException("secret"),
        new InterruptedException("secret"),
        new StackOverflowError("secret"),
        new AssertionError("secret"),
        new NoClassDefFoundError("secret"),
        new IllegalStateException("secret") {
          @Override
          public String getMessage() {
            throw new UnsupportedOperationException("cannot even be printed");
          }
        },
        new StatusException(400, "cannot be sent").with("X-Name", "two\r\nlines"));
  }

  @ParameterizedTest
  @MethodSource("failures")
  void failureOfTheHandlerIsAProblemWithoutDetails(Throwable failure) throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              if (failure instanceof Error error) {
                throw error;
              }
              throw (Exception) failure;
            });
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.body())
        .isEqualTo(
            "{\"status\":500,\"title\":\"Internal Server Error\","
                + "\"detail\":\"the request could not be completed\",\"requestId\":\""
                + answer.header("X-Request-Id")
                + "\"}");
    assertThat(http.nextCompleted().error()).isSameAs(failure);
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void noResponseIsAFailure() throws Exception {
    RawClient client = http.serve((context, request) -> null);
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(500);
    assertThat(http.nextCompleted().error()).hasMessageContaining("returned null");
  }

  @Test
  void statusExceptionKeepsItsStatusDetailAndHeaders() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              throw new StatusException(429, "rate limit exceeded").with("Retry-After", "3");
            });
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(429);
    assertThat(answer.header("Retry-After")).isEqualTo("3");
    assertThat(answer.body()).contains("\"detail\":\"rate limit exceeded\"");
  }

  @Test
  void failureOfAPeerIsABadGateway() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              throw PeerException.status("10.0.0.1:80", 401, "secret", null);
            });
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.body()).doesNotContain("secret", "10.0.0.1");
  }

  @Test
  void interruptLeftByTheHandlerDoesNotTruncateTheResponse() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              Thread.currentThread().interrupt();
              return Response.text(200, "x".repeat(100_000));
            });
    assertThat(client.request("GET", "/").answer().bytes()).hasSize(100_000);
    assertThat(client.request("GET", "/").answer().bytes()).hasSize(100_000);
  }

  @Test
  void harmlessRequestIdIsKeptEverywhere() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              throw new StatusException(404, context.get(RequestId.KEY));
            });
    Answer answer = client.request("GET", "/", "X-Request-Id: id-1").answer();
    assertThat(answer.header("X-Request-Id")).isEqualTo("id-1");
    assertThat(answer.body()).contains("\"detail\":\"id-1\"").contains("\"requestId\":\"id-1\"");
    assertThat(http.nextCompleted().requestId()).isEqualTo("id-1");
  }

  @Test
  void dangerousRequestIdIsReplaced() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.text(200, context.get(RequestId.KEY)));
    Answer answer = client.request("GET", "/", "X-Request-Id: <script>").answer();
    assertThat(answer.header("X-Request-Id")).matches("[0-9a-f]{16}").isEqualTo(answer.body());
  }

  @Test
  void handlerCannotChangeTheRequestIdOfTheResponse() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.empty(200).with("x-request-id", "other"));
    Answer answer = client.request("GET", "/", "X-Request-Id: id-1").answer();
    assertThat(answer.header("X-Request-Id")).isEqualTo("id-1");
  }

  private static Endpoint<Request, Response> user(Endpoint<Request, Response> handler) {
    return new RoutingHandler(
        new Router<Endpoint<Request, Response>>().route("GET", "/user/{uid:\\d+}", handler));
  }

  @Test
  void completedHasRouteMethodStatusBytesTimeAndId() throws Exception {
    RawClient client = http.serve(user((context, request) -> Response.text(200, "hello")));
    client.request("GET", "/user/7", "X-Request-Id: id-1").answer();
    RequestSummary done = http.nextCompleted();
    assertThat(done.route()).isEqualTo("/user/{uid:\\d+}");
    assertThat(done.method()).isEqualTo("GET");
    assertThat(done.status()).isEqualTo(200);
    assertThat(done.bytes()).isEqualTo(5);
    assertThat(done.nanos()).isPositive();
    assertThat(done.error()).isNull();
    assertThat(done.requestId()).isEqualTo("id-1");
    assertThat(done.context().get(RequestId.KEY)).isEqualTo("id-1");
    assertThat(done.remote().getAddress().isLoopbackAddress()).isTrue();
  }

  @Test
  void contextOfAdmissionIsSeenByHandlerAndFinalizersEvenIfRejected() throws Exception {
    Context.Key<String> path = Context.key("path");
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    RawClient client =
        http.serve(
            HttpService.Settings.of("127.0.0.1", 0).withMaxInFlight(1),
            (context, request) -> {
              entered.countDown();
              release.await();
              return Response.text(200, context.get(path));
            });
    http.service().before((context, request) -> context.with(path, request.target().rawPath()));

    client.request("GET", "/first");
    assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
    assertThat(http.connect().request("GET", "/second").answer().status()).isEqualTo(503);
    assertThat(http.nextCompleted().context().get(path)).isEqualTo("/second");
    release.countDown();
    assertThat(client.answer().body()).isEqualTo("/first");
    assertThat(http.nextCompleted().context().get(path)).isEqualTo("/first");
  }

  @Test
  void completedHasFailuresAndHidesRawPathsAndMethods() throws Exception {
    RawClient client = http.serve(user((context, request) -> Response.text(200, "hello")));
    Answer answer = client.request("PATCH", "/user/7").answer();
    RequestSummary refused = http.nextCompleted();
    assertThat(refused.method()).isEqualTo("PATCH");
    assertThat(refused.status()).isEqualTo(405);
    assertThat(refused.bytes()).isEqualTo(answer.bytes().length);
    assertThat(refused.error()).isInstanceOf(StatusException.class);

    client.request("GET", "/secret").answer();
    assertThat(http.nextCompleted().route()).isEqualTo("-");

    http.connect().request("EVIL", "/user/7").answer();
    RequestSummary unknown = http.nextCompleted();
    assertThat(unknown.method()).isEqualTo("OTHER");
    assertThat(unknown.status()).isEqualTo(501);

    client.request("GET", "/a/../b").answer();
    RequestSummary ambiguous = http.nextCompleted();
    assertThat(ambiguous.route()).isEqualTo("-");
    assertThat(ambiguous.status()).isEqualTo(400);
  }

  @Test
  void completedHasTheErrorThatAnErrorEncoderHandled() throws Exception {
    StatusException refusal = new StatusException(403, "permission denied");
    RawClient client =
        http.serve(
            new EndpointHandler<Integer, Integer>(
                    (context, request) -> 7,
                    (context, uid) -> {
                      throw refusal;
                    },
                    (context, response) -> Response.empty(204))
                .onError((context, error) -> Response.text(418, "no")));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(418);
    RequestSummary done = http.nextCompleted();
    assertThat(done.status()).isEqualTo(418);
    assertThat(done.error()).isSameAs(refusal);
  }

  @Test
  void completedHasTheFailureOfATruncatedStream() throws Exception {
    RuntimeException failure = new IllegalStateException("disk full");
    RawClient client =
        http.serve(
            (context, request) ->
                Response.streaming(
                    200,
                    "a/b",
                    -1,
                    out -> {
                      out.write(HELLO);
                      throw failure;
                    }));
    client.request("GET", "/");
    RequestSummary broken = http.nextCompleted();
    assertThat(broken.status()).isEqualTo(200); // It is out, and cannot be taken back.
    assertThat(broken.bytes()).isEqualTo(5);
    assertThat(broken.error()).isSameAs(failure);
  }

  @Test
  void completedHasTheDisconnectOfTheClient() throws Exception {
    CountDownLatch gone = new CountDownLatch(1);
    RawClient client =
        http.serve(
            (context, request) -> {
              gone.await();
              return Response.streaming(200, "a/b", -1, ExchangeHandlerTest::endless);
            });
    client.request("GET", "/").reset();
    gone.countDown();
    assertThat(http.nextCompleted().error()).isInstanceOf(IOException.class);
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  private static void endless(OutputStream out) throws IOException {
    byte[] piece = new byte[10_000];
    while (true) {
      out.write(piece);
    }
  }

  @Test
  void finalizersOfTheHandlerRunFirstAndFailuresAreIsolated() throws Exception {
    BlockingQueue<String> order = new LinkedBlockingQueue<>();
    EndpointHandler<Integer, Integer> handler =
        new EndpointHandler<Integer, Integer>(
                (context, request) -> 7,
                (context, uid) -> uid,
                (context, response) -> Response.text(200, "hello"))
            .onCompleted(done -> order.add("handler 1"))
            .onCompleted(
                done -> {
                  throw new IllegalStateException("secret");
                })
            .onCompleted(
                done -> {
                  throw new AssertionError("secret");
                })
            .onCompleted(done -> order.add("handler 2"));
    RawClient client = http.serve(handler);
    http.service().onCompleted(done -> order.add("service"));
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("hello");
    for (String expected : List.of("handler 1", "handler 2", "service")) {
      assertThat(order.poll(5, TimeUnit.SECONDS)).isEqualTo(expected);
    }
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void finalizersRunWhenTheBytesAreOut() throws Exception {
    CountDownLatch received = new CountDownLatch(1);
    RawClient client = http.serve((context, request) -> Response.text(200, "hello"));
    http.service().onCompleted(done -> await(received));
    assertThat(client.request("GET", "/").answer().body()).isEqualTo("hello");
    received.countDown();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue(); // Longer than a client waits.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void contextStartsWithTheRequestIdOnly() throws Exception {
    BlockingQueue<Context> contexts = new LinkedBlockingQueue<>();
    RawClient client =
        http.serve(
            (context, request) -> {
              contexts.add(context);
              return Response.empty(204).with(Map.of());
            });
    client.request("GET", "/").answer();
    assertThat(contexts.take()).hasToString("Context[no deadline, request-id]");
  }
}
