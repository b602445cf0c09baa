// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Engine;
import testing.Eventually;

@Timeout(30)
class ZipkinReporterTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final InetSocketAddress LOCAL = new InetSocketAddress("127.0.0.1", 8081);

  private final FakeZipkin zipkin = new FakeZipkin();

  ZipkinReporterTest() throws IOException {}

  @AfterEach
  void stop() {
    zipkin.close();
  }

  @Test
  void rejectsUserInfoBecauseUrisAreLogged() {
    URI zipkin = URI.create("http://u:s3cret@127.0.0.1:9411");
    assertThatThrownBy(() -> new ZipkinReporter(zipkin, "web", null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("user info in the address of Zipkin");
  }

  private static Span span(long id) {
    TraceContext trace = new TraceContext(1, 2, id, 3, true, "");
    InetSocketAddress peer = InetSocketAddress.createUnresolved("::1", 9);
    return new Span(trace, Span.Kind.CLIENT, "GET /user", 1_000_000, 0, peer, Map.of("a", "\"\n"));
  }

  @Test
  void sendsSpansInZipkinsFormat() throws Exception {
    try (ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", LOCAL, Engine::newClient)) {
      reporter.accept(span(4));
      assertThat(zipkin.batches.take().toString())
          .isEqualTo(
              "[{\"traceId\":\"00000000000000010000000000000002\","
                  + "\"id\":\"0000000000000004\",\"parentId\":\"0000000000000003\","
                  + "\"kind\":\"CLIENT\",\"name\":\"GET /user\","
                  + "\"timestamp\":1000000,\"duration\":1,"
                  + "\"localEndpoint\":{\"serviceName\":\"userservice\","
                  + "\"ipv4\":\"127.0.0.1\",\"port\":8081},"
                  + "\"remoteEndpoint\":{\"ipv6\":\"::1\",\"port\":9},"
                  + "\"tags\":{\"a\":\"\\\"\\n\"}}]");
      reporter.close();
      assertThat(reporter.dropped()).isZero();
    }
  }

  @Test
  void sendsAtOnceWhenABatchIsFull() throws Exception {
    try (ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", LOCAL, Engine::newClient)) {
      for (int i = 1; i <= 250; i++) {
        reporter.accept(span(i));
      }
      assertThat(zipkin.batches.take()).hasSize(100);
      assertThat(zipkin.batches.take()).hasSize(100);
    }
    assertThat(zipkin.batches.take()).as("sent when closed").hasSize(50);
  }

  @Test
  void closingSendsQueuedSpansAndRejectsNewOnes() throws Exception {
    ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", null, Engine::newClient);
    reporter.accept(span(1));
    reporter.close(SOON);
    reporter.close();
    assertThat(zipkin.batches).hasSize(1);
    assertThat(reporter.dropped()).isZero();

    reporter.accept(span(2));
    assertThat(reporter.dropped()).isEqualTo(1);
    assertThat(zipkin.batches).hasSize(1);
  }

  @Test
  void fullQueueDropsSpansAndNeverBlocks() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    CountDownLatch entered = new CountDownLatch(1);
    zipkin.onRequest =
        () -> {
          entered.countDown();
          await(release);
        };
    try (ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", null, 100, Engine::newClient)) {
      for (int i = 1; i <= 100; i++) {
        reporter.accept(span(i));
      }
      assertThat(entered.await(10, TimeUnit.SECONDS)).isTrue();
      for (int i = 1; i <= 130; i++) {
        reporter.accept(span(i));
      }
      assertThat(reporter.dropped()).isEqualTo(30);
      release.countDown();
    }
  }

  @Test
  void rejectedBatchIsDroppedAndTheNextIsSent() throws Exception {
    zipkin.status = 500;
    try (ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", null, Engine::newClient)) {
      reporter.accept(span(1));
      Eventually.within(SOON, () -> assertThat(reporter.dropped()).isEqualTo(1));
      zipkin.status = 202;
      reporter.accept(span(2));
      JsonNode batch = zipkin.batches.take();
      assertThat(batch).hasSize(1);
      assertThat(batch.get(0).get("id").textValue()).isEqualTo("0000000000000002");
    }
  }

  @Test
  void closingDoesNotWaitForAZipkinThatHangs() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    zipkin.onRequest = () -> await(release);
    ZipkinReporter reporter =
        new ZipkinReporter(zipkin.uri(), "userservice", null, Engine::newClient);
    reporter.accept(span(1));
    long startedAtNanos = System.nanoTime();
    reporter.close();
    assertThat(Duration.ofNanos(System.nanoTime() - startedAtNanos))
        .isLessThan(Duration.ofSeconds(5));
    Eventually.within(SOON, () -> assertThat(reporter.dropped()).isEqualTo(1));
    release.countDown();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
