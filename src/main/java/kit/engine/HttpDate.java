// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** The value of the field Date, formatted once a second. */
final class HttpDate {
  private static final DateTimeFormatter FORMAT =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
          .withZone(ZoneOffset.UTC);

  private static volatile HttpDate last = new HttpDate(0);

  private final long second;
  private final String line;

  private HttpDate(long second) {
    this.second = second;
    this.line = "Date: " + FORMAT.format(Instant.ofEpochSecond(second)) + "\r\n";
  }

  /** Returns the line of a head for this time. */
  static String line(long epochMillis) {
    HttpDate date = last;
    long second = Math.floorDiv(epochMillis, 1000);
    if (date.second != second) {
      date = new HttpDate(second);
      last = date;
    }
    return date.line;
  }
}
