// SPDX-License-Identifier: Apache-2.0
package kit.auth;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.Charset;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import kit.http.Response;
import kit.http.server.HttpService;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class BasicAuthenticatingTest {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final List<String> asked = new CopyOnWriteArrayList<>();
  private HttpService service;

  @BeforeEach
  void serve() throws Exception {
    BasicAuthenticating.Check check =
        (user, password) -> {
          asked.add(user);
          return password.equals("p\u00e4ss:word");
        };
    service = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    service.start(
        BasicAuthenticating.checking("the users", check)
            .around(
                (context, request) ->
                    Response.text(200, "hello " + context.get(BasicAuthenticating.USER))));
  }

  @AfterEach
  void stop() {
    service.close();
  }

  private HttpResponse<String> get(String authorization) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + "/"))
            .timeout(Duration.ofSeconds(10));
    if (authorization != null) {
      request.header("Authorization", authorization);
    }
    return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static String base64(String text, Charset charset) {
    return Base64.getEncoder().encodeToString(text.getBytes(charset));
  }

  private void refused(HttpResponse<String> answer) {
    assertThat(answer.statusCode()).isEqualTo(401);
    assertThat(answer.headers().firstValue("WWW-Authenticate"))
        .contains("Basic realm=\"the users\", charset=\"UTF-8\"");
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
    assertThat(answer.body()).contains("\"detail\":\"a user's name and password are needed\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Basic ", "basic ", "BASIC  "})
  void rightPasswordIsAcceptedWithTheUser(String scheme) throws Exception {
    HttpResponse<String> answer = get(scheme + base64("j\u00e9rry:p\u00e4ss:word", UTF_8));
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("hello j\u00e9rry");
  }

  @Test
  void twoPasswordsAreRejectedUnverified() throws Exception {
    String right = "Basic " + base64("jerry:p\u00e4ss:word", UTF_8);
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + "/"))
            .headers("Authorization", right, "Authorization", right)
            .build();
    assertThat(CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).statusCode())
        .isEqualTo(400);
    assertThat(asked).isEmpty();
  }

  @Test
  void wrongPasswordIsRejected() throws Exception {
    refused(get("Basic " + base64("jerry:pass", UTF_8)));
    refused(get("Basic " + base64("jerry:", UTF_8)));
    refused(get("Basic " + base64(":", UTF_8)));
    assertThat(asked).containsExactly("jerry", "jerry", "");
  }

  @Test
  void malformedCredentialsAreRejectedUnverified() throws Exception {
    String right = base64("jerry:p\u00e4ss:word", UTF_8);
    refused(get(null));
    refused(get("Basic"));
    refused(get("Basic "));
    refused(get("Basic" + right));
    refused(get("Bearer " + right));
    refused(get("Basic " + right + "!"));
    refused(get("Basic " + right + ", Basic " + right));
    refused(get("Basic " + base64("jerry", UTF_8)));
    refused(get("Basic " + base64("jerry\n:p\u00e4ss:word", UTF_8)));
    refused(get("Basic " + base64("jerry\0:p\u00e4ss:word", UTF_8)));
    refused(get("Basic " + base64("jerry:p\u00e4ss:word", ISO_8859_1)));
    refused(get("Basic " + base64("x".repeat(1000) + ":p\u00e4ss:word", UTF_8)));
    assertThat(asked).isEmpty();
  }

  @Test
  void composedAndDecomposedFormsAreTheSame() throws Exception {
    HttpResponse<String> answer = get("Basic " + base64("je\u0301rry:pa\u0308ss:word", UTF_8));
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).isEqualTo("hello j\u00e9rry");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a\"b", "a\\b", "\u00e9", "a\r\nX: y"})
  void realmIsPrintable(String realm) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BasicAuthenticating.checking(realm, (user, password) -> true));
  }
}
