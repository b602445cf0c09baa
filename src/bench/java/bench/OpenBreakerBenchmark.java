// SPDX-License-Identifier: Apache-2.0
package bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** A call that an open breaker rejects; it stays open for an hour. */
@State(Scope.Benchmark)
public class OpenBreakerBenchmark {
  @Param({"kit", "resilience4j", "failsafe"})
  public String library;

  private Breaker breaker;

  @Setup
  public void open() {
    breaker = Breaker.of(library, false);
    breaker.open();
    if (breaker.tryAcquire()) {
      throw new IllegalStateException(library + " is not open");
    }
  }

  @Benchmark
  public Object call() {
    try {
      return breaker.call(() -> this);
    } catch (Exception refused) {
      return refused;
    }
  }

  @Benchmark
  public boolean permit() {
    return breaker.tryAcquire();
  }
}
