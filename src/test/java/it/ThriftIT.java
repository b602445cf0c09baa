// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kit.consul.ConsulClient.Entry;
import kit.consul.ConsulClient.Status;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** Thrift of the programs: the service with a real Consul's TCP check, and the client. */
@Timeout(90)
class ThriftIT {
  private static final Pattern ON = Pattern.compile("Thrift on 127\\.0\\.0\\.1:(\\d+)");

  @RegisterExtension
  static final SharedServer<ConsulAgent> consul =
      new SharedServer<>(ConsulAgent::start, ConsulAgent::deregisterAll);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private List<String> client(String... command) throws Exception {
    return jars.outputOfClient(consul.get().registry(), command);
  }

  private JarProcess failingClient(String... command) throws Exception {
    JarProcess client = jars.client(consul.get().registry(), command);
    assertThat(client.exitStatus()).isEqualTo(1);
    return client;
  }

  @Test
  void serviceIsCheckedByConsulAndCalledByClients() throws Exception {
    JarProcess service =
        jars.service(consul.get().registry(), 0, "--thrift-port", "0", "--check-interval", "1s");
    int http = service.port();
    Matcher on = ON.matcher(String.join("\n", service.err()));
    assertThat(on.find()).isTrue(); // Before the service is ready.
    String address = "127.0.0.1:" + on.group(1);
    String id = "userservice-thrift-127.0.0.1-" + on.group(1);
    Eventually.within(
        Duration.ofSeconds(20),
        () -> {
          Entry entry = consul.get().client().instance(id).orElseThrow();
          assertThat(entry.status()).isEqualTo(Status.PASSING);
          assertThat(entry.checks())
              .anySatisfy(
                  check ->
                      assertThat(check.output()).isEqualTo("TCP connect " + address + ": Success"));
        });

    assertThat(client("services")).contains("userservice primary", "userservice-thrift primary");
    assertThat(client("get", "101", "--thrift")).containsExactly("jerry" + http);
    assertThat(client("delete", "7", "--thrift")).containsExactly("user 7 deleted");
    assertThat(client("loop", "--thrift", "--count", "3", "--interval", "10ms"))
        .containsOnly("jerry" + http)
        .hasSize(3);
    assertThat(failingClient("delete", "101", "--thrift").err())
        .containsExactly("DELETE /user/101 failed: 403 permission denied (" + address + ")");
    assertThat(failingClient("get", "x", "--thrift").err())
        .containsExactly("GET /user/x failed: 400 uid is not an int32 (" + address + ")");

    service.signal("TERM");
    assertThat(service.exitStatus()).isEqualTo(143);
    assertThat(client("services")).containsExactly("consul");
  }

  private void assertRejected(String problem, String... flags) throws Exception {
    List<String> all = new ArrayList<>(List.of("--thrift-port", "0"));
    all.addAll(List.of(flags));
    JarProcess service = jars.service("none", 0, all.toArray(new String[0]));
    assertThat(service.exitStatus()).isEqualTo(2);
    assertThat(service.err()).last().isEqualTo(problem);
  }

  @Test
  void flagsThatCannotBeServedAreRejected() throws Exception {
    try (ServerSocket taken = new ServerSocket(0)) {
      String port = Integer.toString(taken.getLocalPort());
      JarProcess service = jars.service("none", 0, "--thrift-port", port, "--bind", "0.0.0.0");
      assertThat(service.exitStatus()).isEqualTo(1);
      assertThat(service.err())
          .last()
          .asString()
          .startsWith("--thrift-port: cannot listen on 0.0.0.0:" + port);
    }
    String key = "src/test/resources/kit/auth/HS256.key";
    assertRejected("--thrift-port: Thrift has no place for access tokens", "--jwt-key-file", key);
    assertRejected(
        "--thrift-port: Thrift is not served over TLS",
        "--tls-cert",
        "src/test/resources/kit/tls/server.crt",
        "--tls-key",
        "src/test/resources/kit/tls/server.key");
  }
}
