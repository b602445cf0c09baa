// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.client.HttpEndpoint;
import kit.http.server.HttpService;
import kit.tracing.Span.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tracing across two real services, of which the first calls the second. */
@Timeout(30)
class TracingTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";

  private final BlockingQueue<Span> spans = new LinkedBlockingQueue<>();
  private final Tracing tracing = new Tracing(1, spans::add);
  private final HttpClient http = HttpClient.newHttpClient();
  private final HttpService front = service();
  private final HttpService back = service();

  TracingTest() throws IOException {}

  private static HttpService service() throws IOException {
    return HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
  }

  @AfterEach
  void stop() {
    front.close();
    back.close();
  }

  private static void start(HttpService service, Endpoint<Request, Response> handler) {
    service.start(
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>().route("GET", "/user/{uid}", handler)));
  }

  private void startBoth(Tracing tracing, Endpoint<Request, Response> backHandler) {
    tracing.serve(front);
    tracing.serve(back);
    String peer = "127.0.0.1:" + back.port();
    Endpoint<String, String> call =
        tracing
            .<String, String>calls(uid -> "GET /user/{uid}", peer)
            .around(
                new HttpEndpoint<String, String>(
                        http,
                        URI.create("http://" + peer),
                        (context, base, uid) ->
                            HttpRequest.newBuilder(base.resolve("/user/" + uid)),
                        (context, response) -> new String(response.body()))
                    .before(Tracing::inject));
    start(front, (context, request) -> Response.text(200, call.call(context, "7")));
    start(back, backHandler);
  }

  private HttpResponse<String> get(HttpService service, String... headers) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + service.port() + "/user/101"));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private Span next() throws InterruptedException {
    Span span = spans.poll(5, TimeUnit.SECONDS);
    assertThat(span).as("a span").isNotNull();
    return span;
  }

  @Test
  void aCallFromServiceToServiceIsOneTraceOfThreeSpans() throws Exception {
    startBoth(tracing, (context, request) -> Response.text(200, "jerry"));
    assertThat(get(front, "traceparent", "00-" + TRACE + "-" + SPAN + "-01").statusCode())
        .isEqualTo(200);

    // In any order: a response is sent before the server span ends.
    Map<String, Span> byKind = new HashMap<>();
    for (int i = 0; i < 3; i++) {
      Span span = next();
      byKind.put(span.kind() + " " + span.tags().get("http.path"), span);
    }
    assertThat(byKind).containsOnlyKeys("SERVER /user/101", "CLIENT null", "SERVER /user/7");
    Span outer = byKind.get("SERVER /user/101");
    Span call = byKind.get("CLIENT null");
    Span inner = byKind.get("SERVER /user/7");
    assertThat(outer.trace().traceId()).isEqualTo(TRACE);
    assertThat(TraceContext.hex(outer.trace().parentId())).isEqualTo(SPAN);
    assertThat(outer.name()).isEqualTo("GET /user/{uid}");
    assertThat(outer.tags())
        .containsEntry("http.method", "GET")
        .containsEntry("http.route", "/user/{uid}")
        .containsEntry("http.status_code", "200")
        .doesNotContainKey("error");

    assertThat(call.trace().traceId()).isEqualTo(TRACE);
    assertThat(call.trace().parentId()).isEqualTo(outer.trace().spanId());
    assertThat(call.remote().getPort()).isEqualTo(back.port());
    assertThat(call.durationMicros()).isLessThanOrEqualTo(outer.durationMicros());

    assertThat(inner.trace().traceId()).isEqualTo(TRACE);
    assertThat(inner.trace().parentId()).isEqualTo(call.trace().spanId());
    assertThat(spans).isEmpty();
  }

  @Test
  void failuresAreMarkedOnBothSides() throws Exception {
    startBoth(
        tracing,
        (context, request) -> {
          throw new StatusException(503, "overloaded");
        });
    assertThat(get(front).statusCode()).isEqualTo(502);

    for (int i = 0; i < 3; i++) {
      Span span = next();
      String status =
          span.kind() == Kind.SERVER && span.tags().get("http.path").endsWith("101")
              ? "502"
              : "503";
      assertThat(span.tags()).containsKey("error").containsEntry("http.status_code", status);
    }
  }

  @Test
  void failedCallHasTheFailureInItsSpan() {
    Endpoint<String, String> call =
        tracing
            .<String, String>calls(uid -> "get", "[::1]:9")
            .around(
                (context, uid) -> {
                  throw PeerException.timeout("[::1]:9", null);
                });
    assertThatThrownBy(() -> call.call(Context.background(), "7"))
        .isInstanceOf(PeerException.class);
    assertThat(spans.poll().tags()).containsExactly(Map.entry("error", "TIMEOUT"));
  }

  @Test
  void unsampledTraceIsForwarded() throws Exception {
    Tracing never = new Tracing(0, spans::add);
    BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    startBoth(
        never,
        (context, request) -> {
          seen.add(request.header("traceparent") + " " + request.header("tracestate"));
          return Response.text(200, context.get(RequestId.TRACE_ID));
        });
    String caller = "00-" + TRACE + "-" + SPAN + "-00";
    assertThat(get(front, "traceparent", caller, "tracestate", "a=1").body()).isEqualTo(TRACE);
    assertThat(seen.take()).startsWith("00-" + TRACE).endsWith("-00 a=1").isNotEqualTo(caller);

    get(front);
    assertThat(seen.take()).endsWith("-00 null").doesNotContain(TRACE);
    assertThat(spans).isEmpty();
  }

  @Test
  void twoTraceparentHeadersAreIgnored() throws Exception {
    startBoth(tracing, (context, request) -> Response.text(200, "jerry"));
    String other = TRACE.replace('4', '5');
    get(
        back,
        "traceparent",
        "00-" + TRACE + "-" + SPAN + "-01",
        "traceparent",
        "00-" + other + "-" + SPAN + "-01");
    assertThat(next().trace().traceId()).isNotEqualTo(TRACE).isNotEqualTo(other);
  }

  @Test
  void aProblemNamesItsTrace() throws Exception {
    startBoth(
        tracing,
        (context, request) -> {
          throw new StatusException(404, "no such user");
        });
    assertThat(get(back, "traceparent", "00-" + TRACE + "-" + SPAN + "-01").body())
        .contains("\"traceId\":\"" + TRACE + "\"");
  }

  @Test
  void rejectsInvalidRatioAndMissingPeer() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Tracing(2, spans::add))
        .withMessage("ratio not in 0..1: 2.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> tracing.calls(uid -> "get", "nowhere"))
        .withMessage("not host:port: nowhere");
  }
}
