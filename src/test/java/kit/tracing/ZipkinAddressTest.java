// SPDX-License-Identifier: Apache-2.0
package kit.tracing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.InetSocketAddress;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The address in a span: one that clients can reach, or none. */
@Timeout(30)
class ZipkinAddressTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          # host       | endpoint
          10.0.0.5     | {"ipv4":"10.0.0.5","port":8081}
          2001:db8::1  | {"ipv6":"2001:db8::1","port":8081}
          fe80::1%lo   | {"ipv6":"fe80::1","port":8081}
          users.example | {}
          0.0.0.0      | {}
          ::           | {}
          0:0:0:0:0:0:0:0 | {}
          """)
  void isOneUnicastIpAddressOrNone(String host, String endpoint) throws Exception {
    InetSocketAddress address = InetSocketAddress.createUnresolved(host, 8081);
    JsonNode span = sent(address);

    assertThat(span.get("localEndpoint").toString())
        .isEqualTo(endpoint.replace("{", "{\"serviceName\":\"a\",").replace(",}", "}"));
    assertThat(span.path("remoteEndpoint").toString())
        .isEqualTo(endpoint.equals("{}") ? "" : endpoint);
  }

  @ParameterizedTest
  @CsvSource({"0.0.0.0", "::"})
  void isNotTheBoundWildcard(String bound) throws Exception {
    assertThat(sent(new InetSocketAddress(bound, 8081)).get("localEndpoint").toString())
        .isEqualTo("{\"serviceName\":\"a\"}");
  }

  private static JsonNode sent(InetSocketAddress address) throws Exception {
    try (FakeZipkin zipkin = new FakeZipkin();
        ZipkinReporter reporter = new ZipkinReporter(zipkin.uri(), "a", address)) {
      TraceContext trace = TraceContext.root(1, () -> 1);
      reporter.accept(new Span(trace, Span.Kind.CLIENT, "GET /user", 1, 1, address, Map.of()));
      return zipkin.batches.take().get(0);
    }
  }
}
