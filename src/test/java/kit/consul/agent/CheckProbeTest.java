// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kit.engine.EngineProvider;
import kit.grpc.GrpcHealth;
import kit.grpc.GrpcService;
import kit.http.Json;
import kit.http.client.LazyTls;
import kit.http2.Http2Protocol;
import kit.http2.Http2Settings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import testing.TlsFiles;

/** Checks over TLS of a server that requires certificates; the contract has those without TLS. */
@Timeout(30)
class CheckProbeTest {
  private static final String HTTP = "{'HTTP':'https://HOST:PORT/health','Interval':'1s'}";
  private static final String GRPC = "{'GRPC':'HOST:PORT','GRPCUseTLS':true,'Interval':'1s'}";

  private HttpsServer server;

  @BeforeEach
  void start() throws IOException {
    GrpcService grpc =
        new GrpcService(GrpcService.Settings.defaults())
            .addAll(new GrpcHealth(() -> true).methods());
    server =
        new EngineProvider()
            .withProtocols(List.of(new Http2Protocol(Http2Settings.defaults(), grpc)))
            .createHttpsServer(new InetSocketAddress(0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(TlsFiles.mutualServer()));
    server.createContext(
        "/health",
        exchange -> {
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private CheckProbe.Result run(String check, String host, SSLContext tls) throws Exception {
    String port = Integer.toString(server.getAddress().getPort());
    String json = check.replace("HOST", host).replace("PORT", port).replace('\'', '"');
    CheckDefinition definition =
        CheckDefinition.read(GoJson.members(Json.readTree(json.getBytes())), "id", "name");
    return new CheckProbe(tls).run(definition);
  }

  @ParameterizedTest
  @ValueSource(strings = {HTTP, GRPC})
  void checkOverTlsPresentsTheCertificateOfTheAgent(String check) throws Exception {
    SSLContext tls = TlsFiles.client("ca.crt", Optional.of("client"));
    assertThat(run(check, "127.0.0.1", tls).status()).isEqualTo("passing");
    assertThat(run(check, "localhost", tls).status()).isEqualTo("passing");
  }

  @ParameterizedTest
  @ValueSource(strings = {HTTP, GRPC})
  void checkIsCriticalWithoutTheCertificateOrTheCa(String check) throws Exception {
    List<SSLContext> contexts =
        List.of(
            TlsFiles.client("ca.crt", Optional.empty()),
            TlsFiles.client("ca.crt", Optional.of("other-client")),
            TlsFiles.client("other-ca.crt", Optional.of("client")),
            LazyTls.context());
    for (SSLContext tls : contexts) {
      CheckProbe.Result result = run(check, "127.0.0.1", tls);
      assertThat(result.status()).isEqualTo("critical");
      assertThat(result.output()).isNotBlank();
    }
  }

  @Test
  void nameThatIsNotInTheCertificateIsCritical() throws Exception {
    SSLContext tls = TlsFiles.client("ca.crt", Optional.of("client"));
    for (String check : List.of(HTTP, GRPC)) {
      CheckProbe.Result result = run(check, "127.0.0.2", tls);
      assertThat(result.status()).isEqualTo("critical");
      assertThat(result.output()).doesNotContain("refused");
    }
  }
}
