// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLHandshakeException;
import kit.cli.Flags;
import kit.discovery.Instances;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.Eventually;
import testing.FakeConsul;
import testing.TestCertificate;

/** Where the registry is and how to get in; {@code it.SecuredConsulIT} does so for real. */
@Timeout(30)
class RegistryFlagsTest {
  private static final String WEB = "/v1/health/service/web";

  @TempDir private Path files;

  /** The registry that flags and variables ask for. */
  private Registry registry(Map<String, String> environment, String... args) {
    Flags flags = new Flags("test", "Test.", "KIT_", environment);
    RegistryFlags registry = new RegistryFlags(flags, environment);
    flags.parse(args);
    assertThat(flags.effective()).doesNotContain("s3cret");
    assertThat(registry.get()).isSameAs(registry.get());
    return registry.get();
  }

  private static Map<String, String> with(String... namesAndValues) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      environment.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return environment;
  }

  @ParameterizedTest
  @ValueSource(strings = {"my_consul:8500", "http://a..b:8500", "consul", "unix:///tmp/a.sock"})
  void wrongVariableOfConsulsOwnToolsIsAUsageError(String address) {
    Map<String, String> environment = Map.of("CONSUL_HTTP_ADDR", address);

    assertThatThrownBy(() -> registry(environment))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith("CONSUL_HTTP_ADDR: not http[s]://host:port or host:port: ");
    assertThat(registry(environment, "--registry", "none").isNone()).isTrue();
  }

  @Test
  void userInTheVariableOfConsulsOwnToolsIsNotShown() {
    assertThatThrownBy(() -> registry(Map.of("CONSUL_HTTP_ADDR", "http://me:s3cret@h:8500")))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining("CONSUL_HTTP_ADDR")
        .hasMessageNotContaining("s3cret");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # flag                     | variable               | its value | sent
          -                          | -                      | -         | -
          -                          | CONSUL_HTTP_TOKEN      | s3cret    | s3cret
          -                          | CONSUL_HTTP_TOKEN      | ''        | -
          -                          | CONSUL_HTTP_TOKEN_FILE | FILE      | s3cret-in-file
          -                          | KIT_CONSUL_TOKEN       | s3cret    | s3cret
          -                          | KIT_CONSUL_TOKEN_FILE  | FILE      | s3cret-in-file
          --consul-token=s3cret      | CONSUL_HTTP_TOKEN      | other     | s3cret
          --consul-token=s3cret      | CONSUL_HTTP_TOKEN_FILE | FILE      | s3cret
          --consul-token-file=FILE   | CONSUL_HTTP_TOKEN      | other     | s3cret-in-file
          """)
  void tokenComesFromFlagVariableOrFile(String flag, String variable, String value, String sent)
      throws Exception {
    Path file = Files.writeString(files.resolve("token"), " s3cret-in-file\n");
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", WEB).hang();
      Map<String, String> environment =
          with("KIT_REGISTRY", "consul://" + fake.uri().getAuthority());
      if (variable != null) {
        environment.put(variable, value.replace("FILE", file.toString()));
      }
      String[] args = flag == null ? new String[0] : new String[] {in(flag, file)};
      try (Instances instances = registry(environment, args).instances("web")) {
        assertThat(fake.awaitRequest().headers().getFirst("X-Consul-Token")).isEqualTo(sent);
      }
    }
  }

  private static String in(String text, Path file) {
    return text.replace("=FILE", "=" + file);
  }

  @Test
  void fileOfATokenCountsMoreThanItsVariableAsForConsulsOwnTools() throws Exception {
    Path file = Files.writeString(files.resolve("token"), "s3cret");
    try (FakeConsul fake = new FakeConsul()) {
      fake.on("GET", WEB).hang();
      Map<String, String> environment =
          with(
              "CONSUL_HTTP_ADDR", fake.uri().toString(),
              "CONSUL_HTTP_TOKEN", "other",
              "CONSUL_HTTP_TOKEN_FILE", file.toString());
      try (Instances instances = registry(environment).instances("web")) {
        assertThat(fake.awaitRequest().headers().getFirst("X-Consul-Token")).isEqualTo("s3cret");
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --consul-token-file=/no/such | --consul-token-file: no such file: /no/such
          --consul-token-file=EMPTY    | --consul-token-file: not a token
          --consul-token=s3 cret       | --consul-token: not a token
          --consul-token-file=EMPTY --consul-token=s3cret | --consul-token and --consul-token-file: only one
          --consul-ca-file=EMPTY       | --consul-ca-file: the registry is not consul+https://host:port
          --registry=consul+https://a:1 --consul-ca-file=/no/such | --consul-ca-file: /no/such: no such file
          --registry=consul+https://a:1 --consul-ca-file=EMPTY    | --consul-ca-file: EMPTY: empty
          --registry=consul+https://a:1 --consul-ca-file=TEXT     | --consul-ca-file: TEXT: not PEM
          """)
  void whatIsWrongIsToldByTheNameOfItsFlag(String args, String message) throws Exception {
    String empty = Files.writeString(files.resolve("empty"), "").toString();
    String text = Files.writeString(files.resolve("text"), "no certificate").toString();
    String[] split = args.replace("EMPTY", empty).replace("TEXT", text).split(" (?=--)");
    assertThatThrownBy(() -> registry(Map.of(), split))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContaining(message.replace("EMPTY", empty).replace("TEXT", text));
  }

  @ParameterizedTest
  @CsvSource({
    "consul://h:1,       CONSUL_HTTP_TOKEN",
    "consul://h:1,       CONSUL_HTTP_TOKEN_FILE",
    "consul+https://h:1, CONSUL_CACERT",
    "consul+https://h:1, CONSUL_CLIENT_CERT",
    "consul+https://h:1, CONSUL_CLIENT_KEY",
    "etcd://h:1,         ETCDCTL_USER",
    "etcd+https://h:1,   ETCDCTL_CACERT",
    "etcd+https://h:1,   ETCDCTL_CERT",
    "etcd+https://h:1,   ETCDCTL_KEY"
  })
  void variableThatTheJvmCouldNotDecodeIsRefused(String uri, String variable) {
    assertThatThrownBy(() -> registry(with(variable, "a:p\ufffd"), "--registry", uri))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessage(variable + ": not in the encoding of the locale; use UTF-8 or a file");
  }

  @Test
  void variableForTlsDoesNotHurtWithoutIt() {
    Map<String, String> environment = with("CONSUL_CACERT", "/no/such");
    assertThat(registry(environment)).hasToString("consul://127.0.0.1:8500");
    environment.put("CONSUL_HTTP_SSL", "true");
    assertThatThrownBy(() -> registry(environment))
        .hasMessage("CONSUL_CACERT: /no/such: no such file");
  }

  @Test
  void otherRegistriesWantNothingOfConsul() {
    Map<String, String> environment = with("CONSUL_HTTP_TOKEN_FILE", "/no/such");
    assertThat(registry(environment, "--registry=none")).hasToString("none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      textBlock =
          """
          # registry              | flag given         | without effect
          consul://127.0.0.1:8500 | -                  | -
          consul://127.0.0.1:8500 | --tags=a           | -
          consul://127.0.0.1:8500 | --etcd-user=a:b    | --etcd-user
          etcd://127.0.0.1:2379   | -                  | -
          etcd://127.0.0.1:2379   | --tags=primary     | --tags
          etcd://127.0.0.1:2379   | --consul-token=x   | --consul-token
          etcd://127.0.0.1:2379   | --etcd-user=a:b    | -
          etcd://127.0.0.1:2379   | --nacos-user=a:b   | --nacos-user
          consul://127.0.0.1:8500 | --nacos-poll=1s    | --nacos-poll
          nacos://127.0.0.1:8848  | --nacos-poll=1s    | -
          nacos://127.0.0.1:8848  | --tags=primary     | -
          nacos://127.0.0.1:8848  | --etcd-ca-file=x   | --etcd-ca-file
          nacos://127.0.0.1:8848  | --consul-token=x   | --consul-token
          zookeeper://127.0.0.1:1 | --tags=primary     | --tags
          zookeeper://127.0.0.1:1 | --zookeeper-user=a:b | -
          nacos://127.0.0.1:8848  | --zookeeper-user=a:b | --zookeeper-user
          none                    | --tags=a           | --tags
          """)
  void whatOnlyAnotherKindOfRegistryUnderstandsHasNoEffect(
      String uri, String given, String expected) {
    Flags flags = new Flags("test", "Test.", "KIT_", Map.of());
    RegistryFlags registry = new RegistryFlags(flags, Map.of());
    flags.optional("tags", Flags.LIST, "primary", "labels");
    String[] args = {"--registry", uri, given};

    flags.parse(given == null ? Arrays.copyOf(args, 2) : args);

    assertThat(registry.withoutEffect())
        .isEqualTo(expected == null ? List.of() : List.of(expected));
  }

  @Test
  void overTlsTheCaFileDecidesWhomToTrust() throws Exception {
    TestCertificate certificate = TestCertificate.in(files);
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certificate.serverTls()));
    CompletableFuture<String> token = new CompletableFuture<>();
    server.createContext(
        "/",
        exchange -> {
          token.complete(exchange.getRequestHeaders().getFirst("X-Consul-Token"));
          exchange.sendResponseHeaders(500, -1);
          exchange.close();
        });
    server.start();
    try {
      String address = "--registry=consul+https://127.0.0.1:" + server.getAddress().getPort();
      try (Instances instances =
          registry(Map.of(), address, "--consul-token=s3cret").instances("web")) {
        Eventually.within(
            Duration.ofSeconds(10),
            () -> assertThat(instances.failure()).get().isInstanceOf(SSLHandshakeException.class));
      }
      assertThat(token).isNotDone();

      String ca = "--consul-ca-file=" + certificate.pem();
      try (Instances instances =
          registry(Map.of(), address, ca, "--consul-token=s3cret").instances("web")) {
        assertThat(token.get(10, TimeUnit.SECONDS)).isEqualTo("s3cret");
      }
    } finally {
      server.stop(0);
    }
  }
}
