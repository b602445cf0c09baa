// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** The field {@code grpc-timeout}: at most eight digits and a unit, such as {@code 250m}. */
final class GrpcTimeout {
  static final String NAME = "grpc-timeout";

  private static final Pattern SYNTAX = Pattern.compile("[0-9]{1,8}[HMSmun]");
  private static final long MAX = 99_999_999;

  private GrpcTimeout() {}

  /**
   * Returns the nanoseconds of a value.
   *
   * @throws IllegalArgumentException if it is malformed; the text is safe to send and to log
   */
  static long parse(String value) {
    if (!SYNTAX.matcher(value).matches()) {
      throw new IllegalArgumentException(
          NAME + " is not at most eight digits and one of H, M, S, m, u, n");
    }
    int digits = value.length() - 1;
    return unit(value.charAt(digits)).toNanos(Long.parseLong(value.substring(0, digits)));
  }

  /** Returns the value of a time, rounded up to the smallest unit in which it has eight digits. */
  static String format(long nanos) {
    String units = "numSMH";
    for (int i = 0; i < units.length(); i++) {
      long unitNanos = unit(units.charAt(i)).toNanos(1);
      long count = (Math.max(nanos, 1) - 1) / unitNanos + 1;
      if (count <= MAX) {
        return count + units.substring(i, i + 1);
      }
    }
    return MAX + "H"; // 11,000 years; a long of nanoseconds has 292.
  }

  private static TimeUnit unit(char unit) {
    return switch (unit) {
      case 'H' -> TimeUnit.HOURS;
      case 'M' -> TimeUnit.MINUTES;
      case 'S' -> TimeUnit.SECONDS;
      case 'm' -> TimeUnit.MILLISECONDS;
      case 'u' -> TimeUnit.MICROSECONDS;
      default -> TimeUnit.NANOSECONDS;
    };
  }
}
