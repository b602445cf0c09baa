// SPDX-License-Identifier: Apache-2.0
package it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import kit.consul.agent.DevAgent;
import kit.http.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import testing.ConsulAgent;
import testing.Eventually;
import testing.JarProcess;
import testing.JarProcesses;

/** The doctor on real services, with the embedded agent and with a real Consul that has ACLs. */
@Timeout(120)
class DoctorIT {
  @RegisterExtension private final JarProcesses jars = new JarProcesses();

  private JarProcess doctor(int status, String registry, String... more) throws Exception {
    String[] command = new String[more.length + 3];
    command[0] = "doctor";
    command[1] = "--timeout";
    command[2] = "10s";
    System.arraycopy(more, 0, command, 3, more.length);
    JarProcess doctor = jars.client(registry, command);
    assertThat(doctor.exitStatus()).as(String.join("\n", doctor.out())).isEqualTo(status);
    assertThat(doctor.err()).isEmpty();
    return doctor;
  }

  @Test
  void embeddedAgentIsExamined() throws Exception {
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      String registry = "consul://" + agent.uri().getAuthority();
      int alive = jars.service(registry, 0).port();
      JarProcess other = jars.service(registry, 0);
      int killed = other.port();
      Eventually.within(
          Duration.ofSeconds(30),
          () ->
              assertThat(jars.outputOfClient(registry, "instances"))
                  .containsExactlyInAnyOrder("127.0.0.1:" + alive, "127.0.0.1:" + killed));

      assertThat(doctor(0, registry).out())
          .contains(
              "ok    instances: 2 of 2 registered are passing",
              "ok    instance 127.0.0.1:%d: /health is 200, /ready is 200, responds as jerry%d"
                  .formatted(alive, alive))
          .allMatch(line -> line.startsWith("ok "));

      assertThat(doctor(1, registry, "--service", "userservise").out())
          .last()
          .asString()
          .endsWith("; did you mean userservice?");

      other.signal("KILL");
      other.exitStatus();
      JsonNode report =
          Json.readTree(String.join("", doctor(1, registry, "--json").out()).getBytes());
      assertThat(report.get("findings"))
          .anyMatch(
              it ->
                  it.get("level").asText().equals("FAIL")
                      && it.get("seen").asText().startsWith("connection refused"));
    }
  }

  @Test
  void rightsOfTheTokenAreExaminedAndNoTokenIsPrinted() throws Exception {
    String master = UUID.randomUUID().toString();
    String wrong = UUID.randomUUID().toString();
    try (ConsulAgent agent =
        ConsulAgent.start(
            new ConsulAgent.Security(master, Path.of("src/test/resources/kit/tls")))) {
      String registry = "consul://" + agent.uri().getAuthority();
      jars.service(registry, 0, "--consul-token", master).port();
      Eventually.within(
          Duration.ofSeconds(30),
          () ->
              assertThat(jars.outputOfClient(registry, "instances", "--consul-token", master))
                  .hasSize(1));

      List<String> all = doctor(0, registry, "--consul-token", master).out();
      List<String> denied = doctor(1, registry, "--consul-token", wrong).out();
      assertThat(all).allMatch(line -> line.startsWith("ok "));
      assertThat(all.get(0)).contains(", version ").doesNotContain("not shown");
      assertThat(denied).last().asString().startsWith("FAIL  rights: ").contains("403");
      assertThat(all).noneMatch(line -> line.contains(master));
      assertThat(denied).noneMatch(line -> line.contains(wrong));
    }
  }
}
