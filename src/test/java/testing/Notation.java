// SPDX-License-Identifier: Apache-2.0
package testing;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The notation of requests in {@code requests.md} and {@code differences.md}. */
public final class Notation {
  /** At the end of a row: the client ends the stream there. */
  public static final String END = "∎";

  private static final String CHUNKED = "POST /body HTTP/1.1⏎Host: a⏎Transfer-Encoding: chunked⏎⏎";
  private static final Pattern REPEATED = Pattern.compile("\\((.+?)×(\\d+)\\)", Pattern.DOTALL);
  private static final Pattern ESCAPE = Pattern.compile("\\\\(x[0-9a-f]{2}|.)");

  private Notation() {}

  /** Returns the cells of a line of a table, and an empty one before and after them. */
  public static String[] cells(String line) {
    return line.split("(?<!\\\\)\\|", -1);
  }

  /** Returns what a cell shows as code. */
  public static String sent(String cell) {
    return cell.strip().replaceAll("^`|`$", "").replace("\\|", "|");
  }

  /** Returns the bytes, one for each character, that a row stands for. */
  public static String bytes(String sent) {
    String shown = sent.matches("….+") ? CHUNKED + sent.substring(1) : sent;
    if (shown.endsWith(END)) {
      return unescaped(shown.substring(0, shown.length() - END.length()));
    }
    String text = shown.endsWith("…") ? shown : shown.contains("⏎⏎") ? shown + "…" : shown + "⏎⏎…";
    return unescaped(text.substring(0, text.length() - 1));
  }

  private static String unescaped(String shown) {
    String text = shown.replace("⏎", "\r\n");
    text =
        REPEATED
            .matcher(text)
            .replaceAll(
                match ->
                    Matcher.quoteReplacement(
                        match.group(1).repeat(Integer.parseInt(match.group(2)))));
    return ESCAPE
        .matcher(text)
        .replaceAll(match -> Matcher.quoteReplacement(Character.toString(escaped(match.group(1)))));
  }

  private static int escaped(String code) {
    return switch (code.charAt(0)) {
      case '0' -> 0;
      case 't' -> '\t';
      case 'r' -> '\r';
      case 'n' -> '\n';
      case '\\' -> '\\';
      case 'x' -> Integer.parseInt(code.substring(1), 16);
      default -> throw new IllegalArgumentException("no such escape: \\" + code);
    };
  }
}
