// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RegistrationTest {
  private final CyclicBarrier closing = new CyclicBarrier(2);
  private final AtomicInteger closed = new AtomicInteger();

  /** Its closing ends when another one is closed at the same time. */
  private final class Slow implements Registration {
    private boolean isStarted;

    @Override
    public void start() {
      isStarted = true;
    }

    @Override
    public boolean isRegistered() {
      return isStarted;
    }

    @Override
    public void close() {
      try {
        closing.await(10, TimeUnit.SECONDS);
        closed.incrementAndGet();
      } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void severalAreRegisteredWhenAllAre() {
    Registration one = new Slow();
    Registration all = Registration.all(List.of(one, new Slow()));
    one.start();
    assertThat(all.isRegistered()).isFalse();
    all.start();
    assertThat(all.isRegistered()).isTrue();
  }

  @Test
  void severalAreClosedAtTheSameTime() {
    Registration.all(List.of(new Slow(), new Slow())).close();
    assertThat(closed).hasValue(2);
  }

  @Test
  void noneIsNeverRegistered() {
    Registration none = Registration.none();
    none.start();
    assertThat(none.isRegistered()).isFalse();
    none.close();
  }
}
