// SPDX-License-Identifier: Apache-2.0
package testing;

import java.time.Duration;

/**
 * Waits for what another thread, process or server does in its own time:
 *
 * <pre>{@code
 * Eventually.within(Duration.ofSeconds(5), () -> assertThat(registered()).contains("user-1"));
 * }</pre>
 *
 * <p>The one place in the tests that may sleep, see {@code NoSleepTest}. What the test itself can
 * drive needs a latch or {@link FakeNanoTime} instead.
 */
public final class Eventually {
  private static final long MILLIS_BETWEEN_TRIES = 5;

  private Eventually() {}

  /** An assertion that may touch the network or wait. */
  @FunctionalInterface
  public interface ThrowingRunnable {
    /** Throws while the assertion does not hold. */
    void run() throws Exception;
  }

  /**
   * Tries the assertion at least once, and again until it holds.
   *
   * @throws Exception the last failure, when the limit has passed; an interruption at once
   */
  public static void within(Duration limit, ThrowingRunnable assertion) throws Exception {
    long startedAtNanos = System.nanoTime();
    while (true) {
      try {
        assertion.run();
        return;
      } catch (InterruptedException interrupted) {
        throw interrupted;
      } catch (Exception | AssertionError failure) {
        if (System.nanoTime() - startedAtNanos >= limit.toNanos()) {
          failure.addSuppressed(new AssertionError("still failing after " + limit));
          throw failure;
        }
      }
      Thread.sleep(MILLIS_BETWEEN_TRIES);
    }
  }
}
