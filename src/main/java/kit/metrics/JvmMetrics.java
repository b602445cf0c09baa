// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.lang.management.ThreadMXBean;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;

/**
 * Registers metrics of the process: memory, threads, garbage collection, processor time, open
 * files.
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
  // the start of a service.

  /**
   * Registers all metrics; they are read at each scrape.
   *
   * @param program a class of the jar whose version is reported
   */
  public static void register(Metrics metrics, Class<?> program) {
    memory(metrics, "used", "Memory used.", MemoryUsage::getUsed);
    memory(metrics, "committed", "Memory committed.", MemoryUsage::getCommitted);
    memory(metrics, "max", "Maximum memory.", MemoryUsage::getMax);

    threads(metrics, "current", "Platform threads.", ThreadMXBean::getThreadCount);
    threads(metrics, "daemon", "Daemon threads.", ThreadMXBean::getDaemonThreadCount);
    threads(metrics, "peak", "Peak number of threads.", ThreadMXBean::getPeakThreadCount);

    garbageCollection(
        metrics, "collections", "Garbage collections.", GarbageCollectorMXBean::getCollectionCount);
    garbageCollection(
        metrics,
        "collection_seconds",
        "Time spent in garbage collections.",
        gc -> gc.getCollectionTime() / 1e3);

    process(metrics);
    String version = program.getPackage().getImplementationVersion(); // From the manifest.
    String known = version == null ? "unknown" : version;
    metrics.polledGauge(
        "build_info",
        "Versions of the program and of Java.",
        samples -> samples.add(1, known, System.getProperty("java.version")),
        "version",
        "java");
  }

  private static void memory(
      Metrics metrics, String what, String help, ToDoubleFunction<MemoryUsage> bytes) {
    metrics.polledGauge(
        "jvm_memory_" + what + "_bytes",
        help,
        samples -> {
          MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
          MemoryUsage nonHeap = ManagementFactory.getMemoryMXBean().getNonHeapMemoryUsage();
          addKnown(samples, bytes.applyAsDouble(heap), "heap");
          addKnown(samples, bytes.applyAsDouble(nonHeap), "nonheap");
        },
        "area");
  }

  private static void addKnown(Metrics.Samples samples, double value, String... labels) {
    if (value >= 0) { // The beans return -1 for unknown values.
      samples.add(value, labels);
    }
  }

  private static void threads(
      Metrics metrics, String which, String help, ToDoubleFunction<ThreadMXBean> count) {
    gauge(
        metrics,
        "jvm_threads_" + which,
        help,
        () -> count.applyAsDouble(ManagementFactory.getThreadMXBean()));
  }

  private static void gauge(Metrics metrics, String name, String help, DoubleSupplier value) {
    metrics.polledGauge(name, help, samples -> addKnown(samples, value.getAsDouble()));
  }

  private static void garbageCollection(
      Metrics metrics, String what, String help, ToDoubleFunction<GarbageCollectorMXBean> value) {
    metrics.polledCounter(
        "jvm_gc_" + what + "_total",
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
        samples ->
            addKnown(
                samples,
                ofSystem(OperatingSystemMXBean.class, OperatingSystemMXBean::getProcessCpuTime)
                    / 1e9));
    gauge(
        metrics,
        "process_start_time_seconds",
        "Start time of the process in seconds since 1970.",
        () -> ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3);
    gauge(
        metrics,
        "process_uptime_seconds",
        "Uptime of the process.",
        () -> ManagementFactory.getRuntimeMXBean().getUptime() / 1e3);
    gauge(
        metrics,
        "process_open_fds",
        "Open file descriptors.",
        () ->
            ofSystem(
                UnixOperatingSystemMXBean.class,
                UnixOperatingSystemMXBean::getOpenFileDescriptorCount));
    gauge(
        metrics,
        "process_max_fds",
        "Maximum number of open file descriptors.",
        () ->
            ofSystem(
                UnixOperatingSystemMXBean.class,
                UnixOperatingSystemMXBean::getMaxFileDescriptorCount));
  }

  /** Returns a number that only some systems have; else -1. */
  private static <T> double ofSystem(Class<T> type, ToDoubleFunction<T> number) {
    Object bean = ManagementFactory.getOperatingSystemMXBean();
    return type.isInstance(bean) ? number.applyAsDouble(type.cast(bean)) : -1;
  }
}
