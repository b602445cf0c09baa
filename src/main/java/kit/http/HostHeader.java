// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.util.regex.Pattern;

/**
 * Validates a {@code Host} header and the headers by which a proxy forwards it.
 *
 * <p>Source: RFC 9110, section 7.2.
 */
public final class HostHeader {
  private static final Pattern HOST =
      Pattern.compile("(?:[A-Za-z0-9._~-]+|\\[[0-9A-Fa-f:.]+])(?::[0-9]*)?");

  private HostHeader() {}

  /**
   * Returns whether {@code host} is a name or an address with an optional port. RFC 3986 also
   * allows percent signs and punctuation in a name; no host has them, and programs would disagree
   * about the decoded name.
   */
  public static boolean isValid(String host) {
    return HOST.matcher(host).matches();
  }
}
