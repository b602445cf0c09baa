// SPDX-License-Identifier: Apache-2.0
package kit.retry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.PeerException;
import kit.balancer.BalancedEndpoint;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.Node;
import kit.balancer.Picker;
import kit.balancer.RandomPicker;
import kit.balancer.RoundRobinPicker;
import kit.discovery.Instance;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import testing.FakeNanoTime;

/**
 * Retries over a balancer, whose failover does not count as a retry. There are three instances,
 * a:1, b:1 and c:1; by default they are picked in that order and return their name, and pauses have
 * their maximum length.
 */
class RetryingOverInstancesTest {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
  private static final Duration SECOND_PAUSE = Duration.ofMillis(20);

  private final FakeNanoTime time = new FakeNanoTime();
  private final List<Duration> pauses = new ArrayList<>();
  private final List<String> asked = new ArrayList<>();
  private final Map<String, Endpoint<String, String>> answers = new HashMap<>();
  private final RetryBudget budget = new RetryBudget();

  private Endpoint<String, String> userservice(Picker<Node<String, String>> picker) {
    List<Instance> three = Stream.of("a:1", "b:1", "c:1").map(Instance::parse).toList();
    return new Retrying<String, String>(
            request -> request.startsWith("GET"),
            Retrying.Settings.defaults()
                .withBackoff(
                    new Backoff(Duration.ofMillis(10), Duration.ofSeconds(1), bound -> bound - 1)),
            budget,
            time,
            nanos -> pauses.add(Duration.ofNanos(nanos)))
        .around(
            new BalancedEndpoint<>("userservice", Instances.fixed(three), this::endpoint, picker));
  }

  private Endpoint<String, String> endpoint(Instance instance) {
    String name = instance.authority();
    return (context, request) -> {
      asked.add(name);
      Endpoint<String, String> answer = answers.get(name);
      return answer == null ? name : answer.call(context, request);
    };
  }

  private String call(String request) throws Exception {
    return userservice(candidates -> candidates.get(0)).call(Context.background(), request);
  }

  private PeerException breaks(String name) {
    return fails(name, PeerException.timeout(name, null));
  }

  private PeerException refuses(String name) {
    return fails(name, PeerException.notConnected(name, "connection refused", null));
  }

  private PeerException fails(String name, PeerException failure) {
    answers.put(
        name,
        (context, request) -> {
          throw failure;
        });
    return failure;
  }

  @Test
  void nextAttemptGoesToAnotherInstance() throws Exception {
    breaks("a:1");

    assertThat(call("GET")).isEqualTo("b:1");
    assertThat(asked).containsExactly("a:1", "b:1");
    assertThat(pauses).containsExactly(FIRST_PAUSE);
    assertThat(budget.tokens()).isEqualTo(9.1);
  }

  @Test
  void skippingAnInstanceTakesNoToken() throws Exception {
    refuses("a:1");
    refuses("b:1");

    assertThat(call("GET")).isEqualTo("c:1");
    assertThat(asked).containsExactly("a:1", "b:1", "c:1");
    assertThat(pauses).isEmpty();
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @Test
  void nonIdempotentRequestFailsOverButIsNotRetried() throws Exception {
    refuses("a:1");
    PeerException broken = breaks("b:1");

    assertThatThrownBy(() -> call("POST")).isSameAs(broken);
    assertThat(asked).containsExactly("a:1", "b:1");
    assertThat(pauses).isEmpty();
  }

  @Test
  void whenAllRefuseConnectionsNoInstanceIsCalledTwice() {
    PeerException first = refuses("a:1");
    PeerException second = refuses("b:1");
    PeerException last = refuses("c:1");

    assertThatThrownBy(() -> call("GET")).isSameAs(last);
    assertThat(last.getSuppressed()).containsExactly(first, second);
    assertThat(asked).containsExactly("a:1", "b:1", "c:1");
    assertThat(pauses).isEmpty();
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @Test
  void whenAllInstancesHaveFailedTheyAreRetriedAfterThePause() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    answers.put(
        "a:1",
        (context, request) -> {
          if (calls.incrementAndGet() == 1) {
            throw PeerException.broken("a:1", "connection broke", null);
          }
          return "a:1 again, after " + pauses.size() + " pauses";
        });
    breaks("b:1");
    refuses("c:1");

    assertThat(call("GET")).isEqualTo("a:1 again, after 2 pauses");
    assertThat(asked).containsExactly("a:1", "b:1", "c:1", "a:1");
    assertThat(pauses).containsExactly(FIRST_PAUSE, SECOND_PAUSE);
  }

  @Test
  void instancesThatRefusedTheConnectionAreNotRetried() {
    refuses("a:1");
    PeerException broken = breaks("b:1");
    refuses("c:1");

    assertThatThrownBy(() -> call("GET")).isSameAs(broken);
    assertThat(asked).containsExactly("a:1", "b:1", "c:1", "b:1", "b:1");
    assertThat(pauses).containsExactly(FIRST_PAUSE, SECOND_PAUSE);
  }

  @Test
  void originalFailureIsThrownWhenTheOtherInstancesRefuse() {
    PeerException dying = PeerException.broken("a:1", "connection broke", null);
    answers.put(
        "a:1",
        (context, request) -> {
          refuses("a:1"); // It dies during the call.
          throw dying;
        });
    refuses("b:1");
    refuses("c:1");

    assertThatThrownBy(() -> call("GET")).isSameAs(dying);
    assertThat(asked).containsExactly("a:1", "b:1", "c:1", "a:1");
    assertThat(pauses).containsExactly(FIRST_PAUSE);
    assertThat(dying.getSuppressed())
        .singleElement()
        .returns("connection refused (a:1)", Throwable::getMessage);
  }

  @Test
  void nextCallStartsAfresh() throws Exception {
    refuses("a:1");
    assertThat(call("GET")).isEqualTo("b:1");
    answers.clear();

    assertThat(call("GET")).isEqualTo("a:1");
  }

  static List<Picker<Node<String, String>>> pickers() {
    LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
    return List.of(
        new RoundRobinPicker()::pick,
        new RandomPicker()::pick,
        nodes -> leastLoaded.pick(nodes, Node::inFlight));
  }

  @ParameterizedTest
  @MethodSource("pickers")
  void noneOfManyCallsFailsWhenTwoOfThreeAreDead(Picker<Node<String, String>> picker)
      throws Exception {
    refuses("a:1");
    refuses("c:1");
    Endpoint<String, String> userservice = userservice(picker);

    for (int i = 0; i < 600; i++) {
      assertThat(userservice.call(Context.background(), "POST")).isEqualTo("b:1");
    }
    assertThat(pauses).isEmpty();
    assertThat(budget.tokens()).isEqualTo(10.0);
  }

  @ParameterizedTest
  @MethodSource("pickers")
  void budgetLastsUntilABreakerOpens(Picker<Node<String, String>> picker) throws Exception {
    // One of three fails always. Its breaker opens after 5 failures; from then on it refuses.
    AtomicInteger failures = new AtomicInteger();
    answers.put(
        "b:1",
        (context, request) -> {
          if (failures.getAndIncrement() < 5) {
            throw PeerException.status("b:1", 500, "injected failure", null);
          }
          throw PeerException.refused("b:1", "breaker open", null, null);
        });
    Endpoint<String, String> userservice = userservice(picker);

    for (int i = 0; i < 600; i++) {
      assertThat(userservice.call(Context.background(), "GET")).isIn("a:1", "c:1");
    }
    assertThat(pauses).hasSize(5);
  }
}
