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
 * Converts exceptions and responses of the JDK's client into a {@link PeerException}.
 */
public final class PeerExceptions {
  // A value of a peer must not overflow a caller's nanoseconds.
  private static final Duration LONGEST_RETRY_AFTER = Duration.ofDays(365);

  private PeerExceptions() {}

  /** Returns the failure for an exception of the client or of {@link BodyCollector}. */
  public static PeerException of(Throwable thrown, String instance) {
    if (thrown instanceof BodyCollector.TooLongException) {
      return PeerException.tooLarge(instance, thrown.getMessage(), thrown);
    }
    Throwable cause = original(thrown);
    Optional<TlsFailure> tls = TlsFailure.of(cause);
    if (tls.isPresent()) {
      return PeerException.notConnected(instance, tls.get().detail(), cause);
    }
    if (cause instanceof ProtocolException) {
      return PeerException.malformed(
          instance, "malformed response: " + LogSafe.of(cause.getMessage()), cause);
    }
    if (cause instanceof HttpConnectTimeoutException) {
      return PeerException.notConnected(instance, "connect timed out", cause);
    }
    if (cause instanceof ConnectException || cause instanceof NoRouteToHostException) {
      return PeerException.notConnected(instance, whyNotConnected(cause), cause);
    }
    if (cause instanceof HttpTimeoutException) {
      return PeerException.timeout(instance, cause);
    }
    return PeerException.broken(instance, "connection failed: " + LogSafe.of(cause), cause);
  }

  /**
   * Unwraps the client's exceptions: {@code send} throws a copy with the original as cause. With
   * {@code jdk.httpclient.redirects.retrylimit=1}, which main methods should set, there is also a
   * "Too many retries" around failures such as a refused connection.
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

  /**
   * Returns the reason of a ConnectException, which the client throws for all failures before
   * sending, often without a message.
   */
  private static String whyNotConnected(Throwable cause) {
    if (cause.getCause() instanceof UnresolvedAddressException) {
      return "unknown host";
    }
    String message = cause.getMessage(); // Such as "Network is unreachable".
    return message == null ? "connection refused" : LogSafe.of(message.toLowerCase(Locale.ROOT));
  }

  /** Returns the failure for a response whose status is not 2xx. */
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

  /** Returns the value of a header that must not be repeated; empty if it is. */
  public static Optional<String> only(HttpResponse<?> response, String name) {
    List<String> values = response.headers().allValues(name);
    return values.size() == 1 ? Optional.of(values.get(0)) : Optional.empty();
  }

  /**
   * Parses Retry-After: seconds or a date (RFC 9110, section 10.2.3), at most a year; null if it is
   * neither.
   *
   * @param now the time to compare a date with
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
