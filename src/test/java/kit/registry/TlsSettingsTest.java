// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import kit.cli.Flags;
import kit.cli.HttpEngine;
import kit.discovery.Instances;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import testing.Eventually;
import testing.TlsFiles;

/** TLS towards registries, with a server that requires certificates of its clients. */
@Timeout(30)
class TlsSettingsTest {
  private static final Path FILES = TlsFiles.path("");
  private final BlockingQueue<String> clients = new LinkedBlockingQueue<>();
  private HttpsServer server;

  @BeforeEach
  void start() throws IOException {
    server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(TlsFiles.mutualServer()));
    server.createContext(
        "/",
        exchange -> {
          clients.add(((HttpsExchange) exchange).getSSLSession().getPeerPrincipal().getName());
          exchange.sendResponseHeaders(500, -1);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private static Registry registry(
      Map<String, String> environment, HttpEngine engine, String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment, () -> engine);
    flags.parse(args);
    return registry.get();
  }

  /** Returns the arguments of a registry at the server, with FILES for the folder of certificates. */
  private String[] args(String form, String... more) {
    String authority = "127.0.0.1:" + server.getAddress().getPort();
    List<String> args = new ArrayList<>(List.of("--registry=" + form.replace("AT", authority)));
    for (String flag : more) {
      args.add(flag.replace("=", "=" + FILES + "/"));
    }
    return args.toArray(String[]::new);
  }

  private static void awaitFailure(Registry registry) throws Exception {
    try (Instances instances = registry.instances("web")) {
      Eventually.within(Duration.ofSeconds(10), () -> assertThat(instances.failure()).isPresent());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "consul, consul+https://AT,        JDK",
    "etcd,   etcd+https://AT,          JDK",
    "nacos,  nacos+https://AT,         JDK",
    "eureka, eureka+https://AT/eureka, JDK",
    "eureka, eureka+https://AT/eureka, KIT"
  })
  void serverThatRequiresACertificateGetsThatOfTheFlags(String kind, String form, HttpEngine engine)
      throws Exception {
    String ca = "--" + kind + "-ca-file=ca.crt";
    awaitFailure(registry(Map.of(), engine, args(form, ca)));
    assertThat(clients).isEmpty();

    String certificate = "--" + kind + "-client-cert=client.crt";
    String key = "--" + kind + "-client-key=client.key";
    try (Registry registry = registry(Map.of(), engine, args(form, ca, certificate, key));
        Instances instances = registry.instances("web")) {
      assertThat(clients.poll(10, TimeUnit.SECONDS)).isEqualTo("O=Test,CN=client");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "consul+https://AT, CONSUL_CACERT,  CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY",
    "etcd+https://AT,   ETCDCTL_CACERT, ETCDCTL_CERT,       ETCDCTL_KEY"
  })
  void variablesOfTheRegistrysOwnToolsAreRead(
      String form, String ca, String certificate, String key) throws Exception {
    Map<String, String> environment =
        Map.of(
            ca, FILES.resolve("ca.crt").toString(),
            certificate, FILES.resolve("client.crt").toString(),
            key, FILES.resolve("client.key").toString());
    try (Registry registry = registry(environment, HttpEngine.JDK, args(form));
        Instances instances = registry.instances("web")) {
      assertThat(clients.poll(10, TimeUnit.SECONDS)).isEqualTo("O=Test,CN=client");
    }
  }

  @Test
  void certificateOfTheFlagsNeedsTheirKeyNotThatOfTheVariable() {
    Map<String, String> environment =
        Map.of("CONSUL_CLIENT_KEY", FILES.resolve("client.key").toString());
    String[] args = args("consul+https://AT", "--consul-client-cert=client.crt");
    assertThatThrownBy(() -> registry(environment, HttpEngine.JDK, args))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage("--consul-client-cert and --consul-client-key: one needs the other");
    assertThatThrownBy(() -> registry(environment, HttpEngine.JDK, args("consul+https://AT")))
        .hasMessage("CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY: one needs the other");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          etcd://AT         | --etcd-client-cert=client.crt   | --etcd-client-cert: the registry is not etcd+https
          nacos://AT        | --nacos-client-key=client.key   | --nacos-client-key: the registry is not nacos+https
          etcd+https://AT   | --etcd-client-key=client.key    | --etcd-client-cert and --etcd-client-key: one
          nacos+https://AT  | --nacos-client-cert=client.crt  | --nacos-client-cert and --nacos-client-key: one
          eureka+https://AT/e | --eureka-client-cert=client.crt --eureka-client-key=server.key | --eureka-client-cert, --eureka-client-key: FILES/client.crt: the private key in FILES/server.key does not belong to the certificate (O=Test,CN=client)
          """)
  void fileThatCannotBeUsedIsAUsageError(String form, String flags, String message) {
    String[] args = args(form, flags.split(" "));
    assertThatThrownBy(() -> registry(Map.of(), HttpEngine.JDK, args))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith(message.replace("FILES", FILES.toString()));
  }
}
