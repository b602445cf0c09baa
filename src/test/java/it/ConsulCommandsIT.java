// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.HealthQuery;
import kit.consul.ConsulClient.Service;
import kit.consul.agent.DevAgent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import testing.Eventually;
import testing.LocalServers;

/** Consul's own command line against the embedded agent; skipped where there is no consul. */
@Timeout(60)
class ConsulCommandsIT {
  private static final Duration SOON = Duration.ofSeconds(10);

  @TempDir private Path scratch;
  private String binary;
  private DevAgent agent;
  private ConsulClient client;

  @BeforeEach
  void start() throws Exception {
    binary = LocalServers.binary("consul");
    agent = DevAgent.start("127.0.0.1", 0);
    client = new ConsulClient(agent.uri());
  }

  @AfterEach
  void stop() {
    if (agent != null) {
      agent.close();
    }
  }

  /** Runs a command to its end, and returns its output if its exit status is 0. */
  private String consul(String... arguments) throws Exception {
    Path output = Files.createTempFile(scratch, "consul", ".out");
    Process process = start(output, arguments);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("ended").isTrue();
    String text = Files.readString(output);
    assertThat(process.exitValue()).as(text).isZero();
    return text;
  }

  private Process start(Path output, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(binary));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("CONSUL_HTTP_ADDR", agent.uri().getAuthority());
    return builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
  }

  private int passing(String name) throws Exception {
    return client.health(HealthQuery.passing(name, List.of())).entries().size();
  }

  private void register(String name, String... tags) throws Exception {
    client.register(
        new Service(name + "-1", name, "10.0.0.5", 80, List.of(tags), Map.of()), List.of());
  }

  @Test
  void membersAndCatalogueAreListed() throws Exception {
    register("web", "v1", "v2");

    assertThat(consul("members")).containsPattern("dev-agent +127\\.0\\.0\\.1:8301 +alive +server");
    assertThat(consul("catalog", "datacenters").strip()).isEqualTo("dc1");
    assertThat(consul("catalog", "nodes")).contains("dev-agent").contains("127.0.0.1");
    assertThat(consul("catalog", "nodes", "-service=web")).contains("dev-agent");
    assertThat(consul("catalog", "services").lines()).containsExactly("consul", "web");
    assertThat(consul("catalog", "services", "-tags")).contains("v1,v2");
    assertThat(consul("catalog", "services", "-node=dev-agent")).contains("web");
    assertThat(consul("info")).isNotNull();
  }

  @Test
  void servicesAreRegisteredAndDeregistered() throws Exception {
    Path definition = scratch.resolve("web.json");
    Files.writeString(
        definition,
        """
        {"service": {"name": "web", "id": "web-1", "port": 80, "tags": ["a"],
                     "meta": {"zone": "b"}, "check": {"ttl": "1h", "status": "passing"}}}
        """);

    consul("services", "register", definition.toString());
    assertThat(passing("web")).isEqualTo(1);
    assertThat(client.services().get("web-1").meta()).containsEntry("zone", "b");

    consul("services", "register", "-name=api", "-port=81", "-tag=x");
    assertThat(client.services().get("api").tags()).containsExactly("x");

    consul("services", "deregister", "-id=web-1");
    consul("services", "deregister", "-id=api");
    assertThat(client.services()).isEmpty();
  }

  @Test
  void maintenanceIsEnabledListedAndDisabled() throws Exception {
    register("web");

    consul("maint", "-enable", "-service=web-1", "-reason=upgrade");
    assertThat(passing("web")).isZero();
    assertThat(consul("maint")).contains("web-1").contains("upgrade");
    consul("maint", "-disable", "-service=web-1");
    assertThat(passing("web")).isEqualTo(1);

    consul("maint", "-enable", "-reason=move");
    assertThat(passing("web")).isZero();
    assertThat(consul("maint")).contains("dev-agent").contains("move");
    consul("maint", "-disable");
    assertThat(passing("web")).isEqualTo(1);
  }

  @Test
  void watchPrintsEachChange() throws Exception {
    register("web");
    Path output = scratch.resolve("watch.out");
    Process watch = start(output, "watch", "-type=service", "-service=web", "cat");
    try {
      awaitInOutput(output, "\"web-1\"");
      client.register(new Service("web-2", "web", "10.0.0.6", 80, List.of(), Map.of()), List.of());
      awaitInOutput(output, "\"web-2\"");
    } finally {
      watch.destroyForcibly().waitFor();
    }
    for (String type : List.of("nodes", "services", "checks")) {
      assertThat(consul("watch", "-type=" + type)).isNotBlank();
    }
    assertThat(consul("watch", "-type=checks", "-state=passing")).contains("serfHealth");
  }

  private static void awaitInOutput(Path output, String text) throws Exception {
    Eventually.within(
        SOON, () -> assertThat(Files.readString(output, StandardCharsets.UTF_8)).contains(text));
  }
}
