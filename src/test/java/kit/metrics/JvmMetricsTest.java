// SPDX-License-Identifier: Apache-2.0
package kit.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class JvmMetricsTest {
  private final Metrics metrics = new Metrics();

  private Map<String, Double> values() {
    return metrics
        .text()
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.split(" (?=\\S+$)"))
        .collect(Collectors.toMap(parts -> parts[0], parts -> Double.valueOf(parts[1])));
  }

  @Test
  void processMetricsEqualThoseOfTheJvm() {
    JvmMetrics.register(metrics, JvmMetricsTest.class);
    Map<String, Double> values = values();

    assertThat(values.get("jvm_memory_used_bytes{area=\"heap\"}"))
        .isBetween(1e6, values.get("jvm_memory_committed_bytes{area=\"heap\"}"));
    assertThat(values.get("jvm_memory_committed_bytes{area=\"heap\"}"))
        .isLessThanOrEqualTo(values.get("jvm_memory_max_bytes{area=\"heap\"}"));
    assertThat(values.get("jvm_memory_used_bytes{area=\"nonheap\"}")).isPositive();
    assertThat(values.get("jvm_threads_current"))
        .isBetween(values.get("jvm_threads_daemon"), values.get("jvm_threads_peak"));
    assertThat(values.get("process_cpu_seconds_total")).isBetween(0.01, 1e6);
    double now = System.currentTimeMillis() / 1e3;
    assertThat(values.get("process_start_time_seconds") + values.get("process_uptime_seconds"))
        .isBetween(now - 60, now + 60);
    assertThat(values)
        .containsEntry(
            "build_info{version=\"unknown\",java=\"" + System.getProperty("java.version") + "\"}",
            1.0);
    assertThat(values.keySet())
        .anyMatch(name -> name.startsWith("jvm_gc_collections_total{gc="))
        .anyMatch(name -> name.startsWith("jvm_gc_collection_seconds_total{gc="))
        .noneMatch(name -> name.startsWith("metrics_dropped_total"));
  }

  @Test
  @EnabledOnOs({OS.LINUX, OS.MAC})
  void openFilesAreCounted() {
    JvmMetrics.register(metrics, JvmMetricsTest.class);
    Map<String, Double> values = values();

    assertThat(values.get("process_open_fds")).isBetween(3.0, values.get("process_max_fds"));
  }

  @Test
  void unavailableMetricsAreLeftOut() {
    JvmMetrics.register(metrics, JvmMetricsTest.class);

    assertThat(Arrays.asList(metrics.text().split("\n"))).noneMatch(line -> line.contains("} -1"));
  }
}
