// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import kit.StatusException;
import kit.http.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

/** Response bodies on the wire. */
@Timeout(20)
class ResponseBodyTest {
  private static final byte[] HELLO = "hello".getBytes(UTF_8);

  private final TestService http = new TestService();

  @AfterEach
  void stop() {
    http.close();
  }

  @Test
  void headHasTheLengthOfGetAndNoBody() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "hello"));
    Answer head = client.request("HEAD", "/").head();
    assertThat(head.status()).isEqualTo(200);
    assertThat(head.header("Content-Length")).isEqualTo("5");
    assertThat(http.nextCompleted().bytes()).isZero();
    // A body would be parsed as the next response.
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void headOfAProblemHasNoBodyEither() throws Exception {
    RawClient client =
        http.serve(
            (context, request) -> {
              throw new StatusException(404, "no such path");
            });
    Answer head = client.request("HEAD", "/").head();
    assertThat(head.status()).isEqualTo(404);
    assertThat(Integer.parseInt(head.header("Content-Length"))).isPositive();
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 5})
  void headOfAStreamIsNotWritten(long length) throws Exception {
    CountDownLatch written = new CountDownLatch(1);
    RawClient client =
        http.serve(
            (context, request) ->
                Response.streaming(200, "text/csv", length, out -> written.countDown()));
    Answer head = client.request("HEAD", "/").head();
    assertThat(head.header("Content-Length")).isEqualTo(length < 0 ? null : "5");
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
    assertThat(written.getCount()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "not allowed here"})
  void noContentHasNeitherBodyNorLength(String body) throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(204, body));
    Answer answer = client.request("DELETE", "/").answer();
    assertThat(answer.status()).isEqualTo(204);
    assertThat(answer.headers()).doesNotContainKeys("Content-Length", "Transfer-Encoding");
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void notModifiedHasNoBody() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(304, "hello"));
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(304);
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void emptyBodyHasLengthZero() throws Exception {
    RawClient client = http.serve((context, request) -> Response.empty(200));
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.header("Content-Length")).isEqualTo("0");
    assertThat(answer.headers()).doesNotContainKey("Transfer-Encoding");
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void streamOfKnownLengthIsSentAsIs() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.streaming(200, "a/b", 5, this::hello));
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.header("Content-Length")).isEqualTo("5");
    assertThat(answer.body()).isEqualTo("hello");
    assertThat(http.nextCompleted().bytes()).isEqualTo(5);
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void streamOfUnknownLengthIsChunked() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.streaming(200, "a/b", -1, this::hello));
    Answer answer = client.request("GET", "/").answer();
    assertThat(answer.header("Transfer-Encoding")).isEqualTo("chunked");
    assertThat(answer.headers()).doesNotContainKey("Content-Length");
    assertThat(answer.body()).isEqualTo("hello");
    assertThat(http.nextCompleted().bytes()).isEqualTo(5);
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  private void hello(OutputStream out) throws IOException {
    out.write('h');
    out.flush();
    out.write(HELLO, 1, 4);
    out.close(); // As a writer around it would do.
  }

  @Test
  void clientOfHttp10GetsAStreamUntilTheConnectionCloses() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.streaming(200, "a/b", -1, this::hello));
    Answer answer = client.send("GET / HTTP/1.0\r\n\r\n").answer();
    assertThat(answer.headers()).doesNotContainKeys("Transfer-Encoding", "Content-Length");
    assertThat(answer.body()).isEqualTo("hello");
  }

  @Test
  void largeBodyArrivesComplete() throws Exception {
    byte[] large = new byte[3_000_000];
    for (int i = 0; i < large.length; i++) {
      large[i] = (byte) i;
    }
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", large));
    assertThat(client.request("GET", "/").answer().bytes()).isEqualTo(large);
  }

  static Stream<Arguments> brokenWriters() {
    Response.BodyWriter throwsAtOnce =
        out -> {
          throw new IllegalStateException("secret");
        };
    Response.BodyWriter throwsLater =
        out -> {
          out.write(HELLO);
          out.flush();
          throw new IOException("secret");
        };
    Response.BodyWriter throwsAfterClosing =
        out -> {
          try (out) {
            out.write(HELLO);
            throw new StackOverflowError("secret");
          }
        };
    return Stream.of(
        Arguments.of(-1L, throwsAtOnce),
        Arguments.of(-1L, throwsLater),
        Arguments.of(-1L, throwsAfterClosing),
        Arguments.of(10L, throwsAtOnce),
        Arguments.of(10L, throwsLater),
        Arguments.of(10L, throwsAfterClosing),
        Arguments.of(10L, (Response.BodyWriter) out -> out.write(HELLO)));
  }

  @ParameterizedTest
  @MethodSource("brokenWriters")
  void truncatedStreamIsNotTakenForComplete(long length, Response.BodyWriter writer)
      throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.streaming(200, "a/b", length, writer));
    client.request("GET", "/");
    assertThatThrownBy(client::answer).isInstanceOf(IOException.class);
    assertThat(client.isClosed()).isTrue();
    assertThat(http.nextCompleted().error()).isNotNull();
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void streamDoesNotExceedItsLength() throws Exception {
    RawClient client =
        http.serve(
            (context, request) ->
                Response.streaming(
                    200,
                    "a/b",
                    5,
                    out -> {
                      out.write(HELLO);
                      out.write(HELLO);
                    }));
    client.request("GET", "/");
    Throwable error = http.nextCompleted().error();
    assertThat(error).hasMessageContaining("5 bytes");
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  /** Two lengths, or a length beside chunks: a proxy could see another end of the body. */
  @ParameterizedTest
  @ValueSource(strings = {"GET 5", "GET -1", "GET 0", "HEAD 5", "HEAD -1", "HEAD 0"})
  void handlerCannotSetTheFramingOfABody(String methodAndLength) throws Exception {
    String method = methodAndLength.split(" ")[0];
    long length = Long.parseLong(methodAndLength.split(" ")[1]);
    RawClient client =
        http.serve(
            (context, request) ->
                (length == 0
                        ? Response.empty(200)
                        : Response.streaming(200, "a/b", length, out -> out.write(HELLO)))
                    .with("content-length", "99")
                    .with("Transfer-encoding", "gzip"));
    client.request(method, "/");
    Answer answer = method.equals("GET") ? client.answer() : client.head();
    if (method.equals("GET")) {
      assertThat(answer.body()).isEqualTo(length == 0 ? "" : "hello");
      assertThat(answer.header("Transfer-Encoding")).isEqualTo(length < 0 ? "chunked" : null);
      assertThat(answer.header("Content-Length"))
          .isEqualTo(length < 0 ? null : Long.toString(length));
    } else {
      assertThat(answer.header("Transfer-Encoding")).isNull();
      // A Content-Length that a proxy got from its upstream, without a body.
      assertThat(answer.header("Content-Length")).isEqualTo(length == 5 ? "5" : "99");
    }
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void noContentHasNoLengthEvenIfTheHandlerSetsOne() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.empty(204).with("Content-Length", "0"));
    assertThat(client.request("GET", "/").answer().headers()).doesNotContainKey("Content-Length");
  }
}
