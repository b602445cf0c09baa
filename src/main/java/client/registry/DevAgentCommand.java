// SPDX-License-Identifier: Apache-2.0
package client.registry;

import java.io.IOException;
import java.time.Duration;
import java.util.function.Supplier;
import kit.Shutdown;
import kit.cli.Flags;
import kit.cli.HttpAddress;
import kit.cli.Logs;
import kit.cli.Program;
import kit.consul.agent.DevAgent;

/** Stands in for a Consul agent on machines that have none, until a signal ends it. */
public final class DevAgentCommand {
  private static final Duration SHUTDOWN_BUDGET = Duration.ofSeconds(5); // It needs less than 2.
  private static final String PURPOSE = "for development; in production run a Consul cluster";

  private DevAgentCommand() {}

  public static void run(String... args) {
    Flags flags =
        new Flags(
            "java -jar client.jar dev-agent",
            "Runs a registry in memory that services and clients take for a Consul agent:\n"
                + PURPOSE
                + ".",
            System.getenv());
    Supplier<Integer> port =
        flags.optional("port", Flags.PORT, "8500", "TCP port; 0 = any free port");
    Supplier<String> bind =
        flags.optional("bind", HttpAddress.HOST, "127.0.0.1", "address that is bound");
    Supplier<Logs> logs = Logs.flags(flags, "warn");
    flags.parse(args);
    logs.get();

    DevAgent agent = start(bind.get(), port.get());
    new Shutdown(SHUTDOWN_BUDGET).step("stop the agent", agent).onSignal();
    System.out.println("dev-agent listening on " + agent.uri() + " (" + PURPOSE + ")");
  }

  private static DevAgent start(String host, int port) {
    try {
      return DevAgent.start(host, port);
    } catch (IOException e) {
      throw new Program.FailedException(
          "--port: cannot listen on " + host + ":" + port + ": " + e.getMessage(), e);
    }
  }
}
