// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import kit.Context;
import kit.PeerException;
import kit.StatusException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProblemTest {
  private static final String PEER = "127.0.0.1:8081";
  private static final Context ID_1 = Context.background().with(RequestId.KEY, "id-1");
  private static final String HIDDEN = "the request could not be completed";

  private static JsonNode body(Response response) throws Exception {
    return Json.readTree(response.bytes());
  }

  @Test
  void hasTheMembersOfRfc9457() throws Exception {
    Response response = Problem.of(new StatusException(403, "permission denied"), ID_1);
    assertThat(response.status()).isEqualTo(403);
    assertThat(response.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(new String(response.bytes(), UTF_8))
        .isEqualTo(
            "{\"status\":403,\"title\":\"Forbidden\",\"detail\":\"permission denied\","
                + "\"requestId\":\"id-1\"}");
  }

  @Test
  void requestIdMayBeUnknown() throws Exception {
    assertThat(body(Problem.of(404, "no such path", Context.background())).has("requestId"))
        .isFalse();
  }

  @Test
  void theTraceIsNamedIfThereIsOne() throws Exception {
    Context traced = ID_1.with(RequestId.TRACE_ID, "4bf92f3577b34da6a3ce929d0e0e4736");
    assertThat(body(Problem.of(404, "no such path", traced)).get("traceId").textValue())
        .isEqualTo("4bf92f3577b34da6a3ce929d0e0e4736");
    assertThat(body(Problem.of(404, "no such path", ID_1)).has("traceId")).isFalse();
  }

  @Test
  void headersOfAStatusExceptionAreSent() {
    Response response =
        Problem.of(
            new StatusException(429, "rate limit exceeded")
                .with("Retry-After", "3")
                .with("content-type", "application/problem+json; x=y"),
            ID_1);
    assertThat(response.header("Retry-After")).isEqualTo("3");
    assertThat(response.header("Content-Type")).isEqualTo("application/problem+json; x=y");
  }

  static Stream<Arguments> exceptions() {
    StatusException refusal = new StatusException(404, "no user 7");
    PeerException timeout = PeerException.timeout(PEER, null);
    return Stream.of(
        Arguments.of(refusal, 404, "no user 7"),
        Arguments.of(PeerException.noInstance("x", null), 503, "upstream unavailable"),
        Arguments.of(PeerException.refused(PEER, "x", null, null), 503, "upstream unavailable"),
        Arguments.of(PeerException.notConnected(PEER, "x", null), 503, "upstream unavailable"),
        Arguments.of(timeout, 504, "upstream timed out"),
        Arguments.of(PeerException.broken(PEER, "x", null), 502, "upstream failed"),
        Arguments.of(PeerException.status(PEER, 401, "x", null), 502, "upstream failed"),
        Arguments.of(PeerException.status(PEER, 404, "x", null), 502, "upstream failed"),
        Arguments.of(PeerException.status(PEER, 503, "x", null), 502, "upstream failed"),
        Arguments.of(new IllegalStateException("secret"), 500, HIDDEN),
        Arguments.of(new IOException("secret"), 500, HIDDEN),
        Arguments.of(new InterruptedException("secret"), 500, HIDDEN),
        Arguments.of(new StackOverflowError("secret"), 500, HIDDEN),
        // From another thread: looked through, however often.
        Arguments.of(new ExecutionException(refusal), 404, "no user 7"),
        Arguments.of(new CompletionException(new ExecutionException(refusal)), 404, "no user 7"),
        Arguments.of(new ExecutionException(timeout), 504, "upstream timed out"),
        Arguments.of(new CompletionException("secret", null), 500, HIDDEN),
        // Any other wrapper gives its cause a new meaning.
        Arguments.of(new RuntimeException(refusal), 500, HIDDEN),
        Arguments.of(new UncheckedIOException(new IOException(refusal)), 500, HIDDEN),
        Arguments.of(new ExecutionException(new RuntimeException(refusal)), 500, HIDDEN));
  }

  @ParameterizedTest
  @MethodSource("exceptions")
  void exceptionDecidesStatusAndDetail(Throwable error, int status, String detail)
      throws Exception {
    Response response = Problem.of(error, ID_1);
    assertThat(response.status()).isEqualTo(status);
    assertThat(body(response).get("status").intValue()).isEqualTo(status);
    assertThat(body(response).get("detail").textValue()).isEqualTo(detail);
  }

  @ParameterizedTest
  @CsvSource({
    "PT0S, 0",
    "PT0.000000001S, 1",
    "PT0.999S, 1",
    "PT1S, 1",
    "PT1.001S, 2",
    "PT2M, 120",
    "PT-0.5S, 0",
    "PT-3S, 0"
  })
  void retryAfterIsRoundedUpToWholeSeconds(Duration retryAfter, String seconds) {
    Response response = Problem.of(PeerException.refused(PEER, "open", retryAfter, null), ID_1);
    assertThat(response.header("Retry-After")).isEqualTo(seconds);
  }

  @Test
  void retryAfterIsOnlySentWhereItHelps() {
    Duration three = Duration.ofSeconds(3);
    assertThat(Problem.of(PeerException.notConnected(PEER, "x", null), ID_1).headers())
        .doesNotContainKey("Retry-After");
    assertThat(Problem.of(PeerException.status(PEER, 503, "x", three), ID_1).headers())
        .doesNotContainKey("Retry-After");
  }

  @Test
  void detailMayContainAnyText() throws Exception {
    String halfACharacter = "\ud83d";
    for (String detail : List.of("", "\"\\\r\n\u2028", "😀", halfACharacter)) {
      Response response = Problem.of(404, detail, ID_1);
      assertThat(body(response).get("detail").textValue()).isEqualTo(detail);
    }
  }

  @Test
  void detailOfAPeerIsFound() {
    assertThat(Problem.detail(Problem.of(404, "no user 7", ID_1).bytes())).isEqualTo("no user 7");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "[]", "null", "{}", "{\"detail\":7}", "{\"detail\":null}"})
  void detailOfAPeerMayBeMissing(String json) {
    assertThat(Problem.detail(json.getBytes(UTF_8))).isNull();
  }

  @ParameterizedTest
  @CsvSource({
    "404, Not Found",
    "429, Too Many Requests",
    "503, Service Unavailable",
    "302, Redirection",
    "418, Client Error",
    "507, Server Error"
  })
  void titleIsTheReasonPhraseOrTheClass(int status, String title) {
    assertThat(Problem.title(status)).isEqualTo(title);
  }
}
