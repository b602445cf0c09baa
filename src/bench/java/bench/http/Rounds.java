// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Results of rounds, in each of which every candidate has run. */
final class Rounds {
  private Rounds() {}

  static <T> double median(List<T> rounds, ToDoubleFunction<T> what) {
    return rounds.stream().mapToDouble(what).sorted().toArray()[rounds.size() / 2];
  }

  /** The median over the rounds of how much more one has than the other in the same round. */
  static <T> double ratio(List<T> ours, List<T> theirs, ToDoubleFunction<T> what) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < ours.size(); i++) {
      ratios.add(what.applyAsDouble(ours.get(i)) / what.applyAsDouble(theirs.get(i)));
    }
    return median(ratios, ratio -> ratio);
  }

  static String text(String format, double number) {
    return String.format(Locale.ROOT, format, number);
  }
}
