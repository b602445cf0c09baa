// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.Context;
import kit.PeerException;
import kit.PeerException.Kind;
import kit.http.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.RawPeer;

/** Limits on the resources of a call: bytes, time, threads, and concurrent calls. */
@Timeout(60)
class HttpEndpointLimitsTest extends RawPeerSetUp {
  private static final String STALLED = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello";
  private static final String FINE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

  private final List<Thread> callers = new ArrayList<>();

  @AfterEach
  void interruptCallers() {
    callers.forEach(Thread::interrupt);
  }

  /** Sends requests of the method given and returns bodies as text. */
  private static HttpEndpoint<String, String> endpoint(URI base) {
    return new HttpEndpoint<>(
        HTTP,
        base,
        (context, uri, method) ->
            HttpRequest.newBuilder(uri).method(method, BodyPublishers.noBody()),
        (context, response) -> new String(response.body(), UTF_8));
  }

  private static HttpEndpoint.Settings settings() {
    return HttpEndpoint.Settings.defaults();
  }

  private static Context within(Duration time) {
    return Context.background().withTimeout(time);
  }

  private static PeerException failureOf(HttpEndpoint<String, String> endpoint) {
    return catchThrowableOfType(
        PeerException.class, () -> endpoint.call(within(Duration.ofSeconds(20)), "GET"));
  }

  /** Makes a call on a thread of its own; what it ends with is found in the queue. */
  private BlockingQueue<Object> inBackground(HttpEndpoint<String, String> endpoint) {
    BlockingQueue<Object> outcome = new LinkedBlockingQueue<>();
    Thread caller =
        new Thread(
            () -> {
              try {
                outcome.add(endpoint.call(Context.background(), "GET"));
              } catch (Throwable e) {
                outcome.add(e);
              }
            });
    callers.add(caller);
    caller.start();
    return outcome;
  }

  // Bytes.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "200 OK\r\nContent-Length: 1000000000000\r\n\r\nh",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n",
        "200 OK\r\n\r\nhello world",
        "500 Sorry\r\nContent-Length: 11\r\n\r\nhello world",
      })
  void responseThatIsTooLongIsRejectedAndItsConnectionClosed(String answer) throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter("HTTP/1.1 " + answer));
    PeerException failure =
        failureOf(endpoint(peer.uri()).with(settings().withMaxResponseBytes(10)));
    assertThat(failure.kind()).isEqualTo(Kind.TOO_LARGE);
    assertThat(failure).hasMessageContainingAll("10 bytes", peer.address());
    assertThat(peer.ends().poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "200 OK\r\nContent-Length: 10\r\n\r\nhello worl",
        "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\n worl\r\n0\r\n\r\n",
        "200 OK\r\n\r\nhello worl"
      })
  void responseOfExactlyTheLimitIsRead(String answer) throws Exception {
    RawPeer peer = peer(RawPeer.answering("HTTP/1.1 " + answer));
    assertThat(
            endpoint(peer.uri())
                .with(settings().withMaxResponseBytes(10))
                .call(within(Duration.ofSeconds(20)), "GET"))
        .isEqualTo("hello worl");
  }

  @Test
  void endlessResponseIsAborted() throws Exception {
    RawPeer peer =
        peer(
            new RawPeer(
                (self, connection) -> {
                  OutputStream out = connection.getOutputStream();
                  out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(ISO_8859_1));
                  while (true) {
                    out.write(new byte[10_000]);
                  }
                }));
    PeerException failure =
        failureOf(endpoint(peer.uri()).with(settings().withMaxResponseBytes(1_000_000)));
    assertThat(failure.detail()).contains("1000000 bytes");
    assertThat(peer.ends().poll(10, TimeUnit.SECONDS)).contains("Exception"); // Cannot write on.
  }

  @Test
  void contentLengthOfAHeadResponseIsNotLimited() throws Exception {
    RawPeer peer = peer(RawPeer.answering("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
    assertThat(
            endpoint(peer.uri())
                .with(settings().withMaxResponseBytes(10))
                .call(Context.background(), "HEAD"))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 65_535, 65_536, 65_537, 5_000_000})
  void longResponsesAreReadCompletely(int length) throws Exception {
    byte[] body = new byte[length];
    new Random(length).nextBytes(body);
    service.serve((context, request) -> Response.of(200, "a/b", body));
    HttpEndpoint<Integer, byte[]> bytes =
        new HttpEndpoint<>(
            HTTP,
            URI.create("http://127.0.0.1:" + service.service().port()),
            (context, uri, request) -> HttpRequest.newBuilder(uri),
            (context, response) -> response.body());
    assertThat(bytes.call(within(Duration.ofSeconds(20)), 7)).isEqualTo(body);
  }

  @Test
  void responseInManyPiecesIsReadCompletely() throws Exception {
    RawPeer peer =
        peer(
            new RawPeer(
                (self, connection) -> {
                  connection.setTcpNoDelay(true);
                  OutputStream out = connection.getOutputStream();
                  out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(ISO_8859_1));
                  for (int i = 0; i < 100 * 26; i++) {
                    out.write('a' + i % 26);
                  }
                }));
    String body = endpoint(peer.uri()).call(within(Duration.ofSeconds(20)), "GET");
    assertThat(body).isEqualTo("abcdefghijklmnopqrstuvwxyz".repeat(100));
  }

  // Time.

  @Test
  void deadlineReplacesTheRequestsOwnTimeout() throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(""));
    HttpEndpoint<String, String> patient =
        endpoint(peer.uri()).before((context, request) -> request.timeout(Duration.ofHours(1)));
    PeerException failure =
        catchThrowableOfType(
            PeerException.class, () -> patient.call(within(Duration.ofMillis(200)), "GET"));
    assertThat(failure.kind()).isEqualTo(Kind.TIMEOUT);
    assertThat(peer.ends().poll(10, TimeUnit.SECONDS)).isEqualTo("closed");
  }

  @Test
  void deadlineReplacesAShorterTimeoutToo() throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(""));
    HttpEndpoint<String, String> hasty =
        endpoint(peer.uri()).before((context, request) -> request.timeout(Duration.ofMillis(1)));
    long startedAtNanos = System.nanoTime();
    assertThatThrownBy(() -> hasty.call(within(Duration.ofMillis(200)), "GET"))
        .isInstanceOf(PeerException.class);
    assertThat(System.nanoTime() - startedAtNanos)
        .isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(200));
  }

  @Test
  void interruptedThreadSendsNothing() throws Exception {
    RawPeer peer = peer(RawPeer.answering(FINE));
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> endpoint(peer.uri()).call(Context.background(), "GET"))
        .isInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).isFalse();
    assertThat(endpoint(peer.uri()).call(Context.background(), "PUT")).isEqualTo("fine");
    assertThat(peer.heads()).singleElement().asString().startsWith("PUT ");
  }

  /** The head may arrive while the call is being aborted, which leaves an unread body. */
  @Test
  void interruptionAtAnyMomentClosesTheConnection() throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(STALLED));
    Random random = new Random(7);
    for (int i = 0; i < 300; i++) {
      BlockingQueue<Object> outcome = inBackground(endpoint(peer.uri()));
      if (i % 2 == 0) {
        assertThat(peer.heads().poll(10, TimeUnit.SECONDS)).isNotNull();
      }
      for (int spin = random.nextInt(20_000); spin > 0; spin--) {
        Thread.onSpinWait();
      }
      callers.get(i).interrupt();
      assertThat(outcome.poll(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    }
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(peer.open()).as("open connections").isZero());
    assertThat(peer.ends()).doesNotContain("more");
  }

  // Threads.

  @Test
  void slowDecoderDoesNotBlockOtherCalls() throws Exception {
    RawPeer peer = peer(RawPeer.answering(FINE));
    CountDownLatch decoding = new CountDownLatch(1);
    CountDownLatch done = new CountDownLatch(1);
    BlockingQueue<Object> slow =
        inBackground(
            new HttpEndpoint<>(
                HTTP,
                peer.uri(),
                (context, uri, method) -> HttpRequest.newBuilder(uri),
                (context, response) -> {
                  decoding.countDown();
                  try {
                    done.await();
                  } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                  }
                  return "slow";
                }));
    decoding.await();
    assertThat(endpoint(peer.uri()).call(within(Duration.ofSeconds(20)), "GET")).isEqualTo("fine");
    done.countDown();
    assertThat(slow.poll(10, TimeUnit.SECONDS)).isEqualTo("slow");
  }

  @Test
  void stalledResponseDoesNotBlockOtherCalls() throws Exception {
    RawPeer stalled = peer(RawPeer.stallingAfter(STALLED));
    RawPeer peer = peer(RawPeer.answering(FINE));
    for (int i = 0; i < 50; i++) {
      inBackground(endpoint(stalled.uri()));
      assertThat(stalled.heads().poll(10, TimeUnit.SECONDS)).isNotNull();
    }
    assertThat(endpoint(peer.uri()).call(within(Duration.ofSeconds(20)), "GET")).isEqualTo("fine");
  }

  @Test
  void noThreadIsStartedForACall() throws Exception {
    service.serve((context, request) -> Response.text(200, "fine"));
    HttpEndpoint<String, String> endpoint =
        endpoint(URI.create("http://127.0.0.1:" + service.service().port()));
    endpoint.call(Context.background(), "GET");
    long before = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();
    for (int i = 0; i < 500; i++) {
      endpoint.call(Context.background(), "GET");
    }
    long started = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount() - before;
    assertThat(started).as("threads for 500 calls, the service's included").isLessThan(50);
  }

  // Calls at a time.

  @Test
  void callBeyondTheLimitIsRejectedAndNotSent() throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(STALLED));
    HttpEndpoint<String, String> endpoint =
        endpoint(peer.uri()).with(settings().withMaxInFlight(2));
    BlockingQueue<Object> first = inBackground(endpoint);
    inBackground(endpoint.before((context, request) -> {})); // It is the same peer.
    peer.heads().take();
    peer.heads().take();
    PeerException refused = failureOf(endpoint);
    assertThat(refused.kind()).isEqualTo(Kind.REFUSED);
    assertThat(refused).hasMessageContainingAll("calls in flight", peer.address());
    assertThat(peer.heads()).isEmpty();

    callers.get(0).interrupt();
    assertThat(first.poll(10, TimeUnit.SECONDS)).isInstanceOf(InterruptedException.class);
    inBackground(endpoint);
    assertThat(peer.heads().poll(10, TimeUnit.SECONDS)).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        FINE,
        STALLED,
        "",
        "HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nh"
      })
  void everyOutcomeFreesItsSlot(String answer) throws Exception {
    RawPeer peer = peer(RawPeer.stallingAfter(answer));
    HttpEndpoint<String, String> endpoint =
        endpoint(peer.uri()).with(new HttpEndpoint.Settings(100, 1));
    for (int i = 0; i < 2; i++) {
      try {
        assertThat(endpoint.call(within(Duration.ofMillis(200)), "GET")).isEqualTo("fine");
      } catch (PeerException e) {
        assertThat(e.kind()).isNotEqualTo(Kind.REFUSED);
      }
    }
  }

  // Wiring.

  @Test
  void limitsArePositive() {
    assertThatIllegalArgumentException().isThrownBy(() -> new HttpEndpoint.Settings(0, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> new HttpEndpoint.Settings(1, 0));
  }
}
