// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import kit.consul.ConsulClient.Entry;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Status;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;
import testing.SharedServer;

/** The registration of the service with a real Consul, and discovery by clients. */
@Timeout(90)
class ServiceInConsulIT {
  @RegisterExtension
  static final SharedServer<ConsulAgent> consul =
      new SharedServer<>(ConsulAgent::start, ConsulAgent::deregisterAll);

  @RegisterExtension final JarProcesses jars = new JarProcesses();

  private JarProcess startService(String... more) {
    return jars.service(consul.get().registry(), 0, more);
  }

  private List<String> client(String... command) throws Exception {
    return jars.outputOfClient(consul.get().registry(), command);
  }

  private Entry awaitStatus(int port, Status status, int seconds) throws Exception {
    Entry[] found = new Entry[1];
    Eventually.within(
        Duration.ofSeconds(seconds),
        () -> {
          HealthQuery all =
              new HealthQuery("userservice", List.of(), false, false, 0, Duration.ofSeconds(1));
          assertThat(consul.get().client().health(all).entries())
              .filteredOn(entry -> entry.service().port() == port)
              .singleElement()
              .satisfies(entry -> assertThat(entry.status()).isEqualTo(status))
              .satisfies(entry -> found[0] = entry);
        });
    return found[0];
  }

  @Test
  void clientsReadTheRoutesOfAService() throws Exception {
    awaitStatus(startService().port(), Status.PASSING, 10);

    JsonNode meta = new ObjectMapper().readTree(client("instances", "--json").get(0)).at("/0/meta");

    List<String> routes = new ArrayList<>();
    meta.forEach(route -> routes.add(route.asText()));
    assertThat(meta.path("route-1").asText()).isEqualTo("GET /user/{uid:\\d+}");
    assertThat(routes).contains("DELETE /user/{uid:\\d+}").noneMatch(it -> it.contains("/health"));
  }

  @Test
  void clientsSelectByTagsAndListServices() throws Exception {
    int blue = startService("--tags", "primary,blue").port();
    awaitStatus(blue, Status.PASSING, 10);
    awaitStatus(startService("--tags", "primary,green").port(), Status.PASSING, 10);

    assertThat(client("instances", "--tags", "primary")).hasSize(2);
    assertThat(client("instances", "--tags", "primary,blue")).containsExactly("127.0.0.1:" + blue);
    assertThat(client("get", "101", "--all", "--tags", "blue")).containsExactly("jerry" + blue);
    assertThat(client("services")).containsExactly("consul", "userservice blue,green,primary");
  }

  @Test
  void clientsFindItByDns() throws Exception {
    List<Integer> ports = new ArrayList<>();
    for (JarProcess service : List.of(startService(), startService())) {
      ports.add(service.port());
    }
    for (int port : ports) {
      awaitStatus(port, Status.PASSING, 10);
    }
    String dns = "dns://" + consul.get().dnsAuthority() + "/service.consul";
    String[] names = ports.stream().map(port -> "jerry" + port).toArray(String[]::new);

    assertThat(jars.outputOfClient(dns, "instances")).hasSize(2);
    assertThat(jars.outputOfClient(dns, "get", "101", "--all")).containsExactlyInAnyOrder(names);
    assertThat(jars.outputOfClient(dns, "loop", "--interval", "10ms", "--count", "4"))
        .containsOnly(names);
  }

  @Test
  void withoutAnHttpCheckTheServiceReportsItsHealth() throws Exception {
    JarProcess service = startService("--check", "ttl", "--check-interval", "1s");
    int port = service.port();
    Entry entry = awaitStatus(port, Status.PASSING, 10);
    assertThat(entry.service().host()).isEqualTo("127.0.0.1");

    service.signal("STOP");
    Entry silent = awaitStatus(port, Status.CRITICAL, 10);
    assertThat(silent.checks()).anyMatch(check -> check.output().contains("TTL expired"));

    service.signal("CONT");
    awaitStatus(port, Status.PASSING, 10);
  }

  @Test
  void wildcardBindIsRegisteredWithTheAddressOfTheAgent() throws Exception {
    JarProcess service = startService("--bind", "0.0.0.0", "--check-interval", "1s");
    int port = service.port();

    Entry entry = awaitStatus(port, Status.PASSING, 10);
    assertThat(entry.service().host()).as("the node's address").isEqualTo("127.0.0.1");
    assertThat(consul.get().client().instance(entry.service().id()).orElseThrow().service().host())
        .isEmpty();
    assertThat(client("get", "101")).containsExactly("jerry" + port);
    assertThat(service.err())
        .anyMatch(line -> line.contains("advertised address: the registry's own (its agent"));
  }

  @Test
  void logsWhenConsulCannotReachIt() throws Exception {
    JarProcess service = startService("--advertise", "127.0.0.9", "--check-interval", "1s");
    int port = service.port();

    awaitStatus(port, Status.CRITICAL, 10);

    Eventually.within(
        Duration.ofSeconds(20), // It looks every 8 to 12.
        () ->
            assertThat(service.err())
                .anyMatch(
                    line ->
                        line.contains("WARN")
                            && line.contains(
                                "reports userservice-127.0.0.9-" + port + " as critical")
                            && line.contains("connection refused")));
  }

  @Test
  void tokenIsShownNowhere() throws Exception {
    JarProcess service = startService("--consul-token", "s3cret", "--log-level", "debug");
    int port = service.port();
    awaitStatus(port, Status.PASSING, 10);
    service.signal("TERM");
    service.exitStatus();
    assertThat(service.err())
        .anyMatch(line -> line.contains("consul-token=***"))
        .noneMatch(line -> line.contains("s3cret"));
  }
}
