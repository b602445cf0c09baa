// SPDX-License-Identifier: Apache-2.0
package bench.http;

import bench.MarkdownTable;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.cli.HttpClientProperties;
import kit.client.ServiceClient;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.engine.EngineClient;
import kit.http.client.HttpEndpoint;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;
import kit.tracing.Tracing;

/**
 * Measures how many calls a client makes, with more and more around the JDK's HttpClient, and the same
 * around the engine's.
 */
final class ClientBench {
  private static final String BARE = "HttpClient.send";
  private static final String CHAIN =
      "ServiceClient: metrics, retry, balancer, trace, limiter, breaker";
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private record Round(double callsPerSecond, double callsPerCpuSecond, double bytesPerCall) {}

  private ClientBench() {}

  /** Takes the rounds, and the seconds of each. */
  public static void main(String... args) throws Exception {
    HttpClientProperties.set();
    int rounds = Integer.parseInt(args[0]);
    int seconds = Integer.parseInt(args[1]);
    try (Server server = Server.start(Candidate.matching("nothing else").get(0))) {
      Map<String, Callable<?>> candidates = new LinkedHashMap<>();
      candidates(candidates, "", HttpEndpoint.newClient(), server.port);
      candidates(candidates, ", kit.engine", EngineClient.create(), server.port);
      run(candidates, 32, rounds, seconds);
      candidates.keySet().removeIf(name -> !name.matches(BARE + "(, kit.engine)?"));
      run(candidates, 1, rounds, seconds);
    }
    System.exit(0); // The JDK's client of 17 cannot be closed.
  }

  private static void run(Map<String, Callable<?>> candidates, int callers, int rounds, int seconds)
      throws Exception {
    for (Callable<?> call : candidates.values()) {
      measure(call, callers, 2 * seconds); // The compiler's turn.
    }
    Map<String, List<Round>> results = new LinkedHashMap<>();
    for (int round = 0; round < rounds; round++) {
      for (Map.Entry<String, Callable<?>> candidate : candidates.entrySet()) {
        results
            .computeIfAbsent(candidate.getKey(), name -> new ArrayList<>())
            .add(measure(candidate.getValue(), callers, seconds));
      }
    }
    System.out.printf("Callers: %d.%n%n", callers);
    print(results);
    System.out.println();
  }

  private static void candidates(
      Map<String, Callable<?>> candidates, String suffix, HttpClient http, int port) {
    URI base = URI.create("http://127.0.0.1:" + port);
    candidates.put(
        BARE + suffix, () -> http.send(request(base, 101).build(), BodyHandlers.ofByteArray()));
    candidates.put(
        BARE + ", with a timeout" + suffix,
        () -> http.send(request(base, 101).timeout(TIMEOUT).build(), BodyHandlers.ofByteArray()));
    Instance instance = Instance.of("127.0.0.1", port);
    Endpoint<Integer, byte[]> endpoint = endpoint(http, instance);
    candidates.put(
        "HttpEndpoint" + suffix,
        () -> endpoint.call(Context.background().withTimeout(TIMEOUT), 101));
    Endpoint<Integer, byte[]> chain = chain(http, instance);
    candidates.put(
        CHAIN + suffix, () -> chain.call(Context.background().withTimeout(TIMEOUT), 101));
  }

  private static HttpRequest.Builder request(URI base, int uid) {
    return HttpRequest.newBuilder(base.resolve("/user/" + uid));
  }

  private static HttpEndpoint<Integer, byte[]> endpoint(HttpClient http, Instance instance) {
    return new HttpEndpoint<>(
        http,
        URI.create("http://" + instance),
        (context, base, uid) -> request(base, uid),
        (context, response) -> response.body());
  }

  private static Endpoint<Integer, byte[]> chain(HttpClient http, Instance instance) {
    Tracing tracing = new Tracing(0, span -> {});
    return new ServiceClient<>(
        "userservice",
        Instances.fixed(List.of(instance)),
        one -> endpoint(http, one).before(Tracing::inject),
        ServiceClient.Settings.<Integer, byte[]>defaults()
            .withIdempotent(uid -> true)
            .withAroundAttempt(
                one ->
                    Middleware.chain(
                        tracing.<Integer, byte[]>calls(uid -> "GET /user/{uid}", one.toString()),
                        RateLimiting.rejecting(new TokenBucket(1e9, 1_000_000)::tryAcquireNanos))),
        new Instrumenting(new Metrics()));
  }

  private static Round measure(Callable<?> call, int threads, int seconds) throws Exception {
    LongAdder calls = new LongAdder();
    AtomicBoolean over = new AtomicBoolean();
    AtomicReference<Exception> failure = new AtomicReference<>();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      callers.add(
          new Thread(
              () -> {
                try {
                  while (!over.get()) {
                    call.call();
                    calls.increment();
                  }
                } catch (Exception e) {
                  failure.set(e);
                }
              }));
    }
    long bytesBefore = Measured.allocated();
    long cpuBefore = Measured.cpuNanos();
    long startedAtNanos = System.nanoTime();
    callers.forEach(Thread::start);
    Thread.sleep(seconds * 1000L);
    double elapsed = (System.nanoTime() - startedAtNanos) / 1e9;
    double perSecond = calls.sum() / elapsed;
    double perCpuSecond = calls.sum() / ((Measured.cpuNanos() - cpuBefore) / 1e9);
    double bytes = (double) (Measured.allocated() - bytesBefore) / calls.sum();
    over.set(true);
    for (Thread caller : callers) {
      caller.join();
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    return new Round(perSecond, perCpuSecond, bytes);
  }

  private static void print(Map<String, List<Round>> results) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "per CPU second", "per second", "calls/s", "allocated"));
    List<Round> bare = results.get(BARE);
    results.forEach(
        (name, rounds) ->
            rows.add(
                List.of(
                    name,
                    Rounds.text("**%.2f**", Rounds.ratio(rounds, bare, Round::callsPerCpuSecond)),
                    Rounds.text("%.2f", Rounds.ratio(rounds, bare, Round::callsPerSecond)),
                    Rounds.text("%,.0f", Rounds.median(rounds, Round::callsPerSecond)),
                    Rounds.text("%,.0f B", Rounds.median(rounds, Round::bytesPerCall)))));
    MarkdownTable.print(rows);
  }
}
