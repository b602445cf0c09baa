// SPDX-License-Identifier: Apache-2.0
package kit;

import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Sanitizes untrusted text for one line of a log or a terminal: escapes control characters and
 * bounds the length.
 *
 * <p>Without it, a client that sends {@code "x\n2026-01-01 INFO all is well"} forges log lines
 * (CWE-117), and an escape sequence controls the operator's terminal.
 */
public final class LogSafe {
  private static final int MAX_LENGTH = 500;

  // Control characters (Cc); half a character (Cs), for which a stream would print a question mark;
  // line separators; and what reverses the order of the text or of its neighbours.
  private static final Pattern UNSAFE =
      Pattern.compile(
          "[\\p{Cc}\\p{Cs}\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\u200e\\u200f\\u061c]");

  private LogSafe() {}

  /**
   * Returns {@code text} with line ends, control characters and characters that reorder text
   * escaped, cut off after 500 characters.
   */
  public static String of(Object text) {
    String raw = String.valueOf(text);
    if (raw.length() <= MAX_LENGTH) {
      return escaped(raw);
    }
    boolean splitsPair = Character.isHighSurrogate(raw.charAt(MAX_LENGTH - 1));
    return escaped(raw.substring(0, splitsPair ? MAX_LENGTH - 1 : MAX_LENGTH)) + "...";
  }

  private static String escaped(String text) {
    boolean isPlain = text.chars().allMatch(c -> c >= ' ' && c <= '~'); // The pattern is slow.
    return isPlain ? text : UNSAFE.matcher(text).replaceAll(LogSafe::escape);
  }

  private static String escape(MatchResult unsafe) {
    char c = unsafe.group().charAt(0);
    return Matcher.quoteReplacement(
        switch (c) {
          case '\n' -> "\\n";
          case '\r' -> "\\r";
          case '\t' -> "\\t";
          default -> String.format("\\u%04x", (int) c);
        });
  }
}
