// SPDX-License-Identifier: Apache-2.0
package bench.growth;

import bench.MarkdownTable;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import kit.consul.ConsulClient;
import kit.consul.ConsulInstances;
import kit.consul.DevAgent;
import kit.discovery.Instances;

/**
 * Measures the CPU that it costs who watches a service when one of its instances changes: the news, the
 * whole list again, and what is made of it.
 */
final class ChangeBench {
  private static final int WARM_UP = 60;
  private static final int CHANGES = 40;

  private ChangeBench() {}

  /** Takes the address of an agent of Consul, or nothing for one that it starts by itself. */
  public static void main(String... args) throws Exception {
    if (args.length > 0) {
      print(URI.create(args[0]), "Consul");
      return;
    }
    Process agent =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                "client.Main",
                "dev-agent",
                "--port",
                "18500")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      agent.getInputStream().read(); // It says where it listens.
      print(URI.create("http://127.0.0.1:18500"), DevAgent.class.getSimpleName());
    } finally {
      agent.destroy();
    }
  }

  private static void print(URI uri, String agent) throws Exception {
    ConsulClient consul = new ConsulClient(uri, null);
    List<String> head = new ArrayList<>(List.of("instances known to " + agent));
    List<String> row = new ArrayList<>(List.of("one changes: CPU of a watch"));
    for (int size : new int[] {10, 100, 1_000, 10_000}) {
      head.add(String.format(Locale.ROOT, "%,d", size));
      row.add(String.format(Locale.ROOT, "%.1f ms", medianMillis(consul, size)));
    }
    MarkdownTable.print(List.of(head, row));
    System.exit(0); // The JDK's client of 17 cannot be closed.
  }

  private static double medianMillis(ConsulClient consul, int size) throws Exception {
    String name = "many" + size;
    for (int i = 0; i < size; i++) {
      consul.register(service(name, i, 0), List.of());
    }
    Semaphore changed = new Semaphore(0);
    List<Double> millis = new ArrayList<>();
    try (Instances instances = new ConsulInstances(consul, ConsulInstances.Settings.of(name))) {
      instances.awaitFirst(java.time.Duration.ofSeconds(30));
      instances.onChange(changed::release);
      for (int change = 1; change <= WARM_UP + CHANGES; change++) {
        long before = cpuNanos();
        changed.drainPermits();
        consul.register(service(name, change % size, change), List.of());
        changed.acquire();
        if (change > WARM_UP) {
          millis.add((cpuNanos() - before) / 1e6);
        }
      }
    }
    for (int i = 0; i < size; i++) {
      consul.deregister(name + "-" + i);
    }
    millis.sort(null);
    return millis.get(millis.size() / 2);
  }

  private static ConsulClient.Service service(String name, int i, int version) {
    return new ConsulClient.Service(
        name + "-" + i,
        name,
        "10.0." + i / 250 + "." + i % 250,
        8080,
        List.of("primary"),
        Map.of("version", Integer.toString(version)));
  }

  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }
}
