// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.Context;
import kit.Endpoint;
import kit.discovery.Instance;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A thousand instances: counts accesses, because times prove nothing on a busy machine. */
class ManyInstancesTest {
  private static final int COUNT = 1_000;

  private final ChangingInstances instances = new ChangingInstances();
  private final AtomicInteger made = new AtomicInteger();
  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicInteger lookedAt = new AtomicInteger();

  private final class Counted implements Endpoint<String, String>, Availability, AutoCloseable {
    private final String name;

    Counted(Instance instance) {
      this.name = instance.authority();
      made.incrementAndGet();
    }

    @Override
    public String call(Context context, String request) {
      return name;
    }

    @Override
    public boolean isAvailable() {
      asked.incrementAndGet();
      return true;
    }

    @Override
    public void close() {
      closed.incrementAndGet();
    }
  }

  /** Counts each access to an element. */
  private <T> List<T> counted(List<T> list) {
    return new AbstractList<>() {
      @Override
      public T get(int index) {
        lookedAt.incrementAndGet();
        return list.get(index);
      }

      @Override
      public int size() {
        return list.size();
      }
    };
  }

  private static List<Instance> instances(int count) {
    List<Instance> list = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      list.add(Instance.of("10.0." + i / 250 + "." + (1 + i % 250), 80));
    }
    return list;
  }

  private BalancedEndpoint<String, String> balanced(Picker<Node<String, String>> picker) {
    return new BalancedEndpoint<>(
        "web", instances, Counted::new, nodes -> picker.pick(counted(nodes)));
  }

  static Stream<Arguments> pickers() {
    Picker<Node<String, String>> roundRobin = new RoundRobinPicker()::pick;
    Picker<Node<String, String>> random = new RandomPicker()::pick;
    LeastLoadedPicker byLoad = new LeastLoadedPicker();
    Picker<Node<String, String>> leastLoaded = nodes -> byLoad.pick(nodes, Node::inFlight);
    return Stream.of(
        Arguments.of("round robin", roundRobin, 1),
        Arguments.of("random", random, 1),
        Arguments.of("least loaded", leastLoaded, 2));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("pickers")
  void callInspectsOneOrTwoOfManyInstances(
      String name, Picker<Node<String, String>> picker, int looks) throws Exception {
    instances.set(instances(COUNT));
    try (BalancedEndpoint<String, String> web = balanced(picker)) {
      for (int i = 0; i < 10 * COUNT; i++) {
        web.call(Context.background(), "");
      }
      assertThat(lookedAt).hasValue(10 * COUNT * looks);
      assertThat(asked.get()).isLessThanOrEqualTo(10 * COUNT);
      assertThat(made.get()).isLessThanOrEqualTo(COUNT);
    }
    assertThat(closed).hasValue(made.get());
  }

  @Test
  void changeOpensAndClosesChangedInstancesOnly() throws Exception {
    List<Instance> list = instances(COUNT);
    instances.set(list);
    try (BalancedEndpoint<String, String> web = balanced(new RoundRobinPicker(0)::pick)) {
      for (int i = 0; i < COUNT; i++) {
        web.call(Context.background(), "");
      }
      assertThat(made).hasValue(COUNT);

      list.set(500, Instance.of("10.9.9.9", 80));
      instances.set(list);
      assertThat(closed).hasValue(1);
      for (int i = 0; i < COUNT; i++) {
        web.call(Context.background(), "");
      }
      assertThat(made).hasValue(COUNT + 1);
      assertThat(closed).hasValue(1);
    }
  }
}
