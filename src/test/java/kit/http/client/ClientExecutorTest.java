// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class ClientExecutorTest {
  @Test
  void clientHasOneForEachProcessorOrNone() throws Exception {
    Executor ofClient = ClientExecutor.create();
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
          .allMatch(Thread::isDaemon);
    } else {
      assertThat(seen).containsExactly(Thread.currentThread());
    }
  }
}
