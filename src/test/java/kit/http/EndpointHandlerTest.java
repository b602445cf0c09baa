// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.Headers;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import kit.Context;
import kit.StatusException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EndpointHandlerTest {
  private static final Context.Key<String> SEEN = Context.key("seen");

  private final List<String> steps = new ArrayList<>();
  private final List<Consumer<RequestSummary>> finalizers = new ArrayList<>();
  private final Request request =
      new Request(
          "GET",
          RequestTarget.parse("/user/7", "h"),
          new Headers(),
          new RequestBody(InputStream.nullInputStream(), 0),
          null,
          "1.1",
          finalizers::add);

  private String failingStep = "none";

  private void step(String name, Context context) {
    String seen = context.get(SEEN);
    steps.add(seen == null ? name : name + " " + seen);
    if (name.equals(failingStep)) {
      throw new StatusException(409, name + " failed");
    }
  }

  /** Decodes to 7, returns 70, encodes "70"; notes each step and fails in {@link #failingStep}. */
  private final EndpointHandler<Integer, Integer> plain =
      new EndpointHandler<>(
          (context, request) -> {
            step("decode", context);
            return 7;
          },
          (context, uid) -> {
            step("endpoint", context);
            return uid * 10;
          },
          (context, response) -> {
            step("encode", context);
            return Response.text(200, response.toString()).with("X-From", "encode");
          });

  private EndpointHandler.Before before(String name) {
    return (context, request) -> {
      step(name, context);
      String seen = context.get(SEEN);
      return context.with(SEEN, seen == null ? name : seen + "+" + name);
    };
  }

  private EndpointHandler.After<Integer> after(String name) {
    return (context, response) -> {
      step(name, context);
      Map<String, String> headers = new LinkedHashMap<>();
      headers.put("x-from", name);
      headers.put("X-" + name, response.toString());
      return headers;
    };
  }

  private Response call(EndpointHandler<?, ?> handler) throws Exception {
    return handler.call(Context.background(), request);
  }

  @Test
  void decodesCallsAndEncodes() throws Exception {
    Response response = call(plain);
    assertThat(response.bytes()).asString(UTF_8).isEqualTo("70");
    assertThat(steps).containsExactly("decode", "endpoint", "encode");
    assertThat(response.error()).isNull();
  }

  @Test
  void everyStepRunsInOrderAndSeesTheContextOfEarlierSteps() throws Exception {
    call(plain.after(after("one")).before(before("a")).after(after("two")).before(before("b")));
    assertThat(steps)
        .containsExactly(
            "a", "b a", "decode a+b", "endpoint a+b", "one a+b", "two a+b", "encode a+b");
  }

  @Test
  void headersOfAfterReplaceThoseOfTheEncoderAndTheLastOneWins() throws Exception {
    Response response = call(plain.after(after("one")).after(after("two")));
    assertThat(response.headers())
        .containsOnlyKeys("Content-Type", "X-one", "x-from", "X-two")
        .containsEntry("x-from", List.of("two"))
        .containsEntry("X-one", List.of("70"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          before   | before
          decode   | before, decode before
          endpoint | before, decode before, endpoint before
          after    | before, decode before, endpoint before, after before
          encode   | before, decode before, endpoint before, after before, encode before
          """)
  void nothingRunsAfterAFailureAndItPassesThrough(String failing, String expected) {
    failingStep = failing;
    EndpointHandler<Integer, Integer> handler =
        plain.before(before("before")).after(after("after")).onCompleted(completed -> {});
    assertThatExceptionOfType(StatusException.class)
        .isThrownBy(() -> call(handler))
        .withMessage(failing + " failed");
    assertThat(String.join(", ", steps)).isEqualTo(expected);
    assertThat(finalizers).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({"before", "decode", "endpoint", "after", "encode"})
  void errorEncoderEncodesTheFailureOfAnyStep(String failing) throws Exception {
    failingStep = failing;
    Response response =
        call(
            plain
                .before(before("before"))
                .after(after("after"))
                .onError((context, error) -> Response.text(418, error.getMessage())));
    assertThat(response.status()).isEqualTo(418);
    assertThat(response.bytes()).asString(UTF_8).isEqualTo(failing + " failed");
    assertThat(response.headers()).containsOnlyKeys("Content-Type");
    // An error with a response is still an error for access log and metrics.
    assertThat(response.error()).hasMessage(failing + " failed");
  }

  @Test
  void errorEncoderMayLeaveAnErrorToTheNextLayer() {
    failingStep = "endpoint";
    EndpointHandler<Integer, Integer> handler =
        plain.onError(
            (context, error) -> {
              throw error;
            });
    assertThatThrownBy(() -> call(handler)).hasMessage("endpoint failed");
  }

  @Test
  void lastErrorEncoderReplacesTheOthers() throws Exception {
    failingStep = "endpoint";
    Response response =
        call(
            plain
                .onError((context, error) -> Response.empty(400))
                .onError((context, error) -> Response.empty(401)));
    assertThat(response.status()).isEqualTo(401);
  }

  @Test
  void errorEncoderIsNotCalledForInterruptionOrErrors() {
    for (Throwable thrown : List.of(new InterruptedException(), new StackOverflowError())) {
      EndpointHandler<Integer, Integer> handler =
          new EndpointHandler<Integer, Integer>(
                  (context, request) -> 7,
                  (context, uid) -> {
                    if (thrown instanceof Error error) {
                      throw error;
                    }
                    throw (Exception) thrown;
                  },
                  (context, response) -> Response.empty(204))
              .onError((context, error) -> Response.empty(500));
      assertThatThrownBy(() -> call(handler)).isSameAs(thrown);
    }
  }

  @Test
  void finalizersAreKeptInOrder() throws Exception {
    Consumer<RequestSummary> first = completed -> {};
    Consumer<RequestSummary> second = completed -> {};
    call(plain.onCompleted(first).onCompleted(second));
    assertThat(finalizers).containsExactly(first, second);
  }

  @Test
  void addingDoesNotChangeTheOriginal() throws Exception {
    plain
        .before(before("before"))
        .after(after("after"))
        .onError((context, error) -> Response.empty(500))
        .onCompleted(completed -> {});
    call(plain);
    assertThat(steps).containsExactly("decode", "endpoint", "encode");
    assertThat(finalizers).isEmpty();
  }

  @Test
  void nullsAreRejectedAtConstruction() {
    assertThatNullPointerException().isThrownBy(() -> plain.before(null));
    assertThatNullPointerException().isThrownBy(() -> plain.after(null));
    assertThatNullPointerException().isThrownBy(() -> plain.onError(null));
    assertThatNullPointerException().isThrownBy(() -> plain.onCompleted(null));
  }
}
