// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayInputStream;
import kit.Context;
import kit.StatusException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DecodersTest {
  record Greeting(String message, int times) {}

  private static final String JSON = "{\"message\":\"x\",\"times\":1}";

  private final EndpointHandler.Decoder<Greeting> decoder = Decoders.json(Greeting.class, 100);

  private Greeting decode(String body, String... headers) throws Exception {
    Headers sent = new Headers();
    for (String header : headers) {
      String[] parts = header.split(": ", 2);
      sent.add(parts[0], parts[1]);
    }
    Request request =
        new Request(
            "POST",
            RequestTarget.parse("/", "h"),
            sent,
            new ByteArrayInputStream(body.getBytes(UTF_8)));
    return decoder.decode(Context.background(), request);
  }

  private StatusException refusal(String body, String... headers) {
    return catchThrowableOfType(StatusException.class, () -> decode(body, headers));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/json",
        "Application/Json",
        "application/json;charset=utf-8",
        "application/json ; Charset=\"UTF-8\" ; a=\"b;charset=c\"",
      })
  void jsonIsRead(String type) throws Exception {
    assertThat(decode(JSON, "Content-Type: " + type)).isEqualTo(new Greeting("x", 1));
    assertThat(decode(JSON, "Content-Type: " + type, "Content-Encoding: identity"))
        .isEqualTo(new Greeting("x", 1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/json",
        "application/json5",
        "application/merge-patch+json",
        "application/json;charset=utf-16",
        "application/json;charset=iso-8859-1",
        "application/json, text/plain",
        "json",
        ""
      })
  void otherContentTypesAre415WithTheAcceptedOnes(String type) {
    StatusException refusal = refusal(JSON, "Content-Type: " + type);
    assertThat(refusal.status()).isEqualTo(415);
    assertThat(refusal.detail()).isEqualTo("Content-Type is not application/json");
    assertThat(refusal.headers()).containsOnlyKeys("Accept").containsValue("application/json");
  }

  @Test
  void noContentTypeIs415AndSoAreTwo() {
    assertThat(refusal(JSON).status()).isEqualTo(415);
    assertThat(refusal(JSON, "Content-Type: application/json", "Content-Type: text/plain").status())
        .isEqualTo(415);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gzip", "br", "identity, gzip"})
  void compressedBodyIs415WithAcceptEncoding(String encoding) {
    StatusException refusal =
        refusal(JSON, "Content-Type: application/json", "Content-Encoding: " + encoding);
    assertThat(refusal.status()).isEqualTo(415);
    assertThat(refusal.headers()).containsOnlyKeys("Accept-Encoding").containsValue("identity");
  }

  @Test
  void bodyThatIsTooLongIs413() throws Exception {
    String longest = "{\"times\":1,\"message\":\"" + "x".repeat(76) + "\"}";
    assertThat(longest).hasSize(100);
    assertThat(decode(longest, "Content-Type: application/json").message()).hasSize(76);
    StatusException refusal = refusal(longest + " ", "Content-Type: application/json");
    assertThat(refusal.status()).isEqualTo(413);
    assertThat(refusal.detail()).contains("100 bytes");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ''                          | no body
          ' '                         | malformed JSON at line 1, column 1
          {"message":"x","times":1.5} | malformed JSON at line 1, column 24
          {"message":"x"}             | malformed JSON at line 1, column 15
          {"message":"x","times":1}}  | malformed JSON at line 1, column 26
          {"times":1,"times":2}       | malformed JSON at line 1, column 19
          null                        | null where a value is needed
          """)
  void bodyThatIsNotTheExpectedJsonIs400(String body, String detail) {
    StatusException refusal = refusal(body, "Content-Type: application/json");
    assertThat(refusal.status()).isEqualTo(400);
    assertThat(refusal.detail()).isEqualTo(detail);
    assertThat(refusal).hasNoCause(); // It would quote the body in the log.
  }

  @Test
  void limitMustBePositive() {
    assertThatIllegalArgumentException().isThrownBy(() -> Decoders.json(Greeting.class, 0));
    assertThatNullPointerException().isThrownBy(() -> Decoders.json(null, 1));
  }
}
