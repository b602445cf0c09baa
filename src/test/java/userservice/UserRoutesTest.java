// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The routes without a socket: a handler is a function. */
class UserRoutesTest {
  private final Endpoint<Request, Response> handler =
      UserRoutes.handler(
          new InMemoryUserService("8081"),
          (context, request) -> Response.empty(204),
          (context, request) -> Response.empty(205),
          (context, request) -> Response.empty(206),
          Optional.of((context, request) -> Response.empty(202)),
          next -> next);

  private Response answer(String method, String target) throws Exception {
    Request request =
        new Request(
            method, RequestTarget.parse(target, "h"), new Headers(), InputStream.nullInputStream());
    return handler.call(Context.background(), request);
  }

  private Response post(String target, String json) throws Exception {
    Headers headers = new Headers();
    headers.set("Content-Type", "application/json");
    Request request =
        new Request(
            "POST",
            RequestTarget.parse(target, "h"),
            headers,
            new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)));
    return handler.call(Context.background(), request);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          GET    | /user/101        | {"result":"jerry8081"}
          GET    | /user/102        | {"result":"guest8081"}
          GET    | /user/0          | {"result":"guest8081"}
          GET    | /user/2147483647 | {"result":"guest8081"}
          GET    | /user/%31%30%31  | {"result":"jerry8081"}
          DELETE | /user/7          | {"result":"user 7 deleted"}
          """)
  void answers(String method, String target, String json) throws Exception {
    Response response = answer(method, target);
    assertThat(response.status()).isEqualTo(200);
    assertThat(response.header("Content-Type")).isEqualTo("application/json");
    assertThat(new String(response.bytes(), StandardCharsets.UTF_8)).isEqualTo(json);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          DELETE | /user/101                  | 403 | permission denied
          GET    | /user/2147483648           | 400 | uid not in 0..2147483647
          GET    | /user/99999999999999999999 | 400 | uid not in 0..2147483647
          GET    | /user/abc                  | 404 | no such path
          GET    | /user/-1                   | 404 | no such path
          GET    | /user/%D9%A1               | 404 | no such path
          GET    | /user/                     | 404 | no such path
          GET    | /user/7/                   | 404 | no such path
          GET    | /                          | 404 | no such path
          PUT    | /user/7                    | 405 | method not allowed; allowed: DELETE, GET, HEAD, OPTIONS
          """)
  void refuses(String method, String target, int status, String detail) {
    StatusException refusal =
        catchThrowableOfType(StatusException.class, () -> answer(method, target));
    assertThat(refusal.status()).isEqualTo(status);
    assertThat(refusal.detail()).isEqualTo(detail);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "user.get","params":{"uid":101}    | "result":{"result":"jerry8081"}
          "user.get","params":[7]            | "result":{"result":"guest8081"}
          "user.delete","params":{"uid":7}   | "result":{"result":"user 7 deleted"}
          "user.delete","params":{"uid":101} | "error":{"code":403,"message":"permission denied"}
          "user.delete","params":{"uid":1.9} | "error":{"code":-32602,"message":"params: unexpected value at uid"}
          "user.delete","params":{}          | "error":{"code":-32602,"message":"params: unexpected value at uid"}
          "user.get","params":{"uid":-1}     | "error":{"code":-32602,"message":"params: unexpected value"}
          "user.add","params":{"uid":7}      | "error":{"code":-32601,"message":"no such method"}
          """)
  void respondsOverJsonRpcToo(String method, String answer) throws Exception {
    Response response = post("/rpc", "{\"jsonrpc\":\"2.0\",\"method\":" + method + ",\"id\":1}");
    assertThat(response.status()).isEqualTo(200);
    assertThat(new String(response.bytes(), StandardCharsets.UTF_8))
        .isEqualTo("{\"jsonrpc\":\"2.0\"," + answer + ",\"id\":1}");
  }

  @Test
  void greets() throws Exception {
    Response response = post("/hello", "{\"message\":\"x\"}");
    assertThat(response.status()).isEqualTo(200);
    assertThat(new String(response.bytes(), StandardCharsets.UTF_8))
        .isEqualTo("{\"message\":\"Hello x\"}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {}              | 400 | message is missing
          {"message":7}   | 400 | malformed JSON at line 1, column 12
          {"message":"x"  | 400 | malformed JSON at line 1, column 15
          """)
  void invalidGreetingIsRejected(String json, int status, String detail) {
    StatusException refusal =
        catchThrowableOfType(StatusException.class, () -> post("/hello", json));
    assertThat(refusal.status()).isEqualTo(status);
    assertThat(refusal.detail()).isEqualTo(detail);
  }

  @Test
  void greetingIsNoLongerThan4KiB() {
    String json = "{\"message\":\"" + "x".repeat(4_096) + "\"}";
    StatusException refusal =
        catchThrowableOfType(StatusException.class, () -> post("/hello", json));
    assertThat(refusal.status()).isEqualTo(413);
  }

  @Test
  void healthAndReadyAreTheOnesGiven() throws Exception {
    assertThat(answer("GET", "/health").status()).isEqualTo(204);
    assertThat(answer("POST", "/access-token").status()).isEqualTo(202);
    assertThat(answer("GET", "/ready").status()).isEqualTo(205);
  }
}
