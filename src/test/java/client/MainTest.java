// SPDX-License-Identifier: Apache-2.0
package client;

import static org.assertj.core.api.Assertions.assertThat;

import client.auth.FetchToken;
import client.auth.HashPassword;
import client.doctor.Doctor;
import client.gateway.Gateway;
import client.load.Load;
import client.registry.DevAgentCommand;
import client.registry.ListInstances;
import client.registry.ListServices;
import client.registry.Targets;
import client.registry.WatchInstances;
import client.user.CallOnce;
import client.user.Loop;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import kit.cli.Program;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import testing.HelpPage;

class MainTest {
  private static final List<String> LOGS = List.of("log-level", "log-format");
  private static final List<String> REGISTRY =
      List.of(
          "registry",
          "consul-token",
          "consul-token-file",
          "consul-ca-file",
          "consul-client-cert",
          "consul-client-key",
          "etcd-user",
          "etcd-user-file",
          "etcd-ca-file",
          "etcd-client-cert",
          "etcd-client-key",
          "nacos-user",
          "nacos-user-file",
          "nacos-ca-file",
          "nacos-client-cert",
          "nacos-client-key",
          "nacos-poll",
          "zookeeper-user",
          "zookeeper-user-file",
          "eureka-user",
          "eureka-user-file",
          "eureka-ca-file",
          "eureka-client-cert",
          "eureka-client-key",
          "eureka-poll",
          "eureka-renewal");

  private static HelpPage help(String command) {
    Map<String, Program.Body> commands =
        Map.ofEntries(
            Map.entry("loop", () -> Loop.run("--help")),
            Map.entry("get", () -> CallOnce.get("--help")),
            Map.entry("delete", () -> CallOnce.delete("--help")),
            Map.entry("doctor", () -> Doctor.run("--help")),
            Map.entry("instances", () -> ListInstances.run("--help")),
            Map.entry("services", () -> ListServices.run("--help")),
            Map.entry("watch", () -> WatchInstances.run("--help")),
            Map.entry("targets", () -> Targets.run("--help")),
            Map.entry("dev-agent", () -> DevAgentCommand.run("--help")),
            Map.entry("load", () -> Load.run("--help")),
            Map.entry("gateway", () -> Gateway.run("--help")),
            Map.entry("token", () -> FetchToken.run("--help")),
            Map.entry("hash-password", () -> HashPassword.run("--help")));
    assertThat(Main.COMMANDS).containsOnlyOnceElementsOf(commands.keySet()).contains("help");
    return HelpPage.of(commands.get(command)::run);
  }

  static List<String> commands() {
    return Main.COMMANDS.stream().filter(command -> !command.equals("help")).toList();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpOfEachCommandIsLaidOutAlike(String command) {
    help(command).check("client.jar " + command + " ");
  }

  @Test
  void flagsStandInGroups() {
    HelpPage load = help("load");
    assertThat(load.flags("Command"))
        .containsExactly(
            "uid",
            "concurrency",
            "rate",
            "duration",
            "count",
            "max-failed",
            "max-p99",
            "max-gap",
            "json");
    assertThat(load.flags("Service")).containsExactly("service", "tags", "target");
    assertThat(load.flags("Calls"))
        .containsExactly(
            "timeout",
            "engine",
            "picker",
            "rpc",
            "grpc",
            "grpc-shared",
            "thrift",
            "attempts",
            "attempt-timeout");
    assertThat(load.flags("Registry")).containsExactlyElementsOf(REGISTRY);
    assertThat(load.flags("Security")).containsExactly("token", "token-file");
    assertThat(load.flags("Observability"))
        .containsExactly("log-level", "log-format", "zipkin", "sample-ratio");

    HelpPage gateway = help("gateway");
    assertThat(gateway.flags("Registry")).containsExactlyElementsOf(REGISTRY);
    assertThat(gateway.flags("Server")).contains("port", "bind", "rate", "max-in-flight");
    assertThat(gateway.flags("Services")).containsExactly("services", "attempt-timeout");
    assertThat(gateway.flags("Security")).contains("jwt-key-file", "trusted-proxies");

    assertThat(help("dev-agent").flags("Observability")).containsExactlyElementsOf(LOGS);
    assertThat(help("dev-agent").flags("TLS"))
        .containsExactly(
            "tls-cert", "tls-key", "tls-client-ca", "ca-file", "client-cert", "client-key");
    assertThat(help("token").flags("Command")).containsExactly("user");
    assertThat(help("hash-password").flags("Security")).containsExactly("password-file");
  }

  @Test
  void helpListsAllCommandsInOneColumn() {
    List<String> rows = Main.HELP.lines().filter(line -> line.startsWith("  ")).toList();

    assertThat(rows).allMatch(row -> row.length() <= 100);
    assertThat(rows).allMatch(row -> row.matches("  .{18}  \\S.*"));
    assertThat(rows.stream().map(row -> row.strip().split(" ")[0]).toList())
        .containsExactlyInAnyOrderElementsOf(new TreeSet<>(commands()));
    assertThat(Main.HELP).doesNotContainPattern(Pattern.compile("(?i)\\bwho(m|ever)?\\b"));
  }

  @Test
  void unknownCommandSuggestsTheNearest() {
    assertThat(Main.unknown("laod")).contains("laod", "mean load?");
    assertThat(Main.unknown("hash_password")).endsWith("; did you mean hash-password?");
    assertThat(Main.unknown("xyzzy")).contains("xyzzy", "--help").doesNotContain("mean");
    assertThat(Main.unknown("a\nb\u001b")).startsWith("unknown command a\\u{a}b\\u{1b};");
  }
}
