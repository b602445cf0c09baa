// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpExchange;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import kit.StatusException;
import kit.http.HostHeader;
import kit.http.RequestId;

/**
 * Head of a request: the fields that the server needs, and the checks that the JDK's server lacks.
 * They reject ambiguous heads, which a proxy in front may have read as another request or another
 * host (request smuggling, CWE-444). Newer JDKs reject some of them; {@code docs/http.md} has a
 * summary.
 *
 * <p>The headers are read in one pass, because each look-up by name allocates two objects in the
 * JDK.
 *
 * <p>Sources: RFC 9112, sections 3.2 (Host), 6.1 (Transfer-Encoding), 6.3 (lengths), 9.3 and 9.6
 * (persistence); RFC 9110, sections 5.5 (control characters), 8.6 (Content-Length), 9.1 (methods),
 * 10.1.1 (Expect), 2.5 and 15.6.6 (versions), 11.6.2 (Authorization).
 */
final class RequestHead {
  /** The methods of RFC 9110 section 9.3, and PATCH (RFC 5789). */
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT");

  /** The label of a method that is not a standard one, or not known. */
  static final String OTHER_METHOD = "OTHER";

  private static final Pattern VERSION = Pattern.compile("HTTP/[0-9]\\.[0-9]");
  private static final int MAJOR = "HTTP/".length(); // Where the major version stands.

  private final String method;
  private final String protocol;

  private List<String> hosts = List.of();
  private List<String> connection = List.of();
  private String requestId;
  private String contentLength;
  private boolean isChunked;
  private boolean hasControlCharacter;
  private boolean hasUnsupportedExpect;
  private boolean hasTwoIdentities;

  /** Reads the head, without checks. */
  RequestHead(HttpExchange exchange) {
    method = exchange.getRequestMethod();
    protocol = exchange.getProtocol();
    for (Map.Entry<String, List<String>> header : exchange.getRequestHeaders().entrySet()) {
      note(header.getKey(), header.getValue());
    }
    requestId = RequestId.acceptOrNew(requestId);
  }

  private void note(String name, List<String> values) {
    for (int i = 0; i < values.size(); i++) {
      hasControlCharacter |= hasControlCharacter(values.get(i));
    }
    switch (name.length()) { // Far cheaper than six comparisons per header.
      case 4 -> hosts = name.equalsIgnoreCase("Host") ? values : hosts;
      case 6 -> hasUnsupportedExpect |= name.equalsIgnoreCase("Expect") && !isContinue(values);
      case 10 -> connection = name.equalsIgnoreCase("Connection") ? values : connection;
      case 12 -> requestId = name.equalsIgnoreCase(RequestId.HEADER) ? only(values) : requestId;
      case 13 -> hasTwoIdentities |= name.equalsIgnoreCase("Authorization") && values.size() > 1;
      case 14 ->
          contentLength = name.equalsIgnoreCase("Content-Length") ? only(values) : contentLength;
      case 17 -> isChunked |= name.equalsIgnoreCase("Transfer-Encoding");
      default -> {} // For handlers.
    }
  }

  /** Returns the only value; empty if there are several, which is neither an id nor a length. */
  private static String only(List<String> values) {
    return values.size() == 1 ? values.get(0) : "";
  }

  /** Returns the method as received. */
  String method() {
    return method;
  }

  /** Returns the method for log lines and labels, {@code OTHER} if it is not a standard one. */
  String label() {
    return METHODS.contains(method) ? method : OTHER_METHOD;
  }

  /** Returns the version as received, such as 1.1; only after {@link #check}. */
  String version() {
    return protocol.substring(MAJOR);
  }

  /** Returns the id of the client, or a new one. */
  String requestId() {
    return requestId;
  }

  /** Returns the first Host header; empty without one. */
  String host() {
    return hosts.isEmpty() ? "" : hosts.get(0);
  }

  /** Returns the declared length of the body in bytes; 0 without a body, -1 if unknown. */
  long bodyLength() {
    if (isChunked) {
      return -1;
    }
    if (contentLength == null || !isNumber(contentLength)) {
      return 0;
    }
    try {
      return Long.parseLong(contentLength); // Leading zeros are allowed.
    } catch (NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  /**
   * Checks the head; throws a {@link StatusException}, after which the connection must be closed.
   */
  void check() {
    if (!protocol.equals("HTTP/1.1") && !VERSION.matcher(protocol).matches()) {
      throw new StatusException(400, "HTTP version is not HTTP/digit.digit");
    }
    if (protocol.charAt(MAJOR) != '1') {
      throw new StatusException(505, "major HTTP version is not 1");
    }
    if (!METHODS.contains(method)) {
      throw new StatusException(501, "method not implemented");
    }
    if (hasControlCharacter) {
      throw new StatusException(400, "control character in a header");
    }
    if (hosts.isEmpty() ? !isHttp10() : hosts.size() > 1) {
      throw new StatusException(400, "not exactly one Host header");
    }
    if (!hosts.isEmpty() && !HostHeader.isValid(hosts.get(0))) {
      throw new StatusException(400, "Host is not a name or address with or without a port");
    }
    if (isChunked && isHttp10()) {
      throw new StatusException(400, "Transfer-Encoding needs HTTP/1.1");
    }
    if (contentLength != null && !isNumber(contentLength)) {
      throw new StatusException(400, "Content-Length is not a number");
    }
    if (hasTwoIdentities) {
      throw new StatusException(400, "more than one Authorization header");
    }
    if (hasUnsupportedExpect) {
      throw new StatusException(417, "Expect is not 100-continue");
    }
  }

  /** Returns whether the client wants no further response on the connection. */
  boolean isLast() {
    return has(connection, "close") // The JDK recognizes it only if it stands alone.
        || isHttp10() && !has(connection, "keep-alive");
  }

  private boolean isHttp10() {
    return protocol.equals("HTTP/1.0");
  }

  private static boolean hasControlCharacter(String value) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' && c != '\t' || c == 0x7f) {
        return true;
      }
    }
    return false;
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static boolean isContinue(List<String> expectations) {
    return expectations.size() == 1 && expectations.get(0).equalsIgnoreCase("100-continue");
  }

  /** Returns whether one of these lists names {@code option}. */
  private static boolean has(List<String> lists, String option) {
    for (String list : lists) {
      for (String item : list.split(",")) {
        if (item.strip().equalsIgnoreCase(option)) {
          return true;
        }
      }
    }
    return false;
  }
}
