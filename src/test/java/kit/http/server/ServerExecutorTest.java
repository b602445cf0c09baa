// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ServerExecutorTest {
  private final ExecutorService threads = ServerExecutor.newExecutor(1);

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void noRequestWaitsForAnotherEvenAboveTheLimit() throws Exception {
    CyclicBarrier allThreads = new CyclicBarrier(100); // Opens when all run at the same time.
    List<Future<Integer>> runs = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      runs.add(threads.submit(() -> allThreads.await()));
    }
    for (Future<Integer> run : runs) {
      assertThat(run.get()).isBetween(0, 99);
    }
  }

  @Test
  void threadsAreVirtualWhereTheyDoNotPin() throws Exception {
    String name = threads.submit(() -> Thread.currentThread().toString()).get();
    boolean virtual = Runtime.version().feature() >= 24;
    assertThat(name).startsWith(virtual ? "VirtualThread[" : "Thread[http-");
  }

  @Test
  void largestLimitIsAccepted() throws Exception {
    ExecutorService many = ServerExecutor.newExecutor(Integer.MAX_VALUE);
    assertThat(many.submit(() -> 7).get()).isEqualTo(7);
    many.shutdown();
    assertThat(many.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
  }
}
