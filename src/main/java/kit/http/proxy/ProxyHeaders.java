// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.http.HttpHeaders;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import kit.StatusException;
import kit.http.HostHeader;
import kit.http.Request;
import kit.http.RequestId;
import kit.http.Response;
import kit.http.RoutingHandler;

/**
 * Decides which header fields a proxy forwards, and which it sets; {@link ReverseProxy} lists them.
 *
 * <p>Names are compared in lower case and with a hyphen for each character that is no letter and no
 * digit. That is how CGI and its descendants read them: to these, {@code X_Forwarded_For} is another
 * spelling of {@code X-Forwarded-For}, and so it is here.
 *
 * <p>Sources: RFC 9110, sections 7.6.1 (Connection), 7.6.2 (Max-Forwards) and 7.6.3 (Via); RFC 7239
 * (Forwarded); RFC 9440 (Client-Cert); RFC 3875, section 4.1.18 (CGI); W3C Trace Context, sections
 * 4.2.2 and 4.2.3. {@code X-Forwarded-For} and its like are no standard, and what most programs read.
 */
final class ProxyHeaders {
  /** Fields of one connection, and those that the sender of a message sets. */
  private static final Set<String> NOT_FORWARDED =
      Set.of(
          "connection",
          "keep-alive",
          "proxy-connection",
          "proxy-authenticate",
          "proxy-authorization",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "http2-settings",
          "content-length",
          "host",
          "expect",
          "date",
          "proxy", // To CGI, HTTP_PROXY: CVE-2016-5385.
          canonical(RequestId.HEADER));

  // Words in the names of fields that say where the client is, which user it is, or what it asked
  // for, and how. Only a proxy can know that, so such a field counts from a trusted proxy only.
  private static final Set<String> WORDS_ANYWHERE = Set.of("forwarded", "ssl");
  private static final Set<String> WORDS_IN_FRONT =
      Set.of("client", "envoy", "original", "originating", "real", "remote", "rewrite");
  private static final Set<String> WORDS_AT_THE_END =
      Set.of(
          "addr",
          "https",
          "ip",
          "ipv4",
          "ipv6",
          "clientip",
          "realip",
          "remoteip",
          "socketip",
          "userip");
  private static final Set<String> WHOLE_NAMES =
      Set.of("x-host", "x-port", "x-proto", "x-scheme", "x-url-scheme", "script-name", "path-info");

  private static final String FORWARDED = "Forwarded";
  private static final String FOR = "X-Forwarded-For";
  private static final String HOST = "X-Forwarded-Host";
  private static final String PROTO = "X-Forwarded-Proto";
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*"); // RFC 3986, 3.1

  private static final String TRACEPARENT = "traceparent";
  private static final String TRACESTATE = "tracestate";
  private static final String IDS = "-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}";
  private static final Pattern PARENT =
      Pattern.compile("00" + IDS + "|(?!00|ff)[0-9a-f]{2}" + IDS + "(-.*)?");
  private static final Pattern STATE_MEMBER =
      Pattern.compile(
          "([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
              + "=[ -~&&[^,=]]{0,255}[!-~&&[^,=]]");
  private static final int MAX_STATE_MEMBERS = 32; // Section 3.3.1.1.
  private static final int MAX_STATE_LENGTH = 512; // Section 3.3.1.5.

  private static final String MAX_FORWARDS = "Max-Forwards";
  private static final String CANONICAL_MAX_FORWARDS = canonical(MAX_FORWARDS);
  private static final Set<String> COUNTED = Set.of("OPTIONS", "TRACE"); // RFC 9110, 7.6.2.

  private ProxyHeaders() {}

  /**
   * Returns the fields to send to the upstream.
   *
   * @param isTrusted whether the client is a proxy whose statements about its own client are accepted
   * @throws StatusException 400 if a value would not reach the upstream as it came
   */
  static Map<String, List<String>> ofRequest(Request request, boolean isTrusted) {
    Map<String, List<String>> headers = forwarded(request.headers(), request.headers("Connection"));
    headers.entrySet().removeIf(field -> isFalse(field.getKey(), field.getValue(), isTrusted));
    keepValidTrace(headers);
    int maxForwards = maxForwards(request);
    if (maxForwards > 0) {
      headers.put(MAX_FORWARDS, List.of(Integer.toString(maxForwards - 1)));
    }
    InetAddress address = request.remote().getAddress();
    String text = address.getHostAddress().replaceFirst("%.*", ""); // A zone is of this host only.
    String node = address instanceof Inet6Address ? "\"[" + text + "]\"" : text;
    String host = request.header("Host");
    String element = "for=" + node + ";proto=http" + (host == null ? "" : ";host=" + quoted(host));

    headers.put(FORWARDED, after(isTrusted, request, FORWARDED, element));
    headers.put(FOR, after(isTrusted, request, FOR, text));
    String proto = isTrusted ? onlyValue(request, PROTO) : null;
    headers.put(PROTO, List.of(proto != null && SCHEME.matcher(proto).matches() ? proto : "http"));
    if (host != null) {
      String first = isTrusted ? onlyValue(request, HOST) : null;
      headers.put(HOST, List.of(first != null && HostHeader.isValid(first) ? first : host));
    }
    headers.put("Via", after(true, request, "Via", request.version() + " kit"));
    headers.forEach(ProxyHeaders::checkAscii);
    return headers;
  }

  /**
   * Returns the proxy's own response to OPTIONS with {@code Max-Forwards: 0}; null if the request is
   * to be forwarded. To be asked before an instance is chosen, which has no part in it.
   *
   * @throws StatusException 405 for TRACE; 400 if {@code Max-Forwards} is not one number
   */
  static Response ownResponse(Request request) {
    return maxForwards(request) == 0 ? RoutingHandler.ownResponse(request.method()) : null;
  }

  /** Returns the fields to send to the client. */
  static Map<String, List<String>> ofAnswer(HttpHeaders headers) {
    return forwarded(headers.map(), headers.allValues("Connection"));
  }

  /**
   * Returns how many more proxies may forward the request: 0 if the next one has to respond itself, -1
   * without a limit. Only OPTIONS and TRACE have one.
   *
   * @throws StatusException 400 if the limit is not one number
   */
  private static int maxForwards(Request request) {
    List<String> values = request.headers(MAX_FORWARDS);
    if (values.isEmpty() || !COUNTED.contains(request.method())) {
      return -1;
    }
    if (values.size() > 1 || !values.get(0).matches("[0-9]+")) {
      throw new StatusException(400, MAX_FORWARDS + " is not a number");
    }
    String digits = values.get(0).replaceFirst("^0+(?=.)", "");
    // A larger number may be replaced by the largest that is supported.
    return digits.length() > 10
        ? Integer.MAX_VALUE
        : (int) Math.min(Integer.MAX_VALUE, Long.parseLong(digits));
  }

  private static Map<String, List<String>> forwarded(
      Map<String, List<String>> headers, List<String> connection) {
    Set<String> dropped = new HashSet<>(NOT_FORWARDED);
    for (String options : connection) {
      for (String option : options.split(",")) {
        dropped.add(canonical(option.strip()));
      }
    }
    Map<String, List<String>> forwarded = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.forEach(
        (name, values) -> {
          if (!dropped.contains(canonical(name))) {
            forwarded.put(name, values);
          }
        });
    return forwarded;
  }

  /** Whether the client may not send this, or the upstream may read it as a field that is set here. */
  private static boolean isFalse(String name, List<String> values, boolean isTrusted) {
    String canonical = canonical(name);
    if (isOnBehalf(canonical)) {
      return !isTrusted || values.size() > 1 || !canonical.equalsIgnoreCase(name);
    }
    return canonical.equals(CANONICAL_MAX_FORWARDS) && !canonical.equalsIgnoreCase(name);
  }

  private static boolean isOnBehalf(String canonical) {
    String[] words = canonical.split("-");
    if (words.length == 0 || WHOLE_NAMES.contains(canonical)) {
      return words.length > 0;
    }
    for (String word : words) {
      if (WORDS_ANYWHERE.contains(word)) {
        return true;
      }
    }
    String last = words[words.length - 1];
    int first = words.length > 1 && words[0].equals("x") ? 1 : 0;
    return WORDS_AT_THE_END.contains(last)
        || WORDS_IN_FRONT.contains(words[first]) && words.length > first + 1
        || last.equals("user") && canonical.contains("auth");
  }

  private static String canonical(String name) {
    char[] canonical = name.toLowerCase(Locale.ROOT).toCharArray();
    for (int i = 0; i < canonical.length; i++) {
      char c = canonical[i];
      canonical[i] = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' ? c : '-';
    }
    return new String(canonical);
  }

  /** An invalid parent ends the trace, and its state with it; an invalid state goes alone. */
  private static void keepValidTrace(Map<String, List<String>> headers) {
    List<String> parents = headers.getOrDefault(TRACEPARENT, List.of());
    if (parents.size() != 1 || !PARENT.matcher(parents.get(0)).matches()) {
      headers.remove(TRACEPARENT);
      headers.remove(TRACESTATE);
    } else if (!isState(headers.getOrDefault(TRACESTATE, List.of()))) {
      headers.remove(TRACESTATE);
    }
  }

  private static boolean isState(List<String> values) {
    int count = 0;
    int length = -1; // There is one comma less than members.
    for (String member : String.join(",", values).split(",")) {
      String stripped = member.strip();
      if (stripped.isEmpty()) {
        continue; // Section 3.3.1.1 allows it.
      }
      if (!STATE_MEMBER.matcher(stripped).matches()) {
        return false;
      }
      count++;
      length += stripped.length() + 1;
    }
    return count <= MAX_STATE_MEMBERS && length <= MAX_STATE_LENGTH;
  }

  /** A host may have a port or brackets, which a token must not. */
  private static String quoted(String host) {
    return '"' + host.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private static List<String> after(boolean isTrusted, Request request, String name, String own) {
    List<String> values = request.headers(name);
    boolean isFirst = !isTrusted || values.isEmpty();
    return List.of(isFirst ? own : String.join(", ", values) + ", " + own);
  }

  /** Returns the value of a field that must be single; null if there is none, or more than one. */
  private static String onlyValue(Request request, String name) {
    List<String> values = request.headers(name);
    return values.size() == 1 ? values.get(0) : null;
  }

  /** The JDK's client sends '?' for each byte above 0x7F: another value. */
  private static void checkAscii(String name, List<String> values) {
    for (String value : values) {
      for (int i = 0; i < value.length(); i++) {
        if (value.charAt(i) > 0x7f) {
          throw new StatusException(400, "header " + name + " is not ASCII");
        }
      }
    }
  }
}
