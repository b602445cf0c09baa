// SPDX-License-Identifier: Apache-2.0
package client;

import client.auth.FetchToken;
import client.auth.HashPassword;
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
import kit.LogSafe;
import kit.cli.Flags;
import kit.cli.HttpClientProperties;
import kit.cli.Program;

/** Calls the user service from the command line. */
public final class Main {
  private static final String HELP =
      """
      usage: java -jar client.jar [COMMAND] [FLAGS]

        loop        asks for a name again and again (also without a command)
        get UID     asks for one name; with --all, every instance
        delete UID  deletes a user
        instances   lists the healthy instances
        services    lists the services
        watch       prints instances as they come and go
        load        calls hard, and says how the service bore it
        gateway     leads /{service}/... to an instance of that service
        token       gets an access token for a user's password
        hash-password NAME
                    makes a line of the file of users that a service has
        targets     tells Prometheus whom to scrape
        dev-agent   stands in for Consul, for development

      Each command explains its flags: java -jar client.jar loop --help""";

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
      default ->
          throw new Flags.UsageException("unknown command " + LogSafe.of(command) + "; see --help");
    }
  }

  private static boolean isHelp(String arg) {
    return arg.equals("-h") || arg.equals("-help") || arg.equals("--help");
  }
}
