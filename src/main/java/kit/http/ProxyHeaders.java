// SPDX-License-Identifier: Apache-2.0
package kit.http;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.http.HttpHeaders;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which headers a proxy hands on, and which it makes: see the list in {@link ReverseProxy}.
 *
 * <p>Sources: RFC 9110, sections 7.6.1 (Connection) and 7.6.3 (Via); RFC 7239 (Forwarded). {@code
 * X-Forwarded-For} and its like are no standard, and what most programs read.
 */
final class ProxyHeaders {
  /** Of one connection, or set by who sends. */
  private static final Set<String> NOT_HANDED_ON =
      names(
          "Connection",
          "Keep-Alive",
          "Proxy-Connection",
          "Proxy-Authenticate",
          "Proxy-Authorization",
          "TE",
          "Trailer",
          "Transfer-Encoding",
          "Upgrade",
          "HTTP2-Settings",
          "Content-Length",
          "Host",
          "Expect",
          "Date",
          RequestId.HEADER);

  private static final String FORWARDED = "Forwarded";
  private static final String FOR = "X-Forwarded-For";
  private static final String HOST = "X-Forwarded-Host";
  private static final String PROTO = "X-Forwarded-Proto";
  private static final Set<String> ON_BEHALF =
      names(FORWARDED, FOR, HOST, PROTO, "X-Forwarded-Port", "X-Real-IP");

  private ProxyHeaders() {}

  /**
   * Returns what to send to the upstream.
   *
   * @param isTrusted whether to believe what the other end says of those behind it
   */
  static Map<String, List<String>> ofRequest(Request request, boolean isTrusted) {
    Map<String, List<String>> headers =
        handedOn(request.headers(), request.headers("Connection"), ON_BEHALF);
    InetAddress address = request.remote().getAddress();
    String text = address.getHostAddress().replaceFirst("%.*", ""); // A zone is of this host only.
    String node = address instanceof Inet6Address ? "\"[" + text + "]\"" : text;
    String host = request.header("Host");
    String element = "for=" + node + ";proto=http" + (host == null ? "" : ";host=" + quoted(host));

    headers.put(FORWARDED, after(isTrusted, request, FORWARDED, element));
    headers.put(FOR, after(isTrusted, request, FOR, text));
    headers.put(PROTO, kept(isTrusted, request, PROTO, "http"));
    if (host != null) {
      headers.put(HOST, kept(isTrusted, request, HOST, host));
    }
    headers.put("Via", after(true, request, "Via", "1.1 kit"));
    return headers;
  }

  /** Returns what to send to the caller. */
  static Map<String, List<String>> ofAnswer(HttpHeaders headers) {
    return handedOn(headers.map(), headers.allValues("Connection"), Set.of());
  }

  private static Map<String, List<String>> handedOn(
      Map<String, List<String>> headers, List<String> connection, Set<String> except) {
    Map<String, List<String>> handedOn = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.forEach(
        (name, values) -> {
          if (!NOT_HANDED_ON.contains(name) && !except.contains(name)) {
            handedOn.put(name, values);
          }
        });
    for (String value : connection) {
      for (String option : value.split(",")) {
        handedOn.remove(option.strip());
      }
    }
    return handedOn;
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

  private static List<String> kept(boolean isTrusted, Request request, String name, String own) {
    String value = request.header(name);
    return List.of(isTrusted && value != null ? value : own);
  }

  private static Set<String> names(String... names) {
    Set<String> set = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    set.addAll(List.of(names));
    return set;
  }
}
