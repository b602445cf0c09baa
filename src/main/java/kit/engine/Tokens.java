// SPDX-License-Identifier: Apache-2.0
package kit.engine;

/** The characters of HTTP: RFC 9110, section 5.6.2, and RFC 3986, section 3.2. */
final class Tokens {
  private static final boolean[] TOKEN = table("!#$%&'*+-.^_`|~");
  private static final boolean[] HOST = table("-._~%!$&'()*+,;=:[]");

  private Tokens() {}

  private static boolean[] table(String symbols) {
    boolean[] table = new boolean[128];
    for (int c = 0; c < table.length; c++) {
      boolean isDigit = c >= '0' && c <= '9';
      boolean isLetter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
      table[c] = isDigit || isLetter || symbols.indexOf(c) >= 0;
    }
    return table;
  }

  /** Returns whether a byte may be in a method or the name of a field. */
  static boolean isToken(int c) {
    return c >= 0 && c < 128 && TOKEN[c];
  }

  static boolean isInHost(int c) {
    return c < 128 && HOST[c];
  }

  /** Returns whether a byte may be in the value of a field: printable, blank, tab or above 0x7F. */
  static boolean isInValue(int c) {
    return c >= 0x20 && c != 0x7f || c == '\t';
  }

  /** Returns the value of a Content-Length. */
  static long length(String digits) throws BadRequest {
    boolean isNumber = !digits.isEmpty() && digits.length() <= 19;
    for (int i = 0; i < digits.length(); i++) {
      isNumber &= digits.charAt(i) >= '0' && digits.charAt(i) <= '9';
    }
    if (!isNumber) {
      throw new BadRequest(400, "Content-Length is not a number");
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) { // Above 2^63-1.
      throw new BadRequest(400, "Content-Length is too large");
    }
  }
}
