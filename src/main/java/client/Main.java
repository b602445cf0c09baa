// SPDX-License-Identifier: Apache-2.0
package client;

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
import java.util.Arrays;
import java.util.List;
import kit.cli.Flags;
import kit.cli.HttpClientProperties;
import kit.cli.Program;

/** The command-line client of the user service, with a load tester, a gateway and registry tools. */
public final class Main {
  static final String HELP =
      """
      Usage: java -jar client.jar [COMMAND] [flags]

      Users:
        loop                calls GET /user/{uid} at an interval (the default command)
        get UID             calls GET /user/{uid} once; --all = once per instance
        delete UID          calls DELETE /user/{uid}

      Registry:
        doctor              finds out why a service gets no calls
        instances           lists the healthy instances of a service
        services            lists all services
        watch               prints instances as they are added and removed
        targets             serves Prometheus HTTP service discovery
        dev-agent           runs a Consul-compatible registry in memory, for development

      Traffic:
        load                load-tests a service; prints throughput, latency and errors
        gateway             HTTP gateway: proxies /{service}/... to instances of the service

      Credentials:
        token               requests an access token with a user name and a password
        hash-password NAME  prints an entry for the service's --users-file

      Help for a command: java -jar client.jar COMMAND --help""";

  static final List<String> COMMANDS =
      List.of(
          "loop",
          "get",
          "delete",
          "doctor",
          "instances",
          "services",
          "watch",
          "targets",
          "dev-agent",
          "load",
          "gateway",
          "token",
          "hash-password",
          "help");

  private Main() {}

  /** Runs one command. */
  public static void main(String... args) {
    HttpClientProperties.set();
    Program.run(() -> dispatch(args));
  }

  private static void dispatch(String... args) throws Exception {
    boolean noCommand = args.length == 0 || args[0].startsWith("-") && !isHelp(args[0]);
    String command = noCommand ? "loop" : args[0];
    String[] rest = noCommand ? args : Arrays.copyOfRange(args, 1, args.length);
    switch (command) {
      case "loop" -> Loop.run(rest);
      case "get" -> CallOnce.get(rest);
      case "delete" -> CallOnce.delete(rest);
      case "doctor" -> Doctor.run(rest);
      case "instances" -> ListInstances.run(rest);
      case "services" -> ListServices.run(rest);
      case "watch" -> WatchInstances.run(rest);
      case "load" -> Load.run(rest);
      case "gateway" -> Gateway.run(rest);
      case "token" -> FetchToken.run(rest);
      case "hash-password" -> HashPassword.run(rest);
      case "targets" -> Targets.run(rest);
      case "dev-agent" -> DevAgentCommand.run(rest);
      case "help", "-h", "-help", "--help" -> System.out.println(HELP);
      default -> throw new Flags.UsageException(unknown(command));
    }
  }

  static String unknown(String command) {
    String hint =
        Flags.nearest(command, COMMANDS)
            .map(known -> "; did you mean " + known + "?")
            .orElse("; --help lists the commands");
    return "unknown command " + Flags.shown(command) + hint;
  }

  private static boolean isHelp(String arg) {
    return arg.equals("-h") || arg.equals("-help") || arg.equals("--help");
  }
}
