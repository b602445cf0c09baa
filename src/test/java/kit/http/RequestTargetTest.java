// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import kit.http.RequestTarget.InvalidException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestTargetTest {
  private static final String HOST = "localhost:8080";

  @Test
  void exampleOfTheJavadoc() {
    RequestTarget target = RequestTarget.parse("/user/J%C3%BCrgen?tag=a&tag=b", "localhost");

    assertThat(target.segments()).containsExactly("user", "Jürgen");
    assertThat(target.query("tag")).hasValue("a");
    assertThat(target.queryAll("tag")).containsExactly("a", "b");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # as many segments as slashes, shown between brackets
          /                  | []
          /a                 | [a]
          /a/                | [a][]
          /a/b/c             | [a][b][c]
          # decoded once, after the split
          /a%20b/c           | [a b][c]
          /%61dmin           | [admin]
          /%e2%82%ac         | [€]
          /%F0%9F%98%80      | [😀]
          /%252e%252e        | [%2e%2e]
          /%252F             | [%2F]
          /100%25            | [100%]
          # text, though special elsewhere
          /a+b               | [a+b]
          /...               | [...]
          /.a/a./..a         | [.a][a.][..a]
          /a;b-is-not/%3B-is | refused
          /%3B               | [;]
          /%3Fa%23b          | [?a#b]
          /user:1@x,y=(z)!$&'~_-*.   | [user:1@x,y=(z)!$&'~_-*.]
          """,
      quoteCharacter = '`')
  void splitsThePathAtSlashesAndThenDecodes(String target, String segments) {
    if (segments.equals("refused")) {
      assertRefused(target, 400);
      return;
    }
    StringBuilder actual = new StringBuilder();
    RequestTarget.parse(target, HOST).segments().forEach(each -> actual.append("[" + each + "]"));
    assertThat(actual.toString()).isEqualTo(segments);
  }

  static Stream<String> refusedTargets() {
    return Stream.of(
        // forms
        "",
        "*",
        "a",
        "a/b",
        "?a=1",
        "localhost:8080",
        "mailto:a",
        "https://localhost:8080/a",
        // empty segments
        "//",
        "//evil/foo",
        "/a//b",
        "/a//",
        "/a/b///",
        // dot segments in every spelling
        "/.",
        "/..",
        "/./a",
        "/../a",
        "/a/./b",
        "/a/..",
        "/a/../",
        "/%2e",
        "/%2E%2e/a",
        "/.%2e/a",
        "/a/%2e./b",
        // separators in disguise
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a%5cb",
        "/a\\b",
        "/..\\a",
        "/a;b",
        "/a;jsessionid=1",
        "/..;/a",
        "/a?b;c",
        // fragments
        "/a#b",
        "/#",
        "/a?b#c",
        // percent signs without two hexadecimal digits
        "/%",
        "/a%",
        "/%4",
        "/%zz",
        "/%4g",
        "/%g4",
        "/%-1",
        "/%+1",
        "/% 1",
        "/%u0041",
        "/%%41",
        "/a?b=%",
        "/a?b=%4",
        "/a?%zz",
        // not UTF-8
        "/%80",
        "/%FF",
        "/%C3",
        "/%C3/%BC",
        "/%C3%28",
        "/%C0%AF",
        "/%C0%80",
        "/%E0%80%AF",
        "/%ED%A0%80",
        "/%ED%B0%80",
        "/%ED%A0%BD%ED%B8%80",
        "/%F4%90%80%80",
        "/a?b=%80",
        "/a?%C0%AF=b",
        "/a?b=%ED%A0%80",
        // raw characters that RFC 3986 does not allow
        "/a b",
        "/a ",
        " /a",
        "/a\"b",
        "/<a>",
        "/a|b",
        "/a^b",
        "/a`b",
        "/{a}",
        "/[a]",
        "/ü",
        "/a\u2028b",
        "/\uFF0E\uFF0E/a",
        "/\uD800",
        "/a?b c",
        "/a?b=ü",
        "/a?\"",
        "/a?b\\c",
        "/a?{b}");
  }

  @ParameterizedTest
  @MethodSource("refusedTargets")
  void rejectsAmbiguousPaths(String target) {
    assertRefused(target, 400);
  }

  static Stream<Integer> controlCharacters() {
    return IntStream.concat(IntStream.range(0, 0x20), IntStream.rangeClosed(0x7f, 0x9f)).boxed();
  }

  @ParameterizedTest
  @MethodSource("controlCharacters")
  void rejectsControlCharactersRawAndEncodedInPathAndQuery(int control) {
    String raw = Character.toString(control);
    for (String written : List.of(raw, encode(raw))) {
      assertRefused("/" + written, 400);
      assertRefused("/user/1" + written, 400);
      assertRefused("/a?b=" + written, 400);
      assertRefused("/a?" + written + "=b", 400);
    }
  }

  @Test
  void acceptsThePathUpToItsLengthAndRejectsLongerWith414() {
    String longest = "/" + "a".repeat(RequestTarget.MAX_PATH_LENGTH - 1);

    assertThat(RequestTarget.parse(longest + "?b", HOST).rawPath()).isEqualTo(longest);
    assertThat(RequestTarget.parse("http://" + HOST + longest, HOST).rawPath()).isEqualTo(longest);
    assertRefused(longest + "a", 414);
    assertRefused("http://" + HOST + longest + "a", 414);
    // Too long is reported even if the target is invalid too.
    assertRefused(longest + "a//%zz", 414);
  }

  @Test
  void acceptsTheQueryUpToItsLengthAndRejectsLongerWith414() {
    String longest = "a".repeat(RequestTarget.MAX_QUERY_LENGTH);

    assertThat(RequestTarget.parse("/?" + longest, HOST).query(longest)).hasValue("");
    assertRefused("/?a" + longest, 414);
  }

  @Test
  void boundsSegmentsAndParameters() {
    String deepest = "/a".repeat(RequestTarget.MAX_SEGMENTS);
    String most = "/?a=1" + "&b".repeat(RequestTarget.MAX_PARAMETERS - 1);

    assertThat(RequestTarget.parse(deepest, HOST).segments()).hasSize(RequestTarget.MAX_SEGMENTS);
    assertRefused(deepest + "/", 400);
    assertThat(RequestTarget.parse(most, HOST).queryAll("b"))
        .hasSize(RequestTarget.MAX_PARAMETERS - 1);
    assertRefused(most + "&c", 400);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # target                           | Host header    | rawPath, or refused
          http://localhost:8080/a/b?c=1      | localhost:8080 | /a/b
          HTTP://LocalHost:8080/a            | localhost:8080 | /a
          http://localhost:8080/a            | LOCALHOST:8080 | /a
          http://[::1]:8080/a                | [::1]:8080     | /a
          http://localhost:8080              | localhost:8080 | /
          http://localhost:8080?c=1          | localhost:8080 | /
          http://localhost:8080/             | localhost:8080 | /
          http://localhost:8080//a           | localhost:8080 | refused
          http://localhost:8080/a/../b       | localhost:8080 | refused
          http://localhost:8080#a            | localhost:8080#a | refused
          http://other/a                     | localhost:8080 | refused
          http://localhost/a                 | localhost:8080 | refused
          http://localhost:80/a              | localhost      | refused
          http://localhost:8080/a            |                | refused
          http://user@localhost:8080/a       | user@localhost:8080 | refused
          http:///a                          | localhost:8080 | refused
          http:///a                          | ``             | refused
          http://                            | ``             | refused
          http:/a                            | localhost:8080 | refused
          http://kit/a                       | \u212Ait       | refused
          """,
      quoteCharacter = '`')
  void takesTheAbsoluteFormOnlyForTheHostHeadersAuthority(
      String target, String hostOrNull, String rawPath) {
    String host = hostOrNull == null ? "" : hostOrNull; // A blank column is null in a table.
    if (rawPath.equals("refused")) {
      assertThatThrownBy(() -> RequestTarget.parse(target, host))
          .isInstanceOf(InvalidException.class);
    } else {
      assertThat(RequestTarget.parse(target, host).rawPath()).isEqualTo(rawPath);
    }
  }

  @Test
  void theAbsoluteFormKeepsItsQuery() {
    assertThat(RequestTarget.parse("http://localhost:8080?a=1", HOST).query("a")).hasValue("1");
  }

  @Test
  void theOriginFormDoesNotNeedAHost() {
    assertThat(RequestTarget.parse("/a", "").segments()).containsExactly("a");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # query          | all values of a, between brackets; none = absent
          a=1              | [1]
          a=1&a=2&b        | [1][2]
          b=3&a=1&b=4&a=2  | [1][2]
          a                | []
          a=               | []
          a&a=1            | [][1]
          b                | none
          A=1              | none
          ``               | none
          # only the first equals sign separates
          a=b=c            | [b=c]
          a==              | [=]
          # nothing between ampersands is no parameter
          &&a=1&&          | [1]
          # decoded once, and + is a space
          a=x+y            | [x y]
          a=x%20y          | [x y]
          a=x%2By          | [x+y]
          a=1%262          | [1&2]
          %61=1            | [1]
          a%3D1=2          | none
          a=%2525          | [%25]
          a=%c3%bc         | [ü]
          # separators of the path are text here
          a=../x//y        | [../x//y]
          a=%2F%5C         | [/\\]
          a=1?2            | [1?2]
          a=%3B            | [;]
          a=[1]            | [[1]]
          """,
      quoteCharacter = '`')
  void readsTheQuery(String query, String values) {
    RequestTarget target = RequestTarget.parse("/x?" + query, HOST);

    List<String> all = target.queryAll("a");
    StringBuilder actual = new StringBuilder();
    all.forEach(value -> actual.append("[" + value + "]"));
    assertThat(all.isEmpty() ? "none" : actual.toString()).isEqualTo(values);
    assertThat(target.query("a")).isEqualTo(all.stream().findFirst());
    assertThat(target.rawQuery()).hasValue(query);
    assertThat(target.segments()).containsExactly("x");
  }

  @Test
  void namesParametersInTheOrderSent() {
    RequestTarget target = RequestTarget.parse("/?z=1&&a+b=2&z=3&=4", HOST);

    assertThat(target.queryNames()).containsExactly("z", "a b", "");
    assertThat(target.query("")).hasValue("4");
  }

  @Test
  void keepsTheRawTextForForwarding() {
    String raw = "/a%20b/c";

    RequestTarget target = RequestTarget.parse(raw + "?d=%20+", HOST);

    assertThat(target.rawPath()).isEqualTo(raw);
    assertThat(target.rawQuery()).hasValue("d=%20+");
    assertThat(RequestTarget.parse(raw, HOST).rawPath()).isSameAs(raw);
    assertThat(RequestTarget.parse(raw, HOST).rawQuery()).isEmpty();
    assertThat(RequestTarget.parse(raw + "?", HOST).rawQuery()).hasValue("");
  }

  @Test
  void returnsUnmodifiableCollections() {
    RequestTarget target = RequestTarget.parse("/a/b?c=1", HOST);

    assertThatThrownBy(() -> target.segments().set(0, "x"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> target.queryAll("c").add("x"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> target.queryNames().remove("c"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/marker//",
        "/marker/..",
        "/marker%2F",
        "/marker%00",
        "/marker%zz",
        "/marker%80",
        "/marker;",
        "marker",
        "http://marker/",
        "ftp://marker/",
        "/?marker=%80",
        "/?marker=%0A",
        "/?marker=#"
      })
  void exceptionIsCheapAndDoesNotQuoteTheTarget(String target) {
    InvalidException refusal =
        catchThrowableOfType(InvalidException.class, () -> RequestTarget.parse(target, HOST));

    assertThat(refusal.getMessage()).isNotBlank().doesNotContain("marker");
    assertThat(refusal.getStackTrace()).isEmpty();
    assertThat(refusal.getCause()).isNull();
  }

  @Test
  void nullIsRejected() {
    assertThatNullPointerException()
        .isThrownBy(() -> RequestTarget.parse(null, HOST))
        .withMessage("rawTarget");
    assertThatNullPointerException()
        .isThrownBy(() -> RequestTarget.parse("/", HOST).query(null))
        .withMessage("name");
  }

  /** Metamorphic: what a client encodes needlessly changes nothing. */
  @ParameterizedTest
  @ValueSource(strings = {"/", "/user/101", "/a/b/c/", "/a.b/c-d/e~f_g", "/1:2@3,4=5"})
  void encodingEveryCharacterGivesTheSameSegments(String path) {
    StringBuilder encoded = new StringBuilder();
    for (char character : path.toCharArray()) {
      encoded.append(character == '/' ? "/" : encode(Character.toString(character)));
    }

    assertThat(RequestTarget.parse(encoded.toString(), HOST).segments())
        .isEqualTo(RequestTarget.parse(path, HOST).segments());
  }

  @Test
  void randomTextRoundTrips() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      List<String> texts = new ArrayList<>();
      StringBuilder path = new StringBuilder();
      StringBuilder query = new StringBuilder("?");
      for (int i = 0; i <= random.nextInt(4); i++) {
        String text = randomText(random);
        texts.add(text);
        path.append('/').append(encode(text));
        query.append("k=").append(encode(text)).append('&');
      }

      RequestTarget target = RequestTarget.parse(path.append(query).toString(), HOST);

      assertThat(target.segments()).as("seed %d", seed).isEqualTo(texts);
      assertThat(target.queryAll("k")).as("seed %d", seed).isEqualTo(texts);
    }
  }

  @Test
  void anyTargetIsEitherRejectedOrSafe() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    String[] pieces = {
      "/", "//", ".", "..", "%2e", "%2F", "%5c", "%00", "%", "%C3", "%BC", "a", "?", "#", ";", "&",
      "=", "+", "\\", " ", "ü", "\u0000", "\uD83D", "*", "http://", HOST, "%25"
    };
    int accepted = 0;
    for (int round = 0; round < 10_000; round++) {
      StringBuilder raw = new StringBuilder(random.nextInt(4) == 0 ? "" : "/");
      for (int i = random.nextInt(6); i > 0; i--) {
        raw.append(pieces[random.nextInt(pieces.length)]);
      }
      try {
        RequestTarget target = RequestTarget.parse(raw.toString(), HOST);
        accepted++;
        assertThat(target.rawPath()).startsWith("/").doesNotContain("//", "?", "#", ";", "\\");
        assertThat(target.segments())
            .as("seed %d: %s", seed, raw)
            .hasSize((int) target.rawPath().chars().filter(each -> each == '/').count())
            .doesNotContain(".", "..")
            .noneMatch(segment -> segment.indexOf('/') >= 0 || segment.indexOf('\\') >= 0)
            .noneMatch(segment -> segment.chars().anyMatch(Character::isISOControl));
      } catch (InvalidException e) {
        assertThat(e.status()).as("seed %d: %s", seed, raw).isEqualTo(400);
      }
    }
    assertThat(accepted).as("seed %d", seed).isBetween(100, 9_900);
  }

  private static void assertRefused(String target, int status) {
    InvalidException refusal =
        catchThrowableOfType(InvalidException.class, () -> RequestTarget.parse(target, HOST));
    assertThat(refusal).as(target).isNotNull();
    assertThat(refusal.status()).as(target).isEqualTo(status);
  }

  /** One to five code points of any plane: no controls, separators or surrogates, no dots alone. */
  private static String randomText(Random random) {
    StringBuilder text = new StringBuilder("x");
    for (int i = random.nextInt(5); i > 0; i--) {
      int bits = new int[] {7, 11, 16, 20}[random.nextInt(4)];
      int codePoint = random.nextInt(1 << bits);
      boolean allowed =
          !Character.isISOControl(codePoint)
              && codePoint != '/'
              && codePoint != '\\'
              && Character.getType(codePoint) != Character.SURROGATE;
      text.appendCodePoint(allowed ? codePoint : 'y');
    }
    return text.toString();
  }

  private static String encode(String text) {
    StringBuilder encoded = new StringBuilder();
    for (byte octet : text.getBytes(UTF_8)) {
      encoded.append('%').append(HexFormat.of().toHexDigits(octet));
    }
    return encoded.toString();
  }
}
