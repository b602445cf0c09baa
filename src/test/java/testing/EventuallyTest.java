// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class EventuallyTest {
  private final AtomicInteger tries = new AtomicInteger();

  @Test
  void retriesUntilTheAssertionHolds() throws Exception {
    Eventually.within(
        Duration.ofSeconds(10), () -> assertThat(tries.incrementAndGet()).isEqualTo(3));

    assertThat(tries).hasValue(3);
  }

  @Test
  void rethrowsTheLastFailureWhenTheLimitHasPassed() {
    assertThatThrownBy(
            () ->
                Eventually.within(
                    Duration.ofMillis(20),
                    () -> {
                      throw new IOException("try " + tries.incrementAndGet());
                    }))
        .isInstanceOf(IOException.class)
        .hasMessage("try " + tries)
        .hasSuppressedException(new AssertionError("still failing after PT0.02S"));
  }

  @Test
  void triesOnceEvenWithoutTime() throws Exception {
    Eventually.within(Duration.ZERO, tries::incrementAndGet);

    assertThat(tries).hasValue(1);
  }
}
