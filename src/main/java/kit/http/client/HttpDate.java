// SPDX-License-Identifier: Apache-2.0
package kit.http.client;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Parses the three date formats of HTTP.
 *
 * <pre>
 *   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
 *   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850, with the year in two digits
 *   Sun Nov  6 08:49:37 1994          asctime
 * </pre>
 *
 * <p>Second 60, a leap second, is the first of the next minute. The name of the day is not compared
 * with the date. A year of two digits that is more than 50 years ahead is in the previous century.
 *
 * <p>Source: RFC 9110, section 5.6.7.
 */
final class HttpDate {
  private static final List<String> MONTHS =
      List.of("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec");
  private static final String DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
  private static final String LONG_DAY =
      "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
  private static final String MONTH = "(?<month>" + String.join("|", MONTHS) + ")";
  private static final String TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
  private static final List<Pattern> FORMATS =
      List.of(
          Pattern.compile(DAY + ", (?<day>\\d\\d) " + MONTH + " (?<year>\\d{4}) " + TIME + " GMT"),
          Pattern.compile(
              LONG_DAY + ", (?<day>\\d\\d)-" + MONTH + "-(?<year>\\d\\d) " + TIME + " GMT"),
          Pattern.compile(DAY + " " + MONTH + " (?<day>[ \\d]\\d) " + TIME + " (?<year>\\d{4})"));

  private HttpDate() {}

  /**
   * Returns the instant, or null if {@code text} has another format; {@code now} decides the
   * century.
   */
  static Instant parse(String text, Instant now) {
    for (Pattern format : FORMATS) {
      Matcher matcher = format.matcher(text);
      if (matcher.matches()) {
        try {
          return instant(matcher, now);
        } catch (DateTimeException e) {
          return null; // Such as 31 Feb, or hour 24.
        }
      }
    }
    return null;
  }

  private static Instant instant(Matcher matcher, Instant now) {
    int second = number(matcher, "second");
    boolean isLeap = second == 60;
    LocalDateTime time =
        LocalDateTime.of(
            number(matcher, "year"),
            MONTHS.indexOf(matcher.group("month")) + 1,
            number(matcher, "day"),
            number(matcher, "hour"),
            number(matcher, "minute"),
            isLeap ? 59 : second);
    if (matcher.group("year").length() == 2) {
      int thisYear = now.atOffset(ZoneOffset.UTC).getYear();
      time = time.plusYears(thisYear / 100 * 100);
      if (time.getYear() > thisYear + 50) {
        time = time.minusYears(100);
      }
    }
    return time.plusSeconds(isLeap ? 1 : 0).toInstant(ZoneOffset.UTC);
  }

  private static int number(Matcher matcher, String group) {
    return Integer.parseInt(matcher.group(group).strip());
  }
}
