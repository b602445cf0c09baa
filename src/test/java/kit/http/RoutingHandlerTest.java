// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.Headers;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoutingHandlerTest {
  private static final String ALLOWED = "DELETE, GET, HEAD, OPTIONS";

  private final RoutingHandler routes =
      new RoutingHandler(
          new Router<Endpoint<Request, Response>>()
              .route("GET", "/user/{uid:\\d+}", (context, request) -> Response.text(200, "get"))
              .route("DELETE", "/user/{uid:\\d+}", (context, request) -> Response.text(200, "del"))
              .route("OPTIONS", "/own", (context, request) -> Response.text(200, "own"))
              .routeAny("/any", (context, request) -> Response.text(200, request.method())));

  private static Request request(String method, String target) {
    return new Request(
        method, RequestTarget.parse(target, "h"), new Headers(), InputStream.nullInputStream());
  }

  private Response answer(Request request) throws Exception {
    return routes.call(Context.background(), request);
  }

  @Test
  void handlerFindsTemplateAndVariablesInTheRequest() throws Exception {
    List<Request> seen = new ArrayList<>();
    Router<Endpoint<Request, Response>> router = new Router<>();
    router.route(
        "DELETE",
        "/user/{uid:\\d+}",
        (context, request) -> {
          seen.add(request);
          return Response.text(200, "del");
        });
    new RoutingHandler(router).call(Context.background(), request("DELETE", "/user/7"));

    assertThat(seen).hasSize(1);
    assertThat(seen.get(0).route()).isEqualTo("/user/{uid:\\d+}");
    assertThat(seen.get(0).variables()).isEqualTo(Map.of("uid", "7"));
  }

  @Test
  void headGoesToTheHandlerOfGet() throws Exception {
    assertThat(answer(request("HEAD", "/user/7")).bytes()).asString().isEqualTo("get");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/user", "/user/", "/user/abc", "/user/7/8", "/USER/7"})
  void unknownPathIs404(String target) {
    Request request = request("GET", target);
    StatusException refusal = catchThrowableOfType(StatusException.class, () -> answer(request));
    assertThat(refusal.status()).isEqualTo(404);
    assertThat(refusal).hasMessage("no such path");
    assertThat(request.route()).isEqualTo(Request.NO_ROUTE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "TRACE", "get", "FOO{}"})
  void knownPathWithAnotherMethodIs405WithAllow(String method) {
    StatusException refusal =
        catchThrowableOfType(StatusException.class, () -> answer(request(method, "/user/7")));
    assertThat(refusal.status()).isEqualTo(405);
    assertThat(refusal).hasMessageContaining(ALLOWED);
    assertThat(refusal.headers()).isEqualTo(Map.of("Allow", ALLOWED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"TRACE", "CONNECT"})
  void routeForAnyMethodDoesNotEcho(String method) {
    StatusException refusal =
        catchThrowableOfType(StatusException.class, () -> answer(request(method, "/any")));
    assertThat(refusal.status()).isEqualTo(405);
    assertThat(refusal.headers())
        .isEqualTo(Map.of("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"));
  }

  @Test
  void optionsListsTheMethods() throws Exception {
    Response response = answer(request("OPTIONS", "/user/7"));
    assertThat(response.status()).isEqualTo(204);
    assertThat(response.header("Allow")).isEqualTo(ALLOWED);
    assertThat(response.length()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"TRACE", "CONNECT", "BREW", "QUERY"})
  void methodThatIsNeverServedIsRejectedAtOnce(String method) {
    Router<Endpoint<Request, Response>> router =
        new Router<Endpoint<Request, Response>>()
            .route(Set.of("GET", method), "/pot", (context, request) -> Response.empty(204));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RoutingHandler(router))
        .withMessageContaining("never reached: " + method + " /pot");
  }

  @Test
  void optionsMayHaveARouteOfItsOwn() throws Exception {
    assertThat(answer(request("OPTIONS", "/own")).bytes()).asString().isEqualTo("own");
  }
}
