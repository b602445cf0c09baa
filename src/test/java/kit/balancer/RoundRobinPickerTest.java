// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Race;

class RoundRobinPickerTest extends PickerContract {
  @Override
  <T> Picker<T> newPicker() {
    return new RoundRobinPicker()::pick;
  }

  private static List<Integer> picks(RoundRobinPicker picker, int size, int count) {
    List<Integer> candidates = IntStream.range(0, size).boxed().toList();
    return IntStream.range(0, count).mapToObj(i -> picker.pick(candidates)).toList();
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # start               , size, picks
          0                     ,    1, 0 0 0 0 0 0
          0                     ,    2, 0 1 0 1 0 1
          0                     ,    3, 0 1 2 0 1 2
          5                     ,    3, 2 0 1 2 0 1
          1000                  ,    7, 6 0 1 2 3 4
          # 2^63 - 1 is 1 modulo 3; the next number is negative, and 2^63 without sign
          9223372036854775807   ,    3, 1 2 0 1 2 0
          9223372036854775807   ,   10, 7 8 9 0 1 2
          # 2^64 - 1 is 0 modulo 3; the next number is 0, so that once in 2^64 picks one is repeated
          -1                    ,    3, 0 0 1 2 0 1
          -1                    ,   10, 5 0 1 2 3 4
          -9223372036854775808  ,    3, 2 0 1 2 0 1
          """)
  void picksInTurnFromAGivenStart(long start, int size, String expected) {
    String picked =
        String.join(
            " ",
            picks(new RoundRobinPicker(start), size, 6).stream().map(Object::toString).toList());

    assertThat(picked).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 10, 64, 100})
  void anyPicksInARowTakeEachCandidateOnce(int size) {
    List<Integer> picks = picks(new RoundRobinPicker(Long.MAX_VALUE - size), size, 4 * size);

    for (int from = 0; from + size <= picks.size(); from++) {
      assertThat(picks.subList(from, from + size)).doesNotHaveDuplicates();
    }
  }

  @Test
  void continuesWhenTheListChanges() {
    RoundRobinPicker picker = new RoundRobinPicker(0);

    assertThat(picks(picker, 10, 4)).containsExactly(0, 1, 2, 3);
    assertThat(picks(picker, 3, 4)).containsExactly(1, 2, 0, 1);
    assertThat(picks(picker, 5, 6)).containsExactly(3, 4, 0, 1, 2, 3);
  }

  @Test
  void headOfTheListIsNotFavouredWhenTheListChangesAllTheTime() {
    RoundRobinPicker picker = new RoundRobinPicker(0);
    List<Integer> picks = new ArrayList<>();
    for (int change = 0; change < 30; change++) {
      picks.addAll(picks(picker, 3, 1)); // One call, then a deployment.
    }

    assertThat(frequencies(picks)).isEqualTo(Map.of(0, 10, 1, 10, 2, 10));
  }

  @Test
  void newPickersStartAtRandomPositions() {
    Set<Integer> starts = new HashSet<>();
    for (int client = 0; client < 100; client++) {
      starts.addAll(picks(new RoundRobinPicker(), 1_000, 1));
    }

    assertThat(starts).hasSizeGreaterThan(50); // 95 on average.
  }

  @ParameterizedTest
  @CsvSource({"4, 3, 1000", "8, 7, 1001", "8, 100, 333"})
  void threadsShareOnePosition(int threads, int size, int picksEach) throws Exception {
    RoundRobinPicker picker = new RoundRobinPicker(Long.MAX_VALUE - 500);

    List<List<Integer>> picks = Race.run(threads, () -> picks(picker, size, picksEach));

    Map<Integer, Integer> counts = frequencies(picks.stream().flatMap(List::stream).toList());
    int fair = threads * picksEach / size;
    assertThat(counts).hasSize(size);
    assertThat(counts.values()).allSatisfy(count -> assertThat(count).isBetween(fair, fair + 1));
  }

  private static Map<Integer, Integer> frequencies(List<Integer> picks) {
    Map<Integer, Integer> counts = new HashMap<>();
    picks.forEach(pick -> counts.merge(pick, 1, Integer::sum));
    return counts;
  }
}
