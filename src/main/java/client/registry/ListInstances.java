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

/** Prints where the service is to be found, one {@code host:port} a line. */
public final class ListInstances {
  private ListInstances() {}

  public static void run(String... args) throws Exception {
    Options options =
        new Options("instances", "Lists the healthy instances of a service.").forService();
    Supplier<Boolean> json =
        options.flags().optional("json", Flags.SWITCH, "false", "as JSON, with tags and meta");
    options.parse(args);
    List<Instance> instances = options.currentInstances();
    if (json.get()) {
      Output.line(new String(Json.write(instances), StandardCharsets.UTF_8));
    } else {
      instances.forEach(instance -> Output.line(instance.authority()));
    }
  }
}
