// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResponseTest {
  private static final Response PLAIN = Response.empty(204);

  @Test
  void kindsOfBodies() {
    assertThat(PLAIN.length()).isZero();
    assertThat(PLAIN.headers()).isEmpty();

    Response json = Response.json(200, "{}".getBytes(UTF_8));
    assertThat(json.status()).isEqualTo(200);
    assertThat(json.header("content-type")).isEqualTo("application/json");
    assertThat(json.bytes()).hasSize(2);

    Response text = Response.text(404, "für");
    assertThat(text.header("Content-Type")).isEqualTo("text/plain; charset=utf-8");
    assertThat(text.length()).isEqualTo(4);

    Response other = Response.of(200, "image/png", new byte[] {1});
    assertThat(other.headers()).containsExactly(Map.entry("Content-Type", List.of("image/png")));
  }

  @Test
  void streamingBodyIsWrittenOnDemand() throws Exception {
    Response streaming =
        Response.streaming(200, "text/csv", -1, out -> out.write("a,b".getBytes(UTF_8)));
    assertThat(streaming.length()).isEqualTo(-1);
    assertThat(streaming.header("Content-Type")).isEqualTo("text/csv");
    assertThatExceptionOfType(IllegalStateException.class).isThrownBy(streaming::bytes);

    ByteArrayOutputStream sent = new ByteArrayOutputStream();
    streaming.with("X-Rows", "1").writeTo(sent);
    assertThat(sent).hasToString("a,b");
  }

  @Test
  void withReplacesAHeaderOfTheSameNameInAnyCase() {
    Response response =
        Response.text(200, "a,b").with("content-TYPE", "text/csv").with("X-Rows", "1");
    assertThat(response.headers())
        .containsExactly(
            Map.entry("content-TYPE", List.of("text/csv")), Map.entry("X-Rows", List.of("1")));
  }

  @Test
  void withLeavesTheOriginalAlone() {
    PLAIN.with("X-Rows", "1");
    assertThat(PLAIN.headers()).isEmpty();
  }

  @Test
  void headerMayHaveSeveralLines() {
    Response response = PLAIN.with("Vary", List.of("Origin", "Accept"));
    assertThat(response.headers()).containsExactly(Map.entry("Vary", List.of("Origin", "Accept")));
    assertThat(response.header("vary")).isEqualTo("Origin");
    assertThat(response.header("Age")).isNull();
  }

  @Test
  void manyHeadersAtOnce() {
    Response response = PLAIN.with("a", "0").with(Map.of("A", "1", "B", "2"));
    assertThat(response.header("a")).isEqualTo("1");
    assertThat(response.header("b")).isEqualTo("2");
  }

  @Test
  void headersCannotBeChanged() {
    assertThat(PLAIN.with("a", "b").headers()).isUnmodifiable();
    assertThat(Response.text(200, "").headers()).isUnmodifiable();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x\r\nSet-Cookie: a=b",
        "x\nSet-Cookie: a=b",
        "x\rSet-Cookie: a=b",
        "folded\r\n line", // Obsolete, and accepted by the JDK's server.
        "folded\r\n\tline",
        "x\0",
        "x\u001b[31m",
        "x\u007f",
        "Jürgen", // Its encoding is undefined.
        "x\u2028"
      })
  void ambiguousHeaderValueIsRejected(String value) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PLAIN.with("X-Name", value))
        .withMessageMatching("character not allowed in header X-Name: [ -~]*");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PLAIN.with("X-Name", List.of("fine", value)));
    assertThatIllegalArgumentException().isThrownBy(() -> PLAIN.with(Map.of("X-Name", value)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a\tb", "a=\"b,c\"; d", "~!@#$%^&*()"})
  void ordinaryValueIsKept(String value) {
    assertThat(PLAIN.with("X-Name", value).header("X-Name")).isEqualTo(value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "a b", "a:", ":a", "a\r\nb", "a\n", "a\0", "ä", "a\u007f", "(a)", "a/b"})
  void nameThatIsNoTokenIsRejected(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PLAIN.with(name, "x"))
        .withMessageStartingWith("not a header name: ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"x-request-id", "ETag", "!#$%&'*+-.^_`|~09azAZ"})
  void anyTokenIsAName(String name) {
    assertThat(PLAIN.with(name, "x").headers()).containsOnlyKeys(name);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 100, 199, 600, 999})
  void statusIsThatOfAFinalResponse(int status) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Response.empty(status))
        .withMessageContainingAll("200..599", "" + status);
  }

  @Test
  void isPrintedWithoutBodyAndHeaderValues() {
    Response response = Response.text(200, "secret").with("Set-Cookie", "secret");
    assertThat(response).hasToString("200 [Content-Type, Set-Cookie] 6 bytes");
  }
}
