// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.MemoryUsage;
import java.util.function.ToDoubleFunction;

/**
 * Shows how the process is: memory, threads, garbage collection, processor time, open files.
 *
 * <pre>
 *   jvm_memory_used_bytes, _committed_bytes, _max_bytes     area: heap, nonheap
 *   jvm_threads_current, jvm_threads_daemon, jvm_threads_peak
 *   jvm_gc_collections_total, jvm_gc_collection_seconds_total    gc
 *   process_cpu_seconds_total
 *   process_start_time_seconds (since 1970), process_uptime_seconds
 *   process_open_fds, process_max_fds
 *   build_info    version (of the program), java
 * </pre>
 *
 * <p>Names are those of Prometheus's own Java client, as far as it has them. A number that the JVM
 * does not know is left out.
 */
public final class JvmMetrics {
  private JvmMetrics() {}

  // The beans are looked up at each scrape and not here: the first look-up takes as long as half
  // the start of a service.

  /**
   * Registers all of them; they are read at each scrape.
   *
   * @param program a class out of the jar whose version is shown
   */
  public static void register(Metrics metrics, Class<?> program) {
    memory(metrics);
    threads(metrics);
    garbageCollection(metrics);
    process(metrics);
    String version = program.getPackage().getImplementationVersion(); // As the manifest has it.
    metrics.polledGauge(
        "build_info",
        "What runs here.",
        samples ->
            samples.add(
                1, version == null ? "unknown" : version, System.getProperty("java.version")),
        "version",
        "java");
  }

  private static void memory(Metrics metrics) {
    memory(metrics, "used", "Memory in use.", MemoryUsage::getUsed);
    memory(metrics, "committed", "Memory that is there to use.", MemoryUsage::getCommitted);
    memory(metrics, "max", "Memory that may be used at most.", MemoryUsage::getMax);
  }

  private static void memory(
      Metrics metrics, String what, String help, ToDoubleFunction<MemoryUsage> bytes) {
    metrics.polledGauge(
        "jvm_memory_" + what + "_bytes",
        help,
        samples -> {
          MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
          addKnown(samples, bytes.applyAsDouble(memory.getHeapMemoryUsage()), "heap");
          addKnown(samples, bytes.applyAsDouble(memory.getNonHeapMemoryUsage()), "nonheap");
        },
        "area");
  }

  private static void addKnown(Metrics.Samples samples, double value, String... labels) {
    if (value >= 0) { // -1 is how the beans say that they do not know.
      samples.add(value, labels);
    }
  }

  private static void threads(Metrics metrics) {
    metrics.polledGauge(
        "jvm_threads_current",
        "Threads, without virtual ones.",
        samples -> samples.add(ManagementFactory.getThreadMXBean().getThreadCount()));
    metrics.polledGauge(
        "jvm_threads_daemon",
        "Threads that do not keep the process alive.",
        samples -> samples.add(ManagementFactory.getThreadMXBean().getDaemonThreadCount()));
    metrics.polledGauge(
        "jvm_threads_peak",
        "Most threads at a time so far.",
        samples -> samples.add(ManagementFactory.getThreadMXBean().getPeakThreadCount()));
  }

  private static void garbageCollection(Metrics metrics) {
    garbageCollection(
        metrics,
        "jvm_gc_collections_total",
        "Garbage collections.",
        GarbageCollectorMXBean::getCollectionCount);
    garbageCollection(
        metrics,
        "jvm_gc_collection_seconds_total",
        "Time of garbage collections.",
        gc -> gc.getCollectionTime() / 1e3);
  }

  private static void garbageCollection(
      Metrics metrics, String name, String help, ToDoubleFunction<GarbageCollectorMXBean> value) {
    metrics.polledCounter(
        name,
        help,
        samples ->
            ManagementFactory.getGarbageCollectorMXBeans()
                .forEach(gc -> addKnown(samples, value.applyAsDouble(gc), gc.getName())),
        "gc");
  }

  private static void process(Metrics metrics) {
    metrics.polledCounter(
        "process_cpu_seconds_total",
        "Processor time used.",
        samples -> {
          if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean bean) {
            addKnown(samples, bean.getProcessCpuTime() / 1e9);
          }
        });
    metrics.polledGauge(
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        samples -> samples.add(ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3));
    metrics.polledGauge(
        "process_uptime_seconds",
        "How long the process has been running.",
        samples -> samples.add(ManagementFactory.getRuntimeMXBean().getUptime() / 1e3));
    files(
        metrics,
        "process_open_fds",
        "Open files and connections.",
        UnixOperatingSystemMXBean::getOpenFileDescriptorCount);
    files(
        metrics,
        "process_max_fds",
        "Files and connections that may be open.",
        UnixOperatingSystemMXBean::getMaxFileDescriptorCount);
  }

  private static void files(
      Metrics metrics,
      String name,
      String help,
      ToDoubleFunction<UnixOperatingSystemMXBean> count) {
    metrics.polledGauge(
        name,
        help,
        samples -> {
          if (ManagementFactory.getOperatingSystemMXBean()
              instanceof UnixOperatingSystemMXBean unix) {
            addKnown(samples, count.applyAsDouble(unix));
          }
        });
  }
}
