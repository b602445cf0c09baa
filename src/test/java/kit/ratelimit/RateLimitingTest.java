// SPDX-License-Identifier: Apache-2.0
package kit.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.StatusException;
import kit.http.Request;
import kit.http.Response;
import kit.http.server.HttpService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.FakeNanoTime;

@Timeout(30)
class RateLimitingTest {
  private final FakeNanoTime time = new FakeNanoTime();
  private final List<String> reached = new ArrayList<>();
  private final Endpoint<String, String> endpoint =
      (context, request) -> {
        reached.add(request);
        return "hello " + request;
      };

  private String call(Middleware<String, String> limiting) throws Exception {
    return call(limiting, Context.background());
  }

  private String call(Middleware<String, String> limiting, Context context) throws Exception {
    return limiting.around(endpoint).call(context, "jerry");
  }

  private StatusException refusal(Middleware<String, String> limiting) {
    return catchThrowableOfType(StatusException.class, () -> call(limiting));
  }

  private PeerException refusedCall(Middleware<String, String> limiting) {
    return catchThrowableOfType(PeerException.class, () -> call(limiting));
  }

  @Test
  void admittedCallPassesUnchanged() throws Exception {
    assertThat(call(RateLimiting.rejecting(() -> 0))).isEqualTo("hello jerry");
    assertThat(call(RateLimiting.delaying(within -> true))).isEqualTo("hello jerry");
    assertThat(call(RateLimiting.rejectingCallsTo("a:80", () -> 0))).isEqualTo("hello jerry");
    assertThat(call(RateLimiting.delayingCallsTo("a:80", within -> true))).isEqualTo("hello jerry");
  }

  @Test
  void rejectedCallDoesNotReachTheEndpoint() {
    assertThat(refusal(RateLimiting.rejecting(() -> 1)).status()).isEqualTo(429);
    assertThat(refusal(RateLimiting.delaying(within -> false)).status()).isEqualTo(429);
    refusedCall(RateLimiting.rejectingCallsTo("a:80", () -> 1));
    refusedCall(RateLimiting.delayingCallsTo("a:80", within -> false));
    assertThat(reached).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # nanoseconds to wait, seconds in the answer
          1,                   1
          1_000_000_000,       1
          1_000_000_001,       2
          2_500_000_000,       3
          86_400_000_000_000,  86400
          """)
  void retryAfterSecondsAreRoundedUp(String nanos, long seconds) {
    LongSupplier wait = () -> Long.parseLong(nanos.replace("_", ""));
    StatusException refusal = refusal(RateLimiting.rejecting(wait));
    assertThat(refusal.detail()).isEqualTo("rate limit exceeded");
    assertThat(refusal.headers())
        .containsExactly(
            Map.entry("Retry-After", "" + seconds),
            Map.entry("RateLimit", "\"default\";r=0;t=" + seconds));
  }

  @Test
  void rateZeroHasNoRetryAfter() throws Exception {
    TokenBucket bucket = new TokenBucket(0, 1, time);
    Middleware<String, String> limiting = RateLimiting.rejecting(bucket::tryAcquireNanos);
    call(limiting);
    assertThat(refusal(limiting).headers()).isEmpty();
    assertThat(refusedCall(RateLimiting.rejectingCallsTo("a:80", bucket::tryAcquireNanos)))
        .extracting(PeerException::retryAfter)
        .isEqualTo(java.util.Optional.empty());
  }

  @Test
  void clientThatRetriesAfterRetryAfterIsAdmitted() throws Exception {
    TokenBucket bucket = new TokenBucket(0.4, 2, time); // one every 2.5 s
    Middleware<String, String> limiting = RateLimiting.rejecting(bucket::tryAcquireNanos);
    call(limiting);
    call(limiting);
    assertThat(refusal(limiting).headers()).containsEntry("Retry-After", "3");
    time.advance(Duration.ofSeconds(2));
    assertThat(refusal(limiting).headers()).containsEntry("Retry-After", "1");
    time.advance(Duration.ofSeconds(1));
    assertThat(call(limiting)).isEqualTo("hello jerry");
    assertThat(reached).hasSize(3);
  }

  @Test
  void rejectedCallWasNotSentAndHasRetryAfter() {
    PeerException refusal =
        refusedCall(RateLimiting.rejectingCallsTo("10.0.0.1:8081", () -> 1_500_000_000));
    assertThat(refusal.kind()).isEqualTo(PeerException.Kind.REFUSED);
    assertThat(refusal).hasMessage("rate limit exceeded (10.0.0.1:8081)");
    assertThat(refusal.instance()).contains("10.0.0.1:8081");
    assertThat(refusal.retryAfter()).contains(Duration.ofMillis(1_500));
  }

  @Test
  void rejectedWaitHasNoRetryAfter() {
    assertThat(refusal(RateLimiting.delaying(within -> false)).headers()).isEmpty();
    PeerException refusal = refusedCall(RateLimiting.delayingCallsTo(null, within -> false));
    assertThat(refusal.kind()).isEqualTo(PeerException.Kind.REFUSED);
    assertThat(refusal).hasMessage("rate limit exceeded");
    assertThat(refusal.retryAfter()).isEmpty();
  }

  @Test
  void waitEndsAtTheDeadline() throws Exception {
    List<Duration> asked = new ArrayList<>();
    Middleware<String, String> limiting = RateLimiting.delaying(asked::add);
    call(limiting, Context.background());
    call(limiting, Context.background().withTimeout(Duration.ofMinutes(1)));
    call(limiting, Context.background().withDeadline(System.nanoTime() - 1));
    assertThat(asked.get(0)).isEqualTo(Duration.ofNanos(Long.MAX_VALUE));
    assertThat(asked.get(1)).isBetween(Duration.ofSeconds(30), Duration.ofMinutes(1));
    assertThat(asked.get(2)).isNegative();
  }

  @Test
  void waitBeyondTheDeadlineIsRejectedAtOnce() throws Exception {
    TokenBucket bucket = new TokenBucket(TokenBucket.every(Duration.ofHours(1)), 1);
    Middleware<String, String> limiting =
        RateLimiting.delaying(within -> bucket.acquire(1, within));
    Context context = Context.background().withTimeout(Duration.ofMinutes(10));
    assertThat(call(limiting, context)).isEqualTo("hello jerry");
    assertThatExceptionOfType(StatusException.class)
        .isThrownBy(() -> call(limiting, context)) // 10 minutes would be too long for this test.
        .withMessage("rate limit exceeded");
    assertThat(bucket.availableTokens()).isNotNegative();
  }

  @Test
  void waitingCallersAreServedInOrder() throws Exception {
    TokenBucket bucket = new TokenBucket(100, 1);
    Middleware<String, String> limiting =
        RateLimiting.delaying(within -> bucket.acquire(1, within));
    long startedAtNanos = System.nanoTime();
    for (int i = 0; i < 4; i++) {
      call(limiting);
    }
    assertThat(reached).hasSize(4);
    assertThat(System.nanoTime() - startedAtNanos)
        .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(30));
  }

  @Test
  void interruptionOfAWaitIsRethrown() {
    TokenBucket bucket = new TokenBucket(1, 1, time);
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(InterruptedException.class)
        .isThrownBy(() -> call(RateLimiting.delaying(within -> bucket.acquire(1, within))));
    assertThat(Thread.interrupted()).isFalse();
    assertThat(reached).isEmpty();
  }

  @Test
  void limitsAnHttpHandlerTheSameWay() throws Exception {
    TokenBucket bucket = new TokenBucket(1, 2, time);
    Middleware<Request, Response> limiting = RateLimiting.rejecting(bucket::tryAcquireNanos);
    try (HttpService service = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0))) {
      service.start(limiting.around((context, request) -> Response.text(200, "hello")));
      URI uri = URI.create("http://127.0.0.1:" + service.port() + "/");
      assertThat(get(uri).statusCode()).isEqualTo(200);
      assertThat(get(uri).statusCode()).isEqualTo(200);
      HttpResponse<String> refused = get(uri);
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.headers().firstValue("Retry-After")).contains("1");
      assertThat(refused.headers().firstValue("RateLimit")).contains("\"default\";r=0;t=1");
      assertThat(refused.headers().firstValue("Content-Type")).contains("application/problem+json");
      assertThat(refused.body()).contains("\"detail\":\"rate limit exceeded\"");
      time.advance(Duration.ofSeconds(1));
      assertThat(get(uri).statusCode()).isEqualTo(200);
    }
  }

  private static HttpResponse<String> get(URI uri) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(10)).build();
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_1_1)
        .build()
        .send(request, HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void missingLimitIsRejectedAtConstruction() {
    assertThatNullPointerException()
        .isThrownBy(() -> RateLimiting.rejecting(null))
        .withMessage("nanosToWait");
    assertThatNullPointerException()
        .isThrownBy(() -> RateLimiting.delayingCallsTo("a:80", null))
        .withMessage("limit");
  }
}
