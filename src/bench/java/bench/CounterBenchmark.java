// SPDX-License-Identifier: Apache-2.0
package bench;

import io.prometheus.metrics.core.datapoints.CounterDataPoint;
import kit.metrics.Metrics;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;

/** Incrementing a counter: on a held series, and on one that is looked up by its labels. */
@State(Scope.Benchmark)
public class CounterBenchmark {
  @Param({"kit", "Prometheus"})
  public String library;

  private Runnable increment;
  private Runnable byLabels;

  @Setup
  public void register() {
    switch (library) {
      case "kit" -> {
        Metrics.Family<Metrics.Counter> family =
            new Metrics().counterFamily("requests_total", "Requests.", "method", "status");
        Metrics.Counter series = family.labels("GET", "200");
        increment = series::inc;
        byLabels = () -> family.labels("GET", "200").inc();
      }
      case "Prometheus" -> {
        // Without exemplars, which the kit does not have.
        io.prometheus.metrics.core.metrics.Counter family =
            io.prometheus.metrics.core.metrics.Counter.builder()
                .name("requests_total")
                .labelNames("method", "status")
                .withoutExemplars()
                .build();
        CounterDataPoint series = family.labelValues("GET", "200");
        increment = series::inc;
        byLabels = () -> family.labelValues("GET", "200").inc();
      }
      default -> throw new IllegalArgumentException(library);
    }
  }

  @Benchmark
  public void increment() {
    increment.run();
  }

  @Benchmark
  @Threads(2)
  public void incrementOnTwoThreads() {
    increment.run();
  }

  @Benchmark
  public void incrementByLabels() {
    byLabels.run();
  }

  @Benchmark
  @Threads(2)
  public void incrementByLabelsOnTwoThreads() {
    byLabels.run();
  }
}
