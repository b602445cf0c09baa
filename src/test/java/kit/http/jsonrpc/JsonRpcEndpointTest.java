// SPDX-License-Identifier: Apache-2.0
package kit.http.jsonrpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.StatusException;
import kit.http.RequestId;
import kit.http.client.HttpEndpoint;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Engine;
import testing.RawPeer;
import testing.TestService;

/** Both sides of JSON-RPC on the wire, and the client against malformed responses. */
@Timeout(30)
class JsonRpcEndpointTest {
  private static final HttpClient HTTP = Engine.newClient();

  record Pair(int minuend, int subtrahend) {}

  record Difference(int value) {}

  private final TestService service = new TestService();

  @AfterEach
  void stop() {
    service.close();
  }

  private URI serve() throws Exception {
    service.serve(
        new JsonRpc()
            .method(
                "subtract",
                Pair.class,
                (context, pair) -> {
                  if (pair.subtrahend() > pair.minuend()) {
                    throw new StatusException(403, "no debts");
                  }
                  return new Difference(pair.minuend() - pair.subtrahend());
                })
            .method("id", Map.class, (context, nothing) -> context.get(RequestId.KEY))
            .method("forget", Map.class, (context, nothing) -> null));
    return URI.create("http://127.0.0.1:" + service.service().port() + "/rpc");
  }

  @Test
  void callsAMethodByNameAndByPosition() throws Exception {
    URI uri = serve();
    assertThat(
            JsonRpcEndpoint.of(HTTP, uri, "subtract", Difference.class)
                .call(Context.background(), new Pair(42, 23)))
        .isEqualTo(new Difference(19));
    assertThat(
            JsonRpcEndpoint.of(HTTP, uri, "subtract", Difference.class)
                .call(Context.background(), List.of(42, 2)))
        .isEqualTo(new Difference(40));
  }

  @Test
  void methodMayHaveNoParamsAndNoResult() throws Exception {
    HttpEndpoint<Void, Void> forget = JsonRpcEndpoint.of(HTTP, serve(), "forget", Void.class);
    assertThat(forget.call(Context.background(), null)).isNull();
  }

  @Test
  void requestIdIsForwarded() throws Exception {
    HttpEndpoint<Void, String> id = JsonRpcEndpoint.of(HTTP, serve(), "id", String.class);
    assertThat(id.call(Context.background().with(RequestId.KEY, "id-1"), null)).isEqualTo("id-1");
  }

  @Test
  void errorIsAPeerExceptionOfItsStatus() throws Exception {
    URI uri = serve();
    PeerException denied =
        catchThrowableOfType(
            PeerException.class,
            () ->
                JsonRpcEndpoint.of(HTTP, uri, "subtract", Difference.class)
                    .call(Context.background(), new Pair(1, 2)));
    assertThat(denied.kind()).isEqualTo(Kind.STATUS);
    assertThat(denied).hasMessage("403 no debts (" + uri.getAuthority() + ")");
    assertThat(denied).hasCauseInstanceOf(JsonRpc.ErrorException.class);
    PeerException unknown =
        catchThrowableOfType(
            PeerException.class,
            () ->
                JsonRpcEndpoint.of(HTTP, uri, "add", Difference.class)
                    .call(Context.background(), new Pair(1, 2)));
    assertThat(unknown).hasMessage("404 no such method (" + uri.getAuthority() + ")");
  }

  private static PeerException failureOf(String body) throws Exception {
    return failureOf("200 OK", "application/json", body);
  }

  private static PeerException failureOf(String status, String type, String body) throws Exception {
    String head =
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d"
            .formatted(status, type, body.length());
    try (RawPeer peer = RawPeer.answering(head + "\r\n\r\n" + body)) {
      return catchThrowableOfType(
          PeerException.class,
          () ->
              JsonRpcEndpoint.of(HTTP, peer.uri(), "subtract", Difference.class)
                  .call(Context.background(), new Pair(1, 2)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "-32700, 400",
    "-32600, 400",
    "-32601, 404",
    "-32602, 400",
    "-32603, 500",
    "-32000, 500",
    "-32768, 500",
    "399, 422",
    "400, 400",
    "429, 429",
    "503, 503",
    "600, 422",
    "7, 422",
    "-1, 422"
  })
  void everyCodeHasAStatusAndIsFoundInTheCause(int code, int status) throws Exception {
    PeerException failure =
        failureOf(
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"a\\nb\"},\"id\":null}"
                .formatted(code));
    assertThat(failure.kind()).isEqualTo(Kind.STATUS);
    assertThat(failure.status()).isEqualTo(status);
    assertThat(failure.detail()).isEqualTo("a\\nb"); // One line.
    assertThat(((JsonRpc.ErrorException) failure.getCause()).code()).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"jsonrpc":"2.0","result":{"value":1},"id":2}       | the response to another call
          {"jsonrpc":"2.0","result":{"value":1},"id":"1"}     | the response to another call
          {"jsonrpc":"2.0","result":{"value":1}}              | the response to another call
          {"jsonrpc":"2.0","id":1}                            | no result
          {"jsonrpc":"2.0","error":null,"id":1}               | no result
          {"jsonrpc":"2.0","error":{"code":"1"},"id":1}       | error without code or message
          {"jsonrpc":"2.0","error":{"code":1},"id":1}         | error without code or message
          {"jsonrpc":"2.0","result":{"value":1.5},"id":1}     | unexpected value at value
          {"jsonrpc":"2.0","result":null,"id":1}              | null where a value is needed
          {"result":{"value":1},"id":1}                       | not a response of JSON-RPC 2.0
          [{"jsonrpc":"2.0","result":{"value":1},"id":1}]     | not a response of JSON-RPC 2.0
          <html>                                              | malformed JSON at line 1, column 1
          """)
  void responseThatIsNotJsonRpcIsMalformed(String body, String why) throws Exception {
    PeerException failure = failureOf(body);
    assertThat(failure.kind()).isEqualTo(Kind.MALFORMED);
    assertThat(failure.detail()).isEqualTo("malformed response: " + why);
  }

  @ParameterizedTest
  @CsvSource({
    "400, application/json, -32602, 400",
    "500, application/json, -32602, 400",
    "404, Application/JSON; charset=utf-8, -32601, 404",
    "500, application/json, 7, 422",
    "503, application/json, 403, 403",
    "500, application/json, -32603, 500"
  })
  void jsonRpcErrorTakesPrecedenceOverTheHttpStatus(
      int httpStatus, String type, int code, int status) throws Exception {
    PeerException failure =
        failureOf(
            httpStatus + " x\r\nRetry-After: 003",
            type,
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"no\"},\"id\":1}"
                .formatted(code));
    assertThat(failure.status()).isEqualTo(status);
    assertThat(failure.detail()).isEqualTo("no");
    assertThat(failure.retryAfter()).contains(Duration.ofSeconds(3));
    assertThat(((JsonRpc.ErrorException) failure.getCause()).code()).isEqualTo(code);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          text/html        | {"jsonrpc":"2.0","error":{"code":7,"message":"no"},"id":1}
          application/json | {"jsonrpc":"1.0","error":{"code":7,"message":"no"},"id":1}
          application/json | {"jsonrpc":"2.0","error":{"message":"no"},"id":1}
          application/json | {"jsonrpc":"2.0","result":7,"id":1}
          application/json | <html>
          """)
  void failureWithoutAJsonRpcErrorIsAnHttpFailure(String type, String body) throws Exception {
    PeerException failure = failureOf("503 x", type, body);
    assertThat(failure.status()).isEqualTo(503);
    assertThat(failure.detail()).isEqualTo("Service Unavailable");
    assertThat(failure).hasNoCause();
  }

  @Test
  void httpFailureIsThrownUnchanged() throws Exception {
    service.serve(
        (context, request) -> {
          throw new StatusException(429, "rate limit exceeded").with("Retry-After", "3");
        });
    URI uri = URI.create("http://127.0.0.1:" + service.service().port());
    PeerException failure =
        catchThrowableOfType(
            PeerException.class,
            () ->
                JsonRpcEndpoint.of(HTTP, uri, "subtract", Difference.class)
                    .call(Context.background(), new Pair(1, 2)));
    assertThat(failure.status()).isEqualTo(429);
    assertThat(failure.retryAfter()).isPresent();
    assertThat(failure).hasNoCause();
  }
}
