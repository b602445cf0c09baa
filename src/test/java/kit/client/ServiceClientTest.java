// SPDX-License-Identifier: Apache-2.0
package kit.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.PeerException;
import kit.balancer.RoundRobinPicker;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(10)
class ServiceClientTest {
  private static final Instances THREE =
      Instances.fixed(List.of(Instance.of("a", 1), Instance.of("b", 1), Instance.of("c", 1)));

  private final List<String> events = new CopyOnWriteArrayList<>();
  private final Map<String, PeerException> failures = new ConcurrentHashMap<>();

  private Endpoint<String, String> peer(Instance instance) {
    return (context, request) -> {
      events.add("asked " + instance.host());
      assertThat(context.remainingNanos()).isLessThanOrEqualTo(Duration.ofMillis(500).toNanos());
      PeerException failure = failures.get(instance.host());
      if (failure != null) {
        throw failure;
      }
      return instance.host();
    };
  }

  private ServiceClient.Settings<String, String> settings() {
    return ServiceClient.Settings.<String, String>defaults()
        .withIdempotent(request -> request.startsWith("get"))
        .withAttempts(3, Duration.ofMillis(500))
        .withPicker(new RoundRobinPicker(0)::pick);
  }

  private ServiceClient<String, String> chain(ServiceClient.Settings<String, String> settings) {
    return new ServiceClient<>("web", THREE, this::peer, settings);
  }

  private <Q, R> Middleware<Q, R> noting(String name) {
    return next ->
        (context, request) -> {
          events.add(name);
          return next.call(context, request);
        };
  }

  @Test
  void layersAreInTheDocumentedOrderAndTheInnerOnesRunForEachAttempt() throws Exception {
    failures.put("a", PeerException.broken("a:1", "hung up", null));
    try (ServiceClient<String, String> chain =
        chain(
            settings()
                .withAroundCall(noting("call"))
                .withAroundAttempt(instance -> noting("attempt at " + instance.host())))) {
      assertThat(chain.call(Context.background(), "get")).isEqualTo("b");
    }
    assertThat(events)
        .containsExactly("call", "attempt at a", "asked a", "attempt at b", "asked b");
  }

  @Test
  void nonIdempotentRequestIsSentOnce() throws Exception {
    failures.put("a", PeerException.broken("a:1", "hung up", null));
    try (ServiceClient<String, String> chain = chain(settings())) {
      PeerException failure =
          catchThrowableOfType(PeerException.class, () -> chain.call(Context.background(), "post"));
      assertThat(failure.kind()).isEqualTo(PeerException.Kind.BROKEN);
      assertThat(events).containsExactly("asked a");
    }
  }

  @Test
  void failingInstanceIsExcludedAndNoCallFails() throws Exception {
    failures.put("b", PeerException.status("b:1", 500, "broken", null));
    try (ServiceClient<String, String> chain = chain(settings())) {
      for (int i = 0; i < 100; i++) {
        assertThat(chain.call(Context.background(), "get")).isIn("a", "c");
      }
      assertThat(events.stream().filter("asked b"::equals)).hasSize(5); // Then its breaker is open.
    }
  }

  private static String hang(Context context) throws InterruptedException {
    new CountDownLatch(1).await(context.remainingNanos(), TimeUnit.NANOSECONDS);
    throw PeerException.timeout("a:1", null);
  }

  private static ServiceClient<String, String> hanging(
      ServiceClient.Settings<String, String> settings) {
    Instances one = Instances.fixed(List.of(Instance.of("a", 1)));
    return new ServiceClient<>(
        "web", one, instance -> (context, request) -> hang(context), settings);
  }

  @Test
  void shortDeadlinesOfCallersDoNotOpenTheBreaker() {
    try (ServiceClient<String, String> chain =
        hanging(settings().withAttempts(3, Duration.ofSeconds(20)))) {
      for (int i = 0; i < 20; i++) {
        Context impatient = Context.background().withTimeout(Duration.ofMillis(5));
        assertThat(failureOf(chain, impatient)).isEqualTo(PeerException.Kind.TIMEOUT);
      }
      Context patient = Context.background().withTimeout(Duration.ofMillis(50));
      assertThat(failureOf(chain, patient))
          .as("it is called")
          .isEqualTo(PeerException.Kind.TIMEOUT);
    }
  }

  @Test
  void hangingAttemptsOpenTheBreakerWhicheverTimeoutApplies() {
    Context patient = Context.background().withTimeout(Duration.ofSeconds(20));
    try (ServiceClient<String, String> chain =
        hanging(settings().withAttempts(1, Duration.ofMillis(5)))) {
      for (int i = 0; i < 5; i++) {
        assertThat(failureOf(chain, patient)).isEqualTo(PeerException.Kind.TIMEOUT);
      }
      assertThat(failureOf(chain, patient)).isEqualTo(PeerException.Kind.REFUSED);
    }
    Middleware<String, String> limit =
        next -> (context, request) -> next.call(context.withTimeout(Duration.ofMillis(5)), request);
    try (ServiceClient<String, String> chain =
        hanging(
            settings()
                .withAttempts(1, Duration.ofSeconds(20))
                .withAroundAttempt(instance -> limit))) {
      for (int i = 0; i < 5; i++) {
        assertThat(failureOf(chain, patient)).isEqualTo(PeerException.Kind.TIMEOUT);
      }
      assertThat(failureOf(chain, patient)).isEqualTo(PeerException.Kind.REFUSED);
    }
  }

  private static PeerException.Kind failureOf(
      ServiceClient<String, String> chain, Context context) {
    return catchThrowableOfType(PeerException.class, () -> chain.call(context, "get")).kind();
  }

  @Test
  void attemptTimeoutDoesNotLimitTheWaitForTheFirstList() throws Exception {
    Instances empty =
        new Instances() {
          @Override
          public List<Instance> snapshot() {
            return List.of();
          }

          @Override
          public Subscription onChange(Runnable listener) {
            return () -> {};
          }

          @Override
          public boolean awaitFirst(Duration patience) {
            return false;
          }
        };
    try (ServiceClient<String, String> chain =
        new ServiceClient<>(
            "web", empty, this::peer, settings().withAttempts(3, Duration.ofMillis(1)))) {
      long startNanos = System.nanoTime();
      PeerException failure =
          catchThrowableOfType(
              PeerException.class,
              () -> chain.call(Context.background().withTimeout(Duration.ofMillis(200)), "get"));
      assertThat(failure.kind()).isEqualTo(PeerException.Kind.NO_INSTANCE);
      assertThat(Duration.ofNanos(System.nanoTime() - startNanos))
          .isGreaterThanOrEqualTo(Duration.ofMillis(200));
    }
  }

  @Test
  void metricsHaveCallsAttemptsRetriesAndInstances() throws Exception {
    Metrics metrics = new Metrics();
    failures.put("a", PeerException.timeout("a:1", null));
    ServiceClient<String, String> chain =
        new ServiceClient<>("web", THREE, this::peer, settings(), new Instrumenting(metrics));
    for (int i = 0; i < 13; i++) { // At a for the fifth time with the last: its breaker opens.
      assertThat(chain.call(Context.background(), "get")).isIn("b", "c");
    }

    assertThat(metrics.text())
        .contains("client_calls_total{service=\"web\",outcome=\"ok\"} 13\n")
        .contains("client_attempts_total{service=\"web\",outcome=\"ok\"} 13\n")
        .contains("client_attempts_total{service=\"web\",outcome=\"timeout\"} 5\n")
        .contains("client_retries_total{service=\"web\"} 5\n")
        .contains("client_instances{service=\"web\"} 3\n")
        .contains("client_registry_up{service=\"web\"} 1\n")
        .contains("client_breaker_state{service=\"web\",instance=\"a:1\",state=\"open\"} 1\n")
        .contains("client_breaker_state{service=\"web\",instance=\"b:1\",state=\"closed\"} 1\n");
    chain.close();
    assertThat(metrics.text())
        .contains("client_calls_total")
        .doesNotContain("client_instances", "client_registry_up", "client_breaker_state");
  }

  @Test
  void breakerOfARemovedInstanceIsNotShown() throws Exception {
    AtomicReference<List<Instance>> list = new AtomicReference<>(List.of(Instance.of("a", 1)));
    AtomicReference<Runnable> listener = new AtomicReference<>();
    Instances instances =
        new Instances() {
          @Override
          public List<Instance> snapshot() {
            return list.get();
          }

          @Override
          public Subscription onChange(Runnable onChange) {
            listener.set(onChange);
            return () -> {};
          }

          @Override
          public boolean awaitFirst(Duration patience) {
            return true;
          }
        };
    Metrics metrics = new Metrics();
    try (ServiceClient<String, String> chain =
        new ServiceClient<>("web", instances, this::peer, settings(), new Instrumenting(metrics))) {
      assertThat(chain.call(Context.background(), "get")).isEqualTo("a");
      assertThat(metrics.text()).contains("instance=\"a:1\"");

      list.set(List.of(Instance.of("b", 1)));
      listener.get().run();
      assertThat(metrics.text()).doesNotContain("instance=\"a:1\"");
    }
  }

  @Test
  void openBreakerIsDescribedWithItsAge() {
    assertThat(ServiceClient.breakerOpen(OptionalLong.of(Long.MAX_VALUE), Long.MIN_VALUE + 99))
        .isEqualTo("breaker open for 0.0 s"); // The clock may overflow.
    assertThat(ServiceClient.breakerOpen(OptionalLong.of(0), 3_140_000_000L))
        .isEqualTo("breaker open for 3.1 s");
    assertThat(ServiceClient.breakerOpen(OptionalLong.empty(), 7)).isEqualTo("breaker open");
  }
}
