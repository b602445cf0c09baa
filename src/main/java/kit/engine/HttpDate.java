// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** The field Date, formatted once a second. Thread-safe. */
final class HttpDate {
  private static final DateTimeFormatter FORMAT =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
          .withZone(ZoneOffset.UTC);

  private final InstantSource clock;
  private volatile Line last;

  HttpDate(InstantSource clock) {
    this.clock = clock;
    this.last = new Line(clock.instant().getEpochSecond());
  }

  /** Returns the line of a head, with its end. */
  String line() {
    long second = clock.instant().getEpochSecond();
    Line line = last;
    if (line.second != second) {
      line = new Line(second);
      last = line;
    }
    return line.text;
  }

  private static final class Line {
    private final long second;
    private final String text;

    Line(long second) {
      this.second = second;
      this.text = "Date: " + FORMAT.format(Instant.ofEpochSecond(second)) + "\r\n";
    }
  }
}
