// SPDX-License-Identifier: Apache-2.0
package testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;

class RaceTest {
  @Test
  void allThreadsRunAtTheSameTime() throws Exception {
    CyclicBarrier allThreads = new CyclicBarrier(8); // opens only if all eight are inside the task

    List<String> results =
        Race.run(
            8,
            () -> {
              allThreads.await();
              return Thread.currentThread().getName();
            });

    assertThat(results).hasSize(8).doesNotHaveDuplicates();
  }

  @Test
  void resultsAreInTheOrderOfTheThreadNumbers() throws Exception {
    assertThat(Race.runNumbered(4, thread -> thread * 10)).containsExactly(0, 10, 20, 30);
  }

  @Test
  void firstFailureIsThrownWhileOtherThreadsHang() {
    CountDownLatch never = new CountDownLatch(1);

    assertThatThrownBy(
            () ->
                Race.runNumbered(
                    3,
                    thread -> {
                      if (thread == 2) {
                        throw new IOException("thread 2");
                      }
                      never.await();
                      return thread;
                    }))
        .isInstanceOf(IOException.class)
        .hasMessage("thread 2");
  }

  @Test
  void hangingThreadsAreShown() {
    CountDownLatch never = new CountDownLatch(1);

    assertThatThrownBy(
            () ->
                Race.run(
                    2,
                    Duration.ofMillis(50),
                    thread -> {
                      never.await();
                      return thread;
                    }))
        .isInstanceOf(AssertionError.class)
        .hasMessage("0 of 2 threads finished within PT0.05S")
        .hasStackTraceContaining("Suppressed: java.lang.Throwable: race-0 is ")
        .hasStackTraceContaining("Suppressed: java.lang.Throwable: race-1 is ");
  }
}
