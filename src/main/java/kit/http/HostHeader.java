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
    int end = host.startsWith("[") ? endOfAddress(host) : endOfName(host);
    if (end == 0 || end == host.length()) {
      return end > 0;
    }
    return host.charAt(end) == ':' && areDigits(host, end + 1);
  }

  private static boolean areDigits(String text, int start) {
    for (int i = start; i < text.length(); i++) {
      if (text.charAt(i) < '0' || text.charAt(i) > '9') {
        return false;
      }
    }
    return true;
  }

  private static int endOfAddress(String host) {
    int end = 1;
    while (end < host.length() && "0123456789abcdefABCDEF:.".indexOf(host.charAt(end)) >= 0) {
      end++;
    }
    return end > 1 && end < host.length() && host.charAt(end) == ']' ? end + 1 : 0;
  }

  private static int endOfName(String host) {
    int end = 0;
    while (end < host.length() && isOfName(host.charAt(end))) {
      end++;
    }
    return end;
  }

  private static boolean isOfName(char c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || c == '-'
        || c == '.'
        || c == '_'
        || c == '~';
  }
}
