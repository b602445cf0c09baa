// SPDX-License-Identifier: Apache-2.0
package client.registry;

import client.options.Options;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import kit.LogSafe;
import kit.cli.Output;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.discovery.OutageLog;

/**
 * Prints the changes of a service's instances until a signal: useful during a deployment.
 *
 * <pre>
 *   2026-11-25T22:01:07Z + 127.0.0.1:8081 [primary]   added, or present at the start
 *   2026-11-25T22:01:09Z - 127.0.0.1:8081 [primary]   removed
 *   2026-11-25T22:02:30Z ! no registry: connection refused; known: 2
 *   2026-11-25T22:02:41Z ! the registry is back
 * </pre>
 */
public final class WatchInstances {
  private static final long LOOK_MILLIS = 200; // For outages, which are polled.

  private Set<String> known = Set.of(); // As printed; includes the tags.
  private boolean isOutage;

  private WatchInstances() {}

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    Options options =
        new Options(
                "watch",
                "Prints instances as they are added (+) and removed (-), and registry outages (!).",
                "error") // Outages are among what it prints.
            .forService();
    options.parse(args);
    WatchInstances watch = new WatchInstances();
    Semaphore changes = new Semaphore(0);
    try (Instances instances = options.rawInstances()) {
      instances.onChange(changes::release);
      while (true) {
        watch.printOutage(instances.failure());
        watch.printChanges(instances.snapshot());
        changes.tryAcquire(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        changes.drainPermits();
      }
    }
  }

  private void printChanges(List<Instance> instances) {
    Set<String> fresh = new TreeSet<>();
    instances.forEach(instance -> fresh.add(instance.authority() + " " + instance.tags()));
    known.stream().filter(line -> !fresh.contains(line)).forEach(gone -> print("- " + gone));
    fresh.stream().filter(line -> !known.contains(line)).forEach(come -> print("+ " + come));
    known = fresh;
  }

  private void printOutage(Optional<Exception> failure) {
    if (failure.isPresent() && !isOutage) {
      print("! no registry: " + OutageLog.cause(failure.get()) + "; known: " + known.size());
    } else if (failure.isEmpty() && isOutage) {
      print("! the registry is back");
    }
    isOutage = failure.isPresent();
  }

  private static void print(String text) {
    Output.line(Instant.now().truncatedTo(ChronoUnit.SECONDS) + " " + LogSafe.of(text));
  }
}
