// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Rejects a request with an HTTP error status; thrown by handlers, decoders and server middleware.
 *
 * <pre>{@code
 * throw new StatusException(403, "permission denied");
 * throw new StatusException(429, "rate limit exceeded").with("Retry-After", "3");
 * }</pre>
 *
 * <p>The message is sent to the client; details for the operator belong in the cause, which is
 * logged. The failure of a peer is a {@link PeerException}: its 404 must not become this server's
 * by accident.
 *
 * <p>Statuses are HTTP's (RFC 9110, section 15), 400 to 599. Immutable. It has no stack trace: it
 * is a response and not a fault, and rejecting hostile requests must stay cheap.
 */
public final class StatusException extends RuntimeException {
  private final int status;
  private final Map<String, String> headers;

  /** Creates a rejection with {@code status} (400 to 599) and a text that is sent to the client. */
  public StatusException(int status, String detail) {
    this(status, detail, null);
  }

  /** As above, with a {@code cause} (or null) that is only logged. */
  public StatusException(int status, String detail, Throwable cause) {
    this(status, detail, cause, Map.of());
  }

  private StatusException(int status, String detail, Throwable cause, Map<String, String> headers) {
    super(requireNonNull(detail, "detail"), cause, false, false);
    if (status < 400 || status > 599) {
      throw new IllegalArgumentException("status not in 400..599: " + status);
    }
    this.status = status;
    this.headers = headers;
  }

  /** Returns a copy with one more response header, which replaces one of the same name. */
  public StatusException with(String name, String value) {
    requireNonNull(name, "name");
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.keySet().removeIf(name::equalsIgnoreCase);
    more.put(name, requireNonNull(value, "value"));
    return new StatusException(status, getMessage(), getCause(), Collections.unmodifiableMap(more));
  }

  /** Returns the HTTP status, 400 to 599. */
  public int status() {
    return status;
  }

  /** Returns the text that is sent to the client. */
  public String detail() {
    return getMessage();
  }

  /**
   * Returns the extra response headers, such as {@code Allow} or {@code Retry-After}; unmodifiable.
   */
  public Map<String, String> headers() {
    return headers;
  }
}
