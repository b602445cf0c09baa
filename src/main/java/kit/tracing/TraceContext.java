// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Trace context: the ids of a trace and a span, propagated between processes by the headers {@code
 * traceparent} and {@code tracestate} (W3C Trace Context).
 *
 * <pre>{@code
 * TraceContext here =
 *     TraceContext.parse(traceparent, tracestates) // empty if none was sent or it is invalid
 *         .map(caller -> caller.child(random))
 *         .orElseGet(() -> TraceContext.root(0.1, random));
 * TraceContext call = here.child(random); // for a call to another service
 * request.setHeader("traceparent", call.traceparent());
 * }</pre>
 *
 * <h2>How it works</h2>
 *
 * <p>A trace is a request with all work that it causes, a tree of spans. All spans share the trace
 * id of 128 bits; each has a span id of 64 bits and the span id of its parent.
 *
 * <pre>
 *   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *                |  trace id                         span id          sampled
 *                version
 * </pre>
 *
 * <p>The service that starts a trace decides whether it is sampled, and all others follow that
 * decision, so that traces are complete. The decision is computed from the trace id, so that
 * services with the same ratio decide alike.
 *
 * <h2>Errors</h2>
 *
 * <p>Parsing is strict, and invalid headers count as missing: {@code traceparent} in any other
 * form, in upper case, of version {@code ff}, or with an id of zeros. Of a later version, the
 * fields of version 00 are read. A {@code tracestate} that is invalid or longer than 512 characters
 * is dropped; a valid one is propagated, of members with the same key only the first, which is the
 * newest. Both headers can thus be logged safely.
 *
 * <h2>Threads and cost</h2>
 *
 * <p>Immutable. Ids are kept as numbers and formatted on demand.
 *
 * <h2>Copying this class</h2>
 *
 * <p>This file and the JDK (17 or newer) are all it needs.
 *
 * <p>Source: <a href="https://www.w3.org/TR/trace-context-1/">W3C Trace Context, level 1</a>,
 * sections 3.2 and 3.3.
 *
 * @param traceIdHigh the first 64 bits of the trace id
 * @param traceIdLow the last 64 bits of the trace id
 * @param spanId the id of this span, never 0
 * @param parentId the id of the parent span; 0 if there is none or it is unknown
 * @param isSampled whether the trace is recorded (sampled)
 * @param tracestate the entries of other tracing systems; may be empty
 */
public record TraceContext(
    long traceIdHigh,
    long traceIdLow,
    long spanId,
    long parentId,
    boolean isSampled,
    String tracestate) {
  // Version, trace id, span id, flags, and in a version to come perhaps more. Lower case only, as
  // section 3.2.2 has it.
  private static final Pattern PARENT =
      Pattern.compile(
          "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
          Pattern.DOTALL);

  // Section 3.3.1.3: a key, which is name or tenant@system, and a value of printable characters.
  private static final Pattern MEMBER =
      Pattern.compile(
          "([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
              + "=[ -~&&[^,=]]{1,256}");
  private static final int MAX_STATE_MEMBERS = 32; // Section 3.3.1.1.
  private static final int MAX_STATE_LENGTH = 512; // Section 3.3.1.5: so much must be passed on.
  private static final String HEX_DIGITS = "0123456789abcdef";
  private static final int ID_DIGITS = 16; // Of 64 bits.
  private static final int SAMPLED = 1; // The only flag of level 1; others must be sent as 0.

  /** Rejects ids of zeros, which are invalid. */
  public TraceContext {
    if ((traceIdHigh | traceIdLow) == 0) {
      throw new IllegalArgumentException("trace id is 0");
    }
    if (spanId == 0) {
      throw new IllegalArgumentException("span id is 0");
    }
    requireNonNull(tracestate, "tracestate");
  }

  /**
   * Starts a trace.
   *
   * @param ratio the fraction of traces that are sampled, 0 to 1
   * @param random returns 64 random bits, such as {@code ThreadLocalRandom.current()::nextLong}
   * @throws IllegalArgumentException if the ratio is not in 0..1
   */
  public static TraceContext root(double ratio, LongSupplier random) {
    if (!(ratio >= 0 && ratio <= 1)) { // NaN is neither.
      throw new IllegalArgumentException("ratio not in 0..1: " + ratio);
    }
    long low = id(random);
    boolean isSampled = (low >>> 11) * 0x1p-53 < ratio; // 53 bits are what a double holds.
    return new TraceContext(random.getAsLong(), low, id(random), 0, isSampled, "");
  }

  private static long id(LongSupplier random) {
    long id;
    do {
      id = random.getAsLong();
    } while (id == 0);
    return id;
  }

  /** Returns a new child span of this one. */
  public TraceContext child(LongSupplier random) {
    return new TraceContext(traceIdHigh, traceIdLow, id(random), spanId, isSampled, tracestate);
  }

  /**
   * Parses the headers of a request. The result is the span of the caller; the server's span is its
   * {@link #child}.
   *
   * @param traceparent the value of the header; empty if missing
   * @param tracestates the values of the header {@code tracestate}, in order; may be empty
   * @return empty if there is no valid {@code traceparent}
   */
  public static Optional<TraceContext> parse(String traceparent, List<String> tracestates) {
    Matcher match = PARENT.matcher(traceparent);
    if (!match.matches() || match.group(1).equals("00") && match.group(5) != null) {
      return Optional.empty();
    }
    String traceId = match.group(2);
    boolean isSampled = (HexFormat.fromHexDigits(match.group(4)) & SAMPLED) != 0;
    return Optional.of(
        new TraceContext(
            HexFormat.fromHexDigitsToLong(traceId, 0, 16),
            HexFormat.fromHexDigitsToLong(traceId, 16, 32),
            HexFormat.fromHexDigitsToLong(match.group(3)),
            0,
            isSampled,
            joined(tracestates)));
  }

  private static String joined(List<String> values) {
    Map<String, String> members = new LinkedHashMap<>();
    for (String part : String.join(",", values).split(",")) {
      String member = part.strip();
      Matcher match = MEMBER.matcher(member);
      if (match.matches()) {
        members.putIfAbsent(match.group(1), member);
      } else if (!member.isEmpty()) { // An empty one is allowed, and pointless to pass on.
        return "";
      }
    }
    String state = String.join(",", members.values());
    boolean fits = members.size() <= MAX_STATE_MEMBERS && state.length() <= MAX_STATE_LENGTH;
    return fits ? state : "";
  }

  /** Returns the trace id as 32 hex digits. */
  public String traceId() {
    byte[] digits = new byte[2 * ID_DIGITS];
    putHex(traceIdHigh, digits, 0);
    putHex(traceIdLow, digits, ID_DIGITS);
    return new String(digits, StandardCharsets.ISO_8859_1);
  }

  /** Returns an id as 16 hex digits. */
  public static String hex(long id) {
    byte[] digits = new byte[ID_DIGITS];
    putHex(id, digits, 0);
    return new String(digits, StandardCharsets.ISO_8859_1);
  }

  // Each request needs one. HexFormat takes three times as long on newer JDKs.
  private static void putHex(long id, byte[] digits, int from) {
    long rest = id;
    for (int i = ID_DIGITS - 1; i >= 0; i--) {
      digits[from + i] = (byte) HEX_DIGITS.charAt((int) rest & 0xf);
      rest >>>= 4;
    }
  }

  /** Returns the value of {@code traceparent} to send with the call of this span. */
  public String traceparent() {
    return "00-" + traceId() + '-' + hex(spanId) + (isSampled ? "-01" : "-00");
  }

  /** Returns the same as {@link #traceparent()}. */
  @Override
  public String toString() {
    return traceparent();
  }
}
