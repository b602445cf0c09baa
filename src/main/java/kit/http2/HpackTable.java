// SPDX-License-Identifier: Apache-2.0
package kit.http2;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The indexed fields of HPACK: the static table (1 to 61) and behind it the dynamic one, newest
 * first. RFC 7541, sections 2.3 and 4, and appendix A.
 *
 * <p>Used by one thread at a time. Memory: one reference for each 32 bytes of the largest size, and
 * fields up to that size.
 */
final class HpackTable {
  /** The size that both sides begin with, in bytes, until their settings say otherwise. */
  static final int DEFAULT_BYTES = 4096;

  // In the order of appendix A. Fields of the same name are neighbours, which find relies on.
  private static final List<HeaderField> STATIC =
      parsed(
          ":authority;:method GET;:method POST;:path /;:path /index.html;:scheme http;"
              + ":scheme https;:status 200;:status 204;:status 206;:status 304;:status 400;"
              + ":status 404;:status 500;accept-charset;accept-encoding gzip, deflate;"
              + "accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;"
              + "authorization;cache-control;content-disposition;content-encoding;"
              + "content-language;content-length;content-location;content-range;content-type;"
              + "cookie;date;etag;expect;expires;from;host;if-match;if-modified-since;"
              + "if-none-match;if-range;if-unmodified-since;last-modified;link;location;"
              + "max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;"
              + "retry-after;server;set-cookie;strict-transport-security;transfer-encoding;"
              + "user-agent;vary;via;www-authenticate");

  private static final Map<String, Integer> FIRST_BY_NAME = firstByName();

  // A ring: the newest field is at "newest", older ones follow.
  private final HeaderField[] ring;
  private final int largestBytes;
  private int newest;
  private int count;
  private int maxBytes;
  private int bytes;

  /** Creates a table without dynamic fields, whose size may change up to {@code largestBytes}. */
  HpackTable(int largestBytes) {
    this.ring = new HeaderField[largestBytes / HeaderField.OVERHEAD_BYTES];
    this.largestBytes = largestBytes;
    this.maxBytes = largestBytes;
  }

  private static List<HeaderField> parsed(String text) {
    List<HeaderField> fields = new ArrayList<>();
    for (String entry : text.split(";")) {
      String[] parts = entry.split(" ", 2);
      fields.add(HeaderField.of(parts[0], parts.length == 2 ? parts[1] : ""));
    }
    return List.copyOf(fields);
  }

  private static Map<String, Integer> firstByName() {
    Map<String, Integer> first = new HashMap<>();
    for (int i = 0; i < STATIC.size(); i++) {
      first.putIfAbsent(STATIC.get(i).name(), i + 1);
    }
    return Map.copyOf(first);
  }

  /** Returns whether there is a field of an index. */
  boolean has(int index) {
    return index >= 1 && index <= STATIC.size() + count;
  }

  /** Returns the field of an index, 1 for the first. */
  HeaderField get(int index) {
    return index <= STATIC.size() ? STATIC.get(index - 1) : dynamic(index - STATIC.size() - 1);
  }

  private HeaderField dynamic(int age) {
    return ring[(newest + age) % ring.length];
  }

  /** Returns the index of a field with this name and value, or 0. */
  int find(String name, String value) {
    int first = FIRST_BY_NAME.getOrDefault(name, STATIC.size() + 1);
    for (int i = first; i <= STATIC.size() && get(i).name().equals(name); i++) {
      if (get(i).value().equals(value)) {
        return i;
      }
    }
    for (int age = 0; age < count; age++) {
      if (dynamic(age).value().equals(value) && dynamic(age).name().equals(name)) {
        return STATIC.size() + 1 + age;
      }
    }
    return 0;
  }

  /** Returns the index of a field with this name, or 0. */
  int find(String name) {
    for (int age = 0; age < count && !FIRST_BY_NAME.containsKey(name); age++) {
      if (dynamic(age).name().equals(name)) {
        return STATIC.size() + 1 + age;
      }
    }
    return FIRST_BY_NAME.getOrDefault(name, 0);
  }

  /** Adds a field; older ones make room. One that is larger than the table only empties it. */
  void add(HeaderField field) {
    evict(maxBytes - field.size());
    if (field.size() <= maxBytes) {
      newest = (newest + ring.length - 1) % ring.length;
      ring[newest] = field;
      count++;
      bytes += (int) field.size();
    }
  }

  /** Changes the size. */
  void setMaxBytes(int maxBytes) {
    this.maxBytes = maxBytes;
    evict(maxBytes);
  }

  private void evict(long target) {
    while (count > 0 && bytes > target) {
      count--;
      int oldest = (newest + count) % ring.length;
      bytes -= (int) ring[oldest].size();
      ring[oldest] = null;
    }
  }

  int maxBytes() {
    return maxBytes;
  }

  /** Returns the bound of {@link #setMaxBytes}. */
  int largestBytes() {
    return largestBytes;
  }

  /** Returns the size of the dynamic fields, each with 32 bytes more than its text. */
  int bytes() {
    return bytes;
  }
}
