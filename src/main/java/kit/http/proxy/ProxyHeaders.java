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
import kit.http.client.HttpEndpoint;

/**
 * Header fields that a proxy forwards, drops and sets; {@link ReverseProxy} lists them.
 *
 * <p>Names are compared in lower case and with a hyphen for each character that is neither letter
 * nor digit, as CGI and its successors do: for them, {@code X_Forwarded_For} is another spelling of
 * {@code X-Forwarded-For}.
 *
 * <p>Sources: RFC 9110, sections 7.6.1 (Connection), 7.6.2 (Max-Forwards) and 7.6.3 (Via); RFC 7239
 * (Forwarded); RFC 9440 (Client-Cert); RFC 3875, section 4.1.18 (CGI); W3C Trace Context, sections
 * 4.2.2 and 4.2.3. {@code X-Forwarded-For} and similar fields are not standardized, but most
 * programs read them.
 */
final class ProxyHeaders {
  private static final Pattern NEITHER_LETTER_NOR_DIGIT = Pattern.compile("[^a-z0-9]");

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

  // Names, by their words, of fields that say where the client is, which user it is, or what it
  // asked for and how. Only a proxy can know that, so such a field counts from a trusted proxy
  // only.
  private static final Pattern ON_BEHALF =
      Pattern.compile(
          "(.*-)?(forwarded|ssl)(-.*)?"
              + "|(x-)?(client|envoy|original|originating|real|remote|rewrite)-.+"
              + "|(.*-)?(addr|https|(client|real|remote|socket|user)?ip|ipv4|ipv6)-*"
              + "|(?=.*auth)(.*-)?user-*"
              + "|x-(host|port|proto|scheme|url-scheme)|script-name|path-info");

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

  private static final String MAX_FORWARDS = "Max-Forwards";
  private static final String CANONICAL_MAX_FORWARDS = canonical(MAX_FORWARDS);
  private static final Set<String> COUNTED = Set.of("OPTIONS", "TRACE"); // RFC 9110, 7.6.2.

  private ProxyHeaders() {}

  /**
   * Returns the fields to send to the upstream.
   *
   * @param isTrusted whether the client is a proxy whose statements about its own client are
   *     accepted
   * @param scheme how the client has reached the proxy
   * @throws StatusException 400 if a value would not reach the upstream unchanged
   */
  static Map<String, List<String>> ofRequest(Request request, boolean isTrusted, String scheme) {
    Map<String, List<String>> headers = forwarded(request.headers(), request.headers("Connection"));
    headers.entrySet().removeIf(field -> isFalse(field.getKey(), field.getValue(), isTrusted));
    keepValidTrace(headers);
    int maxForwards = maxForwards(request);
    if (maxForwards > 0) {
      headers.put(MAX_FORWARDS, List.of(Integer.toString(maxForwards - 1)));
    }
    InetAddress address = request.remote().getAddress();
    // A zone is valid on this host only.
    String text = address.getHostAddress().replaceFirst("%.*", "");
    String node = address instanceof Inet6Address ? "\"[" + text + "]\"" : text;
    String host = request.header("Host");
    String element =
        "for=" + node + ";proto=" + scheme + (host == null ? "" : ";host=" + quoted(host));

    headers.put(FORWARDED, after(isTrusted, request, FORWARDED, element));
    headers.put(FOR, after(isTrusted, request, FOR, text));
    String proto = isTrusted ? onlyValue(request, PROTO) : null;
    headers.put(PROTO, List.of(proto != null && SCHEME.matcher(proto).matches() ? proto : scheme));
    if (host != null) {
      String first = isTrusted ? onlyValue(request, HOST) : null;
      headers.put(HOST, List.of(first != null && HostHeader.isValid(first) ? first : host));
    }
    headers.put("Via", after(true, request, "Via", request.version() + " kit"));
    headers.forEach(ProxyHeaders::checkAscii);
    return headers;
  }

  /**
   * Returns the proxy's own response to OPTIONS with {@code Max-Forwards: 0}; null if the request
   * is to be forwarded. To be called before an instance is chosen.
   *
   * @throws StatusException 405 for TRACE; 400 if {@code Max-Forwards} is not a single number
   */
  static Response ownResponse(Request request) {
    return maxForwards(request) == 0 ? RoutingHandler.ownResponse(request.method()) : null;
  }

  /** Returns the fields to send to the client. */
  static Map<String, List<String>> ofAnswer(HttpHeaders headers) {
    return forwarded(headers.map(), headers.allValues("Connection"));
  }

  /**
   * Returns how many more proxies may forward the request: 0 if the next one must respond itself,
   * -1 without a limit. Only OPTIONS and TRACE have one.
   *
   * @throws StatusException 400 if the limit is not a single number
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

  /**
   * Returns whether a field is dropped: the client may not send it, or the upstream may read it as
   * a field that is set here.
   */
  private static boolean isFalse(String name, List<String> values, boolean isTrusted) {
    String canonical = canonical(name);
    if (ON_BEHALF.matcher(canonical).matches()) {
      return !isTrusted || values.size() > 1 || !canonical.equalsIgnoreCase(name);
    }
    return canonical.equals(CANONICAL_MAX_FORWARDS) && !canonical.equalsIgnoreCase(name);
  }

  private static String canonical(String name) {
    return NEITHER_LETTER_NOR_DIGIT.matcher(name.toLowerCase(Locale.ROOT)).replaceAll("-");
  }

  /**
   * Drops a parent that the upstream would ignore, and the state that belongs to it: beside the
   * parent of a new trace it would be that of another one.
   */
  private static void keepValidTrace(Map<String, List<String>> headers) {
    List<String> parents = headers.getOrDefault(TRACEPARENT, List.of());
    if (parents.size() != 1 || !PARENT.matcher(parents.get(0)).matches()) {
      headers.remove(TRACEPARENT);
      headers.remove(TRACESTATE);
    }
  }

  /**
   * Returns a quoted string: a host may have a port or brackets, which are not allowed in a token.
   */
  private static String quoted(String host) {
    return '"' + host.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private static List<String> after(boolean isTrusted, Request request, String name, String own) {
    List<String> values = request.headers(name);
    boolean isFirst = !isTrusted || values.isEmpty();
    return List.of(isFirst ? own : String.join(", ", values) + ", " + own);
  }

  /** Returns the value of a field that must not be repeated; null if it is missing or repeated. */
  private static String onlyValue(Request request, String name) {
    List<String> values = request.headers(name);
    return values.size() == 1 ? values.get(0) : null;
  }

  private static void checkAscii(String name, List<String> values) {
    if (!HttpEndpoint.isAscii(values)) {
      throw new StatusException(400, "header " + name + " is not ASCII");
    }
  }
}
