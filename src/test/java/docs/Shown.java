// SPDX-License-Identifier: Apache-2.0
package docs;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Compares the output on a page with the output of a command.
 *
 * <pre>
 *   ...              alone in a line: any lines, or none
 *   a ... b          within a line: any text, or none
 *   port             free ports (five digits): any other
 *   id, time         ids (16 or more hexadecimal digits), dates, times, spans after "=": any other
 *   version          v1.2.3: any other
 * </pre>
 *
 * <p>All else must be equal, also statuses and short numbers. Blanks at the ends of lines and empty
 * lines are ignored.
 */
final class Shown {
  // Ids first: they may contain a number like a port.
  private static final List<Changing> CHANGING =
      List.of(
          new Changing("\\b[0-9a-f]{16,}\\b", "<id>"),
          new Changing("\\w{3}, \\d\\d \\w{3} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT", "<time>"),
          new Changing("\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z", "<time>"),
          new Changing("(?<==)\\d+\\.\\d+", "<span>"),
          new Changing("(?<!\\d)\\d{5}(?!\\d)", "<port>"),
          new Changing("\\bv\\d+(\\.\\d+)+", "<version>"));

  private record Changing(Pattern pattern, String name) {
    Changing(String regex, String name) {
      this(Pattern.compile(regex), name);
    }
  }

  private Shown() {}

  /** Whether {@code printed} is the output on the page. */
  static boolean matches(List<String> shown, List<String> printed) {
    return Pattern.compile(regex(shown)).matcher(text(printed)).matches();
  }

  /** Whether {@code printed} contains the text. */
  static boolean contains(String shown, List<String> printed) {
    return text(printed).contains(general(shown.strip()));
  }

  private static String regex(List<String> shown) {
    StringBuilder regex = new StringBuilder("(?s)");
    for (String line : shown) {
      if (line.strip().equals("...")) {
        regex.append("([^\n]*\n)*?");
      } else if (!line.isBlank()) {
        regex.append(
            Pattern.quote(general(line.strip())).replace("...", "\\E[^\n]*\\Q").concat("\n"));
      }
    }
    return regex.toString();
  }

  private static String text(List<String> printed) {
    StringBuilder text = new StringBuilder();
    for (String line : printed) {
      if (!line.isBlank()) {
        text.append(general(line.strip())).append('\n');
      }
    }
    return text.toString();
  }

  private static String general(String line) {
    String general = line;
    for (Changing changing : CHANGING) {
      general = changing.pattern.matcher(general).replaceAll(changing.name);
    }
    return general;
  }
}
