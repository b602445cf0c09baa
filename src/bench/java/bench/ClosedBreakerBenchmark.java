// SPDX-License-Identifier: Apache-2.0
package bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;

/** A successful call through a closed breaker. */
@State(Scope.Benchmark)
public class ClosedBreakerBenchmark {
  @Param({"kit", "resilience4j", "failsafe"})
  public String library;

  @Param({"failures in a row", "failure ratio"})
  public String rule;

  private Breaker breaker;

  @Setup
  public void close() {
    breaker = Breaker.of(library, rule.equals("failure ratio"));
  }

  @Benchmark
  public Object call() throws Exception {
    return breaker.call(() -> this);
  }

  @Benchmark
  @Threads(2)
  public Object callOnTwoThreads() throws Exception {
    return breaker.call(() -> this);
  }

  @Benchmark
  public void permit() {
    breaker.acquireAndSucceed();
  }
}
