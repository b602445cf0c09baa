// SPDX-License-Identifier: Apache-2.0
package kit.balancer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LeastLoadedPickerTest extends PickerContract {
  private static final ToIntFunction<Object> ALIKE = candidate -> 0;

  @Override
  <T> Picker<T> newPicker() {
    LeastLoadedPicker picker = new LeastLoadedPicker();
    return candidates -> picker.pick(candidates, ALIKE);
  }

  /** A source that gives these numbers, one after the other. */
  private static LeastLoadedPicker drawing(int... draws) {
    Iterator<Integer> next = Arrays.stream(draws).iterator();
    return new LeastLoadedPicker(bound -> next.next());
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          # loads          , draws, load of the one picked
          5 3 8            , 0 0  , 3
          5 3 8            , 0 1  , 5
          5 3 8            , 1 0  , 3
          5 3 8            , 1 1  , 3
          5 3 8            , 2 0  , 5
          5 3 8            , 2 1  , 3
          2 1              , 0 0  , 1
          2 1              , 1 0  , 1
          # Loads are compared, not subtracted: a difference may overflow.
          2147483647 -2    , 0 0  , -2
          -2 2147483647    , 0 0  , -2
          """)
  void takesTheLessLoadedOfTwo(String loads, String draws, int expected) {
    List<Integer> candidates = Arrays.stream(numbers(loads)).boxed().toList();
    int picked = drawing(numbers(draws)).pick(candidates, load -> load);
    assertThat(picked).isEqualTo(expected);
  }

  private static int[] numbers(String text) {
    return Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
  }

  @ParameterizedTest
  @CsvSource({"0 0, a", "0 1, a", "1 0, b", "1 1, b", "2 0, c", "2 1, c"})
  void takesTheFirstOneDrawnOfTwoThatAreAlike(String draws, String expected) {
    String picked = drawing(numbers(draws)).pick(List.of("a", "b", "c"), ALIKE);
    assertThat(picked).isEqualTo(expected);
  }

  @Test
  void alwaysComparesTwoDifferentOnesAndEachPairAsOften() {
    // 120,000 picks of 12 ordered pairs: the standard deviation of a share is 1 %.
    List<Integer> compared = new ArrayList<>();
    LeastLoadedPicker picker = new LeastLoadedPicker(new Random(7)::nextInt);
    ToIntFunction<Integer> recording =
        candidate -> {
          compared.add(candidate);
          return 0;
        };
    List<Integer> candidates = List.of(0, 1, 2, 3);
    Map<List<Integer>, Integer> pairs = new HashMap<>();

    for (int i = 0; i < 120_000; i++) {
      compared.clear();
      int picked = picker.pick(candidates, recording);
      compared.remove((Integer) picked);
      pairs.merge(List.of(picked, compared.get(0)), 1, Integer::sum);
    }

    assertThat(pairs).hasSize(12);
    assertThat(pairs.keySet()).allSatisfy(pair -> assertThat(pair).doesNotHaveDuplicates());
    assertThat(pairs.values())
        .allSatisfy(count -> assertThat(count).isCloseTo(10_000, Percentage.withPercentage(5)));
  }

  @Test
  void singleCandidateIsPicked() {
    LeastLoadedPicker picker =
        new LeastLoadedPicker(
            bound -> {
              throw new AssertionError("chance does not matter");
            });
    ToIntFunction<String> load =
        candidate -> {
          throw new AssertionError("its load does not matter");
        };

    String picked = picker.pick(List.of("alone"), load);
    assertThat(picked).isEqualTo("alone");
  }

  @Test
  void busiestOfAllIsNeverPicked() {
    LeastLoadedPicker picker = new LeastLoadedPicker();
    List<Integer> loads = List.of(1, 2, 3, 100);

    assertThat(
            IntStream.range(0, 10_000).mapToObj(i -> picker.pick(loads, load -> load)).distinct())
        .containsExactlyInAnyOrder(1, 2, 3);
  }

  @Test
  void spreadsLoadBetterThanRandom() {
    // 1,000 calls that do not end, to 1,000 candidates: one draw alone leaves 5 or more at the
    // busiest, two draws leave log2 log2 1,000, about 3.3, plus a little.
    int[] load = new int[1_000];
    LeastLoadedPicker picker = new LeastLoadedPicker(new Random(7)::nextInt);
    List<Integer> candidates = IntStream.range(0, 1_000).boxed().toList();

    for (int i = 0; i < 1_000; i++) {
      load[picker.pick(candidates, candidate -> load[candidate])]++;
    }

    assertThat(Arrays.stream(load).max().getAsInt()).isLessThanOrEqualTo(4);
  }

  @Test
  void slowOneGetsFewerCalls() {
    // Four candidates, one call per tick; three respond within 2 ticks, one takes 40.
    int[] inFlight = new int[4];
    int[] calls = new int[4];
    int[] ticks = {2, 2, 2, 40};
    LeastLoadedPicker picker = new LeastLoadedPicker(new Random(7)::nextInt);
    List<List<Integer>> endings = new ArrayList<>();
    for (int tick = 0; tick < 10_100; tick++) {
      endings.add(new ArrayList<>());
    }

    for (int tick = 0; tick < 10_000; tick++) {
      endings.get(tick).forEach(candidate -> inFlight[candidate]--);
      int picked = picker.pick(List.of(0, 1, 2, 3), candidate -> inFlight[candidate]);
      inFlight[picked]++;
      calls[picked]++;
      endings.get(tick + ticks[picked]).add(picked);
    }

    assertThat(calls[3]).isLessThan(1_000); // Taking turns would give it 2,500.
    assertThat(calls[0]).isBetween(2_500, 3_500);
  }

  @Test
  void rejectsAMissingLoadOrRandomSource() {
    assertThatNullPointerException()
        .isThrownBy(() -> new LeastLoadedPicker().pick(List.of("a"), null))
        .withMessage("load");
    assertThatNullPointerException()
        .isThrownBy(() -> new LeastLoadedPicker(null))
        .withMessage("random");
  }
}
