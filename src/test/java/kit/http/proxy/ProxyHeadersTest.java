// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.Headers;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import kit.StatusException;
import kit.http.Request;
import kit.http.RequestBody;
import kit.http.RequestTarget;
import kit.tracing.TraceContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyHeadersTest {
  private static final String PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  private static Map<String, List<String>> forwarded(
      boolean isTrusted, String method, String... fields) {
    Headers headers = new Headers();
    headers.add("Host", "shop");
    for (String field : fields) {
      String[] parts = field.split(": ?", 2);
      headers.add(parts[0], parts[1]);
    }
    Request request =
        new Request(
            method,
            RequestTarget.parse("/", "shop"),
            headers,
            new RequestBody(InputStream.nullInputStream(), 0),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 4711),
            "1.1",
            finalizer -> {});
    return ProxyHeaders.ofRequest(request, isTrusted, "http");
  }

  @Test
  void schemeOfTheProxyIsForwarded() throws Exception {
    Request request =
        new Request(
            "GET",
            RequestTarget.parse("/", "shop"),
            new Headers(),
            new RequestBody(InputStream.nullInputStream(), 0),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 4711),
            "1.1",
            finalizer -> {});
    assertThat(ProxyHeaders.ofRequest(request, false, "https"))
        .containsEntry("X-Forwarded-Proto", List.of("https"))
        .containsEntry("Forwarded", List.of("for=127.0.0.1;proto=https"));
  }

  private static Map<String, List<String>> fromClient(String... fields) {
    return forwarded(false, "GET", fields);
  }

  private static Map<String, List<String>> fromProxy(String... fields) {
    return forwarded(true, "GET", fields);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X-Forwarded",
        "X-Forwarded-By",
        "X-Forwarded-Path",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
        "X-Forwarded-Scheme",
        "X-Forwarded-Server",
        "X-Forwarded-Ssl",
        "X-Forwarded-Client-Cert",
        "Forwarded-For",
        "X-Original-Forwarded-For",
        "X-Real-IP",
        "X-Client-IP",
        "X-ClientIP",
        "X-RealIP",
        "X-Auth-Request-User",
        "Client-IP",
        "Client-Cert",
        "Client-Cert-Chain",
        "X-Client-Cert",
        "X-Client-Verify",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "Fastly-Client-IP",
        "X-Azure-ClientIP",
        "X-Azure-SocketIP",
        "WL-Proxy-Client-IP",
        "X-Originating-IP",
        "X-Original-URL",
        "X-Original-Host",
        "X-Rewrite-URL",
        "X-Remote-Addr",
        "Remote-Addr",
        "Remote-User",
        "X-Remote-User",
        "X-Envoy-External-Address",
        "X-AppEngine-Remote-Addr",
        "X-SSL-Client-Verify",
        "SSL-Client-Cert",
        "X-Scheme",
        "X-URL-Scheme",
        "X-Host",
        "Front-End-Https",
        "Script-Name",
        "Path-Info",
      })
  void forwardedHeadersAreAcceptedFromTrustedProxiesOnly(String name) {
    assertThat(fromClient(name + ": evil")).doesNotContainKey(name);
    assertThat(fromProxy(name + ": 1")).containsEntry(name, List.of("1"));
    assertThat(fromProxy(name + ": 1", name + ": 2")).as("one of two").doesNotContainKey(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "X_Forwarded_For",
        "X-Forwarded_For",
        "X_Forwarded_Prefix",
        "X.Forwarded.Proto",
        "X_Client_Ip",
        "Client_Ip",
        "X_Real_Ip",
        "Content_Length",
        "Transfer_Encoding",
        "Transfer.Encoding",
        "Proxy_Authorization",
        "Keep_Alive",
        "X_Request_Id",
        "X~Request~Id",
        "Max_Forwards",
      })
  void nameThatCgiMapsToADroppedNameIsDropped(String name) {
    assertThat(fromClient(name + ": evil")).doesNotContainKey(name);
    assertThat(fromProxy(name + ": evil")).doesNotContainKey(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Accept",
        "Authorization",
        "Cookie",
        "Content-Type",
        "If-None-Match",
        "Range",
        "User-Agent",
        "X-My-Header",
        "My_Header",
        "X-Membership",
        "X-Zip",
        "X-Api-Key",
        "X-Requested-With",
        "X-CSRF-Token",
        "X-B3-TraceId",
        "baggage",
      })
  void fieldOfTheApplicationIsForwarded(String name) {
    assertThat(fromClient(name + ": 1")).containsEntry(name, List.of("1"));
  }

  @Test
  void headerProxyIsDropped() { // httpoxy, CVE-2016-5385.
    assertThat(fromProxy("Proxy: http://evil")).doesNotContainKey("Proxy");
  }

  @Test
  void connectionNamesFieldsInAnySpelling() {
    assertThat(fromClient("Connection: X-Mine, x_own", "X_Mine: 1", "X-Own: 2", "X-Other: 3"))
        .doesNotContainKeys("X_Mine", "X-Own")
        .containsKey("X-Other");
  }

  @Test
  void listsOfATrustedProxyAreJoinedInOrder() {
    Map<String, List<String>> headers =
        fromProxy(
            "X-Forwarded-For: 10.0.0.1",
            "X-Forwarded-For: 10.0.0.2, 10.0.0.3",
            "Forwarded: for=10.0.0.1",
            "Forwarded: for=10.0.0.2");
    assertThat(headers)
        .containsEntry("X-Forwarded-For", List.of("10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1"));
    assertThat(headers.get("Forwarded").get(0))
        .startsWith("for=10.0.0.1, for=10.0.0.2, for=127.0.0.1;");
  }

  @Test
  void oneSchemeAndOneHostOfATrustedProxyAreKept() {
    assertThat(fromProxy("X-Forwarded-Proto: https", "X-Forwarded-Host: a:8443"))
        .containsEntry("X-Forwarded-Proto", List.of("https"))
        .containsEntry("X-Forwarded-Host", List.of("a:8443"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          X-Forwarded-Proto: https  | X-Forwarded-Proto: http | X-Forwarded-Proto | http
          X-Forwarded-Proto: https, http | X-Other: 1         | X-Forwarded-Proto | http
          X-Forwarded-Proto: ht tp  | X-Other: 1              | X-Forwarded-Proto | http
          X-Forwarded-Host: a       | X-Forwarded-Host: b     | X-Forwarded-Host  | shop
          X-Forwarded-Host: a, b    | X-Other: 1              | X-Forwarded-Host  | shop
          X-Forwarded-Host: a/b     | X-Other: 1              | X-Forwarded-Host  | shop
          """)
  void schemeAndHostOfATrustedProxyMustBeSingle(
      String one, String other, String name, String expected) {
    assertThat(fromProxy(one, other)).containsEntry(name, List.of(expected));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        PARENT,
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.later",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "evil",
        "",
      })
  void validTraceparentIsForwardedWithTracestate(String parent) {
    Map<String, List<String>> headers = fromClient("traceparent: " + parent, "tracestate: a=1");
    if (TraceContext.parse(parent, List.of()).isEmpty()) {
      assertThat(headers).doesNotContainKeys("traceparent", "tracestate");
    } else {
      assertThat(headers)
          .containsEntry("traceparent", List.of(parent))
          .containsEntry("tracestate", List.of("a=1"));
    }
  }

  @Test
  void tracestateAloneAndRepeatedTraceparentAreDropped() {
    assertThat(fromClient("tracestate: a=1")).doesNotContainKey("tracestate");
    assertThat(fromClient("traceparent: " + PARENT, "traceparent: " + PARENT, "tracestate: a=1"))
        .doesNotContainKeys("traceparent", "tracestate");
  }

  @Test
  void byteThatTheClientWouldReplaceIsRejected() {
    assertThatThrownBy(() -> fromClient("X-Name: J\u00fcrgen"))
        .isInstanceOfSatisfying(
            StatusException.class,
            e -> {
              assertThat(e.status()).isEqualTo(400);
              assertThat(e.detail()).contains("X-name", "ASCII");
            });
    assertThat(fromClient("Connection: X-Name", "X-Name: J\u00fcrgen")).doesNotContainKey("X-Name");
  }

  @ParameterizedTest
  @CsvSource({
    "OPTIONS, 1, 0",
    "OPTIONS, 10, 9",
    "TRACE, 7, 6",
    "OPTIONS, 0000000000000000000000002, 1",
    "OPTIONS, 99999999999999999999999999, 2147483646",
    "OPTIONS, 2147483649, 2147483646",
    "GET, 7, 7",
    "GET, x, x",
  })
  void maxForwardsIsCountedDown(String method, String sent, String forwarded) {
    assertThat(forwarded(false, method, "Max-Forwards: " + sent))
        .containsEntry("Max-Forwards", List.of(forwarded));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "+1", "1, 2", "x", "0x1"})
  void maxForwardsThatIsNoNumberIsRejected(String sent) {
    assertThatThrownBy(() -> forwarded(false, "OPTIONS", "Max-Forwards: " + sent))
        .isInstanceOfSatisfying(
            StatusException.class,
            e -> {
              assertThat(e.status()).isEqualTo(400);
              assertThat(e.detail()).contains("Max-Forwards");
            });
  }
}
