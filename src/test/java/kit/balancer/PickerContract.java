// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;

/** The contract of every picker. */
abstract class PickerContract {
  private static final int PICKS_EACH = 1_000;

  /** A new picker as a program makes it: no seed, no start. */
  abstract <T> Picker<T> newPicker();

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 16, 100})
  void picksEachCandidateAndNothingElse(int size) {
    List<String> candidates = candidates(size);
    Picker<String> picker = newPicker();
    Set<String> picked = new HashSet<>();

    for (int i = 0; i < PICKS_EACH * size; i++) {
      picked.add(picker.pick(candidates));
    }

    assertThat(picked).containsExactlyInAnyOrderElementsOf(candidates);
  }

  @Test
  void followsTheListAsItChanges() {
    Picker<String> picker = newPicker();

    for (int i = 0; i < PICKS_EACH; i++) {
      for (int size : new int[] {10, 1, 3, 2, 100}) {
        List<String> candidates = candidates(size);
        assertThat(candidates).contains(picker.pick(candidates));
      }
    }
  }

  @Test
  void rejectsAnEmptyList() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> newPicker().pick(List.of()))
        .withMessage("no candidates to pick from");
  }

  @Test
  void rejectsNull() {
    assertThatNullPointerException().isThrownBy(() -> newPicker().pick(null));
  }

  @Test
  void isThreadSafe() throws Exception {
    Picker<String> picker = newPicker();
    List<Integer> strangers =
        Race.runNumbered(
            8,
            thread -> {
              List<String> candidates = candidates(1 + thread); // Each has its own list.
              int found = 0;
              for (int i = 0; i < PICKS_EACH; i++) {
                found += candidates.contains(picker.pick(candidates)) ? 0 : 1;
              }
              return found;
            });

    assertThat(strangers).hasSize(8).containsOnly(0);
  }

  static List<String> candidates(int size) {
    return new ArrayList<>(IntStream.range(0, size).mapToObj(i -> "instance-" + i).toList());
  }
}
