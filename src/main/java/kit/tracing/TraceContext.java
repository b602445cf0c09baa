// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;

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
  private static final int LENGTH = 55; // Of version 00: 2, 32, 16 and 2 digits, and the hyphens.
  private static final int MAX_STATE_LENGTH = 512; // Section 3.3.1.5: so much must be passed on.
  private static final int MAX_STATE_MEMBERS = 32; // Section 3.3.1.1.
  private static final int MAX_KEY_LENGTH = 256;
  private static final int SAMPLED = 1; // The only flag of level 1; others must be sent as 0.
  private static final String HEX = "0123456789abcdef";

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
    if (!isShaped(traceparent)) {
      return Optional.empty();
    }
    long high = hex(traceparent, 3, 19);
    long low = hex(traceparent, 19, 35);
    long span = hex(traceparent, 36, 52);
    if ((high | low) == 0 || span == 0) {
      return Optional.empty();
    }
    boolean isSampled = (hex(traceparent, 53, 55) & SAMPLED) != 0;
    return Optional.of(new TraceContext(high, low, span, 0, isSampled, joined(tracestates)));
  }

  private static boolean isShaped(String text) {
    if (text.length() < LENGTH) {
      return false;
    }
    for (int i = 0; i < LENGTH; i++) {
      boolean isHyphen = i == 2 || i == 35 || i == 52;
      if (isHyphen ? text.charAt(i) != '-' : digit(text.charAt(i)) < 0) {
        return false;
      }
    }
    if (text.startsWith("ff")) {
      return false;
    }
    boolean isVersion00 = text.startsWith("00");
    return text.length() == LENGTH || !isVersion00 && text.charAt(LENGTH) == '-';
  }

  private static long hex(String text, int from, int to) {
    long value = 0;
    for (int i = from; i < to; i++) {
      value = value << 4 | digit(text.charAt(i));
    }
    return value;
  }

  /** Returns the value of a lower-case hex digit (section 3.2.2), or a negative number. */
  private static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  private static String joined(List<String> values) {
    if (values.isEmpty()) {
      return "";
    }
    List<String> members = new ArrayList<>();
    Set<String> keys = new HashSet<>();
    int length = -1; // There is one comma less than members.
    for (String value : values) {
      for (String part : value.split(",", -1)) {
        String member = part.strip();
        if (member.isEmpty()) {
          continue; // Allowed, and pointless to pass on.
        }
        int equals = member.indexOf('=');
        if (equals < 1 || !isKey(member.substring(0, equals)) || !isValue(member, equals + 1)) {
          return "";
        }
        if (keys.add(member.substring(0, equals))) {
          members.add(member);
          length += member.length() + 1;
        }
      }
    }
    boolean fits = members.size() <= MAX_STATE_MEMBERS && length <= MAX_STATE_LENGTH;
    return fits ? String.join(",", members) : "";
  }

  /** Section 3.3.1.3.1: {@code name}, or {@code tenant@system}. */
  private static boolean isKey(String key) {
    if (key.length() > MAX_KEY_LENGTH) {
      return false;
    }
    int at = key.indexOf('@');
    if (at < 0) {
      return isName(key, 0, key.length(), false);
    }
    boolean lengthsFit = at <= 241 && key.length() - at - 1 <= 14;
    return lengthsFit && isName(key, 0, at, true) && isName(key, at + 1, key.length(), false);
  }

  private static boolean isName(String text, int from, int to, boolean mayStartWithDigit) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      boolean isLetter = c >= 'a' && c <= 'z';
      boolean isDigit = c >= '0' && c <= '9';
      boolean isOther = c == '_' || c == '-' || c == '*' || c == '/';
      boolean isFirst = i == from;
      if (!(isLetter || isDigit && (!isFirst || mayStartWithDigit) || isOther && !isFirst)) {
        return false;
      }
    }
    return from < to;
  }

  /** Section 3.3.1.3.2: up to 256 printable characters, no comma and no equals sign. */
  private static boolean isValue(String member, int from) {
    int length = member.length() - from;
    for (int i = from; i < member.length(); i++) {
      char c = member.charAt(i);
      if (c < ' ' || c > '~' || c == ',' || c == '=') {
        return false;
      }
    }
    return length >= 1 && length <= 256;
  }

  /** Returns the trace id as 32 hex digits. */
  public String traceId() {
    byte[] text = new byte[32];
    put(text, 0, traceIdHigh);
    put(text, 16, traceIdLow);
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  /** Returns an id as 16 hex digits. */
  public static String hex(long id) {
    byte[] text = new byte[16];
    put(text, 0, id);
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  /** Returns the value of {@code traceparent} to send with the call of this span. */
  public String traceparent() {
    return "00-" + traceId() + '-' + hex(spanId) + (isSampled ? "-01" : "-00");
  }

  /** Writes 16 digits into bytes: a StringBuilder takes four times as long. */
  private static void put(byte[] text, int from, long id) {
    for (int i = 15; i >= 0; i--) {
      text[from + i] = (byte) HEX.charAt((int) id & 0xf);
      id >>>= 4;
    }
  }

  /** Returns the same as {@link #traceparent()}. */
  @Override
  public String toString() {
    return traceparent();
  }
}
