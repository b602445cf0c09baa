// SPDX-License-Identifier: Apache-2.0
package userservice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kit.cli.Flags;
import kit.http.server.ServerSettings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import testing.HelpPage;

class OptionsTest {
  @Test
  void helpShowsTheFlagsInGroups() {
    HelpPage help = HelpPage.of(() -> new Options("--help"));

    help.check("user-service.jar [flags]");
    assertThat(help.flags("Service")).containsExactly("name", "proxy");
    assertThat(help.flags("Server"))
        .containsExactly(
            "port",
            "bind",
            "engine",
            "grpc-port",
            "grpc",
            "thrift-port",
            "rate",
            "burst",
            "max-in-flight",
            "request-timeout",
            "response-timeout",
            "drain-delay",
            "drain-timeout");
    assertThat(help.flags("Registry"))
        .startsWith("registry", "consul-token")
        .contains("advertise", "tags", "check", "check-interval", "deregister-after");
    assertThat(help.flags("Security")).startsWith("jwt-key-file").endsWith("users-file");
    assertThat(help.flags("Fault injection")).containsExactly("fail-ratio", "delay");
    assertThat(help.flags("Observability"))
        .containsExactly("zipkin", "sample-ratio", "log-level", "log-format", "access-log");
    assertThat(help.text()).contains("  consul[+https]://host:port ", "  none ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--grpc                                | --grpc: needs --engine kit, or use --grpc-port",
        "--grpc --engine kit --grpc-port 82    | --grpc and --grpc-port",
        "--grpc-port 81                        | --grpc-port: is that of --port",
        "--grpc-port 65536                     | --grpc-port",
        "--check grpc                          | --check grpc: needs --grpc-port or --grpc",
        "--thrift-port 81                      | --thrift-port: is that of --port",
        "--thrift-port 82 --grpc-port 82       | --thrift-port: is that of --grpc-port",
        "--thrift-port x                       | --thrift-port",
      })
  void flagsOfPortsMustAgree(String flags, String problem) {
    List<String> args = new ArrayList<>(List.of("--name", "a", "--port", "81"));
    args.addAll(List.of(flags.split(" ")));
    assertThatThrownBy(() -> new Options(args.toArray(new String[0])))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith(problem);
  }

  @Test
  void grpcIsOffByDefault() {
    assertThat(new Options("--name", "a", "--port", "0").grpc.isOn()).isFalse();
    String[] own = {"--name", "a", "--port", "0", "--grpc-port", "0", "--check", "grpc"};
    assertThat(new Options(own).grpc.port()).contains(0);
    String[] shared = {"--name", "a", "--port", "0", "--grpc", "--engine", "kit"};
    assertThat(new Options(shared).grpc.isShared()).isTrue();
  }

  @Test
  void timeLimitsOfTheServerHaveDefaults() {
    Options options = new Options("--name", "a", "--port", "0");
    assertThat(options.server.timeouts())
        .isEqualTo(new ServerSettings(Duration.ofSeconds(10), Duration.ofSeconds(60)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0s", "500ms", "1.5s"})
  void timeLimitsOfTheServerAreWholeSeconds(String timeout) {
    for (String flag : new String[] {"--request-timeout", "--response-timeout"}) {
      assertThatThrownBy(() -> new Options("--name", "a", "--port", "0", flag, timeout))
          .hasMessageContaining(flag)
          .hasMessageContaining("1s");
    }
  }

  @Test
  void serviceThatWouldCallItselfIsRejected() {
    String[] byName = {"--name", "a", "--port", "8081", "--proxy", "consul:a"};
    String[] byAddress = {"--name", "a", "--port", "8081", "--proxy", "127.0.0.1:8081,10.0.0.5:80"};
    String[] others = {"--name", "a", "--port", "8081", "--proxy", "10.0.0.5:8081,127.0.0.1:8082"};

    assertThatThrownBy(() -> new Options(byName))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageContainingAll("--proxy", "call itself", "consul:a");
    assertThatThrownBy(() -> new Options(byAddress))
        .hasMessageContainingAll("--proxy", "call itself", "127.0.0.1:8081");
    assertThat(new Options(others).proxy.get()).isPresent();
    assertThatThrownBy(
            () -> options("--bind", "::1", "--port", "8081", "--proxy", "[::1]:8081,10.0.0.5:80"))
        .hasMessageContainingAll("--proxy", "call itself", "[::1]:8081");
  }

  private static Options options(String... more) {
    List<String> args = new ArrayList<>(List.of("--name", "a"));
    args.addAll(List.of(more));
    return new Options(args.toArray(String[]::new));
  }

  /** An invalid address must not be registered, bound or called. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --bind      | my_host
          --bind      | fe80::1%eth0
          --bind      | [::1]
          --advertise | my_host
          --advertise | a..b
          --advertise | fe80::1%eth0
          --advertise | 127.1
          --advertise | 0.0.0.0
          --advertise | ::
          --advertise | 0:0:0:0:0:0:0:0
          --registry  | consul://my_consul:8500
          --registry  | consul://a..b:8500
          --registry  | consul+https://my_consul:8501
          --registry  | consul://[fe80::1%eth0]:8500
          --registry  | etcd://127.0.0.1:2379,my_etcd:2379
          --registry  | dns://my_dns:53/service.consul
          --registry  | static:127.0.0.1:8081,my_service:8081
          --proxy     | 127.0.0.1:8081,my_service:8081
          --proxy     | http://my_gateway:8080/userservice
          --zipkin    | http://my_zipkin:9411
          --zipkin    | http://[fe80::1%25eth0]:9411
          --zipkin    | http://127.0.0.1:99999
          """)
  void invalidAdvertisedAddressIsAUsageError(String flag, String value) {
    assertThatThrownBy(() -> options("--port", "0", flag, value))
        .isInstanceOf(Flags.UsageException.class)
        .hasMessageStartingWith(flag + ": not ")
        .hasMessageMatching(".*(host|HOST).*") // The form that is accepted.
        .hasMessageEndingWith(": \"" + value + '"');
  }
}
