// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.net.ConnectException;
import java.nio.channels.UnresolvedAddressException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import kit.LogSafe;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Logs an outage in two lines: one at its beginning, one at its end.
 *
 * <p>In between it logs only a change of the cause, at most every 20 seconds: a loop that retries
 * must not fill the log. Stack traces are logged at debug level.
 *
 * <p>Thread-safe.
 */
public final class OutageLog {
  private static final int MAX_CAUSES = 10; // Chains of causes can be cyclic.
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(20);

  private final Logger log;
  private final String what;
  private final Level recovered;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private String loggedCause; // Null outside an outage.
  private long loggedAtNanos;

  /**
   * Creates a log of outages.
   *
   * @param what the subject of each line: the operation that fails during an outage
   * @param recovered the level of the line at the end of an outage; the beginning is a warning
   */
  public OutageLog(Logger log, String what, Level recovered, LongSupplier nanoTime) {
    this.log = requireNonNull(log, "log");
    this.what = requireNonNull(what, "what");
    this.recovered = requireNonNull(recovered, "recovered");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
  }

  /** Records a failure; {@code retrying} describes what the program does now. */
  public void failed(Exception error, String retrying) {
    String cause = cause(error);
    log.debug("{} failed", what, error);
    if (isNews(cause)) {
      log.warn("{} failed: {}; {}", what, cause, retrying);
    }
  }

  private synchronized boolean isNews(String cause) {
    long now = nanoTime.getAsLong();
    boolean news =
        loggedCause == null || !loggedCause.equals(cause) && now - loggedAtNanos >= QUIET_NANOS;
    if (news) {
      loggedCause = cause;
      loggedAtNanos = now;
    }
    return news;
  }

  /** Records a success. */
  public void worked() {
    if (endsOutage()) {
      log.atLevel(recovered).log("{} recovered", what);
    }
  }

  private synchronized boolean endsOutage() {
    boolean outage = loggedCause != null;
    loggedCause = null;
    return outage;
  }

  /**
   * Returns the cause of {@code error} in a few words, in one line. HttpClient's connection errors
   * have no message, and it wraps them in "Too many retries".
   */
  public static String cause(Exception error) {
    String message = error.getClass().getSimpleName();
    Throwable cause = error;
    for (int depth = 0; cause != null && depth < MAX_CAUSES; depth++, cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException) {
        return "unknown host";
      }
      if (cause.getMessage() != null) {
        message = cause.getMessage(); // The innermost is the most specific.
      } else if (cause instanceof ConnectException) {
        message = "connection refused"; // Unless its cause is more specific.
      }
    }
    return LogSafe.of(message);
  }
}
