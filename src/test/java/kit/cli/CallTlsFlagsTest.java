// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import kit.discovery.Instance;
import kit.engine.EngineProvider;
import kit.http.client.LazyTls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import testing.TlsFiles;

@Timeout(60)
class CallTlsFlagsTest {
  private static CallTlsFlags parsed(String... args) {
    Flags flags = new Flags("test", "A test.", "TEST_", Map.of());
    CallTlsFlags tls = new CallTlsFlags(flags).declareScheme();
    flags.parse(args);
    return tls;
  }

  @Test
  void withoutFlagsTheTrustStoreOfJavaAppliesToInstancesWithTls() throws Exception {
    CallTlsFlags tls = parsed();
    tls.check();
    assertThat(tls.context()).isSameAs(LazyTls.context());
    assertThat(tls.isDefault()).isFalse();
    tls.follow().close();
  }

  @ParameterizedTest
  @CsvSource({
    "a:1, false, http://a:1",
    "a:1, true, https://a:1",
    "https://a:1, false, https://a:1",
    "http://a:1, true, http://a:1",
    "[::1]:1, true, https://[::1]:1",
  })
  void schemeOfAnInstanceCountsMoreThanTheFlag(String address, String flag, String base) {
    Instance instance = Instance.parseAddress(address);
    assertThat(parsed("--tls=" + flag).base(instance)).hasToString(base);
    assertThat(parsed("--tls=" + flag).isHttps(instance)).isEqualTo(base.startsWith("https"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --client-cert=client.crt | --ca-file=ca.crt | --client-cert and --client-key: one needs the other
          --client-key=client.key | --ca-file=ca.crt | --client-cert and --client-key: one needs the other
          --client-cert=client.crt | --client-key=server.key | TLS: DIRclient.crt: the private key in DIRserver.key does not belong to the certificate (O=Test,CN=client)
          --client-cert=expired.crt | --client-key=server.key | TLS: DIRexpired.crt: certificate 1 (CN=expired) expired at 2021-01-01T00:00:00Z
          --ca-file=none-such | --tls | TLS: DIRnone-such: no such file
          --ca-file=server.key | --tls | TLS: DIRserver.key: no certificate (BEGIN CERTIFICATE)
          """)
  void fileThatCannotBeUsedIsAUsageError(String one, String other, String message) {
    String folder = TlsFiles.file("x").replaceFirst("x$", "");
    CallTlsFlags tls = parsed(one.replace("=", "=" + folder), other.replace("=", "=" + folder));
    assertThatThrownBy(tls::check)
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage(message.replace("DIR", folder));
  }

  @ParameterizedTest
  @EnumSource
  void clientPresentsItsCertificate(HttpEngine engine) throws Exception {
    HttpsServer server =
        new EngineProvider()
            .createHttpsServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(TlsFiles.mutualServer()));
    server.createContext("/", exchange -> exchange.sendResponseHeaders(204, -1));
    server.start();
    CallTlsFlags tls =
        parsed(
            "--ca-file=" + TlsFiles.file("ca.crt"),
            "--client-cert=" + TlsFiles.file("client.crt"),
            "--client-key=" + TlsFiles.file("client.key"));
    try (AutoCloseable following = tls.follow()) {
      Instance instance =
          Instance.of("127.0.0.1", server.getAddress().getPort()).withScheme("https");
      HttpRequest request = HttpRequest.newBuilder(tls.base(instance).resolve("/")).build();
      assertThat(tls.newClient(engine).send(request, BodyHandlers.discarding()).statusCode())
          .isEqualTo(204);
    } finally {
      server.stop(0);
    }
  }
}
