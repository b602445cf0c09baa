// SPDX-License-Identifier: Apache-2.0
package kit;

import static java.util.Objects.requireNonNull;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Means "answer this status": thrown by handlers, decoders and server middleware to refuse a
 * request.
 *
 * <pre>{@code
 * throw new StatusException(403, "permission denied");
 * throw new StatusException(429, "rate limit exceeded").with("Retry-After", "3");
 * }</pre>
 *
 * <p>The message is for the caller and goes out on the wire; what only the operator should read
 * belongs in the cause, which goes to the log. A failure of somebody <em>we</em> called is a {@link
 * PeerException}: their 404 must not become ours by accident.
 *
 * <p>Statuses are HTTP's (RFC 9110, section 15), 400 to 599. Immutable. It carries no stack trace of
 * its own, because it is an answer and not a fault, and answering hostile requests must stay cheap.
 */
public final class StatusException extends RuntimeException {
  private final int status;
  private final Map<String, String> headers;

  /** Refuses with {@code status} (400 to 599) and a text that the caller may read. */
  public StatusException(int status, String detail) {
    this(status, detail, null);
  }

  /** As above; {@code cause} (or null) is for the log only. */
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

  /** Returns this refusal with one more response header, replacing one of the same name. */
  public StatusException with(String name, String value) {
    requireNonNull(name, "name");
    Map<String, String> more = new LinkedHashMap<>(headers);
    more.keySet().removeIf(name::equalsIgnoreCase);
    more.put(name, requireNonNull(value, "value"));
    return new StatusException(status, getMessage(), getCause(), Collections.unmodifiableMap(more));
  }

  /** The HTTP status to answer, 400 to 599. */
  public int status() {
    return status;
  }

  /** The text for the caller. */
  public String detail() {
    return getMessage();
  }

  /** Headers to send along, such as {@code Allow} or {@code Retry-After}; unmodifiable. */
  public Map<String, String> headers() {
    return headers;
  }
}
