// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.ProtocolException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import kit.LogSafe;
import kit.PeerException;
import kit.http.MediaTypes;
import kit.http.Problem;

/**
 * Makes a {@link PeerException} of what the JDK's client has thrown or received: its kind says how far
 * the call got.
 */
public final class PeerExceptions {
  // What a peer sends must not overflow the nanoseconds of whoever reckons with it.
  private static final Duration LONGEST_RETRY_AFTER = Duration.ofDays(365);

  private PeerExceptions() {}

  /** Returns what {@code thrown}, by the client or by {@link BodyCollector}, says of the call. */
  public static PeerException of(Throwable thrown, String instance) {
    if (thrown instanceof BodyCollector.TooLongException) {
      return PeerException.tooLarge(instance, thrown.getMessage(), thrown);
    }
    Throwable cause = original(thrown);
    if (cause instanceof ProtocolException) {
      return PeerException.malformed(
          instance, "malformed response: " + LogSafe.of(cause.getMessage()), cause);
    }
    if (cause instanceof HttpConnectTimeoutException) {
      return PeerException.notConnected(instance, "no connection in time", cause);
    }
    if (cause instanceof ConnectException || cause instanceof NoRouteToHostException) {
      return PeerException.notConnected(instance, whyNotConnected(cause), cause);
    }
    if (cause instanceof HttpTimeoutException) {
      return PeerException.timeout(instance, cause);
    }
    return PeerException.broken(instance, "connection broke: " + LogSafe.of(cause), cause);
  }

  /**
   * Undoes the client's wrapping: {@code send} throws a copy, of the same kind and message, around
   * what went wrong. And with {@code jdk.httpclient.redirects.retrylimit=1}, which main methods should
   * set, that is "too many retries" around whatever made the client want to try again, a refused
   * connection for one.
   */
  private static Throwable original(Throwable thrown) {
    Throwable cause = thrown.getCause();
    if (cause == null) {
      return thrown;
    }
    boolean isCopy =
        cause.getClass() == thrown.getClass()
            && Objects.equals(cause.getMessage(), thrown.getMessage());
    boolean isRetry = "Too many retries".equals(thrown.getMessage());
    return isCopy || isRetry ? original(cause) : thrown;
  }

  /** The client makes a ConnectException of all that comes before sending, often with no message. */
  private static String whyNotConnected(Throwable cause) {
    if (cause.getCause() instanceof UnresolvedAddressException) {
      return "unknown host";
    }
    String message = cause.getMessage(); // Such as "Network is unreachable".
    return message == null ? "connection refused" : LogSafe.of(message.toLowerCase(Locale.ROOT));
  }

  /** Returns what an answer that is no success says of the call. */
  public static PeerException of(HttpResponse<byte[]> response, String instance) {
    int status = response.statusCode();
    String detail =
        only(response, "Content-Type")
            .filter(type -> MediaTypes.is(type, Problem.CONTENT_TYPE))
            .map(type -> Problem.detail(response.body()))
            .orElseGet(() -> Problem.title(status));
    Duration retryAfter =
        only(response, "Retry-After").map(value -> retryAfter(value, Instant.now())).orElse(null);
    return PeerException.status(instance, status, LogSafe.of(detail), retryAfter);
  }

  /** Returns the value of a field that must be single; of several values, none is the right one. */
  public static Optional<String> only(HttpResponse<?> response, String name) {
    List<String> values = response.headers().allValues(name);
    return values.size() == 1 ? Optional.of(values.get(0)) : Optional.empty();
  }

  /**
   * Seconds or a date (RFC 9110, section 10.2.3), at most a year; null if it is neither.
   *
   * @param now the time that a date is compared with
   */
  static Duration retryAfter(String value, Instant now) {
    String text = value.strip();
    Duration left;
    if (!text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      String digits = text.replaceFirst("^0+(?=.)", "");
      left = digits.length() > 9 ? LONGEST_RETRY_AFTER : Duration.ofSeconds(Long.parseLong(digits));
    } else {
      Instant at = HttpDate.parse(text, now);
      if (at == null) {
        return null;
      }
      left = Duration.between(now, at);
    }
    if (left.isNegative()) {
      return Duration.ZERO;
    }
    return left.compareTo(LONGEST_RETRY_AFTER) < 0 ? left : LONGEST_RETRY_AFTER;
  }
}
