// SPDX-License-Identifier: Apache-2.0
package client.registry;

import client.options.Options;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;
import kit.cli.Flags;
import kit.cli.Output;
import kit.discovery.Instance;
import kit.http.Json;

/** Lists the healthy instances of a service, one {@code host:port} per line. */
public final class ListInstances {
  private ListInstances() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options("instances", "Lists the healthy instances of a service.").forService();
    Supplier<Boolean> json =
        options
            .flags()
            .optional("json", Flags.SWITCH, "false", "print JSON, with tags and metadata");
    options.parse(args);
    List<Instance> instances = options.currentInstances();
    if (json.get()) {
      Output.line(new String(Json.write(instances), StandardCharsets.UTF_8));
    } else {
      instances.forEach(instance -> Output.line(instance.authority()));
    }
  }
}
