// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * Means "a peer failed": somebody we called did not do what we asked.
 *
 * <p>Thrown on the client side of an endpoint, by the HTTP call and by everything stacked on it. The
 * {@link #kind()} says how far the call got, which decides what may be done about it:
 *
 * <pre>
 *   kind            the peer...                  try another   safe to repeat   our server
 *                                                instance      a POST           answers
 *   NO_INSTANCE     is not known at all          -             yes              503
 *   REFUSED         was not asked: our own       at once       yes              503
 *                   breaker or limiter
 *   NOT_CONNECTED   could not be reached         at once       yes              503
 *   TIMEOUT         did not answer in time       as a retry    no               504
 *   BROKEN          closed the connection        as a retry    no               502
 *                   before its response was
 *                   complete
 *   MALFORMED       sent a response that breaks  no            no               502
 *                   HTTP or cannot be decoded
 *   TOO_LARGE       sent a response longer than  no            no               502
 *                   the caller accepts
 *   STATUS          answered with an error       500, 502,     no               502
 *                                                503, 504:
 *                                                as a retry
 * </pre>
 *
 * <p>A response that was read is never asked for a second time because of its form: the peer has done
 * the work, and would answer in the same way.
 *
 * <p>It is never a {@link StatusException}. A service that wants to hand a peer's 404 on to its own
 * caller says so by catching this one and throwing that one.
 */
public final class PeerException extends RuntimeException {
  /** How a call failed; see the table in {@link PeerException}. */
  public enum Kind {
    /** Nobody to call: the list of instances is empty. */
    NO_INSTANCE,
    /** Not sent: our own breaker or limiter said no. */
    REFUSED,
    /** Not sent: no connection. */
    NOT_CONNECTED,
    /** Sent, perhaps done: no complete answer in time. */
    TIMEOUT,
    /** Sent, perhaps done: the connection broke before the response was complete. */
    BROKEN,
    /** Sent, perhaps done: the response breaks HTTP's rules, or cannot be decoded. */
    MALFORMED,
    /** Sent, perhaps done: the response is longer than the caller accepts. */
    TOO_LARGE,
    /** Answered, with a status that is not a success. */
    STATUS;

    /** Whether the peer certainly did no work, so that asking another one repeats nothing. */
    public boolean notSent() {
      return this == NO_INSTANCE || this == REFUSED || this == NOT_CONNECTED;
    }
  }

  private final Kind kind;
  private final String instance;
  private final int status;
  private final String detail;
  private final Duration retryAfter;

  private PeerException(
      Kind kind, String instance, int status, String detail, Duration retryAfter, Throwable cause) {
    super(message(requireNonNull(detail, "detail"), instance, status), cause);
    this.kind = kind;
    this.instance = instance;
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** Nobody to call; {@code cause} (or null) is why the list is empty, if anybody knows. */
  public static PeerException noInstance(String detail, Throwable cause) {
    return new PeerException(Kind.NO_INSTANCE, null, 0, detail, null, cause);
  }

  /** Our own breaker or limiter said no; {@code retryAfter} (or null) is when to ask again. */
  public static PeerException refused(
      String instance, String detail, Duration retryAfter, Throwable cause) {
    return new PeerException(Kind.REFUSED, instance, 0, detail, retryAfter, cause);
  }

  /** No connection came about; {@code detail} says why, such as "connection refused". */
  public static PeerException notConnected(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.NOT_CONNECTED, instance, 0, detail, null, cause);
  }

  /** The answer was not complete in time. */
  public static PeerException timeout(String instance, Throwable cause) {
    return new PeerException(Kind.TIMEOUT, instance, 0, "no answer in time", null, cause);
  }

  /** The connection broke after sending; {@code detail} says how. */
  public static PeerException broken(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.BROKEN, instance, 0, detail, null, cause);
  }

  /** The response breaks HTTP's rules or cannot be decoded; {@code detail} says which. */
  public static PeerException malformed(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.MALFORMED, instance, 0, detail, null, cause);
  }

  /** The response is longer than the caller accepts; {@code detail} has the limit. */
  public static PeerException tooLarge(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.TOO_LARGE, instance, 0, detail, null, cause);
  }

  /** The peer answered {@code status}; {@code retryAfter} (or null) is what it asked for. */
  public static PeerException status(
      String instance, int status, String detail, Duration retryAfter) {
    return status(instance, status, detail, retryAfter, null);
  }

  /** As above; {@code cause} (or null) is what says more than a status can. */
  public static PeerException status(
      String instance, int status, String detail, Duration retryAfter, Throwable cause) {
    return new PeerException(Kind.STATUS, instance, status, detail, retryAfter, cause);
  }

  /**
   * Whether a status means that the instance fails, so that another may succeed: 500, 502, 503 and
   * 504. Circuit breaker, retry and gateway count these and no others: 501 and 505 say what a server
   * does not implement, and a status outside of 100 to 599 says nothing.
   */
  public static boolean isInstanceFailure(int status) {
    return status == 500 || status >= 502 && status <= 504;
  }

  private static String message(String detail, String instance, int status) {
    String text = status == 0 ? detail : status + " " + detail;
    return instance == null ? text : text + " (" + instance + ")";
  }

  /** How far the call got. */
  public Kind kind() {
    return kind;
  }

  /** The peer as {@code host:port}, or empty when there was none. */
  public Optional<String> instance() {
    return Optional.ofNullable(instance);
  }

  /** The status that the peer answered, or 0 when it did not answer. */
  public int status() {
    return status;
  }

  /** What went wrong, without status and instance, which {@link #getMessage()} adds. */
  public String detail() {
    return detail;
  }

  /** How long the peer, or our own breaker or limiter, asks us to stay away. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
