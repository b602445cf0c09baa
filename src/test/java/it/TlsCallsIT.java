// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;
import static testing.TlsFiles.file;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import kit.consul.agent.DevAgent;
import kit.engine.EngineProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.JarProcess;
import testing.JarProcesses;
import testing.TlsFiles;

/** Calls of the programs over TLS, as processes. */
@Timeout(120)
class TlsCallsIT {
  // Long: the first handshake of two programs on a busy machine.
  private static final List<String> PATIENT =
      List.of("--timeout", "20s", "--attempt-timeout", "10s");
  private static final List<String> IDENTITY =
      List.of("--client-cert", file("client.crt"), "--client-key", file("client.key"));
  private static final List<String> MUTUAL =
      List.of(
          "--tls-cert",
          file("server.crt"),
          "--tls-key",
          file("server.key"),
          "--tls-client-ca",
          file("ca.crt"));

  @RegisterExtension final JarProcesses jars = new JarProcesses();
  private HttpServer server;

  @AfterEach
  void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  private static String[] words(Object... parts) {
    List<String> words = new ArrayList<>();
    for (Object part : parts) {
      if (part instanceof List<?> more) {
        more.forEach(word -> words.add(word.toString()));
      } else {
        words.addAll(List.of(part.toString().split(" ")));
      }
    }
    return words.toArray(String[]::new);
  }

  private static List<String> trusting(String ca) {
    return List.of("--ca-file", file(ca));
  }

  /** Returns what a command has printed that has succeeded. */
  private List<String> calls(String registry, String command, String engine) throws Exception {
    return jars.outputOfClient(
        registry, words(command, "--engine", engine, trusting("ca.crt"), IDENTITY, PATIENT));
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void commandsCallInstancesOfARegistryWithMutualTls(String engine) throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      // The agent has no certificate to check the service with.
      JarProcess service =
          jars.service(registry, 0, words("--engine", engine, MUTUAL, "--check ttl"));
      int port = service.port();
      String name = "jerry" + port;
      assertThat(calls(registry, "get 101", engine)).containsExactly(name);
      assertThat(calls(registry, "get 101 --all --rpc", engine)).containsExactly(name);
      assertThat(calls(registry, "loop --count 3 --interval 0s", engine))
          .containsExactly(name, name, name);
      assertThat(calls(registry, "load --count 50 --concurrency 2", engine))
          .anyMatch(line -> line.matches("ok +50"))
          .anyMatch(line -> line.matches("failed +0"));

      JarProcess gateway =
          jars.client(
              registry,
              words("gateway --port 0 --engine", engine, trusting("ca.crt"), IDENTITY, MUTUAL));
      assertThat(get(gateway, "gateway listening on ", "/userservice/user/101").body())
          .isEqualTo("{\"result\":\"" + name + "\"}");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"jdk", "kit"})
  void instancesWithoutASchemeAreCalledOverTlsByAFlag(String engine) throws Exception {
    JarProcess service = jars.service("none", 0, words("--engine kit --grpc", MUTUAL));
    int port = service.port();
    String name = "jerry" + port;
    String list = "static:127.0.0.1:" + port;
    assertThat(calls(list, "get 101 --tls", engine)).containsExactly(name);
    assertThat(calls(list, "get 101 --tls --grpc --grpc-shared", engine)).containsExactly(name);
    assertThat(calls("static:https://localhost:" + port, "get 101", engine)).containsExactly(name);
    assertThat(calls("none", "get 101 --target https://127.0.0.1:" + port, engine))
        .containsExactly(name);

    JarProcess proxy =
        jars.service(
            "none",
            0,
            words(
                "--proxy 127.0.0.1:" + port,
                "--tls --engine",
                engine,
                trusting("ca.crt"),
                IDENTITY,
                MUTUAL));
    assertThat(get(proxy, "listening on ", "/user/101").body()).contains(name);
  }

  /** Sends a request, again while the proxies' first handshake takes longer than they wait. */
  private static HttpResponse<String> get(JarProcess process, String announcement, String path)
      throws Exception {
    String line = process.nextLine();
    assertThat(line).startsWith(announcement + "https://127.0.0.1:");
    URI uri = URI.create(line.substring(announcement.length()) + path);
    HttpClient client =
        HttpClient.newBuilder()
            .sslContext(TlsFiles.client("ca.crt", Optional.of("client")))
            .build();
    HttpResponse<String> response;
    int attempts = 0;
    do {
      response = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    } while (response.statusCode() >= 502 && ++attempts < 10);
    return response;
  }

  private int serve(Optional<SSLContext> tls) throws IOException {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
    if (tls.isPresent()) {
      HttpsServer secured = new EngineProvider().createHttpsServer(anyPort, 0);
      secured.setHttpsConfigurator(new HttpsConfigurator(tls.get()));
      server = secured;
    } else {
      server = new EngineProvider().createHttpServer(anyPort, 0);
    }
    server.start();
    return server.getAddress().getPort();
  }

  @ParameterizedTest
  @CsvSource({
    "jdk, server.crt, other-ca.crt, the server's certificate is not of a trusted CA",
    "kit, expired.crt, ca.crt, the server's certificate has expired",
    "jdk, not-yet-valid.crt, ca.crt, the server's certificate is not valid yet",
    "kit, elsewhere.crt, ca.crt, the server's certificate is for another host or address",
    "jdk, none, ca.crt, the server does not speak TLS on this port",
  })
  void failedHandshakeIsOneLine(String engine, String certificate, String ca, String reason)
      throws Exception {
    boolean hasTls = !certificate.equals("none");
    int port =
        serve(hasTls ? Optional.of(TlsFiles.server(certificate)) : Optional.<SSLContext>empty());
    String target = "get 101 --target https://127.0.0.1:" + port;
    JarProcess get = jars.client("none", words(target, "--engine", engine, trusting(ca), PATIENT));
    assertThat(get.exitStatus()).isEqualTo(1);
    assertThat(get.err())
        .containsExactly("GET /user/101 failed: TLS: " + reason + " (127.0.0.1:" + port + ")");
  }

  @Test
  void missingClientCertificateIsAKindOfItsOwn() throws Exception {
    int port = serve(Optional.of(TlsFiles.mutualServer()));
    String command = "load --count 3 --concurrency 1 --target https://127.0.0.1:" + port;
    for (String engine : List.of("jdk", "kit")) {
      JarProcess load =
          jars.client("none", words(command, "--engine", engine, trusting("ca.crt"), PATIENT));
      assertThat(load.exitStatus()).isEqualTo(1);
      assertThat(load.out())
          .anyMatch(line -> line.matches(" +TLS no client certificate 3 .* that it accepts .*"));
    }
  }

  @Test
  void prometheusScrapesAnInstanceByItsScheme() throws Exception {
    JarProcess targets =
        jars.client("static:https://127.0.0.1:1,127.0.0.1:2", words("targets --port 0", MUTUAL));
    String line = targets.nextLine();
    URI uri = URI.create(line.substring(line.indexOf("https:")) + "/targets");
    HttpClient client =
        HttpClient.newBuilder()
            .sslContext(TlsFiles.client("ca.crt", Optional.of("client")))
            .build();
    String body = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
    assertThat(body).containsOnlyOnce("\"__scheme__\":\"https\"").contains("127.0.0.1:2");
  }

  @Test
  void thriftHasNoTls() throws Exception {
    JarProcess get = jars.client("static:127.0.0.1:1", words("get 101 --thrift --tls"));
    assertThat(get.exitStatus()).isEqualTo(2);
    assertThat(get.err()).containsExactly("--thrift and --tls: only one of them is allowed");
  }
}
