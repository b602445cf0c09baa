// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  record User(int uid, String name) {
    User {
      if (uid < 0) {
        throw new IllegalArgumentException("uid < 0: " + uid);
      }
    }
  }

  private static User readUser(String json) throws Json.MalformedException {
    return Json.read(json.getBytes(UTF_8), User.class);
  }

  private static Json.MalformedException malformed(String json) {
    return catchThrowableOfType(Json.MalformedException.class, () -> readUser(json));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\ud800", "a\udc00b", "\ude00\ud83d", "x\ud800\ud83d\ude00"})
  void loneSurrogateIsEscapedOrRejectedAndNeverReplaced(String text) throws Exception {
    byte[] json;
    try {
      json = Json.write(Map.of("text", text));
    } catch (UncheckedIOException refused) {
      return;
    }
    assertThat(Json.readTree(json).get("text").textValue()).isEqualTo(text);
  }

  @Test
  void recordsRoundTrip() throws Exception {
    User user = new User(101, "Jürgen \"J\" 用户");
    byte[] json = Json.write(user);
    assertThat(new String(json, UTF_8)).isEqualTo("{\"uid\":101,\"name\":\"Jürgen \\\"J\\\" 用户\"}");
    assertThat(Json.read(json, User.class)).isEqualTo(user);
  }

  @Test
  void collectionsAreWrittenToo() {
    assertThat(Json.write(List.of(Map.of("a", 1)))).asString(UTF_8).isEqualTo("[{\"a\":1}]");
  }

  @Test
  void unknownMembersAreIgnored() throws Exception {
    assertThat(readUser("{\"uid\":1,\"new\":{\"deep\":[1,2]},\"name\":\"a\"}"))
        .isEqualTo(new User(1, "a"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"uid\":1}}",
        "{\"uid\":1}{\"uid\":2}",
        "{\"uid\":1} x",
        "{\"uid\":1,\"uid\":2}",
        "{\"name\":\"a\",\"uid\":1,\"name\":\"a\"}",
        "{\"new\":{\"a\":1,\"a\":2}}",
        "{\"uid\":1,}",
        "{uid:1}",
        "{'uid':1}",
        "{\"uid\":NaN}",
        "{\"uid\":01}",
        "{\"uid\":\"a\"}",
        "{\"uid\":-1}",
        "{\"uid\":2147483648}",
        "[1]",
        "7",
        "{\"uid\":1",
        "{\"name\":\"a\nb\"}",
        "{\"name\":\"\\x\"}",
        "",
        " ",
        "null"
      })
  void anythingButOneValueOfTheTypeIsRejected(String json) {
    assertThatThrownBy(() -> readUser(json)).isInstanceOf(Json.MalformedException.class);
  }

  record Scalars(Double decimal, Boolean flag, String text, Colour colour, List<String> list) {}

  enum Colour {
    RED
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"uid\":1.5}",
        "{\"uid\":1.0}",
        "{\"uid\":1e2}",
        "{\"uid\":\"1\"}",
        "{\"uid\":\"\"}",
        "{\"uid\":true}",
        "{\"uid\":null}",
        "{\"name\":\"without uid\"}",
        "{}"
      })
  void otherNumbersAreNotCoercedToInt(String json) {
    assertThatThrownBy(() -> readUser(json)).isInstanceOf(Json.MalformedException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"decimal\":\"1.5\"}",
        "{\"decimal\":true}",
        "{\"flag\":1}",
        "{\"flag\":\"true\"}",
        "{\"text\":7}",
        "{\"text\":1.5}",
        "{\"text\":true}",
        "{\"text\":[\"a\"]}",
        "{\"colour\":0}",
        "{\"colour\":\"red\"}",
        "{\"colour\":\"\"}",
        "{\"list\":\"a\"}",
        "{\"list\":[7]}"
      })
  void valuesAreNotCoerced(String json) {
    assertThatThrownBy(() -> Json.read(json.getBytes(UTF_8), Scalars.class))
        .isInstanceOf(Json.MalformedException.class);
  }

  @Test
  void missingOptionalMembersAreNull() throws Exception {
    Scalars nothing = new Scalars(null, null, null, null, null);
    assertThat(Json.read("{}".getBytes(UTF_8), Scalars.class)).isEqualTo(nothing);
    assertThat(Json.read("{\"decimal\":null}".getBytes(UTF_8), Scalars.class)).isEqualTo(nothing);
    assertThat(Json.read("{\"decimal\":1}".getBytes(UTF_8), Scalars.class).decimal())
        .isEqualTo(1.0); // An integer is a number.
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16", "UTF-16BE", "UTF-16LE", "UTF-32"})
  void otherEncodingsThanUtf8AreRejected(String charset) {
    assertThatThrownBy(() -> Json.readTree("{\"uid\":1}".getBytes(Charset.forName(charset))))
        .isInstanceOf(Json.MalformedException.class);
  }

  @Test
  void invalidUtf8IsRejected() {
    byte[] json = {'{', '"', 'n', 'a', 'm', 'e', '"', ':', '"', (byte) 0xff, '"', '}'};
    assertThatThrownBy(() -> Json.read(json, User.class))
        .isInstanceOf(Json.MalformedException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\":1,\"a\":2}", "[1] [2]", "", "[1"})
  void treesAreReadAsStrictly(String json) {
    assertThatThrownBy(() -> Json.readTree(json.getBytes(UTF_8)))
        .isInstanceOf(Json.MalformedException.class);
  }

  @Test
  void depthIsBounded() throws Exception {
    byte[] deepest = ("[".repeat(100) + "]".repeat(100)).getBytes(UTF_8);
    assertThat(Json.readTree(deepest)).isNotNull();
    String tooDeep = "[".repeat(101) + "]".repeat(101);
    assertThatThrownBy(() -> Json.readTree(tooDeep.getBytes(UTF_8)))
        .isInstanceOf(Json.MalformedException.class);
    // Unknown members are skipped, but not without limits.
    assertThatThrownBy(() -> readUser("{\"new\":" + tooDeep + "}"))
        .isInstanceOf(Json.MalformedException.class);
  }

  @Test
  void numbersAreBounded() throws Exception {
    assertThat(Json.readTree("9".repeat(100).getBytes(UTF_8)).isBigInteger()).isTrue();
    assertThatThrownBy(() -> Json.readTree("9".repeat(101).getBytes(UTF_8)))
        .isInstanceOf(Json.MalformedException.class);
  }

  @Test
  void treeCanBeNull() throws Exception {
    JsonNode tree = Json.readTree("null".getBytes(UTF_8));
    assertThat(tree.isNull()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"uid":"secret"}    | malformed JSON at line 1, column 8
          {"uid":1}<secret>   | malformed JSON at line 1, column 10
          {"uid":secret}      | malformed JSON at line 1, column 8
          {"uid":1,"uid":2}   | malformed JSON at line 1, column 15
          null                | null where a value is needed
          """)
  void messageHasThePositionButQuotesNothing(String json, String message) {
    assertThat(malformed(json)).hasMessage(message);
  }

  @Test
  void messageCountsLines() {
    assertThat(malformed("{\n  \"uid\": 1,\n  \"name\": }"))
        .hasMessage("malformed JSON at line 3, column 11");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"users":[{"uid":1},{"uid":"secret"}]} | unexpected value at users.1.uid
          {"names":{"a\\u000ab":7}}              | unexpected value at names.a\\nb
          []                                     | unexpected value
          null                                   | null where a value is needed
          """)
  void messageAboutATreeNamesTheMember(String json, String message) throws Exception {
    record Users(List<User> users, Map<String, String> names) {}
    JsonNode tree = Json.readTree(json.getBytes(UTF_8));
    assertThatThrownBy(() -> Json.read(tree, Users.class)).hasMessage(message);
  }

  @Test
  void treeIsReadLikeBytes() throws Exception {
    JsonNode tree = Json.readTree("{\"uid\":7,\"name\":\"a\"}".getBytes(UTF_8));
    assertThat(Json.read(tree, User.class)).isEqualTo(new User(7, "a"));
  }

  @Test
  void exceptionHasNoCauseThatQuotesTheInput() {
    assertThat(malformed("{\"uid\":\"secret\\nline\"}")).hasNoCause();
  }

  @Test
  void unsupportedTypeIsAProgrammingError() {
    record Hopeless(Runnable task) {}
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Json.read("{\"task\":{}}".getBytes(UTF_8), Hopeless.class))
        .withMessageStartingWith("cannot be read from JSON: class ")
        .withMessageContaining("Hopeless");
  }

  @Test
  void messageNeverNamesJacksonOrClasses() {
    for (String json : List.of("{", "[", "{\"uid\":\"a\"}", "{\"uid\":-1}", "x", "")) {
      assertThat(malformed(json).getMessage())
          .doesNotContain("jackson", "kit", "Exception", "User");
    }
  }

  @Test
  void unwritableValueIsAProgrammingError() {
    assertThatExceptionOfType(UncheckedIOException.class)
        .isThrownBy(() -> Json.write(new Object()))
        .withMessageContainingAll("JSON", "java.lang.Object");
  }
}
