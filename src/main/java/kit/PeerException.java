// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;

/**
 * Failure of a call to a peer, with how far the call got.
 *
 * <p>Thrown on the client side of an endpoint, by the HTTP call and by everything stacked on it.
 * The {@link #kind()} decides whether the call may be retried and which status a server returns for
 * it:
 *
 * <pre>
 *   kind            the peer...                  try another   safe to repeat   our server
 *                                                instance      a POST           returns
 *   NO_INSTANCE     is not known at all          -             yes              503
 *   REFUSED         was not asked: our own       at once       yes              503
 *                   breaker or limiter
 *   NOT_CONNECTED   could not be reached         at once       yes              503
 *   TIMEOUT         timed out                    as a retry    no               504
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
 * <p>A call is never retried because of the form of a response that was read: the peer has done the
 * work, and would respond in the same way.
 *
 * <p>It is never a {@link StatusException}. A service that forwards a peer's 404 to its own caller
 * does so explicitly: it catches this exception and throws that one.
 */
public final class PeerException extends RuntimeException {
  /** How a call failed; see the table in {@link PeerException}. */
  public enum Kind {
    /** Not sent: the list of instances is empty. */
    NO_INSTANCE,
    /** Not sent: rejected by a circuit breaker or limiter of the caller. */
    REFUSED,
    /** Not sent: the connection failed. */
    NOT_CONNECTED,
    /** Sent, perhaps done: no complete response before the deadline. */
    TIMEOUT,
    /** Sent, perhaps done: the connection broke before the response was complete. */
    BROKEN,
    /** Sent, perhaps done: the response breaks HTTP's rules, or cannot be decoded. */
    MALFORMED,
    /** Sent, perhaps done: the response is longer than the caller accepts. */
    TOO_LARGE,
    /** The peer responded with an error status. */
    STATUS;

    /**
     * Returns whether the peer certainly did no work, so that another instance may be called at
     * once.
     */
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

  /**
   * Returns a failure for an empty list of instances; {@code cause} (or null) is why it is empty.
   */
  public static PeerException noInstance(String detail, Throwable cause) {
    return new PeerException(Kind.NO_INSTANCE, null, 0, detail, null, cause);
  }

  /**
   * Returns a failure for a call that a breaker or limiter of the caller rejected; {@code
   * retryAfter} (or null) is how long to wait.
   */
  public static PeerException refused(
      String instance, String detail, Duration retryAfter, Throwable cause) {
    return new PeerException(Kind.REFUSED, instance, 0, detail, retryAfter, cause);
  }

  /** Returns a failure to connect; {@code detail} is the reason, such as "connection refused". */
  public static PeerException notConnected(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.NOT_CONNECTED, instance, 0, detail, null, cause);
  }

  /** Returns a timeout: the response was not complete before the deadline. */
  public static PeerException timeout(String instance, Throwable cause) {
    return new PeerException(Kind.TIMEOUT, instance, 0, "timed out", null, cause);
  }

  /**
   * Returns a failure of the connection after the request was sent; {@code detail} is how it
   * failed.
   */
  public static PeerException broken(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.BROKEN, instance, 0, detail, null, cause);
  }

  /**
   * Returns a failure for a response that violates HTTP or cannot be decoded; {@code detail} names
   * the rule.
   */
  public static PeerException malformed(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.MALFORMED, instance, 0, detail, null, cause);
  }

  /**
   * Returns a failure for a response longer than the caller accepts; {@code detail} has the limit.
   */
  public static PeerException tooLarge(String instance, String detail, Throwable cause) {
    return new PeerException(Kind.TOO_LARGE, instance, 0, detail, null, cause);
  }

  /**
   * Returns a failure for a response with {@code status}; {@code retryAfter} (or null) is its
   * {@code Retry-After}.
   */
  public static PeerException status(
      String instance, int status, String detail, Duration retryAfter) {
    return status(instance, status, detail, retryAfter, null);
  }

  /** As above, with a {@code cause} (or null) that has more detail than the status. */
  public static PeerException status(
      String instance, int status, String detail, Duration retryAfter, Throwable cause) {
    return new PeerException(Kind.STATUS, instance, status, detail, retryAfter, cause);
  }

  /**
   * Returns whether a status is a failure of the instance, so that another may succeed: 500, 502,
   * 503 and 504. Circuit breaker, retry and gateway count these and no others: 501 and 505 name a
   * feature that the server does not implement, and a status outside 100 to 599 has no meaning.
   */
  public static boolean isInstanceFailure(int status) {
    return status == 500 || status >= 502 && status <= 504;
  }

  private static String message(String detail, String instance, int status) {
    String text = status == 0 ? detail : status + " " + detail;
    return instance == null ? text : text + " (" + instance + ")";
  }

  /** Returns how far the call got. */
  public Kind kind() {
    return kind;
  }

  /** Returns the peer as {@code host:port}, or empty if no instance was chosen. */
  public Optional<String> instance() {
    return Optional.ofNullable(instance);
  }

  /** Returns the status of the peer's response, or 0 without one. */
  public int status() {
    return status;
  }

  /** Returns the reason, without status and instance, which {@link #getMessage()} adds. */
  public String detail() {
    return detail;
  }

  /** Returns how long to wait before the next call, if the peer, breaker or limiter named it. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
