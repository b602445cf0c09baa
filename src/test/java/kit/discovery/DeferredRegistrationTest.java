// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(10)
class DeferredRegistrationTest {
  private final List<String> events = new CopyOnWriteArrayList<>();

  /** As {@link Registration} demands: a start after the end does nothing. */
  private final class Recorded implements Registration {
    private boolean closed;

    @Override
    public synchronized void start() {
      if (!closed) {
        events.add("started");
      }
    }

    @Override
    public boolean isRegistered() {
      return events.contains("started") && !events.contains("closed");
    }

    @Override
    public synchronized void close() {
      closed = true;
      events.add("closed");
    }
  }

  private Registration make() {
    events.add("made");
    return new Recorded();
  }

  @Test
  void isMadeAtTheStartAndOnce() {
    Registration registration = Registration.deferred(this::make);
    assertThat(events).isEmpty();
    assertThat(registration.isRegistered()).isFalse();
    registration.start();
    registration.start();
    assertThat(registration.isRegistered()).isTrue();
    registration.close();
    assertThat(events).containsExactly("made", "started", "closed");
    assertThat(registration.isRegistered()).isFalse();
  }

  @Test
  void closedBeforeTheStartItRegistersNothing() {
    Registration registration = Registration.deferred(this::make);
    registration.close();
    registration.start();
    assertThat(events).doesNotContain("started");
  }

  @Test
  void closedWhileItIsBeingMadeItRegistersNothing() throws Exception {
    CountDownLatch making = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Registration registration =
        Registration.deferred(
            () -> {
              making.countDown();
              try {
                assertThat(closed.await(5, TimeUnit.SECONDS)).isTrue();
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
              return make();
            });
    Thread starter = new Thread(registration::start);
    starter.start();
    making.await();
    registration.close();
    closed.countDown();
    starter.join();
    assertThat(events).containsExactly("made");
  }
}
