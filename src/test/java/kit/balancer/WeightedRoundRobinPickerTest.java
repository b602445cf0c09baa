// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;

class WeightedRoundRobinPickerTest extends PickerContract {
  private record Server(String name, double weight) {}

  private static final List<Server> ONE_TWO_SEVEN =
      List.of(new Server("a", 1), new Server("b", 2), new Server("c", 7));

  @Override
  <T> Picker<T> newPicker() {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    return candidates -> picker.pick(candidates, candidate -> 1);
  }

  private static List<Server> servers(String weights) {
    List<Server> servers = new ArrayList<>();
    for (String weight : weights.split(" ")) {
      servers.add(new Server("" + (char) ('a' + servers.size()), Double.parseDouble(weight)));
    }
    return servers;
  }

  private static String picks(WeightedRoundRobinPicker picker, List<Server> servers, int count) {
    StringBuilder picks = new StringBuilder();
    for (int i = 0; i < count; i++) {
      picks.append(picker.pick(servers, Server::weight).name());
    }
    return picks.toString();
  }

  @ParameterizedTest
  @CsvSource({
    "5 1 1,     aabacaa", // As nginx documents it.
    "1 1 1,     abcabc",
    "1 2 7,     cbccaccbcc",
    "0.5 0.25,  abaaba",
    "3 0 1,     aacaaaca",
    "0 0,       abab",
    "7,         aaa"
  })
  void orderIsThatOfNginx(String weights, String picks) {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    assertThat(picks(picker, servers(weights), picks.length())).isEqualTo(picks);
  }

  @Test
  void tenThousandPicksFollowTheWeights() {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    Map<String, Integer> counts = new TreeMap<>();
    for (int i = 0; i < 10_000; i++) {
      counts.merge(picker.pick(ONE_TWO_SEVEN, Server::weight).name(), 1, Integer::sum);
    }
    assertThat(counts)
        .containsExactly(Map.entry("a", 1_000), Map.entry("b", 2_000), Map.entry("c", 7_000));
  }

  @Test
  void threadsShareTheTurns() throws Exception {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    Map<String, AtomicInteger> counts = new ConcurrentHashMap<>();
    ONE_TWO_SEVEN.forEach(server -> counts.put(server.name(), new AtomicInteger()));

    Race.run(
        4,
        () -> {
          for (int i = 0; i < 2_500; i++) {
            counts.get(picker.pick(ONE_TWO_SEVEN, Server::weight).name()).incrementAndGet();
          }
          return null;
        });

    assertThat(counts.get("a")).hasValue(1_000);
    assertThat(counts.get("b")).hasValue(2_000);
    assertThat(counts.get("c")).hasValue(7_000);
  }

  @Test
  void candidateThatIsAwayForAPickKeepsItsTurn() {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    List<Server> servers = servers("1 1 1");
    assertThat(picks(picker, servers, 1)).isEqualTo("a");
    assertThat(picks(picker, servers.subList(1, 3), 1)).isEqualTo("b");
    assertThat(picks(picker, servers, 1)).isEqualTo("c");
  }

  @Test
  void candidatesThatHaveGoneAreForgotten() {
    WeightedRoundRobinPicker picker = new WeightedRoundRobinPicker();
    for (int i = 0; i < 10_000; i++) {
      picker.pick(List.of(new Server("x", 1), new Server("y", 2)), Server::weight);
    }
    assertThat(picker.values).hasSizeLessThan(30);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1, Double.NaN, Double.POSITIVE_INFINITY})
  void refusesWeightsThatAreNone(double weight) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new WeightedRoundRobinPicker().pick(List.of("a"), any -> weight))
        .withMessageContaining("" + weight);
  }

  @Test
  void refusesNoWeights() {
    assertThatNullPointerException()
        .isThrownBy(() -> new WeightedRoundRobinPicker().pick(List.of("a"), null))
        .withMessage("weight");
  }
}
