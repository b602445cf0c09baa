// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;

class RouterTest {

  @Test
  void listsItsRoutesAsRegistered() {
    Router<String> router =
        new Router<String>()
            .route("GET", "/user/{uid:\\d+}", "a")
            .route(Set.of("PUT", "PATCH"), "/user/{id:\\d+}", "b")
            .routeAny("/static/{path...}", "c");
    assertThat(router.routes())
        .containsExactly(
            "GET /user/{uid:\\d+}",
            "PATCH /user/{id:\\d+}",
            "PUT /user/{id:\\d+}",
            "* /static/{path...}");
  }

  @Test
  void exampleOfTheJavadoc() {
    Router<String> router =
        new Router<String>()
            .route("GET", "/user/{uid:\\d+}", "getUser")
            .route(Set.of("PUT", "PATCH"), "/user/{uid:\\d+}", "changeUser")
            .routeAny("/static/{path...}", "files");

    Router.Match<String> match = router.match("GET", List.of("user", "101"));

    assertThat(match)
        .isEqualTo(new Router.Found<>("getUser", "/user/{uid:\\d+}", Map.of("uid", "101")));
    assertThat(answer(router, "PATCH", "/user/101")).isEqualTo("changeUser");
    assertThat(answer(router, "TRACE", "/static/css/a.css")).isEqualTo("files");
    assertThat(answer(router, "DELETE", "/user/101")).isEqualTo("allow [GET, HEAD, PATCH, PUT]");
    assertThat(answer(router, "GET", "/nowhere")).isEqualTo("not found");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # template                    | path                  | variables, or no
          /                             | /                     | {}
          /                             | /a                    | no
          /a                            | /a                    | {}
          /a                            | /                     | no
          /a                            | /A                    | no
          /a                            | /ab                   | no
          /a                            | /a/b                  | no
          /a/b                          | /a/b                  | {}
          /a/b                          | /a                    | no
          # a trailing slash makes another path
          /a                            | /a/                   | no
          /a/                           | /a                    | no
          /a/                           | /a/                   | {}
          # literals are decoded text and never a regex
          /a b/ü                        | /a b/ü                | {}
          /a.b                          | /a.b                  | {}
          /a.b                          | /axb                  | no
          /[a]*                         | /a                    | no
          # one variable: any one segment that is not empty
          /user/{uid}                   | /user/101             | {uid=101}
          /user/{uid}                   | /user/                | no
          /user/{uid}                   | /user                 | no
          /user/{uid}                   | /user/1/2             | no
          /user/{uid}                   | /user/1/              | no
          /user/{uid}/                  | /user/1/              | {uid=1}
          /{a}/{b}                      | /x/y                  | {a=x, b=y}
          /user/{user-id_2}             | /user/7               | {user-id_2=7}
          # a regex matches the whole segment
          /user/{uid:\\d+}              | /user/101             | {uid=101}
          /user/{uid:\\d+}              | /user/abc             | no
          /user/{uid:\\d+}              | /user/1a              | no
          /user/{uid:\\d+}              | /user/a1              | no
          /user/{uid:\\d+}              | /user/                | no
          /user/{uid:\\d+}              | /user/1/x             | no
          /user/{uid:\\d+}/posts        | /user/1/posts         | {uid=1}
          /user/{uid:\\d*}              | /user/                | no
          # digits are ASCII, any number of them: whether they fit a long is asked later
          /user/{uid:\\d+}              | /user/\u0661\u0662    | no
          /user/{uid:\\d+}              | /user/12345678901234567890 | {uid=12345678901234567890}
          # regexes of all kinds
          /{year:\\d{4}}-{month:\\d{2}} | /2024-05              | {month=05, year=2024}
          /{year:\\d{4}}{month:\\d{2}}  | /202405               | {month=05, year=2024}
          /{lang:en|de}                 | /de                   | {lang=de}
          /{lang:en|de}                 | /fr                   | no
          /{lang:(?i:en|de)}            | /DE                   | {lang=DE}
          /{lang:(?i)en}.{format}       | /EN.XML               | {format=XML, lang=EN}
          /{lang:(?i)en}.xml            | /EN.XML               | no
          /{name:[a-z]+(?:-[a-z]+)?}    | /a-b                  | {name=a-b}
          /{n:\\d+(?:\\.\\d+)?}         | /1.25                 | {n=1.25}
          /{hex:(?:[0-9a-f]{2})+}       | /c0ffee               | {hex=c0ffee}
          /{hex:(?:[0-9a-f]{2})+}       | /c0ffe                | no
          /{braces:\\{\\}}              | /{}                   | {braces={}}
          /{time:\\d+:\\d+}             | /12:30                | {time=12:30}
          /{letters:\\p{L}+}            | /äß                   | {letters=äß}
          # several parts in one segment
          /v{n}                         | /v1                   | {n=1}
          /v{n}                         | /v                    | no
          /{name}.json                  | /a.b.json             | {name=a.b}
          /{name}.json                  | /axjson               | no
          /{name}.json                  | /.json                | no
          /{type}-{date:\\d+}           | /my-type-2024         | {date=2024, type=my-type}
          /{type}-{date:\\d+}           | /2024                 | no
          /{a}-{b}                      | /x-y-z                | {a=x-y, b=z}
          /{a}-{b}-{c}                  | /1-2-3                | {a=1, b=2, c=3}
          /[{a}]($1){b}                 | /[x]($1)y             | {a=x, b=y}
          /{a}😀{b}1                    | /x😀y1                | {a=x, b=y}
          /log/{type}-{day:\\d+}.txt    | /log/a-b-7.txt        | {day=7, type=a-b}
          # the rest: one segment or more
          /static/{path...}             | /static/a             | {path=a}
          /static/{path...}             | /static/a/b.css       | {path=a/b.css}
          /static/{path...}             | /static/a/            | {path=a/}
          /static/{path...}             | /static/              | {path=}
          /static/{path...}             | /static               | no
          /static/{path...}             | /staticx              | no
          /{all...}                     | /                     | {all=}
          /{all...}                     | /a/b                  | {all=a/b}
          /{first}/{n:\\d+}/{rest...}   | /x/1/y/z              | {first=x, n=1, rest=y/z}
          """,
      quoteCharacter = '`')
  void matchesOneTemplate(String template, String path, String variables) {
    Router<String> router = new Router<String>().route("GET", template, "handler");

    Router.Match<String> match = router.match("GET", split(path));

    if (match instanceof Router.Found<String> found) {
      assertThat(new TreeMap<>(found.variables()).toString()).isEqualTo(variables);
      assertThat(found.template()).isEqualTo(template);
      assertThat(found.handler()).isEqualTo("handler");
    } else {
      assertThat(match).isEqualTo(new Router.NotFound<>());
      assertThat(variables).isEqualTo("no");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1\n", "1\r\n", "1\u0085", "1\u2028", "\n1"})
  void aLineBreakIsNoPartOfANumber(String segment) {
    Router<String> router = new Router<String>().route("GET", "/user/{uid:\\d+}", "handler");

    assertThat(router.match("GET", List.of("user", segment))).isEqualTo(new Router.NotFound<>());
  }

  @Test
  void textAroundAVariableMayHoldAnyCharacter() {
    Router<String> router = new Router<String>().route("GET", "/{a}-{b}", "handler");

    assertThat(router.match("GET", List.of("x\u2028-\n")))
        .isEqualTo(new Router.Found<>("handler", "/{a}-{b}", Map.of("a", "x\u2028", "b", "\n")));
  }

  @Test
  void aPathWithoutSegmentsIsNotFound() {
    Router<String> router = new Router<String>().routeAny("/{all...}", "handler");

    assertThat(router.match("GET", List.of())).isEqualTo(new Router.NotFound<>());
  }

  /** The handler is the method and the template, so the table shows which route won. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # path    | method | answer
          # literal, then regex, then plain variable, then rest
          /me       | GET    | GET /me
          /7        | GET    | GET /{id:[0-9]+}
          /you      | GET    | GET /{name}
          /you/x    | GET    | GET /{rest...}
          /         | GET    | GET /{rest...}
          # a branch that ends nowhere is left for the next
          /me/a     | GET    | GET /me/{x:[a-c]}
          /me/z     | GET    | GET /{name}/z
          /7/z      | GET    | GET /{name}/z
          /me/y     | GET    | GET /{rest...}
          /me/b/c   | GET    | GET /{rest...}
          /me/      | GET    | GET /{rest...}
          # and so is one without a route for the method
          /me       | POST   | POST /{name}
          /7        | POST   | POST /{name}
          /me/a     | DELETE | DELETE /{name}/{other}
          /me/z     | DELETE | DELETE /{name}/{other}
          # 405 unites all routes whose path matches
          /me       | PUT    | allow [GET, HEAD, POST]
          /7        | PUT    | allow [GET, HEAD, POST]
          /me/a     | PUT    | allow [DELETE, GET, HEAD]
          /x/y      | PUT    | allow [DELETE, GET, HEAD]
          /x/y/z    | PUT    | allow [GET, HEAD]
          """)
  void prefersTheMoreSpecificTemplateInWhateverOrder(String path, String method, String answer) {
    List<String> routes =
        new ArrayList<>(
            List.of(
                "GET /me",
                "GET /{id:[0-9]+}",
                "GET /{name}",
                "POST /{name}",
                "GET /{rest...}",
                "GET /me/{x:[a-c]}",
                "GET /{name}/z",
                "DELETE /{name}/{other}"));
    for (int round = 0; round < 20; round++) {
      assertThat(answer(routerOf(routes), method, path)).as(routes.toString()).isEqualTo(answer);
      Collections.shuffle(routes, new Random(round));
    }
  }

  @Test
  void amongRegexesTheFirstRegisteredWins() {
    List<String> routes = List.of("GET /{digits:\\d+}", "GET /{word:\\w+}");

    assertThat(answer(routerOf(routes), "GET", "/7")).isEqualTo(routes.get(0));
    assertThat(answer(routerOf(List.of(routes.get(1), routes.get(0))), "GET", "/7"))
        .isEqualTo(routes.get(1));
    assertThat(answer(routerOf(routes), "GET", "/a")).isEqualTo(routes.get(1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # routes              | method   | answer
          GET /x                | GET      | GET /x
          GET /x                | HEAD     | GET /x
          GET /x, HEAD /x       | HEAD     | HEAD /x
          GET /x, HEAD /x       | GET      | GET /x
          GET /x, ANY /x        | HEAD     | GET /x
          GET /x, ANY /x        | POST     | ANY /x
          ANY /x                | GET      | ANY /x
          ANY /x                | HEAD     | ANY /x
          ANY /x                | OPTIONS  | ANY /x
          ANY /x                | BREW     | ANY /x
          POST /x, ANY /{y}     | GET      | ANY /{y}
          # the more specific template answers HEAD by its GET
          GET /x, HEAD /{y}     | HEAD     | GET /x
          # OPTIONS is a method like any other
          GET /x                | OPTIONS  | allow [GET, HEAD]
          GET /x, OPTIONS /x    | OPTIONS  | OPTIONS /x
          GET /x, OPTIONS /x    | POST     | allow [GET, HEAD, OPTIONS]
          POST /x, GET /{y}     | OPTIONS  | allow [GET, HEAD, POST]
          # 405
          GET /x                | POST     | allow [GET, HEAD]
          POST /x               | GET      | allow [POST]
          POST /x               | HEAD     | allow [POST]
          HEAD /x               | GET      | allow [HEAD]
          M-SEARCH /x           | GET      | allow [M-SEARCH]
          # methods are case-sensitive, and * is none
          GET /x                | get      | allow [GET, HEAD]
          GET /x                | *        | allow [GET, HEAD]
          GET /x                | ``       | allow [GET, HEAD]
          # 404 in spite of methods elsewhere
          GET /y                | POST     | not found
          ANY /x/y              | GET      | not found
          GET /x/{rest...}      | POST     | not found
          """,
      quoteCharacter = '`')
  void choosesByMethod(String routes, String method, String answer) {
    assertThat(answer(routerOf(List.of(routes.split(", "))), method, "/x")).isEqualTo(answer);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # template        | index | part of the message
          ``                | 0     | does not start with '/'
          a/b               | 0     | does not start with '/'
          {a}               | 0     | does not start with '/'
          //                | 1     | empty segment
          /a//b             | 3     | empty segment
          /.                | 1     | dot segment
          /a/../b           | 3     | dot segment
          /a%20b            | 2     | not literal text
          /a?b              | 2     | not literal text
          /a#b              | 2     | not literal text
          /a\\b             | 2     | not literal text
          /a\u0007b         | 2     | not literal text
          /a}b              | 2     | not literal text
          /{a}}             | 4     | not literal text
          /{a               | 1     | '{' without '}'
          /x/{a:\\d{2}      | 3     | '{' without '}'
          /{a:x\\}          | 1     | '{' without '}'
          /b{c/d}           | 2     | '{' without '}'
          /{a:[^/]+}        | 1     | '{' without '}'
          /{}               | 2     | variable name
          /{:a}             | 2     | variable name
          /{ a}             | 2     | variable name
          /{1a}             | 2     | variable name
          /{ä}              | 2     | variable name
          /{{a}}            | 2     | variable name
          /{...}            | 2     | variable name
          /{a}/{a}          | 6     | repeated
          /{a}-{a:x}        | 6     | repeated
          /{a}/{a...}       | 6     | repeated
          /{a...}/b         | 2     | rest variable
          /{a...}/          | 2     | rest variable
          /x{a...}          | 3     | rest variable
          /{a...}x          | 2     | rest variable
          /{a}{b...}        | 5     | rest variable
          /{a:}             | 4     | empty
          /{a:(x)}          | 4     | captures
          /{a:(?<n>x)}      | 4     | captures
          /{a:[}            | 4     | bad regex
          /{a:*}            | 4     | bad regex
          /{a:xy(}          | 7     | bad regex
          /{a:x{2,1}}       | 9     | bad regex
          /{a:x)(?:y}       | 4     | bad regex
          /{a:\\1}          | 4     | back reference
          /{a:\\\\\\1}      | 4     | back reference
          /{a:\\Qx\\E}      | 4     | \\Q
          /{a:(?U)\\d}      | 4     | flag U
          /{a:(?iU:\\d)}    | 4     | flag U
          /{a:x(?i-x)y}     | 4     | flag U or x
          /b/{a:^+x}        | 6     | repeated anchor
          """,
      quoteCharacter = '`')
  void rejectsAMalformedTemplateAndNamesThePosition(String template, int index, String what) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Router<String>().route("GET", template, "handler"))
        .withMessageContaining(what)
        .withMessageEndingWith(" at index " + index + ": " + template);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(?:a+)+",
        "(?:a*)*",
        "(?:a?)*",
        "(?:a|b*)*",
        "(?:a+){10}",
        "(?:a+){2,}",
        "(?:a{1,5})*",
        "(?:a+)+?",
        "(?:(?:a+)b)*",
        "(?:(?:ab)c+)*",
        "(?:b(?:(?:a)+)?)+",
        "(?:(?:a)+c)*",
        "(?i:a+)+",
        "(?>a+)+",
        "(?:\\d+,)*",
        "(?:\\)a+)+",
        "(?:[)]a+)+",
        "(?:[[)]b]a+)+",
        "x(?:a+)?(?:a+)+"
      })
  void repeatedGroupThatContainsAQuantifierDoesNotStallTheServer(String regex) {
    String template = "/{a:" + regex + "}";
    Router<String> router = new Router<String>().route("GET", template, "handler");

    for (String repeated : List.of("a", "ab", "abc", "b", "1,", "1", ")a", "xa", "aaaaaaaaaab")) {
      for (String end : List.of("", "!", "b")) {
        int times = (Router.MAX_REGEX_LENGTH - end.length()) / repeated.length();
        List<String> segments = List.of(repeated.repeat(times) + end);
        assertTimeoutPreemptively(Duration.ofSeconds(5), () -> router.match("GET", segments));
      }
    }
    for (String segment : List.of("a", "aa", "b", "aab", "abcc", "1,1,", ")a", "xaa")) {
      assertThat(router.match("GET", List.of(segment)) instanceof Router.Found<String>)
          .as(segment)
          .isEqualTo(Pattern.matches(regex, segment));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # regex                | a segment it matches
          (?:ab)+                | abab
          (?:a{2}){3}            | aaaaaa
          (?:[0-9a-f]{2})+       | c0fe
          a+(?:\\.\\d+)?         | aa.5
          a+(?:b+){0,0}a*        | aa
          (?:a,b)+               | a,ba,b
          \\(?max\\)?            | max
          (?:\\+)+               | ++
          (?:[*+?])+             | *?
          (?:[*[a]])+            | a*
          (?:\\p{L})+            | äb
          (?:\\x{61})+           | aa
          (?:(?:(?:ab)c)d)+      | abcdabcd
          (?=a+)a*               | aaa
          a+b+                   | aab
          \\\\1                  | `\\1`
          """,
      quoteCharacter = '`')
  void acceptsQuantifiers(String regex, String segment) {
    String template = "/{a:" + regex + "}";
    Router<String> router = new Router<String>().route("GET", template, "handler");

    assertThat(answer(router, "GET", "/" + segment)).isEqualTo("handler");
  }

  @Test
  void rejectedTemplateChangesNothing() {
    Router<String> router = new Router<>();

    assertThatIllegalArgumentException()
        .isThrownBy(() -> router.route("GET", "/{word:\\w+}/{", "refused"));
    router.route("GET", "/{digits:\\d+}", "digits").route("GET", "/{word:\\w+}", "word");

    assertThat(answer(router, "GET", "/7")).isEqualTo("digits");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          /                       | /
          /a/b                    | /a/b
          /user/{uid}             | /user/{id}
          /user/{uid:[0-9]+}      | /user/{id:[0-9]+}
          /{a}-{b:[0-9]}/x        | /{c}-{d:[0-9]}/x
          /static/{path...}       | /static/{file...}
          """)
  void rejectsASecondRouteOfTheSameMethodAndShape(String first, String second) {
    Router<String> router =
        new Router<String>().route("GET", first, "first").routeAny(first, "any");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> router.route("GET", second, "second"))
        .withMessageContainingAll("duplicate", "GET " + second, first);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> router.routeAny(second, "second"))
        .withMessageContaining(second);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> router.route(Set.of("GET", "PUT"), second, "second"));
    // The rejected set has registered nothing.
    router.route("PUT", second, "put");
    assertThat(((Router.Found<String>) router.match("PUT", sample(first))).handler())
        .isEqualTo("put");
  }

  @Test
  void oneShapeMayNameItsVariablesDifferentlyPerMethod() {
    Router<String> router =
        new Router<String>()
            .route("GET", "/user/{uid}/{x:\\d+}", "get")
            .route("PUT", "/user/{id}/{y:\\d+}", "put");

    assertThat(router.match("PUT", List.of("user", "a", "1")))
        .isEqualTo(new Router.Found<>("put", "/user/{id}/{y:\\d+}", Map.of("id", "a", "y", "1")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"get", "Get", "", " ", "GET POST", "GET,POST", "*", "-", "GÉT"})
  void rejectsMethodsThatAreNotInUpperCase(String method) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Router<String>().route(method, "/a", "handler"))
        .withMessageContainingAll("upper case", "[" + method + "]");
  }

  @Test
  void invalidArgumentsAreNamed() {
    Router<String> router = new Router<>();

    assertThatIllegalArgumentException().isThrownBy(() -> router.route(Set.of(), "/a", "handler"));
    assertThatNullPointerException()
        .isThrownBy(() -> router.route((String) null, "/a", "handler"))
        .withMessage("method");
    assertThatNullPointerException()
        .isThrownBy(() -> router.route("GET", null, "handler"))
        .withMessage("template");
    assertThatNullPointerException()
        .isThrownBy(() -> router.route("GET", "/a", null))
        .withMessage("handler");
    assertThatNullPointerException()
        .isThrownBy(() -> router.match(null, List.of("a")))
        .withMessage("method");
  }

  @Test
  void rejectsRoutesAfterTheFirstMatch() {
    Router<String> router = new Router<String>().route("GET", "/a", "handler");
    router.match("GET", List.of("nowhere"));

    assertThatIllegalStateException()
        .isThrownBy(() -> router.routeAny("/b", "handler"))
        .withMessageContainingAll("match", "/b");
  }

  /** Routes added after the first match are rejected, because requests are being served. */
  @Test
  void concurrentRouteIsSeenByTheFirstMatchOrRejected() throws Exception {
    for (int round = 0; round < 100; round++) {
      Router<String> router = new Router<>();
      List<Integer> counts =
          Race.runNumbered(
              2, thread -> thread == 0 ? registeredUntilRefused(router) : foundAtOnce(router));

      assertThat(counts.get(1)).as("round %d", round).isEqualTo(counts.get(0));
      assertThat(router.routes()).hasSize(counts.get(0));
    }
  }

  private static int registeredUntilRefused(Router<String> router) {
    int count = 0;
    try {
      while (true) {
        router.route("GET", "/" + count + "/{id:\\d+}", "handler");
        count++;
      }
    } catch (IllegalStateException afterAMatch) {
      return count;
    }
  }

  private static int foundAtOnce(Router<String> router) {
    int count = 0;
    while (router.match("GET", List.of("" + count, "7")) instanceof Router.Found<String>) {
      count++;
    }
    return count;
  }

  @Test
  void matchesOfLiteralRoutesAreCached() {
    Router<String> router =
        new Router<String>().route("GET", "/a/b", "literal").route("GET", "/{x}/{y}", "variable");

    Router.Match<String> match = router.match("GET", List.of("a", "b"));

    assertThat(match).isEqualTo(new Router.Found<>("literal", "/a/b", Map.of()));
    assertThat(router.match("HEAD", List.of("a", "b"))).isSameAs(match);
    assertThat(router.match("GET", List.of("a"))).isSameAs(router.match("GET", List.of("b")));
  }

  @Test
  void matchesAreUnmodifiable() {
    Router<String> router = new Router<String>().route("GET", "/{a}/{b}", "handler");

    Router.Found<String> found = (Router.Found<String>) router.match("GET", List.of("1", "2"));
    Router.MethodNotAllowed<String> refused =
        (Router.MethodNotAllowed<String>) router.match("PUT", List.of("1", "2"));

    assertThatThrownBy(() -> found.variables().put("c", "3"))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(() -> refused.allow().add("PUT"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void longSegmentsAreNotMatchedByRegexes() {
    List<String> routes = List.of("GET /n/{uid:\\d+}", "GET /n/{other}", "GET /m/{a}-{b}");
    String longest = "1".repeat(Router.MAX_REGEX_LENGTH);

    assertThat(answer(routerOf(routes), "GET", "/n/" + longest)).isEqualTo(routes.get(0));
    assertThat(answer(routerOf(routes), "GET", "/n/" + longest + "1")).isEqualTo(routes.get(1));
    assertThat(answer(routerOf(routes), "GET", "/n/" + "1".repeat(100_000)))
        .isEqualTo(routes.get(1));
    assertThat(answer(routerOf(routes), "GET", "/m/1-" + longest)).isEqualTo("not found");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " | ",
      textBlock =
          """
          # template                          | repeated | end
          /{a}-{b}-{c}-{d}-{e}-{f}.x          | -        | ``
          /{a}-{b}-{c}-{d}-{e:\\d+}           | -        | ``
          /{x:a*a*a*a*a*a*b}                  | a        | ``
          /{x:.*.*.*.*=.*}                    | a        | ``
          /{x:\\w+\\d+\\w+\\d+\\w+\\d+!}      | 1        | ``
          /{x:(?:a|a)+a*a*a*a*b}              | a        | ``
          # exponential in principle, but the JDK remembers where such a loop failed
          /{x:(?:a|a)+}                       | a        | b
          /{x:(?:a|aa)+}                      | a        | b
          /{x:(?:a|b|ab)*c}                   | ab       | ``
          /{x:(?=(?:a|aa)+c)a+}               | a        | ``
          """,
      quoteCharacter = '`')
  void hostilePathDoesNotStallTheServer(String template, String repeated, String end) {
    Router<String> router = new Router<String>().route("GET", template, "handler");
    int room = Router.MAX_REGEX_LENGTH - end.length();
    List<String> segments = List.of(repeated.repeat(room / repeated.length()) + end);

    // Milliseconds in truth; without the bound, many seconds for each of the first rows.
    assertTimeoutPreemptively(
        Duration.ofSeconds(5),
        () -> {
          for (int round = 0; round < 20; round++) {
            assertThat(router.match("GET", segments)).isEqualTo(new Router.NotFound<>());
          }
        });
  }

  @Test
  void quadraticWorkFitsTheBound() {
    // Greedy as it is, the first variable shrinks from all to one character; at each length but the
    // last, the second reads to the end in vain.
    Router<String> router = new Router<String>().route("GET", "/{a}{b:=-*z|-*+y}", "handler");
    String segment = "a=" + "-".repeat(Router.MAX_REGEX_LENGTH - 3) + "z";

    assertThat(answer(router, "GET", "/" + segment)).isEqualTo("handler");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(?:|)",
        "(?:a|)",
        "(?:|a)",
        "(?:a?|b?)",
        "(?:a?)?",
        "(?:^|$)",
        "(?:$|\\z)",
        "(?i:|)",
        "(?=)?",
        "(?:(?=)|(?!a))",
        "(?:(?<=)|(?<!a))",
        "(?:[(?:]|)",
        "(?:\\(|)",
        "(?:[^)\\]]|)",
        "(?:|){1}"
      })
  @Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void aRegexThatReadsNothingIsCountedToo(String group) {
    Router<String> router =
        new Router<String>().route("GET", "/{a:x" + group.repeat(60) + "y}", "handler");
    assertThat(router.match("GET", List.of("x"))).isInstanceOf(Router.NotFound.class);
    assertThat(router.match("GET", List.of("xz"))).isInstanceOf(Router.NotFound.class);
    assertThat(router.match("GET", List.of("xyz"))).isInstanceOf(Router.NotFound.class);
    assertThat(new Router<String>().route("GET", "/{a:x" + group.repeat(3) + "y}", "handler"))
        .satisfies(
            few ->
                assertThat(few.match("GET", List.of("xy")))
                    .isEqualTo(
                        Pattern.matches("x" + group.repeat(3) + "y", "xy")
                            ? new Router.Found<>(
                                "handler", "/{a:x" + group.repeat(3) + "y}", Map.of("a", "xy"))
                            : new Router.NotFound<>()));
  }

  @Test
  @Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void variablesThatReadNothingAreCountedToo() {
    StringBuilder template = new StringBuilder("/x");
    for (int i = 0; i < 60; i++) {
      template.append("{v").append(i).append(":|}");
    }
    Router<String> router = new Router<String>().route("GET", template + "y", "handler");
    assertThat(router.match("GET", List.of("x"))).isInstanceOf(Router.NotFound.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"x$?y", "^*x", "x\\z{0,1}", "x\\b?", "\\A+x", "(?:^?)x", "x\\Z?", "\\G?x"})
  void rejectsAQuantifierAfterAnAnchor(String regex) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Router<String>().route("GET", "/{a:" + regex + "}", "handler"))
        .withMessageContaining("repeated anchor in a regex at index 4");
  }

  @Test
  void aRegexThatOverflowsTheStackIsNoMatch() {
    String regex = "a|b";
    for (int i = 0; i < 50; i++) {
      regex = "(?:" + regex + "|c)";
    }
    Pattern pattern = Pattern.compile(regex + "*");
    String segment = "ab".repeat(Router.MAX_REGEX_LENGTH / 2);
    assertThatThrownBy(() -> pattern.matcher(segment).matches())
        .isInstanceOf(StackOverflowError.class);
    List<String> routes = List.of("GET /{x:" + pattern + "}", "GET /{x}");

    assertThat(answer(routerOf(routes), "GET", "/" + segment)).isEqualTo("GET /{x}");
    assertThat(answer(routerOf(routes), "GET", "/ab")).isEqualTo(routes.get(0));
  }

  @Test
  void manyThreadsGetTheirOwnVariables() throws Exception {
    Router<String> router = new Router<String>().route("GET", "/{a}/{b:\\d+}/{c...}", "handler");
    int threads = 4;
    CyclicBarrier start = new CyclicBarrier(threads);
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try {
      List<Future<Void>> results = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        String own = Integer.toString(thread);
        results.add(
            executor.submit(
                () -> {
                  start.await();
                  for (int round = 0; round < 1_000; round++) {
                    assertThat(router.match("GET", List.of("x" + own, own, "y", own)))
                        .isEqualTo(
                            new Router.Found<>(
                                "handler",
                                "/{a}/{b:\\d+}/{c...}",
                                Map.of("a", "x" + own, "b", own, "c", "y/" + own)));
                  }
                  return null;
                }));
      }
      for (Future<Void> result : results) {
        result.get();
      }
    } finally {
      executor.shutdownNow();
    }
  }

  /** Metamorphic: regexes that do not overlap leave nothing to the order. */
  @Test
  void matchDoesNotDependOnTheOrderOfRegistration() {
    List<String> routes =
        new ArrayList<>(
            List.of(
                "GET /",
                "GET /user",
                "POST /user",
                "GET /user/{uid:\\d+}",
                "DELETE /user/{id:\\d+}",
                "GET /user/{name:[a-z]+}",
                "PUT /user/{any}",
                "ANY /user/{uid:\\d+}/posts",
                "GET /user/{uid}/posts/",
                "GET /{tenant}/health",
                "HEAD /{tenant}/{what}",
                "GET /log/{day:\\d+}.txt",
                "GET /log/{day:\\d+}.csv",
                "GET /static/{path...}",
                "POST /{all...}"));
    List<String> paths =
        List.of(
            "/",
            "/user",
            "/user/",
            "/user/1",
            "/user/a",
            "/user/A",
            "/user/1/posts",
            "/user/a/posts",
            "/user/1/posts/",
            "/x/health",
            "/user/health",
            "/x/y",
            "/log/1.txt",
            "/log/1.csv",
            "/log/1.xml",
            "/static",
            "/static/",
            "/static/a/b",
            "/a/b/c");
    List<String> expected = null;
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 100; round++) {
      Router<String> router = routerOf(routes);
      List<String> answers = new ArrayList<>();
      for (String path : paths) {
        for (String method : List.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")) {
          answers.add(method + " " + path + ": " + router.match(method, split(path)));
        }
      }
      expected = expected == null ? answers : expected;
      assertThat(answers).as("seed %d, routes %s", seed, routes).isEqualTo(expected);
      Collections.shuffle(routes, random);
    }
    assertThat(expected).anyMatch(answer -> answer.contains("Found["));
    assertThat(expected).anyMatch(answer -> answer.contains("MethodNotAllowed"));
  }

  @Test
  void agreesWithALinearSearch() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    Router<String> router = null;
    LinearSearch reference = null;
    int found = 0;
    for (int operation = 0; operation < 10_000; operation++) {
      if (operation % 50 == 0) {
        router = new Router<>();
        reference = new LinearSearch();
      }
      String where = "seed " + seed + ", operation " + operation + ", routes " + reference.routes;
      if (operation % 50 < 15) {
        LinearSearch.Route route = LinearSearch.randomRoute(random);
        String template = route.template();
        boolean isNew = reference.add(route);
        try {
          routerAdd(router, route.method + " " + template);
          assertThat(isNew).as("%s: %s registered twice", where, route).isTrue();
        } catch (IllegalArgumentException e) {
          assertThat(isNew).as("%s: %s", where, e).isFalse();
        }
      } else {
        String method = LinearSearch.randomOf(random, "GET", "HEAD", "POST", "PUT", "OPTIONS");
        List<String> segments = LinearSearch.randomPath(random);
        Router.Match<String> match = router.match(method, segments);
        found += match instanceof Router.Found ? 1 : 0;
        assertThat(match)
            .as("%s: %s %s", where, method, segments)
            .isEqualTo(reference.match(method, segments));
      }
    }
    assertThat(found).as("seed %d", seed).isBetween(1_000, 6_500);
  }

  /** The rules of Router without a tree: compares all routes and returns the best. */
  private static final class LinearSearch {
    /** A parsed template: {@code regex} has one group per name; the rank is its precedence. */
    record Part(String template, int rank, String regex) {}

    record Route(String method, List<Part> parts, List<String> names) {
      String template() {
        StringBuilder template = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
          template.append('/').append(parts.get(i).template.replace("NAME", names.get(i)));
        }
        return template.toString();
      }
    }

    static final List<Part> PARTS =
        List.of(
            new Part("a", 0, "a"),
            new Part("b", 0, "b"),
            new Part("ab", 0, "ab"),
            new Part("{NAME:a+}", 1, "(a+)"),
            new Part("{NAME:[ab]+}", 1, "([ab]+)"),
            new Part("{NAME}b", 1, "(.+)b"),
            new Part("{NAME}", 2, "(.+)"));
    static final Part END = new Part("", 0, "");
    static final Part REST = new Part("{NAME...}", 3, null);

    final List<Route> routes = new ArrayList<>();

    static String randomOf(Random random, String... choices) {
      return choices[random.nextInt(choices.length)];
    }

    static Route randomRoute(Random random) {
      List<Part> parts = new ArrayList<>();
      List<String> names = new ArrayList<>();
      int length = 1 + random.nextInt(3);
      for (int i = 0; i < length; i++) {
        int choice = random.nextInt(i == length - 1 ? PARTS.size() + 2 : PARTS.size());
        parts.add(choice < PARTS.size() ? PARTS.get(choice) : choice == PARTS.size() ? END : REST);
        names.add(randomOf(random, "x", "y") + i);
      }
      return new Route(randomOf(random, "GET", "HEAD", "POST", "OPTIONS", "ANY"), parts, names);
    }

    static List<String> randomPath(Random random) {
      List<String> path = new ArrayList<>();
      for (int i = random.nextInt(3); i >= 0; i--) {
        path.add(randomOf(random, "a", "b", "ab", "aa", "bb", "c"));
      }
      if (random.nextInt(6) == 0) {
        path.set(path.size() - 1, "");
      }
      return path;
    }

    boolean add(Route route) {
      for (Route other : routes) {
        if (other.method.equals(route.method) && other.parts.equals(route.parts)) {
          return false;
        }
      }
      return routes.add(route);
    }

    Router.Match<String> match(String method, List<String> path) {
      Set<String> allow = new TreeSet<>();
      List<Route> answering = new ArrayList<>();
      for (Route route : routes) {
        if (variables(route, path) != null) {
          allow.add(route.method);
          if (rankOfMethod(route, method) < 3) {
            answering.add(route);
          }
        }
      }
      if (!answering.isEmpty()) {
        Route best = Collections.min(answering, byPrecedence(method));
        return new Router.Found<>(
            best.method + " " + best.template(), best.template(), variables(best, path));
      }
      if (allow.isEmpty()) {
        return new Router.NotFound<>();
      }
      if (allow.contains("GET")) {
        allow.add("HEAD");
      }
      return new Router.MethodNotAllowed<>(List.copyOf(allow));
    }

    static int rankOfMethod(Route route, String method) {
      boolean isGetForHead = method.equals("HEAD") && route.method.equals("GET");
      return route.method.equals(method)
          ? 0
          : isGetForHead ? 1 : route.method.equals("ANY") ? 2 : 3;
    }

    Comparator<Route> byPrecedence(String method) {
      return (left, right) -> {
        for (int i = 0; i < Math.min(left.parts.size(), right.parts.size()); i++) {
          if (!left.parts.get(i).equals(right.parts.get(i))) {
            int byRank = left.parts.get(i).rank - right.parts.get(i).rank;
            return byRank != 0 ? byRank : firstWithPrefix(left, i) - firstWithPrefix(right, i);
          }
        }
        return rankOfMethod(left, method) - rankOfMethod(right, method);
      };
    }

    /** When the shape of this route's parts up to this one was first registered. */
    int firstWithPrefix(Route route, int last) {
      List<Part> prefix = route.parts.subList(0, last + 1);
      for (int i = 0; i < routes.size(); i++) {
        List<Part> parts = routes.get(i).parts;
        if (parts.size() > last && parts.subList(0, last + 1).equals(prefix)) {
          return i;
        }
      }
      throw new AssertionError("not registered: " + route);
    }

    /** Null if the path does not match. */
    static Map<String, String> variables(Route route, List<String> path) {
      Map<String, String> variables = new HashMap<>();
      for (int i = 0; i < route.parts.size(); i++) {
        Part part = route.parts.get(i);
        if (i >= path.size()) {
          return null;
        }
        if (part == REST) {
          variables.put(route.names.get(i), String.join("/", path.subList(i, path.size())));
          return variables;
        }
        Matcher matcher = Pattern.compile(part.regex).matcher(path.get(i));
        if (!matcher.matches()) {
          return null;
        }
        if (matcher.groupCount() > 0) {
          variables.put(route.names.get(i), matcher.group(1));
        }
      }
      return route.parts.size() == path.size() ? variables : null;
    }
  }

  /** A router of routes written {@code METHOD template}, whose handlers are these texts. */
  private static Router<String> routerOf(List<String> routes) {
    Router<String> router = new Router<>();
    routes.forEach(route -> routerAdd(router, route));
    return router;
  }

  private static void routerAdd(Router<String> router, String route) {
    String method = route.substring(0, route.indexOf(' '));
    String template = route.substring(route.indexOf(' ') + 1);
    if (method.equals("ANY")) {
      router.routeAny(template, route);
    } else {
      router.route(method, template, route);
    }
  }

  private static String answer(Router<String> router, String method, String path) {
    Router.Match<String> match = router.match(method, split(path));
    if (match instanceof Router.Found<String> found) {
      return found.handler();
    }
    return match instanceof Router.MethodNotAllowed<String> refused
        ? "allow " + refused.allow()
        : "not found";
  }

  private static List<String> split(String path) {
    return List.of(path.substring(1).split("/", -1));
  }

  /** A path that matches this template of variables without regex, or with one for digits. */
  private static List<String> sample(String template) {
    return split(template.replaceAll("\\{[^{}]*}", "1"));
  }
}
