// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import kit.Endpoint;
import kit.Shutdown;
import kit.http.Request;
import kit.http.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.Eventually;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.TestService;

/** The lifecycle of a service, from the bind to the last response, on real sockets. */
@Timeout(30)
class HttpServiceTest {
  private static final HttpService.Settings ANY_PORT =
      HttpService.Settings.of("127.0.0.1", 0).withEngine(Engine.server());
  private static final Duration LONG = Duration.ofSeconds(25);
  private static final long SOON_MILLIS = 5_000; // Usually a hundredth, but machines may be busy.

  private final TestService http = new TestService();
  private final CountDownLatch entered = new CountDownLatch(1);
  private final CountDownLatch release = new CountDownLatch(1);
  private final AtomicReference<Thread> handlerThread = new AtomicReference<>();

  /** Holds requests for /slow until {@link #release}; serves /health and /ready. */
  private final Endpoint<Request, Response> handler =
      (context, request) -> {
        switch (request.target().rawPath()) {
          case "/slow" -> {
            handlerThread.set(Thread.currentThread());
            entered.countDown();
            release.await();
            return Response.text(200, "worth the wait");
          }
          case "/health" -> {
            return http.service().health(context, request);
          }
          case "/ready" -> {
            return http.service().ready(context, request);
          }
          default -> throw new IllegalStateException("not routed: " + request.target().rawPath());
        }
      };

  @AfterEach
  void stop() {
    release.countDown();
    http.close();
  }

  private RawClient serve() throws IOException {
    return http.serve(ANY_PORT, handler);
  }

  /** Sends a request for /slow, and returns when the handler has it. */
  private RawClient slowRequest() throws Exception {
    RawClient client = http.connect().request("GET", "/slow");
    assertThat(entered.await(5, TimeUnit.SECONDS)).isTrue();
    return client;
  }

  private CompletableFuture<Boolean> stopping(Duration patience) {
    return completed(() -> http.service().stop(patience));
  }

  private static CompletableFuture<Boolean> completed(Callable<Boolean> stop) {
    CompletableFuture<Boolean> result = new CompletableFuture<>();
    new Thread(
            () -> {
              try {
                result.complete(stop.call());
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            })
        .start();
    return result;
  }

  private void awaitNoNewConnections() throws Exception {
    Eventually.within(
        Duration.ofSeconds(5),
        () ->
            assertThatThrownBy(() -> http.connect().request("GET", "/ok").answer())
                .isInstanceOf(ConnectException.class));
  }

  private static long millisSince(long nanos) {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanos);
  }

  // Begin.

  @Test
  void freePortIsReportedAndStaysKnown() throws Exception {
    serve();
    int port = http.service().port();
    assertThat(port).isPositive();
    http.service().close();
    assertThat(http.service().port()).isEqualTo(port);
  }

  @Test
  void takenPortIsABindException() throws Exception {
    serve();
    assertThatThrownBy(
            () -> HttpService.bind(HttpService.Settings.of("127.0.0.1", http.service().port())))
        .isInstanceOf(BindException.class);
  }

  @Test
  void portIsFreeAgainAfterCloseEvenWithoutAStart() throws Exception {
    HttpService first = HttpService.bind(ANY_PORT);
    first.close();
    HttpService second = HttpService.bind(HttpService.Settings.of("127.0.0.1", first.port()));
    second.close();
  }

  @Test
  void requestsThatComeBeforeTheStartWait() throws Exception {
    HttpService early = HttpService.bind(ANY_PORT);
    try (early;
        RawClient client = new RawClient(early.port())) {
      client.request("GET", "/");
      early.start((context, request) -> Response.text(200, "hello"));
      assertThat(client.answer().body()).isEqualTo("hello");
    }
  }

  @Test
  void secondStartChangesNothing() throws Exception {
    RawClient client = serve();
    assertThatThrownBy(() -> http.service().start((context, request) -> Response.empty(204)))
        .isInstanceOf(IllegalStateException.class);
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @Test
  void selfCheckPassesWhenTheServiceIsReachable() throws Exception {
    serve();
    http.service().selfCheck("/health");
  }

  @Test
  void selfCheckReachesAServiceOnAllAddresses() throws Exception {
    http.serve(HttpService.Settings.of("0.0.0.0", 0), handler);
    http.service().selfCheck("/health");
  }

  @Test
  void selfCheckFailsOnAnotherResponseOrNone() throws Exception {
    serve();
    assertThatThrownBy(() -> http.service().selfCheck("/no-such-path"))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("GET /no-such-path", "HTTP/1.1 500");
    http.service().drain();
    assertThatThrownBy(() -> http.service().selfCheck("/health"))
        .hasMessageContainingAll("GET /health", "HTTP/1.1 503");
    http.service().close();
    assertThatThrownBy(() -> http.service().selfCheck("/health")).isInstanceOf(IOException.class);
  }

  @Test
  void readyFromTheSelfCheckToTheDrain() throws Exception {
    RawClient client = serve();
    Answer early = client.request("GET", "/ready").answer();
    assertThat(early.status()).isEqualTo(503);
    assertThat(early.body()).isEqualTo("{\"status\":\"starting\"}");
    assertThatThrownBy(() -> http.service().selfCheck("/no-such-path"));
    assertThat(client.request("GET", "/ready").answer().status()).isEqualTo(503);

    http.service().selfCheck("/health");
    Answer ready = client.request("GET", "/ready").answer();
    assertThat(ready.status()).isEqualTo(200);
    assertThat(ready.body()).isEqualTo("{\"status\":\"ready\"}");

    http.service().drain();
    Answer draining = client.request("GET", "/ready").answer();
    assertThat(draining.status()).isEqualTo(503);
    assertThat(draining.body()).isEqualTo("{\"status\":\"draining\"}");
  }

  // Load.

  @Test
  void aboveTheLimitRequestsAreRejectedButMonitoringIsServed() throws Exception {
    RawClient client = http.serve(ANY_PORT.withMaxInFlight(1), handler);
    RawClient slow = slowRequest();
    assertThat(http.service().inFlight()).isEqualTo(1);

    Answer refused = client.request("GET", "/ok").answer();
    assertThat(refused.status()).isEqualTo(503);
    assertThat(refused.header("Retry-After")).isEqualTo("1");
    assertThat(refused.body()).contains("\"detail\":\"too many requests in flight\"");
    Answer health = client.request("GET", "/health").answer();
    assertThat(health.status()).isEqualTo(200);
    assertThat(health.body()).isEqualTo("{\"status\":\"ok\"}");

    release.countDown();
    assertThat(slow.answer().body()).isEqualTo("worth the wait");
    Eventually.within(Duration.ofSeconds(5), () -> assertThat(http.service().inFlight()).isZero());
    assertThat(client.request("GET", "/ok").answer().body()).isEqualTo("fine");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/ok", "/health/", "/%68ealth", "/health?x=/health", "/healthy"})
  void onlyExactMonitoringPathsBypassTheLimit(String target) throws Exception {
    RawClient client = http.serve(ANY_PORT.withMaxInFlight(1), handler);
    slowRequest();
    int expected = target.startsWith("/health?") ? 200 : 503;
    assertThat(client.request("GET", target).answer().status()).isEqualTo(expected);
  }

  // Drain.

  @Test
  void drainingServiceRespondsAndClosesEachConnection() throws Exception {
    RawClient kept = serve();
    assertThat(kept.request("GET", "/ok").answer().headers()).doesNotContainKey("Connection");
    http.service().drain();
    http.service().drain();

    Answer health = http.connect().request("GET", "/health").answer();
    assertThat(health.status()).isEqualTo(503);
    assertThat(health.body()).isEqualTo("{\"status\":\"draining\"}");

    for (RawClient client : Set.of(kept, http.connect())) {
      Answer answer = client.request("GET", "/ok").answer();
      assertThat(answer.body()).isEqualTo("fine");
      assertThat(answer.header("Connection")).isEqualTo("close");
      assertThat(client.isClosed()).isTrue();
    }
  }

  @Test
  void responseBegunBeforeTheDrainClosesItsConnectionToo() throws Exception {
    serve();
    RawClient slow = slowRequest();
    http.service().drain();
    release.countDown();
    assertThat(slow.answer().header("Connection")).isEqualTo("close");
    assertThat(slow.isClosed()).isTrue();
  }

  // Stop.

  @Test
  void stopWaitsForTheRequestInFlightAndNotMuchLonger() throws Exception {
    RawClient kept = serve();
    kept.request("GET", "/ok").answer();
    RawClient slow = slowRequest();
    CompletableFuture<Boolean> stopped = stopping(LONG);
    awaitNoNewConnections();
    assertThat(stopped).isNotDone();
    // Connections that were there before are served to the end.
    assertThat(kept.request("GET", "/ok").answer().body()).isEqualTo("fine");

    long releasedAtNanos = System.nanoTime();
    release.countDown();
    assertThat(slow.answer().body()).isEqualTo("worth the wait");
    assertThat(stopped.get()).isTrue();
    assertThat(millisSince(releasedAtNanos)).isLessThan(SOON_MILLIS);
  }

  @Test
  void stopWithNothingInFlightReturnsSoonAndClosesIdleConnections() throws Exception {
    RawClient kept = serve();
    kept.request("GET", "/ok").answer();
    RawClient silent = http.connect();
    RawClient halfway = http.connect().send("GET /ok HTTP/1.1\r\nHost:");

    long startedAtNanos = System.nanoTime();
    assertThat(http.service().stop(LONG)).isTrue();
    assertThat(millisSince(startedAtNanos)).isLessThan(SOON_MILLIS);
    assertThat(kept.isClosed()).isTrue();
    assertThat(silent.isClosed()).isTrue();
    assertThat(halfway.isClosed()).isTrue();
  }

  @Test
  void requestThatArrivesWithTheLastResponseIsServedToo() throws Exception {
    RawClient kept = serve();
    kept.request("GET", "/ok").answer();
    RawClient slow = slowRequest();
    // The JDK's server closes all connections when it counts no exchange any more.
    CompletableFuture<Boolean> stopped =
        completed(() -> http.service().stop(Duration.ofSeconds(20), LONG));
    awaitNoNewConnections();
    release.countDown();
    assertThat(slow.answer().body()).isEqualTo("worth the wait");
    assertThat(kept.request("GET", "/ok").answer().body()).isEqualTo("fine");
    assertThat(stopped).isNotDone();
    http.service().stop(Duration.ZERO);
  }

  @Test
  void connectionThatWaitsToBeAcceptedIsServedToo() throws Exception {
    serve();
    RawClient early = http.connect();
    CompletableFuture<Boolean> stopped =
        completed(() -> http.service().stop(Duration.ofSeconds(20), LONG));
    awaitNoNewConnections();
    assertThat(early.request("GET", "/ok").answer().body()).isEqualTo("fine");
    assertThat(stopped).isNotDone();
    http.service().stop(Duration.ZERO);
  }

  @Test
  void requestAfterTheDrainKeepsTheConnectionWhileThePortCloses() throws Exception {
    serve();
    http.service().drain();
    assertThat(http.connect().request("GET", "/ok").answer().header("Connection"))
        .isEqualTo("close");
    CompletableFuture<Boolean> stopped =
        completed(() -> http.service().stop(Duration.ofSeconds(1), LONG));
    RawClient[] kept = new RawClient[1];
    Eventually.within(
        Duration.ofSeconds(5),
        () -> {
          kept[0] = http.connect().request("GET", "/ok");
          assertThat(kept[0].answer().headers()).doesNotContainKey("Connection");
        });
    awaitNoNewConnections();
    Eventually.within( // The service notices a moment later than this test that the port is closed.
        Duration.ofSeconds(5),
        () ->
            assertThat(kept[0].request("GET", "/ok").answer().header("Connection"))
                .isEqualTo("close"));
    assertThat(stopped.get()).isTrue();
  }

  @Test
  void stopReturnsSoonAlsoAfterExchangesThatBroke() throws Exception {
    // The JDK's own count of exchanges is off from here on, and its stop(n) waits in vain.
    CountDownLatch gone = new CountDownLatch(1);
    RawClient client =
        http.serve(
            ANY_PORT,
            (context, request) -> {
              gone.await();
              return Response.text(200, "x".repeat(10_000_000));
            });
    client.request("GET", "/").reset();
    gone.countDown();
    assertThat(http.nextCompleted().error()).isNotNull();

    long startedAtNanos = System.nanoTime();
    assertThat(http.service().stop(LONG)).isTrue();
    assertThat(millisSince(startedAtNanos)).isLessThan(SOON_MILLIS);
  }

  @ParameterizedTest
  @ValueSource(longs = {200, 0, -1})
  void stopReturnsAfterTheDrainTimeout(long patienceMillis) throws Exception {
    serve();
    RawClient slow = slowRequest();
    long startedAtNanos = System.nanoTime();
    assertThat(http.service().stop(Duration.ofMillis(patienceMillis))).isFalse();
    assertThat(millisSince(startedAtNanos)).isBetween(patienceMillis, patienceMillis + SOON_MILLIS);
    assertThat(slow.isClosed()).isTrue();
    // The handler was interrupted, else it would hold its thread for ever.
    Thread thread = handlerThread.get();
    thread.join(5_000);
    assertThat(thread.isAlive()).isFalse();
  }

  @Test
  void longestDrainTimeoutDoesNotOverflow() throws Exception {
    serve();
    assertThat(http.service().stop(Duration.ofSeconds(Long.MAX_VALUE))).isTrue();
  }

  @Test
  void interruptedStopStopsAtOnce() throws Exception {
    serve();
    RawClient slow = slowRequest();
    BlockingQueue<Throwable> thrown = new LinkedBlockingQueue<>();
    Thread stopper =
        new Thread(
            () -> {
              try {
                http.service().stop(LONG);
              } catch (Throwable e) {
                thrown.add(e);
              }
            });
    stopper.start();
    awaitNoNewConnections();
    stopper.interrupt();
    assertThat(thrown.poll(5, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    assertThat(slow.isClosed()).isTrue();
  }

  @Test
  void stopAndCloseMayBeRepeatedAndRunSideBySide() throws Exception {
    serve();
    slowRequest();
    CompletableFuture<Boolean> one = stopping(LONG);
    CompletableFuture<Boolean> other = stopping(LONG);
    awaitNoNewConnections();
    release.countDown();
    assertThat(one.get()).isTrue();
    assertThat(other.get()).isTrue();
    http.service().close();
    http.service().close();
    assertThat(http.service().stop(Duration.ZERO)).isTrue();
  }

  // All of it.

  @Test
  void shutdownServesDuringTheDrainDelayAndThenDrains() throws Exception {
    serve();
    RawClient slow = slowRequest();
    CountDownLatch deregistering = new CountDownLatch(1);
    CountDownLatch deregistered = new CountDownLatch(1);
    Shutdown shutdown =
        http.service()
            .shutdown(
                () -> {
                  deregistering.countDown();
                  deregistered.await();
                },
                Duration.ofMillis(300),
                LONG);
    Thread closer = new Thread(shutdown::close);
    closer.start();

    assertThat(deregistering.await(5, TimeUnit.SECONDS)).isTrue();
    assertThat(http.connect().request("GET", "/health").answer().status()).isEqualTo(503);
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");

    long deregisteredAtNanos = System.nanoTime();
    deregistered.countDown();
    assertThat(http.connect().request("GET", "/ok").answer().body()).isEqualTo("fine");
    awaitNoNewConnections();
    assertThat(millisSince(deregisteredAtNanos)).isGreaterThanOrEqualTo(300);
    assertThat(closer.isAlive()).isTrue();

    release.countDown();
    assertThat(slow.answer().body()).isEqualTo("worth the wait");
    closer.join(SOON_MILLIS);
    assertThat(closer.isAlive()).isFalse();
  }

  @Test
  void failingDeregistrationDoesNotPreventTheStop() throws Exception {
    serve();
    AutoCloseable failing =
        () -> {
          throw new IllegalStateException("the registry is gone");
        };
    http.service().shutdown(failing, Duration.ZERO, Duration.ofSeconds(Long.MAX_VALUE)).close();
    awaitNoNewConnections();
  }

  @Test
  void noThreadIsLeftBehind() throws Exception {
    Set<String> before = threads();
    RawClient client = serve();
    client.request("GET", "/ok").answer();
    assertThat(threads()).as("this test can see them").isNotEqualTo(before);
    http.service().close();
    assertThat(threads()).noneMatch(thread -> thread.startsWith("http-stop"));
    // Timers and workers have been interrupted; they need a moment to end.
    Eventually.within(Duration.ofSeconds(5), () -> assertThat(threads()).isEqualTo(before));
  }

  private static Set<String> threads() {
    Set<String> names = new TreeSet<>();
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().toLowerCase().startsWith("http-")
          || thread.getName().contains("-task")) {
        names.add(thread.getName() + " " + thread.getId());
      }
    }
    return names;
  }

  // Settings.

  @Test
  void settingsAreChecked() {
    ServerSettings limits = ServerSettings.defaults();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HttpService.Settings.of("127.0.0.1", 65_536))
        .withMessageContainingAll("port", "0..65535", "65536");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HttpService.Settings.of("127.0.0.1", -1))
        .withMessageContainingAll("port", "0..65535", "-1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ANY_PORT.withMaxInFlight(0))
        .withMessageContainingAll("maxInFlight", "1", "0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ANY_PORT.withHeadTimeout(Duration.ZERO))
        .withMessageContainingAll("headTimeout", "PT0S");
    Duration tenSeconds = Duration.ofSeconds(10);
    Set<String> ungated = Set.of("/health", "/ready", "/metrics");
    assertThat(HttpService.Settings.of("127.0.0.1", 0).withMaxInFlight(7).withServer(limits))
        .isEqualTo(
            new HttpService.Settings(
                "127.0.0.1",
                0,
                7,
                ungated,
                tenSeconds,
                limits,
                ServerEngine.INSTALLED,
                Optional.empty()));
  }
}
