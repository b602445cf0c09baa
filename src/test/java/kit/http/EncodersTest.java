// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import kit.Context;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

@Timeout(30)
class EncodersTest {
  record Greeting(String message) {}

  private final TestService http = new TestService();

  @AfterEach
  void stop() {
    http.close();
  }

  private static <R> Response encode(EndpointHandler.Encoder<R> encoder, R response)
      throws Exception {
    return encoder.encode(Context.background(), response);
  }

  @Test
  void jsonIsWrittenWithTheStatusGiven() throws Exception {
    Response response = encode(Encoders.json(201), new Greeting("x"));
    assertThat(response.status()).isEqualTo(201);
    assertThat(response.header("Content-Type")).isEqualTo("application/json");
    assertThat(response.bytes()).asString(UTF_8).isEqualTo("{\"message\":\"x\"}");
    assertThat(encode(Encoders.json(), List.of()).status()).isEqualTo(200);
  }

  @Test
  void textIsWrittenInUtf8() throws Exception {
    Response response = encode(Encoders.text(), "grüß");
    assertThat(response.status()).isEqualTo(200);
    assertThat(response.header("Content-Type")).isEqualTo("text/plain; charset=utf-8");
    assertThat(response.bytes()).asString(UTF_8).isEqualTo("grüß");
  }

  @Test
  void emptyIs204WhateverTheResponse() throws Exception {
    Response response = encode(Encoders.empty(), "ignored");
    assertThat(response.status()).isEqualTo(204);
    assertThat(response.length()).isZero();
  }

  @Test
  void streamArrivesPieceByPiece() throws Exception {
    RawClient client =
        http.serve(
            new EndpointHandler<Void, List<String>>(
                (context, request) -> null,
                (context, nothing) -> List.of("a,b\n", "c,d\n"),
                Encoders.streaming(
                    "text/csv; charset=utf-8",
                    (rows, out) -> {
                      for (String row : rows) {
                        out.write(row.getBytes(UTF_8));
                        out.flush();
                      }
                    })));
    Answer answer = client.request("GET", "/", "Accept: text/csv").answer();
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/csv; charset=utf-8");
    assertThat(answer.header("Transfer-Encoding")).isEqualTo("chunked");
    assertThat(answer.body()).isEqualTo("a,b\nc,d\n");
    assertThat(client.request("GET", "/", "Accept: text/html").answer().status()).isEqualTo(406);
  }

  // JSON in, JSON out, on the wire.

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          application/json | */*                      | {"message":"x"}  | 200 | {"message":"Hello x"}
          application/json | text/html, application/* | {"message":"x"}  | 200 | {"message":"Hello x"}
          application/json | text/html                | {"message":"x"}  | 406 | not in Accept: application/json
          text/plain       | */*                      | {"message":"x"}  | 415 | Content-Type is not application/json
          application/json | */*                      | {"message":"x"}} | 400 | malformed JSON at line 1, column 16
          application/json | */*                      | {"message":"xxxxxxxxxxxxxxxxxx"} | 413 | body longer than 31 bytes
          """)
  void unacceptableMediaTypeIsRejectedBeforeTheEndpointIsCalled(
      String type, String accept, String body, int status, String says) throws Exception {
    RawClient client =
        http.serve(
            new EndpointHandler<Greeting, Greeting>(
                Decoders.json(Greeting.class, 31),
                (context, greeting) -> {
                  assertThat(status).as("status of a request that is served").isEqualTo(200);
                  return new Greeting("Hello " + greeting.message());
                },
                Encoders.json()));
    String[] headers = {
      "Content-Type: " + type, "Accept: " + accept, "Content-Length: " + body.length()
    };
    Answer answer = client.request("POST", "/", headers).send(body).answer();
    assertThat(answer.status()).isEqualTo(status);
    if (status == 200) {
      assertThat(answer.body()).isEqualTo(says);
    } else {
      assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
      JsonNode problem = Json.readTree(answer.bytes());
      assertThat(problem.get("detail").textValue()).isEqualTo(says);
    }
    // The connection is good for more, whatever has become of the body.
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void acceptMayStandInSeveralLines() throws Exception {
    RawClient client =
        http.serve(
            new EndpointHandler<Void, String>(
                (context, request) -> null, (context, nothing) -> "fine", Encoders.text()));
    String[] two = {"Accept: text/html", "Accept: text/plain"};
    assertThat(client.request("GET", "/", two).answer().status()).isEqualTo(200);
    assertThat(client.request("GET", "/").answer().status()).isEqualTo(200);
    assertThat(client.request("GET", "/", "Accept: text/html").answer().status()).isEqualTo(406);
  }

  @Test
  void encoderWithoutAMediaTypeIgnoresAccept() throws Exception {
    RawClient client =
        http.serve(
            new EndpointHandler<Void, String>(
                (context, request) -> null,
                (context, nothing) -> "fine",
                (context, answer) -> Response.text(200, answer)));
    assertThat(client.request("GET", "/", "Accept: image/png").answer().status()).isEqualTo(200);
  }
}
