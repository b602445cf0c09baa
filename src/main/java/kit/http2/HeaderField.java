// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.util.List;
import java.util.Set;

/**
 * A header field as HPACK transmits it. Each character is one byte (ISO-8859-1). Whether a name or a
 * value is legal in HTTP is not checked here.
 *
 * @param name lower case; a pseudo-header field begins with a colon
 * @param value the value, without white space around it
 * @param indexing whether the encoder may add the field to the dynamic table
 */
public record HeaderField(String name, String value, Indexing indexing) {
  /** What stands for a field beside its bytes in the bounds of RFC 7541 and RFC 9113. */
  static final int OVERHEAD_BYTES = 32;

  // Short secrets could be guessed from the size of a compressed block: RFC 7541, section 7.1.3.
  private static final Set<String> SENSITIVE =
      Set.of("authorization", "cookie", "proxy-authorization", "set-cookie");

  /** The representations of a literal field: RFC 7541, section 6.2. */
  public enum Indexing {
    /** Added to the dynamic table. */
    INCREMENTAL,
    /** Not added by this encoder. */
    WITHOUT,
    /** Not to be added by any encoder on the way: a secret. */
    NEVER
  }

  /** Rejects characters that are no bytes. */
  public HeaderField {
    requireBytes(name);
    requireBytes(value);
  }

  /** Returns a field that is added to the dynamic table, unless its name stands for a secret. */
  public static HeaderField of(String name, String value) {
    Indexing indexing = SENSITIVE.contains(name) ? Indexing.NEVER : Indexing.INCREMENTAL;
    return new HeaderField(name, value, indexing);
  }

  /** Returns the value of the first field of a name, or an empty text. */
  static String valueOf(List<HeaderField> fields, String name) {
    for (HeaderField field : fields) {
      if (field.name().equals(name)) {
        return field.value();
      }
    }
    return "";
  }

  /** Returns the size that counts for bounds, in bytes. */
  long size() {
    return (long) name.length() + value.length() + OVERHEAD_BYTES;
  }

  /** Returns the field for messages, without a secret. */
  @Override
  public String toString() {
    return name + ": " + (indexing == Indexing.NEVER ? "***" : value);
  }

  private static void requireBytes(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) > 0xff) {
        throw new IllegalArgumentException("character above U+00FF at index " + i);
      }
    }
  }
}
