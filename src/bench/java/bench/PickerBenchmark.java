// SPDX-License-Identifier: Apache-2.0
package bench;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.RandomPicker;
import kit.balancer.RoundRobinPicker;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One pick among few and among many candidates. */
@State(Scope.Benchmark)
public class PickerBenchmark {
  @Param({"3", "1000"})
  public int candidates;

  private final RoundRobinPicker roundRobin = new RoundRobinPicker();
  private final RandomPicker random = new RandomPicker();
  private final LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
  private List<AtomicInteger> loads;

  @Setup
  public void makeCandidates() {
    loads = Stream.generate(AtomicInteger::new).limit(candidates).toList();
  }

  @Benchmark
  public Object roundRobin() {
    return roundRobin.pick(loads);
  }

  @Benchmark
  public Object random() {
    return random.pick(loads);
  }

  @Benchmark
  public Object leastLoaded() {
    return leastLoaded.pick(loads, AtomicInteger::get);
  }
}
