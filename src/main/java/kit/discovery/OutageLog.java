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
 * Logs an outage of a registry in two lines: one when it begins, one when it ends.
 *
 * <p>In between it says something only if the cause changes, and then at most every 20 seconds: a
 * loop that retries must not fill the log. Stack traces go to debug.
 *
 * <p>Thread-safe.
 */
public final class OutageLog {
  private static final int MAX_CAUSES = 10; // Causes can be a ring.
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(20);

  private final Logger log;
  private final String what;
  private final Level recovered;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private String loggedCause; // Null while all is well.
  private long loggedAtNanos;

  /**
   * Logs to {@code log}.
   *
   * @param what begins each line: what does not work during an outage, and does again after it
   * @param recovered the level of the line at the end of an outage; the beginning is a warning
   */
  public OutageLog(Logger log, String what, Level recovered, LongSupplier nanoTime) {
    this.log = requireNonNull(log, "log");
    this.what = requireNonNull(what, "what");
    this.recovered = requireNonNull(recovered, "recovered");
    this.nanoTime = requireNonNull(nanoTime, "nanoTime");
  }

  /** Notes that it does not work; {@code retrying} tells the reader what happens now. */
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

  /** Notes that it works. */
  public void worked() {
    if (endsOutage()) {
      log.atLevel(recovered).log("{} works again", what);
    }
  }

  private synchronized boolean endsOutage() {
    boolean outage = loggedCause != null;
    loggedCause = null;
    return outage;
  }

  /**
   * Says in a few words, and in one line, why {@code error} happened. HttpClient's connection errors
   * have no message, and it hides them behind "Too many retries".
   */
  public static String cause(Exception error) {
    String message = error.getClass().getSimpleName();
    Throwable cause = error;
    for (int depth = 0; cause != null && depth < MAX_CAUSES; depth++, cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException) {
        return "unknown host";
      }
      if (cause.getMessage() != null) {
        message = cause.getMessage(); // The innermost one says most.
      } else if (cause instanceof ConnectException) {
        message = "connection refused"; // Unless its cause knows better.
      }
    }
    return LogSafe.of(message);
  }
}
