// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import kit.StatusException;
import kit.auth.Jwt;
import kit.auth.JwtAuthenticating;
import kit.http.RequestId;
import kit.http.RequestSummary;
import kit.http.server.AccessLog;
import kit.log.KeyValueLog;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.ratelimit.RateLimiting;
import kit.tracing.Span;
import kit.tracing.Tracing;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The middleware for HTTP requests, on calls of gRPC. */
@Timeout(30)
class GrpcMiddlewareTest {
  private static final String PATH = "/test.Texts/Echo";
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  private final List<RequestSummary> completed = new ArrayList<>();
  private final GrpcMethod echo =
      GrpcMethod.unary(
          PATH,
          Texts.CODEC,
          Texts.CODEC,
          (context, text) -> {
            if (text.isEmpty()) {
              throw new StatusException(404, "no such text");
            }
            return text;
          });
  private final GrpcService service =
      new GrpcService(GrpcService.Settings.defaults()).onCompleted(completed::add);

  private static FakeHttp2Stream request(String text) throws Exception {
    return new FakeHttp2Stream(PATH).with("x-request-id", "id-1").sendsMessage(text).ends();
  }

  @Test
  void summaryOfASuccess() throws Exception {
    request("abc").servedBy(service.add(echo));

    assertThat(completed)
        .singleElement()
        .satisfies(
            done -> {
              assertThat(done.route()).isEqualTo(PATH);
              assertThat(done.path()).isEqualTo(PATH);
              assertThat(done.method()).isEqualTo("POST");
              assertThat(done.status()).isEqualTo(200);
              assertThat(done.bytes()).isEqualTo(5 + 2 + 3);
              assertThat(done.nanos()).isPositive();
              assertThat(done.error()).isNull();
              assertThat(done.requestId()).isEqualTo("id-1");
              assertThat(done.context().get(RequestId.KEY)).isEqualTo("id-1");
              assertThat(done.context().get(RequestSummary.GRPC_CODE)).isEqualTo("OK");
              assertThat(done.remote().getPort()).isEqualTo(4711);
            });
  }

  @Test
  void everyCallHasASummary() throws Exception {
    service
        .add(echo)
        .onCompleted(
            done -> {
              throw new IllegalStateException("a finalizer");
            });
    request("").servedBy(service);
    request("").with(":path", "/no.Such/Method?key=secret").servedBy(service);
    request("").with("grpc-timeout", "x").servedBy(service);
    request("").with(":method", "GET").servedBy(service);
    request("").with("content-type", "text/plain").servedBy(service);

    assertThat(completed)
        .extracting(
            RequestSummary::route,
            RequestSummary::method,
            RequestSummary::status,
            done -> done.context().get(RequestSummary.GRPC_CODE),
            RequestSummary::requestId)
        .map(Object::toString)
        .containsExactly(
            "(\"/test.Texts/Echo\", \"POST\", 404, \"NOT_FOUND\", \"id-1\")",
            "(\"-\", \"POST\", 501, \"UNIMPLEMENTED\", \"id-1\")",
            "(\"-\", \"POST\", 400, \"INVALID_ARGUMENT\", \"id-1\")",
            "(\"-\", \"OTHER\", 405, null, \"id-1\")",
            "(\"-\", \"POST\", 415, null, \"id-1\")");
  }

  @Test
  void summaryHasNoQuery() throws Exception {
    request("").with(":path", PATH + "?key=secret").servedBy(service.add(echo));

    assertThat(completed.get(0).path()).isEqualTo(PATH);
    assertThat(completed.get(0).status()).isEqualTo(501);
  }

  @Test
  void finalizersOfOneCall() throws Exception {
    List<RequestSummary> own = new ArrayList<>();
    service.add(
        echo.around(
            next ->
                (context, request) -> {
                  request.onCompleted(own::add);
                  return next.call(context, request);
                }));
    request("a").servedBy(service);

    assertThat(own).hasSize(1);
  }

  @Test
  void accessLog() throws Exception {
    List<String> lines = new ArrayList<>();
    KeyValueLog log = KeyValueLog.logfmt(lines::add);
    service.add(echo).onCompleted(new AccessLog(log::log));
    request("").servedBy(service);

    assertThat(lines)
        .singleElement()
        .asString()
        .startsWith("method=POST route=/test.Texts/Echo path=/test.Texts/Echo status=404 bytes=0")
        .contains(" request_id=id-1 grpc_code=NOT_FOUND error=\"no such text\"");
  }

  @Test
  void metrics() throws Exception {
    Metrics metrics = new Metrics();
    new Instrumenting(metrics).serveGrpc(service.add(echo));
    request("a").servedBy(service);
    request("").servedBy(service);
    request("").with(":path", "/no.Such/Method").servedBy(service);

    assertThat(metrics.text().lines())
        .contains(
            "grpc_calls_total{method=\"/test.Texts/Echo\",grpc_code=\"OK\"} 1",
            "grpc_calls_total{method=\"/test.Texts/Echo\",grpc_code=\"NOT_FOUND\"} 1",
            "grpc_calls_total{method=\"-\",grpc_code=\"UNIMPLEMENTED\"} 1",
            "grpc_call_duration_seconds_count{method=\"/test.Texts/Echo\"} 2",
            "grpc_calls_in_flight 0");
    assertThat(metrics.text()).doesNotContain("no.Such");
  }

  @Test
  void traceOfTheCallerIsContinued() throws Exception {
    List<Span> spans = new ArrayList<>();
    new Tracing(0, spans::add).serve(service.add(echo));
    request("").with("traceparent", "00-" + TRACE + "-00f067aa0ba902b7-01").servedBy(service);

    assertThat(spans)
        .singleElement()
        .satisfies(
            span -> {
              assertThat(span.trace().traceId()).isEqualTo(TRACE);
              assertThat(span.kind()).isEqualTo(Span.Kind.SERVER);
              assertThat(span.name()).isEqualTo("POST " + PATH);
              assertThat(span.tags()).containsEntry("grpc.status_code", "NOT_FOUND");
            });
    assertThat(completed.get(0).context().get(RequestId.TRACE_ID)).isEqualTo(TRACE);
  }

  @Test
  void limitRejectsBeforeTheMessageIsRead() throws Exception {
    service.add(echo.around(RateLimiting.rejecting(() -> 3_000_000_000L)));
    FakeHttp2Stream limited = new FakeHttp2Stream(PATH).servedBy(service);

    assertThat(limited.status()).isEqualTo("8 rate limit exceeded");
    assertThat(limited.responseField("retry-after")).isEqualTo("3");
    assertThat(limited.messages()).isEmpty();
  }

  @Test
  void tokenIsCheckedAndItsClaimsReachTheEndpoint() throws Exception {
    SecretKey key = new SecretKeySpec(new byte[32], "HMAC");
    InstantSource clock = InstantSource.system();
    Jwt.Verifier verifier =
        new Jwt.Verifier(Jwt.Algorithm.HS256, key, Jwt.Expected.anyIssuer(), clock);
    String token =
        new Jwt.Signer(Jwt.Algorithm.HS256, key, clock)
            .sign(Map.of("sub", "jerry"), Duration.ofMinutes(1));
    service.add(
        GrpcMethod.unary(
                PATH,
                Texts.CODEC,
                Texts.CODEC,
                (context, text) -> context.get(JwtAuthenticating.CLAIMS).subject())
            .around(JwtAuthenticating.verifying(verifier)));
    FakeHttp2Stream known = request("a").with("authorization", "Bearer " + token).servedBy(service);
    FakeHttp2Stream unknown = request("a").with("authorization", "Bearer x").servedBy(service);

    assertThat(known.messages()).containsExactly("jerry");
    assertThat(unknown.status()).isEqualTo("16 a valid access token is needed");
    assertThat(unknown.responseField("www-authenticate"))
        .isEqualTo("Bearer error=\"invalid_token\"");
  }

  @Test
  void failingBeforeIsAStatus() throws Exception {
    service
        .add(echo)
        .before(
            (context, request) -> {
              throw new StatusException(400, "a bad request of " + request.method());
            });

    assertThat(request("a").servedBy(service).status()).isEqualTo("3 a bad request of POST");
  }
}
