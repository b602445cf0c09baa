// SPDX-License-Identifier: Apache-2.0
package kit.http;

/**
 * Validates a {@code Host} header and the headers by which a proxy forwards it.
 *
 * <p>Source: RFC 9110, section 7.2.
 */
public final class HostHeader {
  private HostHeader() {}

  /**
   * Returns whether {@code host} is a name or an address with an optional port. RFC 3986 also
   * allows percent signs and punctuation in a name; no host has them, and programs would disagree
   * about the decoded name.
   */
  public static boolean isValid(String host) {
    boolean isLiteral = host.startsWith("[");
    int start = isLiteral ? 1 : 0;
    int end = start;
    while (end < host.length() && isPart(host.charAt(end), isLiteral)) {
      end++;
    }
    if (end == start || isLiteral && !host.startsWith("]", end)) {
      return false;
    }
    return isPort(host, isLiteral ? end + 1 : end);
  }

  /** Returns whether {@code c} may be in a name, or in an IPv6 literal. */
  private static boolean isPart(char c, boolean isLiteral) {
    boolean isDigit = c >= '0' && c <= '9';
    char lower = (char) (c | 0x20);
    return isLiteral
        ? isDigit || lower >= 'a' && lower <= 'f' || c == ':' || c == '.'
        : isDigit || lower >= 'a' && lower <= 'z' || "._~-".indexOf(c) >= 0;
  }

  /** Returns whether {@code host} ends at {@code start}, or has a colon and digits from there. */
  private static boolean isPort(String host, int start) {
    if (start == host.length()) {
      return true;
    }
    if (host.charAt(start) != ':') {
      return false;
    }
    for (int i = start + 1; i < host.length(); i++) {
      if (host.charAt(i) < '0' || host.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }
}
