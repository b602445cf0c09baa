// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.time.Duration;
import java.util.Optional;
import kit.breaker.CircuitBreaker;

/**
 * Thrown when the command gave up, whereas what the work throws is passed on as it is. The type is
 * the reason, and so tells whether the work was done:
 *
 * <pre>
 *   ShortCircuitedException   not begun: the breaker is open
 *   RejectedException         not begun: no slot or no thread was free
 *   TimedOutException         perhaps done: it took too long
 *   FallbackFailedException   see its cause: one of these, or the work's error
 * </pre>
 */
public abstract sealed class CommandException extends RuntimeException {
  private CommandException(String command, String detail, Throwable cause, boolean hasStackTrace) {
    super("command " + command + ": " + detail, cause, hasStackTrace, hasStackTrace);
  }

  /** Not begun: the breaker is open. Has no stack trace, so that it is cheap. */
  public static final class ShortCircuitedException extends CommandException {
    ShortCircuitedException(String command, CircuitBreaker.OpenException open) {
      super(command, open.getMessage(), open, false);
    }

    /** Returns how long the breaker stays open, if that is known. */
    public Optional<Duration> retryAfter() {
      return ((CircuitBreaker.OpenException) getCause()).retryAfter();
    }
  }

  /** Not begun: no slot or no thread was free. Has no stack trace, so that it is cheap. */
  public static final class RejectedException extends CommandException {
    RejectedException(String command, String detail) {
      this(command, detail, null);
    }

    RejectedException(String command, String detail, Throwable cause) {
      super(command, detail, cause, false);
    }
  }

  /** Perhaps done: the work took too long and was interrupted. */
  public static final class TimedOutException extends CommandException {
    TimedOutException(String command) {
      super(command, "timed out", null, true);
    }
  }

  /**
   * The fallback failed too. The cause is what would have been thrown without a fallback; what the
   * fallback threw is suppressed in it.
   */
  public static final class FallbackFailedException extends CommandException {
    FallbackFailedException(String command, Exception cause, Exception fallbackError) {
      super(command, "fallback failed: " + fallbackError + "; after: " + cause, cause, true);
      addSuppressed(fallbackError);
    }
  }
}
