// SPDX-License-Identifier: Apache-2.0
package kit.http.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import testing.ForkedJvm;
import testing.RawClient;

/** The log at the default level, in a JVM of its own: other tests log nothing. */
@Timeout(30)
class HttpServiceLogTest {
  @Test
  void serverFaultsAreOneLineEachAndClientFaultsNone() throws Exception {
    try (ForkedJvm jvm = new ForkedJvm(ForkedService.class, List.of(), "30")) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient client = new RawClient(port);
          RawClient gone = new RawClient(port);
          RawClient streaming = new RawClient(port)) {
        // Clients' faults and matters of course: some of these would make the JDK's server talk.
        client.request("HEAD", "/ok").head();
        client.request("DELETE", "/empty").answer();
        client.request("GET", "/unknown").answer();
        client.request("GET", "/busy").answer();
        gone.request("POST", "/body", "Content-Length: 10").send("hello").endOfRequests();
        gone.answer();
        for (String method : List.of("refusal", "own", "unknown\\nline")) {
          rpc(client, method, "id-0");
        }
        // Faults of the server.
        client.request("GET", "/bug", "X-Request-Id: id-1", "X-Trace: 4b").answer();
        client.request("GET", "/cause", "X-Request-Id: id-2").answer();
        rpc(client, "bug", "id-4");
        streaming.request("GET", "/stream", "X-Request-Id: id-3").rest();
      }
      assertThat(jvm.log())
          .satisfiesExactly(
              line ->
                  assertThat(line)
                      .contains("ERROR kit.http.server.HttpService")
                      .endsWith(
                          "GET - failed: java.lang.IllegalStateException: two\\nlines"
                              + " (request id-1, trace 4b)"),
              line ->
                  assertThat(line)
                      .endsWith("GET - failed: java.io.IOException: disk full (request id-2)"),
              line ->
                  assertThat(line)
                      .contains("ERROR kit.http.jsonrpc.JsonRpc")
                      .endsWith(
                          "bug failed: java.lang.IllegalStateException: two\\n"
                              + "lines (request id-4)"),
              line ->
                  assertThat(line)
                      .endsWith("GET - failed: java.io.IOException: file gone (request id-3)"));
    }
  }

  @Test
  void streamThatTheTimeLimitCutsOffIsLoggedWithTheLimit() throws Exception {
    try (ForkedJvm jvm = new ForkedJvm(ForkedService.class, List.of())) {
      int port = Integer.parseInt(jvm.line());
      try (RawClient client = new RawClient(port)) {
        client.request("GET", "/endless", "X-Request-Id: id-1");
        assertThat(client.head().status()).isEqualTo(200);
        assertThat(client.rest()).contains("x");
      }
      assertThat(jvm.log())
          .singleElement(InstanceOfAssertFactories.STRING)
          .matches(
              ".* WARN kit.http.server.HttpService - GET -: response cut off after \\d+ bytes"
                  + " by the time limit of 1 s \\(request id-1\\)");
    }
  }

  private static void rpc(RawClient client, String method, String requestId) throws IOException {
    String call = "{\"jsonrpc\":\"2.0\",\"method\":\"" + method + "\",\"id\":1}";
    client
        .request(
            "POST",
            "/rpc",
            "X-Request-Id: " + requestId,
            "Content-Type: application/json",
            "Content-Length: " + call.length())
        .send(call);
    assertThat(client.answer().body()).contains("\"error\"");
  }
}
