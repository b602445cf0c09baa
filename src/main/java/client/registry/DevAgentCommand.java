// SPDX-License-Identifier: Apache-2.0
package client.registry;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import kit.Shutdown;
import kit.cli.CallTlsFlags;
import kit.cli.Flags;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.ServerFlags;
import kit.consul.agent.DevAgent;

/** Runs a Consul-compatible registry in memory until a signal. */
public final class DevAgentCommand {
  private static final Duration SHUTDOWN_BUDGET = Duration.ofSeconds(5); // It needs less than 2.
  private static final String PURPOSE = "for development; in production run a Consul cluster";

  private DevAgentCommand() {}

  /** Runs the command. */
  public static void run(String... args) {
    Flags flags =
        new Flags(
            "java -jar client.jar dev-agent",
            "Runs a Consul-compatible registry in memory:\n" + PURPOSE + ".",
            Program.ENVIRONMENT_PREFIX,
            Program.environment());
    ServerFlags server = new ServerFlags(flags, "8500").declareTls();
    CallTlsFlags checks = new CallTlsFlags(flags);
    Supplier<Logs> logs = Logs.flags(flags, "warn");
    flags.parse(args);
    logs.get();

    Optional<SSLContext> tls = server.tls();
    SSLContext checkTls = checks.context();
    DevAgent agent = server.bind((host, port) -> DevAgent.start(host, port, tls, checkTls));
    new Shutdown(SHUTDOWN_BUDGET)
        .step("stop the agent", agent)
        .step("stop following the TLS files", server::closeTls)
        .step("stop following the TLS files of checks", checks.follow())
        .onSignal();
    System.out.println("dev-agent listening on " + agent.uri() + " (" + PURPOSE + ")");
  }
}
