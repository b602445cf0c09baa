// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.DoubleSupplier;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import org.junit.jupiter.api.Test;

class FaultInjectingTest {
  private static final FaultInjecting.Delay NONE = delay(0, 0);

  private final Endpoint<String, String> service = (context, request) -> "jerry";

  private static FaultInjecting.Delay delay(int minMillis, int maxMillis) {
    return new FaultInjecting.Delay(Duration.ofMillis(minMillis), Duration.ofMillis(maxMillis));
  }

  private static DoubleSupplier drawing(Double... numbers) {
    Deque<Double> rest = new ArrayDeque<>(List.of(numbers));
    return rest::remove;
  }

  private Endpoint<String, String> around(
      double failRatio, FaultInjecting.Delay delay, DoubleSupplier random) {
    Middleware<String, String> faults = FaultInjecting.around(failRatio, delay, random);
    return faults.around(service);
  }

  @Test
  void withoutRatioAndDelayTheChainHasNoFaultInjection() {
    assertThat(around(0, NONE, drawing())).isSameAs(service);
  }

  @Test
  void shareOfTheCallsFails() throws Exception {
    Endpoint<String, String> faulty = around(0.5, NONE, drawing(0.0, 0.49, 0.0, 0.5));

    assertThatThrownBy(() -> faulty.call(Context.background(), "101"))
        .hasMessageContaining("--fail-ratio 0.5");
    assertThat(faulty.call(Context.background(), "101")).isEqualTo("jerry");
  }

  @Test
  void callTakesAtLeastTheDelay() throws Exception {
    Endpoint<String, String> slow = around(0, delay(0, 40), drawing(0.5, 0.0));

    long startNanos = System.nanoTime();
    assertThat(slow.call(Context.background(), "101")).isEqualTo("jerry");
    assertThat(System.nanoTime() - startNanos).isGreaterThanOrEqualTo(20_000_000);
  }
}
