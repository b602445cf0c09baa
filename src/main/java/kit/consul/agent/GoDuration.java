// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.math.BigDecimal;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads spans of time the way Consul, a Go program, writes them: {@code 300ms}, {@code 1h30m}. */
final class GoDuration {
  private static final int MAX_LENGTH = 64; // More than the longest that makes sense.
  private static final String PIECE = "(\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h)";
  private static final Pattern PIECES = Pattern.compile(PIECE);
  private static final Pattern WHOLE = Pattern.compile("[-+]?(?:0|(?:" + PIECE + ")+)");
  private static final Map<String, Long> NANOS =
      Map.of(
          "ns", 1L,
          "us", 1_000L,
          "µs", 1_000L, // U+00B5, micro sign.
          "μs", 1_000L, // U+03BC, Greek letter mu.
          "ms", 1_000_000L,
          "s", 1_000_000_000L,
          "m", 60_000_000_000L,
          "h", 3_600_000_000_000L);

  private GoDuration() {}

  /**
   * Returns the span in nanoseconds; it may be negative.
   *
   * @throws IllegalArgumentException if {@code text} is no duration, or longer than 292 years
   */
  static long nanos(String text) {
    if (text.length() > MAX_LENGTH || !WHOLE.matcher(text).matches()) {
      throw invalid(text);
    }
    BigDecimal sum = BigDecimal.ZERO;
    Matcher piece = PIECES.matcher(text);
    while (piece.find()) {
      BigDecimal unit = BigDecimal.valueOf(NANOS.get(piece.group(2)));
      sum = sum.add(new BigDecimal(piece.group(1)).multiply(unit));
    }
    if (sum.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw invalid(text);
    }
    return text.startsWith("-") ? -sum.longValue() : sum.longValue();
  }

  private static IllegalArgumentException invalid(String text) {
    String shown = text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) + "..." : text;
    return new IllegalArgumentException("time: invalid duration \"" + shown + "\"");
  }
}
