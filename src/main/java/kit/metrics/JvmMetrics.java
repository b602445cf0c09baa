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
 * JVM and process metrics: memory, threads, garbage collection, CPU time, open files.
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
 * <p>Names are those of Prometheus' own Java client, as far as it has them. Values that the JVM
 * does not provide are omitted.
 */
public final class JvmMetrics {
  private JvmMetrics() {}

  // The beans are looked up at each scrape and not here: the first look-up takes half as long as
  // the
  // start of a service.

  /**
   * Registers all metrics; they are read at each scrape.
   *
   * @param program a class of the jar whose version is reported
   */
  public static void register(Metrics metrics, Class<?> program) {
    memory(metrics);
    threads(metrics);
    garbageCollection(metrics);
    process(metrics);
    String version = program.getPackage().getImplementationVersion(); // From the manifest.
    metrics.polledGauge(
        "build_info",
        "Versions of the program and of Java.",
        samples ->
            samples.add(
                1, version == null ? "unknown" : version, System.getProperty("java.version")),
        "version",
        "java");
  }

  private static void memory(Metrics metrics) {
    memory(metrics, "used", "Memory used.", MemoryUsage::getUsed);
    memory(metrics, "committed", "Memory committed.", MemoryUsage::getCommitted);
    memory(metrics, "max", "Maximum memory.", MemoryUsage::getMax);
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
    if (value >= 0) { // The beans return -1 for unknown values.
      samples.add(value, labels);
    }
  }

  private static void threads(Metrics metrics) {
    metrics.polledGauge(
        "jvm_threads_current",
        "Platform threads.",
        samples -> samples.add(ManagementFactory.getThreadMXBean().getThreadCount()));
    metrics.polledGauge(
        "jvm_threads_daemon",
        "Daemon threads.",
        samples -> samples.add(ManagementFactory.getThreadMXBean().getDaemonThreadCount()));
    metrics.polledGauge(
        "jvm_threads_peak",
        "Peak number of threads.",
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
        "Time spent in garbage collections.",
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
        "CPU time used.",
        samples -> {
          if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean bean) {
            addKnown(samples, bean.getProcessCpuTime() / 1e9);
          }
        });
    metrics.polledGauge(
        "process_start_time_seconds",
        "Start time of the process in seconds since 1970.",
        samples -> samples.add(ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3));
    metrics.polledGauge(
        "process_uptime_seconds",
        "Uptime of the process.",
        samples -> samples.add(ManagementFactory.getRuntimeMXBean().getUptime() / 1e3));
    files(
        metrics,
        "process_open_fds",
        "Open file descriptors.",
        UnixOperatingSystemMXBean::getOpenFileDescriptorCount);
    files(
        metrics,
        "process_max_fds",
        "Maximum number of open file descriptors.",
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
