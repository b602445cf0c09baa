// SPDX-License-Identifier: Apache-2.0
package kit.grpc;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The coding of {@code grpc-message}: bytes of UTF-8, those that are not printable as %XX. */
final class PercentCoding {
  private static final String HEX = "0123456789ABCDEF";

  private PercentCoding() {}

  static String encode(String text) {
    StringBuilder coded = new StringBuilder(text.length());
    for (byte next : text.getBytes(StandardCharsets.UTF_8)) {
      if (next >= ' ' && next <= '~' && next != '%') {
        coded.append((char) next);
      } else {
        coded.append('%').append(HEX.charAt(next >> 4 & 15)).append(HEX.charAt(next & 15));
      }
    }
    return coded.toString();
  }

  /** Returns the text; what is not coded as it should be stays as it is, as the standard demands. */
  static String decode(String coded) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(coded.length());
    for (int i = 0; i < coded.length(); i++) {
      int value = coded.charAt(i) == '%' ? hexAt(coded, i + 1) : -1;
      bytes.write(value < 0 ? coded.charAt(i) : value);
      i += value < 0 ? 0 : 2;
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** Returns the byte of two hex digits, or -1 if there are none. */
  private static int hexAt(String coded, int index) {
    if (index + 2 > coded.length()) {
      return -1;
    }
    int high = Character.digit(coded.charAt(index), 16);
    int low = Character.digit(coded.charAt(index + 1), 16);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
  }
}
