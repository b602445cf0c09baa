// SPDX-License-Identifier: Apache-2.0
package kit.http;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.util.List;
import java.util.Map;
import kit.StatusException;

/**
 * Refuses requests that the JDK's server lets pass although two programs could read them in two ways:
 * what a proxy before us took for one request to one host may be two, or to another (request
 * smuggling, CWE-444). Newer JDKs refuse some of them by themselves.
 *
 * <p>Sources: RFC 9112, sections 3.2 (Host), 6.1 (Transfer-Encoding), 6.3 (lengths); RFC 9110,
 * sections 5.5 (control characters), 8.6 (Content-Length), 15.6.6 (versions).
 */
final class RequestChecks {
  private RequestChecks() {}

  /** Throws a {@link StatusException}; the connection should then be closed. */
  static void check(HttpExchange exchange) {
    Headers headers = exchange.getRequestHeaders();
    String protocol = exchange.getProtocol();
    boolean http10 = protocol.equals("HTTP/1.0");
    if (!http10 && !protocol.equals("HTTP/1.1")) {
      throw new StatusException(505, "neither HTTP/1.1 nor HTTP/1.0");
    }
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      for (String value : header.getValue()) {
        checkValue(value);
      }
    }
    List<String> hosts = headers.get("Host");
    if (hosts == null ? !http10 : hosts.size() != 1 || hosts.get(0).indexOf(',') >= 0) {
      throw new StatusException(400, "not exactly one Host header");
    }
    if (http10 && headers.containsKey("Transfer-Encoding")) {
      throw new StatusException(400, "Transfer-Encoding needs HTTP/1.1");
    }
    String length = headers.getFirst("Content-Length");
    if (length != null && !length.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new StatusException(400, "Content-Length is not a number");
    }
  }

  private static void checkValue(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' && c != '\t' || c == 0x7f) {
        throw new StatusException(400, "control character in a header");
      }
    }
  }

  /** Whether no further request should be read from the connection. */
  static boolean isLast(Headers headers) {
    // To the JDK, a chunk of size 100000000 is the last one (its int overflows), and so is one
    // without a size. What follows would be taken for the next request.
    if (headers.containsKey("Transfer-Encoding")) {
      return true;
    }
    List<String> connection = headers.get("Connection");
    if (connection == null) {
      return false;
    }
    for (String value : connection) {
      for (String option : value.split(",")) { // The JDK knows "close" only when it stands alone.
        if (option.strip().equalsIgnoreCase("close")) {
          return true;
        }
      }
    }
    return false;
  }
}
