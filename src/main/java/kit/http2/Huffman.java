// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The Huffman code of HPACK: RFC 7541, section 5.2 and appendix B.
 *
 * <h2>How it works</h2>
 *
 * <p>The code is canonical: codes of one length are consecutive numbers in the order of their
 * symbols, and the first code of a length follows the last one of the length before. So the lengths
 * alone determine all codes, and a decoder finds the length of the next code by comparing the bits
 * ahead with the end of each length.
 *
 * <p>Thread-safe: without state.
 */
final class Huffman {
  private static final int EOS = 256; // Marks the end; in valid text it is not present.
  private static final int MIN_BITS = 5;
  private static final int MAX_BITS = 30;

  // Of the symbols 0 to 255, and of EOS.
  private static final byte[] BITS = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
    6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23,
    23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
    22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
    27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
    25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
  };
  private static final int[] CODES = new int[BITS.length];

  // For each length: the code behind its last one, and the rank of that one among all symbols.
  private static final int[] END = new int[MAX_BITS + 1];
  private static final int[] END_RANK = new int[MAX_BITS + 1];
  private static final short[] SYMBOLS = new short[BITS.length]; // By rank.

  static {
    int code = 0;
    int rank = 0;
    for (int bits = MIN_BITS; bits <= MAX_BITS; bits++) {
      code <<= 1;
      for (short symbol = 0; symbol < BITS.length; symbol++) {
        if (BITS[symbol] == bits) {
          CODES[symbol] = code++;
          SYMBOLS[rank++] = symbol;
        }
      }
      END[bits] = code;
      END_RANK[bits] = rank;
    }
  }

  private Huffman() {}

  /** Returns the number of bytes of the encoded text. */
  static int encodedLength(String text) {
    long bits = 0;
    for (int i = 0; i < text.length(); i++) {
      bits += BITS[text.charAt(i)];
    }
    return Math.toIntExact((bits + 7) / 8);
  }

  /** Encodes a text of characters up to U+00FF. */
  static void encode(String text, ByteArrayOutputStream to) {
    long pending = 0;
    int bits = 0; // The last ones of pending that are not written yet.
    for (int i = 0; i < text.length(); i++) {
      char symbol = text.charAt(i);
      pending = pending << BITS[symbol] | CODES[symbol];
      bits += BITS[symbol];
      for (; bits >= 8; bits -= 8) {
        to.write((int) (pending >> bits - 8));
      }
    }
    if (bits > 0) { // Padding: ones, the beginning of EOS.
      to.write((int) (pending << 8 - bits | 0xff >> bits));
    }
  }

  /** Decodes a text; an error of the connection if it is not valid. */
  static String decode(byte[] from, int offset, int length) throws Http2Exception {
    byte[] text = new byte[(int) (length * 8L / MIN_BITS)];
    int count = 0;
    long pending = 0;
    int bits = 0; // The last ones of pending that are not decoded yet.
    for (int i = 0; i < length || bits >= MIN_BITS; ) {
      for (; i < length && bits <= Long.SIZE - 8; i++) {
        pending = pending << 8 | from[offset + i] & 0xff;
        bits += 8;
      }
      // The bits ahead, as many as the longest code; behind the end there are ones.
      long ahead = bits >= MAX_BITS ? pending >>> bits - MAX_BITS : ~(~pending << MAX_BITS - bits);
      int codeBits = bitsOf((int) ahead & (1 << MAX_BITS) - 1);
      if (codeBits > bits) {
        break; // Padding, or the beginning of a code.
      }
      text[count++] = (byte) symbolOf((int) (pending >>> bits - codeBits), codeBits);
      bits -= codeBits;
    }
    boolean isPadded = bits < 8 && (~pending & (1 << bits) - 1) == 0;
    require(isPadded, "Huffman padding is not the beginning of EOS, or above 7 bits");
    return new String(text, 0, count, StandardCharsets.ISO_8859_1);
  }

  private static int bitsOf(int ahead) {
    int bits = MIN_BITS;
    while (ahead >>> MAX_BITS - bits >= END[bits]) {
      bits++;
    }
    return bits;
  }

  private static int symbolOf(int code, int bits) throws Http2Exception {
    int fromEnd = END[bits] - (code & (1 << bits) - 1);
    int symbol = SYMBOLS[END_RANK[bits] - fromEnd];
    require(symbol != EOS, "EOS in a Huffman text");
    return symbol;
  }

  private static void require(boolean isValid, String problem) throws Http2Exception {
    if (!isValid) {
      throw Http2Exception.ofConnection(ErrorCode.COMPRESSION_ERROR, problem);
    }
  }
}
