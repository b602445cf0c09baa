// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import kit.http.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

/** Ambiguous request heads, which two programs could parse differently. */
@Timeout(20)
class RequestHeadTest {
  private final TestService http = new TestService();

  @AfterEach
  void stop() {
    http.close();
  }

  @Test
  void chunkedRequestEndsItsConnectionUnlessTheEngineIsStrict() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(100)));
    client.request("POST", "/", "Transfer-Encoding: chunked").send("5\r\nhello\r\n0\r\n\r\n");
    Answer answer = client.answer();
    assertThat(answer.body()).isEqualTo("hello");
    assertThat(answer.header("Connection")).isEqualTo(Engine.isKit() ? null : "close");
    if (Engine.isKit()) {
      assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
    } else {
      assertThat(client.isClosed()).isTrue();
    }
  }

  // To some JDKs both of these sizes end the body: the first overflows to 0.
  @ParameterizedTest
  @ValueSource(strings = {"100000000", ""})
  void chunkedBodyCannotSmuggleARequest(String size) throws Exception {
    BlockingQueue<String> served = new LinkedBlockingQueue<>();
    RawClient client =
        http.serve(
            (context, request) -> {
              served.add(request.target().rawPath());
              return Response.of(200, "a/b", request.body(100));
            });
    client
        .request("POST", "/outer", "Transfer-Encoding: chunked")
        .send(size + "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n")
        .endOfRequests();
    assertThat(client.rest()).containsOnlyOnce("HTTP/1.1 ");
    assertThat(served).containsExactly("/outer");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          GET / HTTP/1.1                                      | 400 | not exactly one Host header
          GET / HTTP/1.1~Host: a~Host: a                      | 400 | not exactly one Host header
          GET / HTTP/1.1~Host: a, b                           | 400 | Host is not a name or address with or without a port
          GET / HTTP/1.0~Host: a~Host: b                      | 400 | not exactly one Host header
          GET / HTTP/1.1~Host: a~X: b\u0001c                  | 400 | control character in a header
          GET / HTTP/1.1~Host: a~X: b\u0000c                  | 400 | control character in a header
          POST / HTTP/1.1~Host: a~Content-Length: +0          | 400 | Content-Length is not a number
          POST / HTTP/1.0~Host: a~Transfer-Encoding: chunked  | 400 | Transfer-Encoding needs HTTP/1.1
          GET / HTTP/2.0~Host: a                              | 505 | major HTTP version is not 1
          GET / HTTP/9.9~Host: a                              | 505 | major HTTP version is not 1
          GET / HTTP/0.9~Host: a                              | 505 | major HTTP version is not 1
          GET / HTTP/1.11~Host: a                             | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/11.1~Host: a                             | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/1.~Host: a                               | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/1~Host: a                                | 400 | HTTP version is not HTTP/digit.digit
          GET / http/1.1~Host: a                              | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/1,1~Host: a                              | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/+1.1~Host: a                             | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/x.1~Host: a                              | 400 | HTTP version is not HTTP/digit.digit
          GET / FOO/9~Host: a                                 | 400 | HTTP version is not HTTP/digit.digit
          GET / HTTP/1.1~Host: a~Authorization: Basic eDp5~Authorization: Basic eDp6 | 400 | more than one Authorization header
          GET / HTTP/1.1~Host: a~Authorization: Basic eDp5~authorization: Basic eDp5 | 400 | more than one Authorization header
          GET //evil/ok HTTP/1.1~Host: a                      | 400 | path has an empty segment
          GET /a/../ok HTTP/1.1~Host: a                       | 400 | path has a dot segment
          GET /a%2fb HTTP/1.1~Host: a      | 400 | path has an encoded slash or backslash
          GET http://other/ok HTTP/1.1~Host: a | 400 | authority of the request target is not the Host header's
          FOO / HTTP/1.1~Host: a                              | 501 | method not implemented
          get / HTTP/1.1~Host: a                              | 501 | method not implemented
          GET / HTTP/1.1~Host: a~Expect: 200-ok               | 417 | Expect is not 100-continue
          GET / HTTP/1.1~Host: a~Expect: 100-continue, x      | 417 | Expect is not 100-continue
          """)
  void ambiguousRequestIsRejectedAndItsConnectionClosed(String head, int status, String detail)
      throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    client.send(head.replace("~", "\r\n") + "\r\n\r\n").endOfRequests();
    Answer answer = client.answer();
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.header("Connection")).isEqualTo("close");
    if (!answer.header("Content-Type").startsWith("text/")) { // Some engines respond first.
      assertThat(answer.body()).contains("\"detail\":\"" + detail + "\"");
    }
    assertThat(client.isClosed()).isTrue();
  }

  @Test
  void unknownMinorVersionIsServedAsTheHighestKnown() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, request.version()));
    client.send("GET / HTTP/1.2\r\nHost: a\r\n\r\nGET / HTTP/1.9\r\nHost: a\r\n\r\n");
    assertThat(client.answer().body()).isEqualTo("1.2");
    assertThat(client.answer().body()).isEqualTo("1.9");
  }

  @Test
  void twoRequestIdsAreBothReplaced() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    client.request("GET", "/", "X-Request-Id: one", "X-Request-Id: two");
    assertThat(client.answer().header("X-Request-Id")).matches("[0-9a-f]{16}");
    client.request("GET", "/", "X-Request-Id: one");
    assertThat(client.answer().header("X-Request-Id")).isEqualTo("one");
  }

  @Test
  void contentLengthIsParsedAsANumber() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(2)));
    client.request("POST", "/", "Content-Length: 0000000000000000002").send("ok");
    assertThat(client.answer().body()).isEqualTo("ok");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", ":80", "a b", "a/b", "a@b", "a%41", "a;b", "a,b", "a:b", "a:80:80", "[", "[]", "[::1",
        "::1", "[::1]80", "[::g]", "[::1]:x", "a?", "a#", "\u00e4", "\"a\""
      })
  void invalidHostIsRejected(String host) throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    assertThat(client.answer().status()).isEqualTo(400);
    assertThat(client.isClosed()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a",
        "A.b-c_d~1",
        "a:",
        "a:80",
        "127.0.0.1:8081",
        "[::1]",
        "[fe80::ABCD:1.2.3.4]:80",
        " a "
      })
  void hostMayBeANameOrAnAddress(String host) throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    assertThat(client.answer().body()).isEqualTo("reached");
  }

  @Test
  void longTargetIs414() throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    Answer answer = client.request("GET", "/" + "x".repeat(8_000)).answer();
    assertThat(answer.status()).isEqualTo(414);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"GET / HTTP/1.0", "GET / HTTP/1.0~Host: a", "GET http://a/ HTTP/1.1~Host: a"})
  void unusualButLegalRequestIsServed(String head) throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    Answer answer = client.send(head.replace("~", "\r\n") + "\r\n\r\n").answer();
    assertThat(answer.body()).isEqualTo("reached");
  }

  // No path, so the JDK's server closes the connection before the toolkit sees the request.
  @ParameterizedTest
  @ValueSource(strings = {"CONNECT host:443", "GET mailto:a", "OPTIONS *"})
  void targetWithoutPathEndsTheConnection(String methodAndTarget) throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "reached"));
    client.send(methodAndTarget + " HTTP/1.1\r\nHost: host:443\r\n\r\n");
    String received = client.rest();
    assertThat(received).doesNotContain(" 200 ");
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          HTTP/1.1 | close         | true
          HTTP/1.1 | Close         | true
          HTTP/1.1 | close, TE     | true
          HTTP/1.1 | TE ,\tclose  | true
          HTTP/1.1 | TE~close      | true
          HTTP/1.1 | ,close,       | true
          HTTP/1.1 | closed, clo se | false
          HTTP/1.1 | keep-alive    | false
          HTTP/1.0 | TE            | true
          HTTP/1.0 | keep-alive    | false
          HTTP/1.0 | TE, Keep-Alive | false
          HTTP/1.0 | keep-alive~close | true
          """)
  void connectionHeaderOfTheClientIsHonoured(String version, String connection, boolean ends)
      throws Exception {
    RawClient client = http.serve((context, request) -> Response.text(200, "hello"));
    String lines = "\r\nConnection: " + connection.replace("~", "\r\nConnection: ");
    String request = "GET / " + version + "\r\nHost: a" + lines + "\r\n\r\n";
    Answer answer = client.send(request).answer();
    assertThat(answer.body()).isEqualTo("hello");
    assertThat("close".equals(answer.header("Connection"))).isEqualTo(ends);
    if (ends) {
      assertThat(client.isClosed()).isTrue();
    } else {
      assertThat(client.send(request).answer().body()).isEqualTo("hello");
    }
  }

  @Test
  void expectContinueIsSupported() throws Exception {
    RawClient client = http.serve((context, request) -> Response.of(200, "a/b", request.body(9)));
    client.request("POST", "/", "Expect: 100-Continue", "Content-Length: 5");
    assertThat(client.head().status()).isEqualTo(100);
    assertThat(client.send("hello").answer().body()).isEqualTo("hello");
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws Exception {
    RawClient client =
        http.serve((context, request) -> Response.text(200, request.target().rawPath()));
    client.send(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
            + "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    assertThat(client.answer().body()).isEqualTo("/1");
    assertThat(client.answer().body()).isEqualTo("/2");
    assertThat(client.answer().body()).isEqualTo("/3");
  }
}
