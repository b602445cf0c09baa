// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import com.sun.net.httpserver.HttpExchange;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kit.StatusException;
import kit.http.HostHeader;
import kit.http.RequestId;

/**
 * The head of one request: what the server itself needs of it, and what the JDK's server lets pass
 * although two programs could read it in two ways: what a proxy before us took for one request to one
 * host may be two, or to another (request smuggling, CWE-444). Newer JDKs refuse some of that by
 * themselves; {@code docs/http.md} has the whole list.
 *
 * <p>Made by one walk over the headers, because each look-up by name costs the JDK two objects.
 *
 * <p>Sources: RFC 9112, sections 3.2 (Host), 6.1 (Transfer-Encoding), 6.3 (lengths), 9.3 and 9.6
 * (persistence); RFC 9110, sections 5.5 (control characters), 8.6 (Content-Length), 9.1 (methods),
 * 10.1.1 (Expect), 2.5 and 15.6.6 (versions), 11.6.2 (Authorization).
 */
final class RequestHead {
  /** The methods of RFC 9110 section 9.3, and PATCH (RFC 5789). */
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT");

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

  /** Reads all, and refuses nothing yet. */
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
    switch (name.length()) { // Far cheaper than six comparisons for each header.
      case 4 -> hosts = name.equalsIgnoreCase("Host") ? values : hosts;
      case 6 -> hasUnsupportedExpect |= name.equalsIgnoreCase("Expect") && !isContinue(values);
      case 10 -> connection = name.equalsIgnoreCase("Connection") ? values : connection;
      case 12 -> requestId = name.equalsIgnoreCase(RequestId.HEADER) ? only(values) : requestId;
      case 13 -> hasTwoIdentities |= name.equalsIgnoreCase("Authorization") && values.size() > 1;
      case 14 ->
          contentLength = name.equalsIgnoreCase("Content-Length") ? only(values) : contentLength;
      case 17 -> isChunked |= name.equalsIgnoreCase("Transfer-Encoding");
      default -> {} // Handlers may want it.
    }
  }

  /** One of several values would be a guess: none, which is neither an id nor a length. */
  private static String only(List<String> values) {
    return values.size() == 1 ? values.get(0) : "";
  }

  /** The method as it came. */
  String method() {
    return method;
  }

  /** The method, as far as it can be trusted in a log line. */
  String label() {
    return METHODS.contains(method) ? method : "OTHER";
  }

  /** The version as it came, such as 1.1; only after {@link #check}. */
  String version() {
    return protocol.substring(MAJOR);
  }

  /** The id that was sent, or a new one. */
  String requestId() {
    return requestId;
  }

  /** Returns the first Host header; empty without one. */
  String host() {
    return hosts.isEmpty() ? "" : hosts.get(0);
  }

  /** The announced length of the body in bytes; 0 without a body, -1 if it is not known. */
  long bodyLength() {
    if (isChunked) {
      return -1;
    }
    if (contentLength == null || !isNumber(contentLength)) {
      return 0;
    }
    try {
      return Long.parseLong(contentLength); // Any number of zeros may stand in front.
    } catch (NumberFormatException e) {
      return Long.MAX_VALUE;
    }
  }

  /** Throws a {@link StatusException}; the connection should then be closed. */
  void check() {
    if (!isVersion(protocol)) {
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

  /** Whether no further request should be read from the connection. */
  boolean isLast() {
    // To the JDK, a chunk of size 100000000 is the last one (its int overflows), and so is one
    // without a size. What follows would be taken for the next request.
    return isChunked
        || has(connection, "close") // The JDK knows it only when it stands alone.
        || isHttp10() && !has(connection, "keep-alive");
  }

  private boolean isHttp10() {
    return protocol.equals("HTTP/1.0");
  }

  private static boolean isVersion(String protocol) {
    return protocol.length() == "HTTP/1.1".length()
        && protocol.startsWith("HTTP/")
        && isDigit(protocol.charAt(MAJOR))
        && protocol.charAt(MAJOR + 1) == '.'
        && isDigit(protocol.charAt(MAJOR + 2));
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
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
    return !text.isEmpty() && areDigits(text, 0);
  }

  private static boolean areDigits(String text, int start) {
    for (int i = start; i < text.length(); i++) {
      if (!isDigit(text.charAt(i))) {
        return false;
      }
    }
    return true;
  }

  private static boolean isContinue(List<String> expectations) {
    return expectations.size() == 1 && expectations.get(0).equalsIgnoreCase("100-continue");
  }

  /** Whether one of these lists names {@code option}; without a split, as every request pays it. */
  private static boolean has(List<String> lists, String option) {
    for (int i = 0; i < lists.size(); i++) {
      String list = lists.get(i);
      int start = 0;
      while (start <= list.length()) {
        int comma = list.indexOf(',', start);
        int end = comma < 0 ? list.length() : comma;
        if (list.substring(start, end).strip().equalsIgnoreCase(option)) {
          return true;
        }
        start = end + 1;
      }
    }
    return false;
  }
}
