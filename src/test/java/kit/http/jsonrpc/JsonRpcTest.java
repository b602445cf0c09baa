// SPDX-License-Identifier: Apache-2.0
package kit.http.jsonrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import kit.Context;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonRpcTest {
  record Pair(int minuend, Integer subtrahend) {}

  record Nothing() {}

  private final List<String> notes = new ArrayList<>();

  private final JsonRpc rpc =
      new JsonRpc(new JsonRpc.Settings(1_000, 5))
          .method("subtract", Pair.class, (context, pair) -> pair.minuend() - pair.subtrahend())
          .method("get_data", Nothing.class, (context, nothing) -> List.of("hello", 5))
          .method("nothing", Nothing.class, (context, nothing) -> null)
          .method(
              "sum",
              int[].class,
              (context, numbers) -> java.util.stream.IntStream.of(numbers).sum())
          .method("note", JsonNode.class, (context, any) -> notes.add(any.toString()))
          .method("fail", String[].class, (context, how) -> fail(how[0]))
          .method("unwritable", Nothing.class, (context, nothing) -> new Object());

  private static Object fail(String how) throws Exception {
    throw switch (how) {
      case "denied" -> new StatusException(403, "permission denied");
      case "limited" -> new StatusException(429, "too many").with("Retry-After", "3");
      case "purpose" -> new StatusException(500, "failed on purpose");
      case "gone" -> PeerException.notConnected("b:1", "connection refused", null);
      case "late" -> PeerException.timeout("b:1", null);
      case "own" -> new JsonRpc.ErrorException(7, "no funds");
      case "cancelled" -> new InterruptedException();
      default -> new IllegalStateException("secret");
    };
  }

  private static Request request(String method, String body, String... headers) {
    Headers sent = new Headers();
    for (String header : headers) {
      String[] parts = header.split(": ", 2);
      sent.add(parts[0], parts[1]);
    }
    return new Request(
        method,
        RequestTarget.parse("/rpc", "h"),
        sent,
        new ByteArrayInputStream(body.getBytes(UTF_8)));
  }

  private static Request post(String body) {
    return request("POST", body, "Content-Type: application/json");
  }

  /** Returns the body of the response, or its status if it has none. */
  private String answer(String body) throws Exception {
    Response response = rpc.call(Context.background(), post(body));
    if (response.status() == 204) {
      assertThat(response.length()).isZero();
      return "204";
    }
    assertThat(response.status()).isEqualTo(200);
    assertThat(response.header("Content-Type")).isEqualTo("application/json");
    return new String(response.bytes(), UTF_8);
  }

  private static String error(int code, String message, String id) {
    return "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"%s\"},\"id\":%s}"
        .formatted(code, message, id);
  }

  /** The examples of the specification, section 7, with the error texts of the toolkit. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}                                | {"jsonrpc":"2.0","result":19,"id":1}
          {"jsonrpc":"2.0","method":"subtract","params":[23,42],"id":2}                                | {"jsonrpc":"2.0","result":-19,"id":2}
          {"jsonrpc":"2.0","method":"subtract","params":{"subtrahend":23,"minuend":42},"id":3}         | {"jsonrpc":"2.0","result":19,"id":3}
          {"jsonrpc":"2.0","method":"note","params":[1,2,3,4,5]}                                       | 204
          {"jsonrpc":"2.0","method":"foobar"}                                                          | 204
          {"jsonrpc":"2.0","method":"foobar","id":"1"}                                                 | {"jsonrpc":"2.0","error":{"code":-32601,"message":"no such method"},"id":"1"}
          {"jsonrpc":"2.0","method":"foobar,"params":"bar","baz]                                       | {"jsonrpc":"2.0","error":{"code":-32700,"message":"malformed JSON at line 1, column 36"},"id":null}
          {"jsonrpc":"2.0","method":1,"params":"bar"}                                                  | {"jsonrpc":"2.0","error":{"code":-32600,"message":"method is not a string"},"id":null}
          []                                                                                           | {"jsonrpc":"2.0","error":{"code":-32600,"message":"batch of 0 not in 1..5"},"id":null}
          [1]                                                                                          | [{"jsonrpc":"2.0","error":{"code":-32600,"message":"a request is an object"},"id":null}]
          [{"jsonrpc":"2.0","method":"note","params":[1,2]},{"jsonrpc":"2.0","method":"note","params":[7]}] | 204
          """)
  void respondsAsInTheSpecification(String request, String expected) throws Exception {
    assertThat(answer(request)).isEqualTo(expected);
  }

  @Test
  void batchResponseIsInOrderWithoutNotifications() throws Exception {
    String batch =
        """
        [{"jsonrpc":"2.0","method":"sum","params":[1,2,4],"id":"1"},
         {"jsonrpc":"2.0","method":"note","params":[7]},
         {"foo":"boo"},
         {"jsonrpc":"2.0","method":"foo.get","params":{"name":"myself"},"id":"5"},
         {"jsonrpc":"2.0","method":"get_data","id":"9"}]
        """;
    assertThat(answer(batch))
        .isEqualTo(
            "[{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":\"1\"},"
                + error(-32600, "jsonrpc is not \\\"2.0\\\"", "null")
                + ","
                + error(-32601, "no such method", "\"5\"")
                + ",{\"jsonrpc\":\"2.0\",\"result\":[\"hello\",5],\"id\":\"9\"}]");
    assertThat(notes).containsExactly("[7]");
  }

  @Test
  void batchBeyondTheLimitIsRejectedCompletely() throws Exception {
    String one = "{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"params\":[1]}";
    assertThat(answer("[" + String.join(",", List.of(one, one, one, one, one)) + "]"))
        .isEqualTo("204");
    assertThat(notes).hasSize(5);
    assertThat(answer("[" + String.join(",", List.of(one, one, one, one, one, one)) + "]"))
        .isEqualTo(error(-32600, "batch of 6 not in 1..5", "null"));
    assertThat(notes).hasSize(5);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1",
        "-7",
        "0",
        "\"a\"",
        "\"\"",
        "\"\\n\"",
        "null",
        "123456789012345678901234567890"
      })
  void idIsReturnedUnchanged(String id) throws Exception {
    assertThat(answer("{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":" + id + "}"))
        .isEqualTo("{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":" + id + "}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "1e400", "true", "[1]", "{}"})
  void otherIdsAreRejected(String id) throws Exception {
    assertThat(answer("{\"jsonrpc\":\"2.0\",\"method\":\"note\",\"id\":" + id + "}"))
        .isEqualTo(error(-32600, "id is no string, whole number or null", "null"));
    assertThat(notes).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"method":"note","id":1}                                 | jsonrpc is not \\"2.0\\"    | 1
          {"jsonrpc":2.0,"method":"note","id":1}                   | jsonrpc is not \\"2.0\\"    | 1
          {"jsonrpc":"1.0","method":"note","id":1}                 | jsonrpc is not \\"2.0\\"    | 1
          {"jsonrpc":"2.0","id":1}                                 | method is not a string      | 1
          {"jsonrpc":"2.0","method":null,"id":1}                   | method is not a string      | 1
          {"jsonrpc":"2.0","method":"note","params":7,"id":1}      | params is no object or array | 1
          {"jsonrpc":"2.0","method":"note","params":null}          | params is no object or array | null
          "note"                                                   | a request is an object      | null
          null                                                     | a request is an object      | null
          """)
  void invalidRequestIsAnErrorEvenWithoutAnId(String request, String why, String id)
      throws Exception {
    assertThat(answer(request)).isEqualTo(error(-32600, why, id));
    assertThat(notes).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          subtract | {"minuend":1.5}              | params: unexpected value at minuend
          subtract | {"minuend":"1"}              | params: unexpected value at minuend
          subtract | {}                           | params: unexpected value at minuend
          subtract | []                           | params: unexpected value at minuend
          subtract | [1,2,3]                      | params: 3, at most 2
          sum      | {"a":1}                      | params: unexpected value
          sum      | [1,"2"]                      | params: unexpected value at 1
          get_data | [1]                          | params: 1, at most 0
          """)
  void invalidParamsAreRejected(String method, String params, String why) throws Exception {
    String call = "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s,\"id\":1}";
    assertThat(answer(call.formatted(method, params))).isEqualTo(error(-32602, why, "1"));
  }

  @Test
  void paramsMayBeLeftOutAsFarAsTheMethodAllows() throws Exception {
    assertThat(answer("{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":1}"))
        .isEqualTo("{\"jsonrpc\":\"2.0\",\"result\":[\"hello\",5],\"id\":1}");
    assertThat(answer("{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"id\":1}"))
        .isEqualTo(error(-32602, "params: unexpected value at minuend", "1"));
  }

  @ParameterizedTest
  @CsvSource({
    "denied, 403, permission denied",
    "limited, 429, too many",
    "purpose, -32603, failed on purpose",
    "gone, 503, upstream unavailable",
    "late, 504, upstream timed out",
    "own, 7, no funds",
    "otherwise, -32603, the request could not be completed"
  })
  void failureOfAMethodIsAnErrorAndInTheAccessLog(String how, int code, String message)
      throws Exception {
    Request request =
        post("{\"jsonrpc\":\"2.0\",\"method\":\"fail\",\"params\":[\"" + how + "\"],\"id\":1}");
    Response response = rpc.call(Context.background(), request);
    assertThat(response.status()).isEqualTo(200);
    assertThat(response.bytes()).asString(UTF_8).isEqualTo(error(code, message, "1"));
    assertThat(response.error()).isNotNull();
  }

  @Test
  void failedCallDoesNotAffectTheRestOfItsBatch() throws Exception {
    String batch =
        """
        [{"jsonrpc":"2.0","method":"fail","params":["x"],"id":1},
         {"jsonrpc":"2.0","method":"fail","params":["x"]},
         {"jsonrpc":"2.0","method":"unwritable","id":2},
         {"jsonrpc":"2.0","method":"sum","params":[1],"id":3}]
        """;
    String internal = "the request could not be completed";
    assertThat(answer(batch))
        .isEqualTo(
            "[%s,%s,{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":3}]"
                .formatted(error(-32603, internal, "1"), error(-32603, internal, "2")));
  }

  @Test
  void interruptionEndsTheBatch() {
    String batch =
        """
        [{"jsonrpc":"2.0","method":"fail","params":["cancelled"],"id":1},
         {"jsonrpc":"2.0","method":"note","params":[1]}]
        """;
    assertThatThrownBy(() -> answer(batch)).isInstanceOf(InterruptedException.class);
    assertThat(notes).isEmpty();
  }

  @Test
  void contextReachesTheMethod() throws Exception {
    JsonRpc asking =
        new JsonRpc()
            .method("left", Nothing.class, (context, nothing) -> context.remainingNanos() > 0);
    Context context = Context.background().withTimeout(Duration.ofMinutes(1));
    Response response =
        asking.call(context, post("{\"jsonrpc\":\"2.0\",\"method\":\"left\",\"id\":1}"));
    assertThat(response.bytes()).asString(UTF_8).contains("\"result\":true");
  }

  // HTTP errors, before a message is parsed.

  private StatusException refusal(Request request) {
    return catchThrowableOfType(
        StatusException.class, () -> rpc.call(Context.background(), request));
  }

  @Test
  void onlyPostIsAllowed() {
    StatusException refusal = refusal(request("GET", ""));
    assertThat(refusal.status()).isEqualTo(405);
    assertThat(refusal.headers()).isEqualTo(Map.of("Allow", "POST"));
  }

  @Test
  void mediaTypesAndLengthAreCheckedAsForHttp() {
    assertThat(refusal(request("POST", "{}", "Content-Type: text/plain")).status()).isEqualTo(415);
    String json = "Content-Type: application/json";
    assertThat(refusal(request("POST", "{}", json, "Accept: text/html")).status()).isEqualTo(406);
    assertThat(refusal(post("[" + " ".repeat(1_000))).status()).isEqualTo(413);
  }

  // Wiring.

  @ParameterizedTest
  @ValueSource(strings = {"", "rpc.", "rpc.discover", "sum"})
  void nameIsNeitherEmptyNorReservedNorTaken(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> rpc.method(name, Nothing.class, (context, nothing) -> 1))
        .withMessageContaining(name);
  }

  @Test
  void invalidConfigurationIsRejectedAtConstruction() {
    assertThatNullPointerException()
        .isThrownBy(() -> rpc.method("a", null, (context, nothing) -> 1));
    assertThatNullPointerException().isThrownBy(() -> rpc.method("a", Nothing.class, null));
    assertThatIllegalArgumentException().isThrownBy(() -> new JsonRpc.Settings(0, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> new JsonRpc.Settings(1, 0));
  }
}
