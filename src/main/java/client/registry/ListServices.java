// SPDX-License-Identifier: Apache-2.0
package client.registry;

import client.options.Options;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import kit.LogSafe;
import kit.cli.Flags;
import kit.cli.Output;
import kit.discovery.Services;
import kit.http.Json;

/** Lists all services, one per line, with their tags. */
public final class ListServices {
  private ListServices() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options("services", "Lists all services, healthy or not, with their tags.");
    Supplier<Boolean> json = options.flags().optional("json", Flags.SWITCH, "false", "print JSON");
    options.parse(args);
    try (Services services = options.services()) {
      if (!services.awaitFirst(options.timeout())) {
        throw Options.noAnswer(services.failure());
      }
      print(services.snapshot(), json.get());
    }
  }

  private static void print(Map<String, List<String>> tagsByName, boolean asJson) {
    if (asJson) {
      Output.line(new String(Json.write(tagsByName), StandardCharsets.UTF_8));
    } else {
      tagsByName.forEach(
          (name, tags) -> Output.line(LogSafe.of((name + " " + String.join(",", tags)).strip())));
    }
  }
}
