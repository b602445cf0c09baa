// SPDX-License-Identifier: Apache-2.0
package kit.registry;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import kit.discovery.Instances;

/** Reads the instances of a registry that holds nothing else: DNS, a file, a fixed list. */
final class WatchInspection implements Inspection {
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final Registry registry;

  WatchInspection(Registry registry) {
    this.registry = registry;
  }

  @Override
  public Entries entries(String service) throws IOException, InterruptedException {
    try (Instances instances = registry.rawInstances(service, List.of())) {
      if (!instances.awaitFirst(PATIENCE)) {
        Exception failure = instances.failure().orElse(null);
        throw failure instanceof IOException known
            ? known
            : new IOException("no response within " + PATIENCE.toMillis() + " ms", failure);
      }
      return new Entries(instances.snapshot().stream().map(Entry::of).toList(), false);
    }
  }
}
