// SPDX-License-Identifier: Apache-2.0
package kit.engine;

/** The characters of HTTP: RFC 9110, sections 5.5 and 5.6.2, and RFC 3986, section 3.2. */
final class Tokens {
  private static final boolean[] TOKEN = table("!#$%&'*+-.^_`|~");
  private static final boolean[] HOST = table("-._~%!$&'()*+,;=:[]");
  private static final boolean[] VISIBLE = table("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

  private Tokens() {}

  private static boolean[] table(String symbols) {
    boolean[] table = new boolean[128];
    for (char c = 0; c < table.length; c++) {
      boolean isDigit = c >= '0' && c <= '9';
      boolean isLetter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
      table[c] = isDigit || isLetter || symbols.indexOf(c) >= 0;
    }
    return table;
  }

  /** Returns whether text may be a method or the name of a field. */
  static boolean isToken(String text) {
    return !text.isEmpty() && consistsOf(text, TOKEN);
  }

  /** Returns whether text may be a request target, as far as its characters say. */
  static boolean isTarget(String text) {
    return !text.isEmpty() && consistsOf(text, VISIBLE);
  }

  /** Returns whether text may be the value of the field Host. */
  static boolean isHost(String text) {
    return consistsOf(text, HOST);
  }

  /** Returns whether a part of text may be a method or the name of a field. */
  static boolean isToken(String text, int from, int to) {
    return from < to && consistsOf(text, from, to, TOKEN);
  }

  private static boolean consistsOf(String text, boolean[] allowed) {
    return consistsOf(text, 0, text.length(), allowed);
  }

  private static boolean consistsOf(String text, int from, int to, boolean[] allowed) {
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      if (c >= allowed.length || !allowed[c]) {
        return false;
      }
    }
    return true;
  }

  /** Returns whether a character may be in the value of a field: printable, blank, tab, obs-text. */
  static boolean isInValue(int c) {
    return c >= 0x20 && c != 0x7f && c <= 0xff || c == '\t';
  }

  /** Returns whether text may be the value of a field. */
  static boolean isValue(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (!isInValue(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }
}
