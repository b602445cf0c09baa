// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class RandomPickerTest extends PickerContract {
  @Override
  <T> Picker<T> newPicker() {
    return new RandomPicker()::pick;
  }

  @Test
  void picksCandidatesUniformly() {
    // 700,000 picks of 7: the standard deviation of a share is 0.3 % of it, so 1 % allows
    // for chance and still shows a modulo that favours the head.
    RandomPicker picker = new RandomPicker(new Random(7)::nextInt);
    List<Integer> candidates = IntStream.range(0, 7).boxed().toList();
    int[] counts = new int[7];

    for (int i = 0; i < 700_000; i++) {
      counts[picker.pick(candidates)]++;
    }

    for (int count : counts) {
      assertThat(count).isCloseTo(100_000, Percentage.withPercentage(1));
    }
  }

  @Test
  void drawsAnIndexBelowTheSize() {
    List<Integer> bounds = new ArrayList<>();
    Iterator<Integer> indexes = List.of(2, 0, 1, 0).iterator();
    RandomPicker picker =
        new RandomPicker(
            bound -> {
              bounds.add(bound);
              return indexes.next();
            });
    List<String> three = List.of("a", "b", "c");

    assertThat(List.of(picker.pick(three), picker.pick(three), picker.pick(three)))
        .containsExactly("c", "a", "b");
    assertThat(picker.pick(List.of("alone"))).isEqualTo("alone");
    assertThat(bounds).containsExactly(3, 3, 3, 1);
  }

  @Test
  void rejectsAMissingRandomSource() {
    assertThatNullPointerException().isThrownBy(() -> new RandomPicker(null)).withMessage("random");
  }
}
