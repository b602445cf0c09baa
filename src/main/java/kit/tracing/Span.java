// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Completed span of a trace: a served request, an attempt of a call, or a local operation.
 *
 * @param trace the ids of the span and its trace
 * @param kind the side of the call
 * @param name the name, of low cardinality: a route template, not a path
 * @param startMicros start in microseconds since 1970
 * @param durationMicros duration in microseconds, at least 1
 * @param remote the address of the peer; null if unknown
 * @param tags attributes, such as {@code http.status_code}
 */
public record Span(
    TraceContext trace,
    Kind kind,
    String name,
    long startMicros,
    long durationMicros,
    InetSocketAddress remote,
    Map<String, String> tags) {
  /** Kind of a span. */
  public enum Kind {
    /** The client side of a call. */
    CLIENT,
    /** The server side of a call. */
    SERVER,
    /** An operation within one program. */
    LOCAL
  }

  /** Copies the tags. */
  public Span {
    requireNonNull(trace, "trace");
    requireNonNull(kind, "kind");
    requireNonNull(name, "name");
    durationMicros = Math.max(1, durationMicros); // Zipkin reads 0 as "unknown".
    tags = Collections.unmodifiableMap(new LinkedHashMap<>(tags));
  }
}
