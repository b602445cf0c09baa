// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class FloodGuardTest {
  private static final int BURST = 1000;

  private final AtomicLong nanoTime = new AtomicLong(-5); // It may be negative.
  private final FloodGuard guard = new FloodGuard(nanoTime::get);

  /** Something that a peer does. */
  private interface Act {
    void run() throws Http2Exception;
  }

  /** Returns how often it is permitted. */
  private static int permitted(Act act) {
    for (int count = 0; count < 100_000; count++) {
      try {
        act.run();
      } catch (Http2Exception e) {
        assertThat(e.code()).isEqualTo(ErrorCode.ENHANCE_YOUR_CALM);
        assertThat(e.streamId()).isZero(); // Of the connection.
        return count;
      }
    }
    return Integer.MAX_VALUE;
  }

  @Test
  void burstOfUselessFramesAndThenAHundredASecond() {
    assertThat(permitted(guard::useless)).isEqualTo(BURST);
    nanoTime.addAndGet(Duration.ofMillis(1500).toNanos());
    assertThat(permitted(guard::useless)).isEqualTo(149); // One was used by the frame that failed.
    nanoTime.addAndGet(Duration.ofDays(1).toNanos());
    assertThat(permitted(guard::useless)).isEqualTo(BURST);
  }

  @Test
  void burstOfResetsIsCountedApart() {
    assertThat(permitted(guard::reset)).isEqualTo(BURST);
    assertThat(permitted(guard::useless)).isEqualTo(BURST);
  }

  @Test
  void usefulFramesEarnFourUselessOnes() {
    permitted(guard::useless);
    guard.received();
    assertThat(permitted(guard::useless)).isEqualTo(3);
  }

  @Test
  void peerThatIsServedMayGoOn() {
    Act served =
        () -> {
          guard.received();
          guard.served();
          guard.reset();
          guard.useless();
        };
    assertThat(permitted(served)).isEqualTo(Integer.MAX_VALUE);
  }

  @Test
  void windowsThatPermitLittleAreUseless() {
    assertThat(permitted(() -> guard.sent(1, 1000))).isEqualTo(BURST);
    assertThat(permitted(() -> guard.sent(255, 256))).isZero();
    assertThat(permitted(() -> guard.sent(1, 1))).isEqualTo(Integer.MAX_VALUE); // All there was.
    assertThat(permitted(() -> guard.sent(256, 1000))).isEqualTo(Integer.MAX_VALUE);
  }

  @Test
  void dataEarnsAFrameForEachKibibyte() {
    assertThatThrownBy(
            () -> {
              while (true) {
                guard.useless();
              }
            })
        .hasMessageContaining("carry nothing");
    nanoTime.addAndGet(Duration.ofMillis(10).toNanos()); // What the frame above has used.
    assertThat(
            permitted(
                () -> {
                  guard.sent(16 << 10, 16 << 10);
                  for (int i = 0; i < 20; i++) {
                    guard.useless();
                  }
                }))
        .isEqualTo(Integer.MAX_VALUE);
  }
}
