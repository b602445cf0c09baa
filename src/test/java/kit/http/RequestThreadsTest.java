// SPDX-License-Identifier: Apache-2.0
package kit.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class RequestThreadsTest {
  private final ExecutorService threads = RequestThreads.newExecutor(1);

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  @Test
  void noRequestWaitsForAnotherEvenAboveTheLimit() throws Exception {
    CyclicBarrier everybody = new CyclicBarrier(100); // Opens when all run at the same time.
    List<Future<Integer>> runs = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      runs.add(threads.submit(() -> everybody.await()));
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
  void clientHasOneForEachProcessorOrNone() throws Exception {
    Executor ofClient = RequestThreads.forClient();
    int tasks = 10 * Runtime.getRuntime().availableProcessors();
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    CountDownLatch done = new CountDownLatch(tasks);
    for (int i = 0; i < tasks; i++) {
      ofClient.execute(
          () -> {
            seen.add(Thread.currentThread());
            done.countDown();
          });
    }
    assertThat(done.await(5, TimeUnit.SECONDS)).isTrue();
    if (Runtime.version().feature() >= 24) {
      assertThat(seen)
          .hasSizeBetween(1, Runtime.getRuntime().availableProcessors())
          .allMatch(thread -> thread.isDaemon() && thread.getName().startsWith("http-client-"));
      for (Thread thread : seen) { // They end by themselves; nobody stops them.
        thread.join(TimeUnit.SECONDS.toMillis(20));
        assertThat(thread.isAlive()).as("%s lives", thread).isFalse();
      }
    } else {
      assertThat(seen).containsExactly(Thread.currentThread());
    }
  }

  @Test
  void largestLimitIsNoMistake() throws Exception {
    ExecutorService many = RequestThreads.newExecutor(Integer.MAX_VALUE);
    assertThat(many.submit(() -> 7).get()).isEqualTo(7);
    many.shutdown();
    assertThat(many.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
  }
}
