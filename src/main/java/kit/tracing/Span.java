// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A piece of work that is over: one request served, one attempt of a call, or what holds some of them
 * together.
 *
 * @param trace where it belongs
 * @param kind which side of the wire it was seen from
 * @param name few distinct ones: a route template, never a path
 * @param startMicros microseconds since 1970
 * @param durationMicros in microseconds, at least 1
 * @param remote the other side; null if it is not known
 * @param tags what else there is to know, such as {@code http.status_code}
 */
public record Span(
    TraceContext trace,
    Kind kind,
    String name,
    long startMicros,
    long durationMicros,
    InetSocketAddress remote,
    Map<String, String> tags) {
  /** The two sides of a call. */
  public enum Kind {
    /** Asks. */
    CLIENT,
    /** Answers. */
    SERVER,
    /** Neither: work within one program. */
    LOCAL
  }

  /** Checks and copies. */
  public Span {
    requireNonNull(trace, "trace");
    requireNonNull(kind, "kind");
    requireNonNull(name, "name");
    durationMicros = Math.max(1, durationMicros); // Zipkin takes 0 for "not known".
    tags = Collections.unmodifiableMap(new LinkedHashMap<>(tags));
  }
}
