// SPDX-License-Identifier: Apache-2.0
package bench.growth;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import kit.Endpoint;
import kit.balancer.LeastLoadedPicker;
import kit.balancer.RandomPicker;
import kit.balancer.RoundRobinPicker;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.metrics.Metrics;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The cost of one operation with growing numbers of routes, instances and series. */
@State(Scope.Benchmark)
public class GrowthBenchmark {
  @Param({"10", "100", "1000", "10000"})
  public int size;

  private final Endpoint<Request, Response> handler = (context, request) -> Response.empty(204);
  private final RoundRobinPicker roundRobin = new RoundRobinPicker();
  private final RandomPicker random = new RandomPicker();
  private final LeastLoadedPicker leastLoaded = new LeastLoadedPicker();
  private final Metrics metrics = new Metrics(10_000);

  private Router<Endpoint<Request, Response>> router;
  private Router<Endpoint<Request, Response>> regexes;
  private List<List<String>> paths;
  private List<AtomicInteger> instances;
  private Metrics.Family<Metrics.Counter> family;
  private String[] labels;

  @Setup
  public void makeThem() {
    router = routes();
    regexes = new Router<>();
    paths = new ArrayList<>();
    labels = new String[size];
    family = metrics.counterFamily("requests_total", "Requests.", "route");
    for (int i = 0; i < size; i++) {
      regexes.route("GET", "/{id:" + name(i) + "-\\d+}", handler);
      paths.add(List.of(name(i), "101"));
      labels[i] = "/" + name(i) + "/{id}";
      family.labels(labels[i]).inc();
    }
    instances = Stream.generate(AtomicInteger::new).limit(size).toList();
  }

  private Router<Endpoint<Request, Response>> routes() {
    Router<Endpoint<Request, Response>> routes = new Router<>();
    for (int i = 0; i < size; i++) {
      routes.route("GET", "/" + name(i) + "/{id:\\d+}", handler);
    }
    return routes;
  }

  private static String name(int i) {
    return "things" + Integer.toString(i, 36);
  }

  private int any() {
    return ThreadLocalRandom.current().nextInt(size);
  }

  @Benchmark
  public Object match() {
    return router.match("GET", paths.get(any()));
  }

  /** The worst case: all are tried, one after the other. */
  @Benchmark
  public Object matchTheLastOfRegexesSideBySide() {
    return regexes.match("GET", List.of(name(size - 1) + "-101"));
  }

  @Benchmark
  public Object register() {
    return new RoutingHandler(routes());
  }

  @Benchmark
  public Object pickRoundRobin() {
    return roundRobin.pick(instances);
  }

  @Benchmark
  public Object pickRandom() {
    return random.pick(instances);
  }

  @Benchmark
  public Object pickLeastLoaded() {
    return leastLoaded.pick(instances, AtomicInteger::get);
  }

  @Benchmark
  public void count() {
    family.labels(labels[any()]).inc();
  }

  @Benchmark
  public Object page() {
    return metrics.text();
  }
}
