// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import com.sun.net.httpserver.Headers;
import java.net.URI;
import java.util.List;

/**
 * The head of a request, checked.
 *
 * @param minorVersion of HTTP/1, as received
 * @param contentLength 0 if there is no body; -1: chunked
 * @param keepsAlive whether the client wants to send more requests
 * @param expectsContinue whether the client waits for a 100 before it sends the body
 */
record Head(
    String method,
    URI target,
    int minorVersion,
    Headers fields,
    long contentLength,
    boolean keepsAlive,
    boolean expectsContinue) {
  private static final int MAX_LENGTH_DIGITS = 19; // Of 2^63.

  /** Returns the head that these fields belong to, by RFC 9112, sections 3.2, 6 and 9.3. */
  static Head of(String method, URI target, int minorVersion, Headers fields) throws BadRequest {
    boolean isHttp11 = minorVersion > 0;
    checkHost(fields, isHttp11);
    boolean close = hasToken(fields, "Connection", "close");
    boolean keep = !close && (isHttp11 || hasToken(fields, "Connection", "keep-alive"));
    long length = length(fields, isHttp11);
    boolean expects = isHttp11 && length != 0 && hasToken(fields, "Expect", "100-continue");
    return new Head(method, target, minorVersion, fields, length, keep, expects);
  }

  /** Returns whether the client knows HTTP/1.1. */
  boolean isHttp11() {
    return minorVersion > 0;
  }

  private static void checkHost(Headers fields, boolean isHttp11) throws BadRequest {
    List<String> hosts = fields.getOrDefault("Host", List.of());
    if (hosts.isEmpty() && isHttp11) {
      throw new BadRequest(400, "no Host");
    }
    if (hosts.size() > 1) {
      throw new BadRequest(400, "more than one Host");
    }
    if (hosts.size() == 1 && !Tokens.isHost(hosts.get(0))) {
      throw new BadRequest(400, "malformed Host");
    }
  }

  private static long length(Headers fields, boolean isHttp11) throws BadRequest {
    List<String> lengths = fields.get("Content-length");
    List<String> codings = fields.get("Transfer-encoding");
    if (codings != null && !isHttp11) {
      throw new BadRequest(400, "Transfer-Encoding in HTTP/1.0");
    }
    if (codings != null && lengths != null) {
      throw new BadRequest(400, "Content-Length and Transfer-Encoding");
    }
    if (codings != null) {
      if (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
        throw new BadRequest(501, "Transfer-Encoding is not chunked alone");
      }
      return -1;
    }
    if (lengths == null) {
      return 0;
    }
    if (lengths.size() > 1) {
      throw new BadRequest(400, "more than one Content-Length");
    }
    return length(lengths.get(0));
  }

  private static long length(String digits) throws BadRequest {
    boolean isNumber = !digits.isEmpty() && digits.chars().allMatch(c -> c >= '0' && c <= '9');
    if (!isNumber || digits.length() > MAX_LENGTH_DIGITS) {
      throw new BadRequest(400, "Content-Length is not a number");
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw new BadRequest(400, "Content-Length is too large"); // Above 2^63 - 1.
    }
  }

  /** Returns whether a list of options, in any case, has this one. */
  static boolean hasToken(Headers fields, String name, String token) {
    for (String value : fields.getOrDefault(name, List.of())) {
      if (value.equalsIgnoreCase(token)) {
        return true; // The usual case, without a new array.
      }
      for (String item : value.split(",")) {
        if (item.strip().equalsIgnoreCase(token)) {
          return true;
        }
      }
    }
    return false;
  }
}
