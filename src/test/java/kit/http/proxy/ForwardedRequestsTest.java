// SPDX-License-Identifier: Apache-2.0
package kit.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import kit.http.proxy.ReverseProxy.Forward;
import kit.http.proxy.ReverseProxy.Settings;
import kit.tracing.Tracing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Engine;
import testing.RawClient;
import testing.RawClient.Answer;
import testing.RawPeer;
import testing.TestService;

/** Requests that a proxy forwards, as the upstream receives them. */
@Timeout(30)
class ForwardedRequestsTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

  private final TestService front = new TestService();
  private RawPeer upstream;

  @AfterEach
  void stop() throws IOException {
    front.close();
    upstream.close();
  }

  private RawClient proxy() throws IOException {
    upstream = RawPeer.answering("HTTP/1.1 204 No Content\r\n\r\n");
    ReverseProxy proxy =
        new ReverseProxy(Engine.newProxyClients(), upstream.address(), Settings.defaults())
            .before(Tracing::inject);
    return front.serve(
        (context, request) ->
            proxy.call(
                context.withTimeout(Duration.ofSeconds(10)),
                new Forward(request, request.target().rawPath())));
  }

  /** Returns what the upstream sees, in lower case. */
  private String seen() throws Exception {
    return upstream.heads().take().toLowerCase(Locale.ROOT);
  }

  @Test
  void fieldThatTheJdkWouldAlterIsRejected() throws Exception {
    RawClient client = proxy();
    Answer answer = client.request("GET", "/", "X-Name: J\u00fcrgen").answer();
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.body()).contains("\"detail\":\"header X-name is not ASCII\"");
    assertThat(upstream.heads()).isEmpty();
  }

  @Test
  void twoAuthorizationHeadersAreRejected() throws Exception {
    RawClient client = proxy();
    client.request("GET", "/", "Authorization: Bearer good", "Authorization: Bearer evil");
    assertThat(client.answer().status()).isEqualTo(400);
    assertThat(upstream.heads()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.0", "1.1", "1.2"})
  void viaHasTheReceivedVersion(String version) throws Exception {
    proxy().send("GET / HTTP/" + version + "\r\nHost: test\r\n\r\n").answer();
    assertThat(seen()).contains("via: " + version + " kit\r\n");
  }

  @ParameterizedTest
  @CsvSource({"OPTIONS, 204", "TRACE, 405"})
  void proxyRespondsItselfWhenMaxForwardsIsZero(String method, int status) throws Exception {
    Answer answer = proxy().request(method, "/", "Max-Forwards: 0").answer();
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.header("Allow")).contains("OPTIONS");
    assertThat(upstream.heads()).isEmpty();
  }

  @Test
  void maxForwardsIsDecrementedForTheUpstream() throws Exception {
    assertThat(proxy().request("OPTIONS", "/", "Max-Forwards: 1").answer().status()).isEqualTo(204);
    assertThat(seen()).contains("max-forwards: 0\r\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH"})
  void requestThatIsMeantToHaveABodyHasALength(String method) throws Exception {
    proxy().request(method, "/", "Content-Length: 0").answer();
    assertThat(seen()).contains("content-length: 0\r\n");
  }

  @ParameterizedTest
  @CsvSource({
    "00-" + TRACE + "-00f067aa0ba902b7-01, true",
    "00-" + TRACE + "-0000000000000000-01, false",
  })
  void traceIsContinuedWithItsStateOrStartedWithoutOne(String parent, boolean isContinued)
      throws Exception {
    RawClient client = proxy();
    new Tracing(1, span -> {}).serve(front.service());
    client.request("GET", "/", "traceparent: " + parent, "tracestate: a=1").answer();
    String seen = seen();
    assertThat(seen).contains("traceparent: 00-" + (isContinued ? TRACE : ""));
    assertThat(seen.contains(TRACE)).isEqualTo(isContinued);
    assertThat(seen.contains("tracestate: a=1\r\n")).isEqualTo(isContinued);
    assertThat(seen.contains("tracestate")).isEqualTo(isContinued);
  }
}
