// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import kit.Endpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShadowedRoutesTest {
  @ParameterizedTest
  @CsvSource(
      delimiterString = " ; ",
      textBlock =
          """
          GET /{a:\\d+} ; GET /{b:[0-9]+}
          GET /{a:\\w+} ; GET /{b:\\d+}
          GET /{a:\\w+} ; GET /{b:[a-f0-9]{8}}
          GET /{a:\\w*} ; GET /{b:\\w+}
          GET /{a:[0-9]{1,4}} ; GET /{b:\\d{2,3}}
          GET /{a:.+} ; GET /{b}
          GET /{a:.*} ; GET /{b}
          GET /{a:[\u00e0-\u00ff]+} ; GET /{b:[\u00e1-\u00e3]+}
          GET /v{a:\\w+} ; GET /v{b:\\d+}
          GET /{a}-{b} ; GET /{a:\\d+}-{b:\\d+}
          GET /x/{a:\\w+}/y/{b} ; GET /x/{a:\\d+}/y/z
          GET /x/{a:\\w+}/{b...} ; GET /x/{a:\\d+}/y/{b}
          GET /x/{a:\\w+}/{b...} ; GET /x/{a:\\d+}/{b...}
          GET /x/{a:\\w+}/{b...} ; GET /x/{a:\\d+}/
          * /{a:\\w+} ; GET /{b:\\d+}
          GET /{a:\\w+} ; HEAD /{b:\\d+}
          """)
  void routeThatIsNeverReachedIsRefused(String first, String second) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ShadowedRoutes.refuse(List.of(first, second)))
        .withMessage("route that is never reached: " + second + " after " + first);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ShadowedRoutes.refuse(List.of("GET /other/{a:[a-z]+}", first, second)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " ; ",
      textBlock =
          """
          GET /{a:\\d+} ; GET /{b:\\w+}
          GET /{a:[a-z]+} ; GET /{b:[a-z\u00e0-\u00ff]+}
          GET /{a:\\d+} ; GET /{b}
          GET /{a:\\d{1,3}} ; GET /{b:\\d+}
          GET /{a:[a-z]+} ; GET /{b:[0-9]+}
          GET /{a} ; GET /b
          GET /{a:.*} ; GET /b
          GET /{a...} ; GET /{b}
          GET /{a...} ; GET /{b:\\d+}
          GET /{a} ; GET /{b:\\d+}
          GET /{a:\\w+} ; POST /{b:\\d+}
          GET /{a:\\w+} ; * /{b:\\d+}
          GET /{a:\\w+}/x ; GET /{b:\\d+}/y
          GET /{a:\\w+} ; GET /{b:\\d+}/y
          GET /{a:\\w+} ; GET /{b:\\d+}/
          GET /{a:\\w+}/{b} ; GET /{b:\\d+}/
          GET /{a:\\w+}/{b} ; GET /{b:\\d+}/{c...}
          GET /{a:\\w+}/x ; GET /{b:\\d+}/{c...}
          GET /{a}-{b} ; GET /{a}_{b:\\d+}
          GET /{a:\\w+}-{b} ; GET /{a}-{b:\\d+}
          GET /{a:(?:x|y)+} ; GET /{b:(?:x|y)}
          GET /{a:a...} ; GET /{b:ab..}
          GET /{a:=+} ; GET /=+
          """)
  void routeThatCanBeReachedIsNot(String first, String second) {
    ShadowedRoutes.refuse(List.of(first, second));
  }

  /** The regex of a place is tried when it has come first, with whatever method. */
  @Test
  void orderIsThatOfTheFirstUse() {
    ShadowedRoutes.refuse(List.of("PUT /x/{c:\\d+}/y", "GET /x/{a:\\w+}", "GET /x/{b:\\d+}"));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                ShadowedRoutes.refuse(
                    List.of("PUT /x/{c:\\w+}/y", "GET /x/{b:\\d+}", "GET /x/{a:\\w+}")))
        .withMessage("route that is never reached: GET /x/{b:\\d+} after GET /x/{a:\\w+}");
  }

  @Test
  void isAskedWhenTheHandlerIsMade() {
    Endpoint<Request, Response> any = (context, request) -> Response.empty(204);
    Router<Endpoint<Request, Response>> router =
        new Router<Endpoint<Request, Response>>()
            .route("GET", "/user/{name:\\w+}", any)
            .route("GET", "/user/{uid:\\d+}", any);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RoutingHandler(router))
        .withMessage(
            "route that is never reached: GET /user/{uid:\\d+} after GET /user/{name:\\w+}");
  }

  /** What is refused is never reached, whatever else is registered. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4})
  void agreesWithTheRouter(int count) {
    List<String> segments =
        List.of("a", "7", "{x}", "{x:\\d+}", "{x:[0-9]+}", "{x:\\w+}", "{x:.*}", "{x...}", "");
    List<String> texts = List.of("a", "7", "77", "a7", "-", "");
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    int refused = 0;
    for (int round = 0; round < 200; round++) {
      Set<String> templates = new TreeSet<>();
      Router<String> router = new Router<>();
      while (templates.size() < count) {
        String template = "/" + segments.get(random.nextInt(segments.size()));
        boolean isLast = template.endsWith("...}") || template.equals("/") || random.nextBoolean();
        String second = segments.get(random.nextInt(segments.size())).replace("x", "y");
        String whole = isLast ? template : template + "/" + second;
        try {
          router.route("GET", whole, whole);
          templates.add(whole);
        } catch (IllegalArgumentException duplicate) {
          // Another one.
        }
      }
      try {
        ShadowedRoutes.refuse(router.routes());
      } catch (IllegalArgumentException e) {
        refused++;
        String shadowed = e.getMessage().replaceAll(".*reached: GET | after .*", "");
        assertThat(reached(router, texts))
            .as("seed %d, %s: %s", seed, router.routes(), e.getMessage())
            .doesNotContain(shadowed);
      }
    }
    assertThat(refused).isPositive();
  }

  private static List<String> reached(Router<String> router, List<String> texts) {
    List<String> reached = new ArrayList<>();
    for (String first : texts) {
      note(router, List.of(first), reached);
      for (String second : texts) {
        note(router, List.of(first, second), reached);
      }
    }
    return reached;
  }

  private static void note(Router<String> router, List<String> path, List<String> reached) {
    if (router.match("GET", path) instanceof Router.Found<String> found) {
      reached.add(found.handler());
    }
  }
}
