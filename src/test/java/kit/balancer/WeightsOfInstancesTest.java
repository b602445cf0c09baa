// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import kit.discovery.Instance;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The picker that follows the weights of instances. */
class WeightsOfInstancesTest {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsOfInstancesTest.class);

  @Test
  void weightsOfInstancesCountOnlyIfTheyDiffer() {
    assertThat(nodes(1, 1, 1))
        .containsExactlyEntriesOf(new TreeMap<>(Map.of(1, 100, 2, 100, 3, 100)));
    assertThat(nodes(1, 2, 7))
        .containsExactlyEntriesOf(new TreeMap<>(Map.of(1, 30, 2, 60, 3, 210)));
  }

  /** Picks 300 times from nodes of these weights; returns the number of picks by port. */
  private static Map<Integer, Integer> nodes(double... weights) {
    List<Node<String, String>> nodes = new ArrayList<>();
    for (int i = 0; i < weights.length; i++) {
      nodes.add(new Node<>(new Instance("h", i + 1, List.of(), Map.of(), weights[i]), LOG));
    }
    Picker<Node<String, String>> picker = BalancedEndpoint.roundRobin();
    Map<Integer, Integer> counts = new TreeMap<>();
    for (int i = 0; i < 300; i++) {
      counts.merge(
          picker.pick(Collections.unmodifiableList(nodes)).instance().port(), 1, Integer::sum);
    }
    return counts;
  }
}
