// SPDX-License-Identifier: Apache-2.0
package client;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import kit.cli.Flags;
import kit.cli.Output;
import kit.cli.Program;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;
import kit.http.Json;

/** Prints where the service is to be found, one {@code host:port} a line. */
final class ListInstances {
  private ListInstances() {}

  static void run(String... args) throws Exception {
    Options options =
        new Options("instances", "Lists the healthy instances of a service.").forService();
    Supplier<Boolean> json =
        options.flags.optional("json", Flags.SWITCH, "false", "as JSON, with tags and meta");
    options.parse(args);
    List<Instance> instances = now(options);
    if (json.get()) {
      Output.line(new String(Json.write(instances), StandardCharsets.UTF_8));
    } else {
      instances.forEach(instance -> Output.line(instance.authority()));
    }
  }

  /** Returns the instances at the moment. */
  static List<Instance> now(Options options) throws InterruptedException {
    try (Instances instances = options.instances()) {
      if (!instances.awaitFirst(options.timeout())) {
        throw noAnswer(instances.failure());
      }
      return instances.snapshot();
    }
  }

  static Program.FailedException noAnswer(Optional<Exception> failure) {
    String why = failure.map(e -> ": " + OutageLog.cause(e)).orElse("");
    return new Program.FailedException("the registry does not answer" + why, failure.orElse(null));
  }
}
