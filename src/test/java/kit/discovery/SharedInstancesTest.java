// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.Race;

@Timeout(20)
class SharedInstancesTest {
  private static final Instance A = Instance.of("10.0.0.1", 80);
  private static final Instance B = Instance.of("10.0.0.2", 80);

  private final List<Watch> opened = new CopyOnWriteArrayList<>();
  private final AtomicInteger usedAfterClose = new AtomicInteger();
  private final SharedInstances<String> shared = new SharedInstances<>(Watch::new);

  /** A watch whose list the test sets. */
  private final class Watch implements Instances {
    final String service;
    final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    final AtomicInteger closed = new AtomicInteger();
    volatile List<Instance> snapshot = List.of(A);

    Watch(String service) {
      this.service = service;
      opened.add(this);
    }

    void set(Instance... instances) {
      snapshot = List.of(instances);
      listeners.forEach(Runnable::run);
    }

    @Override
    public List<Instance> snapshot() {
      usedAfterClose.addAndGet(closed.get());
      return snapshot;
    }

    @Override
    public Subscription onChange(Runnable listener) {
      listeners.add(listener);
      return () -> listeners.remove(listener);
    }

    @Override
    public boolean awaitFirst(Duration patience) {
      return true;
    }

    @Override
    public Optional<Exception> failure() {
      return Optional.of(new IllegalStateException(service));
    }

    @Override
    public void close() {
      closed.incrementAndGet();
    }
  }

  @Test
  void usersOfOneServiceShareOneWatchWhichTheLastOneCloses() throws Exception {
    Instances mine = shared.open("web");
    Instances yours = shared.open("web");
    assertThat(opened).hasSize(1);
    assertThat(mine.snapshot()).isSameAs(yours.snapshot());
    assertThat(mine.awaitFirst(Duration.ZERO)).isTrue();
    assertThat(mine.failure()).get().hasToString("java.lang.IllegalStateException: web");

    mine.close();
    mine.close(); // Counts once.
    assertThat(opened.get(0).closed).hasValue(0);
    yours.close();
    assertThat(opened.get(0).closed).hasValue(1);
  }

  @Test
  void eachServiceHasItsOwnWatch() {
    shared.open("web");
    shared.open("db");
    assertThat(opened).extracting(watch -> watch.service).containsExactly("web", "db");
  }

  @Test
  void afterTheLastOneThereIsANewWatch() {
    shared.open("web").close();
    Instances second = shared.open("web");
    assertThat(opened).hasSize(2);
    opened.get(1).set(B);
    assertThat(second.snapshot()).containsExactly(B);
    second.close();
    assertThat(opened).allSatisfy(watch -> assertThat(watch.closed).hasValue(1));
  }

  @Test
  void closingEndsOnesOwnListenersAndKeepsTheSnapshot() {
    Instances mine = shared.open("web");
    Instances yours = shared.open("web");
    List<String> heard = new ArrayList<>();
    mine.onChange(() -> heard.add("mine"));
    mine.onChange(() -> heard.add("ended")).close();
    yours.onChange(() -> heard.add("yours"));

    mine.close();
    mine.onChange(() -> heard.add("too late"));
    opened.get(0).set(B);

    assertThat(heard).containsExactly("yours");
    assertThat(mine.snapshot()).containsExactly(A);
    assertThat(yours.snapshot()).containsExactly(B);
    yours.close();
    assertThat(opened.get(0).listeners).isEmpty();
  }

  @Test
  void factoryThatFailsLeavesNothingBehind() {
    AtomicInteger calls = new AtomicInteger();
    SharedInstances<String> fragile =
        new SharedInstances<>(
            service -> {
              if (calls.incrementAndGet() == 1) {
                throw new IllegalStateException("no registry");
              }
              return new Watch(service);
            });
    assertThatThrownBy(() -> fragile.open("web")).hasMessage("no registry");
    fragile.open("web").close();
    assertThat(opened).singleElement().satisfies(watch -> assertThat(watch.closed).hasValue(1));
  }

  @Test
  void oneThatOpensDoesNotWaitForAnother() throws Exception {
    CountDownLatch inFactory = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    SharedInstances<String> slow =
        new SharedInstances<>(
            service -> {
              if (inFactory.getCount() > 0) {
                inFactory.countDown();
                awaitUninterrupted(goOn);
              }
              return new Watch(service);
            });
    List<Instances> late = new CopyOnWriteArrayList<>();
    Thread first = new Thread(() -> late.add(slow.open("web")));
    first.start();
    inFactory.await();

    Instances second = slow.open("web");
    goOn.countDown();
    first.join();

    // Both opened a watch; the one that came second to the map is closed again, and not used.
    assertThat(opened).hasSize(2);
    assertThat(opened.get(0).closed).hasValue(0);
    assertThat(opened.get(1).closed).hasValue(1);
    opened.get(0).set(B);
    assertThat(late.get(0).snapshot()).isSameAs(second.snapshot()).containsExactly(B);
    second.close();
    late.get(0).close();
    assertThat(opened).allSatisfy(watch -> assertThat(watch.closed).hasValue(1));
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anyNumberOfThreadsMayOpenAndClose() throws Exception {
    Race.run(
        8,
        () -> {
          for (int i = 0; i < 2_000; i++) {
            try (Instances instances = shared.open("web")) {
              instances.onChange(() -> {});
              assertThat(instances.snapshot()).containsExactly(A);
            }
          }
          return null;
        });
    assertThat(usedAfterClose).hasValue(0);
    assertThat(opened)
        .allSatisfy(
            watch -> {
              assertThat(watch.closed).hasValue(1);
              assertThat(watch.listeners).isEmpty();
            });
  }
}
