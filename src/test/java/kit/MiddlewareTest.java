// SPDX-License-Identifier: Apache-2.0
package kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MiddlewareTest {
  private final List<String> steps = new ArrayList<>();

  private final Endpoint<String, String> echo =
      (context, request) -> {
        steps.add("endpoint");
        return request;
      };

  private Middleware<String, String> noting(String name) {
    return next ->
        (context, request) -> {
          steps.add(name + " pre");
          String response = next.call(context, request + " " + name);
          steps.add(name + " post");
          return response;
        };
  }

  @Test
  void firstNamedSeesTheRequestFirstAndTheResponseLast() throws Exception {
    Endpoint<String, String> endpoint =
        Middleware.chain(noting("first"), noting("second"), noting("third")).around(echo);
    assertThat(endpoint.call(Context.background(), "hello")).isEqualTo("hello first second third");
    assertThat(steps)
        .containsExactly(
            "first pre",
            "second pre",
            "third pre",
            "endpoint",
            "third post",
            "second post",
            "first post");
  }

  @Test
  void chainOfOneIsThatMiddleware() throws Exception {
    Middleware.chain(noting("only")).around(echo).call(Context.background(), "hello");
    assertThat(steps).containsExactly("only pre", "endpoint", "only post");
  }

  @Test
  void chainIsReusable() throws Exception {
    Middleware<String, String> inner = Middleware.chain(noting("b"), noting("c"));
    Endpoint<String, String> endpoint = Middleware.chain(noting("a"), inner, inner).around(echo);
    assertThat(endpoint.call(Context.background(), ">")).isEqualTo("> a b c b c");
  }

  @Test
  void exceptionPropagatesThroughAllLayers() {
    Endpoint<String, String> failing =
        (context, request) -> {
          throw new StatusException(403, "permission denied");
        };
    Endpoint<String, String> endpoint =
        Middleware.chain(noting("first"), noting("second")).around(failing);
    assertThatThrownBy(() -> endpoint.call(Context.background(), "hello"))
        .isInstanceOf(StatusException.class);
    assertThat(steps).containsExactly("first pre", "second pre");
  }

  @Test
  void timeoutIsTheDeadlineUnlessTheCallersIsEarlier() throws Exception {
    List<Context> seen = new ArrayList<>();
    Endpoint<String, String> endpoint =
        Middleware.<String, String>timeout(Duration.ofMinutes(1))
            .around(
                (context, request) -> {
                  seen.add(context);
                  return request;
                });
    endpoint.call(Context.background(), "without a deadline");
    endpoint.call(Context.background().withTimeout(Duration.ofHours(1)), "later");
    endpoint.call(Context.background().withTimeout(Duration.ofSeconds(1)), "sooner");

    assertThat(seen)
        .extracting(context -> TimeUnit.NANOSECONDS.toSeconds(context.remainingNanos()))
        .satisfiesExactly(
            left -> assertThat(left).isBetween(30L, 60L),
            left -> assertThat(left).isBetween(30L, 60L),
            left -> assertThat(left).isBetween(-30L, 1L)); // On a machine that stalls.
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT0S", "PT-1S"})
  void nonPositiveTimeoutIsRejected(Duration longest) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Middleware.timeout(longest))
        .withMessage("timeout <= 0: " + longest);
  }

  @Test
  void nullIsRejectedAtConstruction() {
    assertThatNullPointerException().isThrownBy(() -> Middleware.chain(null));
    assertThatNullPointerException()
        .isThrownBy(() -> Middleware.chain(noting("first"), noting("second"), null));
  }
}
