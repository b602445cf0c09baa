// SPDX-License-Identifier: Apache-2.0
package kit.command;

import java.time.Duration;
import java.util.Optional;
import kit.breaker.CircuitBreaker;

/**
 * Thrown when a command rejected or stopped a call; exceptions of the work are thrown unchanged.
 * The type shows whether the work was done:
 *
 * <pre>
 *   ShortCircuitedException   not started: the breaker is open
 *   RejectedException         not started: no slot or no thread was free
 *   TimedOutException         perhaps done: it timed out
 *   FallbackFailedException   see its cause: one of these, or the work's error
 * </pre>
 */
public abstract sealed class CommandException extends RuntimeException {
  private CommandException(String command, String detail, Throwable cause, boolean hasStackTrace) {
    super("command " + command + ": " + detail, cause, hasStackTrace, hasStackTrace);
  }

  /** The work was not started: the breaker is open. Has no stack trace, so that it is cheap. */
  public static final class ShortCircuitedException extends CommandException {
    ShortCircuitedException(String command, CircuitBreaker.OpenException open) {
      super(command, open.getMessage(), open, false);
    }

    /** Returns how long the breaker stays open, if known. */
    public Optional<Duration> retryAfter() {
      return ((CircuitBreaker.OpenException) getCause()).retryAfter();
    }
  }

  /**
   * The work was not started: no slot or no thread was free. Has no stack trace, so that it is
   * cheap.
   */
  public static final class RejectedException extends CommandException {
    RejectedException(String command, String detail) {
      this(command, detail, null);
    }

    RejectedException(String command, String detail, Throwable cause) {
      super(command, detail, cause, false);
    }
  }

  /** The work timed out and was interrupted; it may be done. */
  public static final class TimedOutException extends CommandException {
    TimedOutException(String command) {
      super(command, "timed out", null, true);
    }
  }

  /**
   * The fallback failed, too. The cause is the failure without a fallback, with the exception of
   * the fallback suppressed in it.
   */
  public static final class FallbackFailedException extends CommandException {
    FallbackFailedException(String command, Exception cause, Exception fallbackError) {
      super(command, "fallback failed: " + fallbackError + "; after: " + cause, cause, true);
      addSuppressed(fallbackError);
    }
  }
}
