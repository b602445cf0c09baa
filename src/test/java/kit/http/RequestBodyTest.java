// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

/** Request bodies, complete and incomplete. */
@Timeout(20)
class RequestBodyTest {
  private final TestService http = new TestService();

  @AfterEach
  void stop() {
    http.close();
  }

  @Test
  void bodyOfARequestIsRead() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.text(200, new String(request.body(100), UTF_8)));
    for (int i = 0; i < 2; i++) {
      client.request("POST", "/", "Content-Length: 5").send("hello");
      assertThat(client.answer().body()).isEqualTo("hello");
    }
  }

  @Test
  void bodyThatIsTooLongIsRejected() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.text(200, new String(request.body(4), UTF_8)));
    client.request("POST", "/", "Content-Length: 5").send("hello");
    assertThat(client.answer().status()).isEqualTo(413);
  }

  @Test
  void contentLengthBeyondTheBoundIsRejectedBeforeTheBody() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(4)));
    client.request("POST", "/", "Content-Length: 5");
    assertThat(client.answer().status()).isEqualTo(413);
    client.send("hello"); // Short enough to be read nevertheless, so the connection lives on.
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void contentLengthFarBeyondTheBoundClosesTheConnection() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(4)));
    client.request("POST", "/", "Content-Length: 9223372036854775807");
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.header("Connection")).isEqualTo("close");
    client.endOfRequests(); // Else the JDK's server goes on reading, up to a bound.
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void chunksAreCounted() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(4)));
    client.request("POST", "/", "Transfer-Encoding: chunked").send("3\r\nabc\r\n2\r\nde\r\n");
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.header("Connection")).isEqualTo(Engine.isKit() ? null : "close");
    if (Engine.isKit()) { // It knows for certain where the rest ends, and skips it.
      client.send("0\r\n\r\n").request("POST", "/", "Content-Length: 4").send("next");
      assertThat(client.answer().body()).isEqualTo("next");
    }
  }

  @Test
  void unreadBodyIsNotParsedAsTheNextRequest() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "unread"));
    client.request("POST", "/", "Content-Length: 5").send("hello");
    assertThat(client.answer().body()).isEqualTo("unread");
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void truncatedBodyIsAClientError(boolean chunked) throws Exception {
    BlockingQueue<Throwable> seen = new LinkedBlockingQueue<>();
    CountDownLatch reading = new CountDownLatch(1);
    RawClient client =
        http.serve(
            (context, request) -> {
              reading.countDown();
              try {
                request.body(100);
                throw new AssertionError("half a body passed for a whole one");
              } catch (IOException e) {
                seen.add(e);
                throw new IllegalStateException(e);
              }
            });
    client.request("POST", "/", chunked ? "Transfer-Encoding: chunked" : "Content-Length: 10");
    client.send(chunked ? "a\r\nhello" : "hello");
    reading.await();
    client.reset();
    RequestSummary broken = http.nextCompleted();
    assertThat(broken.status())
        .isIn(0, 400); // The connection was closed, or the response was sent.
    assertThat(broken.error()).hasRootCause(seen.poll(5, TimeUnit.SECONDS));
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 10", "Transfer-Encoding: chunked"})
  void incompleteBodyIs400(String framing) throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(100)));
    client.request("POST", "/", framing).send("a\r\nhello").endOfRequests();
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).contains("\"detail\":\"incomplete body\"");
    assertThat(client.isClosed()).isTrue();
    RequestSummary broken = http.nextCompleted();
    assertThat(broken.status()).isEqualTo(400);
    assertThat(broken.error()).isInstanceOf(IOException.class);
  }

  @Test
  void errorEncoderCannotTurnItIntoAServerError() throws Exception {
    RawClient client =
        http.serve(
            new EndpointHandler<byte[], Integer>(
                    (context, request) -> request.body(100),
                    (context, body) -> body.length,
                    (context, length) -> Response.text(200, length.toString()))
                .onError((context, error) -> Response.text(500, error.toString())));
    client.request("POST", "/", "Content-Length: 10").send("hello").endOfRequests();
    assertThat(client.answer().status()).isEqualTo(400);
    RequestSummary broken = http.nextCompleted();
    assertThat(broken.status()).isEqualTo(400);
    assertThat(broken.error()).isInstanceOf(IOException.class);
  }

  @Test
  void handlerMayIgnoreAnIncompleteBodyButTheConnectionIsClosed() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              assertThatThrownBy(() -> request.body(100)).isInstanceOf(IOException.class);
              return Response.text(200, "never mind");
            });
    client.request("POST", "/", "Content-Length: 10").send("hello").endOfRequests();
    Answer answer = client.answer();
    assertThat(answer.body()).isEqualTo("never mind");
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(client.isClosed()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"x\r\n", "FFFFFFFFFFFFFFFFF\r\n", "5\r\nhello!\r\n0\r\n\r\n"})
  void malformedChunksAre400(String chunks) throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(100)));
    client.request("POST", "/", "Transfer-Encoding: chunked").send(chunks);
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.header("Connection")).isEqualTo("close");
    client.endOfRequests(); // Else the JDK's server goes on looking for the end of the body.
    assertThat(client.isClosed()).isTrue();
  }
}
