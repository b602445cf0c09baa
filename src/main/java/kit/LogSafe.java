// SPDX-License-Identifier: Apache-2.0
package kit;

/**
 * Sanitizes untrusted text for one line of a log or a terminal: escapes control characters and
 * bounds the length.
 *
 * <p>Without it, a client that sends {@code "x\n2026-01-01 INFO all is well"} forges log lines
 * (CWE-117), and an escape sequence controls the operator's terminal.
 */
public final class LogSafe {
  private static final int MAX_LENGTH = 500;

  private LogSafe() {}

  /**
   * Returns {@code text} with line ends, control characters and characters that reorder text
   * escaped, cut off after 500 characters.
   */
  public static String of(Object text) {
    String raw = String.valueOf(text);
    StringBuilder line = null; // Made only when there is something to escape.
    int length = raw.length();
    if (length > MAX_LENGTH) {
      // Half a surrogate pair would be printed as a question mark, or not at all.
      length = Character.isHighSurrogate(raw.charAt(MAX_LENGTH - 1)) ? MAX_LENGTH - 1 : MAX_LENGTH;
    }
    for (int i = 0; i < length; i++) {
      char c = raw.charAt(i);
      if (isHarmless(c) && !isHalfACharacter(raw, i)) {
        if (line != null) {
          line.append(c);
        }
        continue;
      }
      if (line == null) {
        line = new StringBuilder(length + 16).append(raw, 0, i);
      }
      switch (c) {
        case '\n' -> line.append("\\n");
        case '\r' -> line.append("\\r");
        case '\t' -> line.append("\\t");
        default -> line.append(String.format("\\u%04x", (int) c));
      }
    }
    String result = line == null ? raw.substring(0, length) : line.toString();
    return raw.length() > MAX_LENGTH ? result + "..." : result;
  }

  /**
   * Returns whether a surrogate stands without its other half: a stream would print a question
   * mark.
   */
  private static boolean isHalfACharacter(String text, int i) {
    char c = text.charAt(i);
    return Character.isHighSurrogate(c)
            && (i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1)))
        || Character.isLowSurrogate(c)
            && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
  }

  private static boolean isHarmless(char c) {
    boolean control = c < ' ' || c >= 0x7f && c < 0xa0;
    boolean lineEnd = c == '\u2028' || c == '\u2029';
    boolean reordersText = c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069';
    boolean leansText = c == '\u200e' || c == '\u200f' || c == '\u061c'; // Marks, for neighbours.
    return !control && !lineEnd && !reordersText && !leansText;
  }
}
