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
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;
import kit.Context;
import kit.Endpoint;
import kit.Middleware;
import kit.cli.HttpClientProperties;
import kit.client.ServiceClient;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.http.client.HttpEndpoint;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import kit.ratelimit.RateLimiting;
import kit.ratelimit.TokenBucket;
import kit.tracing.Tracing;

/** Measures how many calls a client makes, with more and more around the JDK's HttpClient. */
final class ClientBench {
  private static final int CALLERS = 32;
  private static final String BARE = "HttpClient.send";
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private record Round(double callsPerSecond, double bytesPerCall) {}

  private ClientBench() {}

  /** Takes the rounds, and the seconds of each. */
  public static void main(String... args) throws Exception {
    HttpClientProperties.set();
    int rounds = Integer.parseInt(args[0]);
    int seconds = Integer.parseInt(args[1]);
    try (Server server = Server.start(Candidate.matching("nothing else").get(0))) {
      Map<String, Callable<?>> candidates = candidates(server.port);
      for (Callable<?> call : candidates.values()) {
        measure(call, 2 * seconds); // The compiler's turn.
      }
      Map<String, List<Round>> results = new LinkedHashMap<>();
      for (int round = 0; round < rounds; round++) {
        for (Map.Entry<String, Callable<?>> candidate : candidates.entrySet()) {
          results
              .computeIfAbsent(candidate.getKey(), name -> new ArrayList<>())
              .add(measure(candidate.getValue(), seconds));
        }
      }
      System.out.printf("%d callers:%n%n", CALLERS);
      print(results);
    }
    System.exit(0); // The JDK's client of 17 cannot be closed.
  }

  private static Map<String, Callable<?>> candidates(int port) {
    HttpClient http = HttpEndpoint.newClient();
    URI base = URI.create("http://127.0.0.1:" + port);
    Map<String, Callable<?>> candidates = new LinkedHashMap<>();
    candidates.put(BARE, () -> http.send(request(base, 101).build(), BodyHandlers.ofByteArray()));
    candidates.put(
        "HttpClient.send, with a timeout",
        () -> http.send(request(base, 101).timeout(TIMEOUT).build(), BodyHandlers.ofByteArray()));
    Instance instance = Instance.of("127.0.0.1", port);
    Endpoint<Integer, byte[]> endpoint = endpoint(http, instance);
    candidates.put(
        "HttpEndpoint", () -> endpoint.call(Context.background().withTimeout(TIMEOUT), 101));
    Endpoint<Integer, byte[]> chain = chain(http, instance);
    candidates.put(
        "ServiceClient: metrics, retry, balancer, trace, limiter, breaker",
        () -> chain.call(Context.background().withTimeout(TIMEOUT), 101));
    return candidates;
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

  private static Round measure(Callable<?> call, int seconds) throws Exception {
    LongAdder calls = new LongAdder();
    AtomicBoolean over = new AtomicBoolean();
    AtomicReference<Exception> failure = new AtomicReference<>();
    List<Thread> callers = new ArrayList<>();
    for (int i = 0; i < CALLERS; i++) {
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
    long startedAtNanos = System.nanoTime();
    callers.forEach(Thread::start);
    Thread.sleep(seconds * 1000L);
    double elapsed = (System.nanoTime() - startedAtNanos) / 1e9;
    double perSecond = calls.sum() / elapsed;
    double bytes = (double) (Measured.allocated() - bytesBefore) / calls.sum();
    over.set(true);
    for (Thread caller : callers) {
      caller.join();
    }
    if (failure.get() != null) {
      throw failure.get();
    }
    return new Round(perSecond, bytes);
  }

  private static void print(Map<String, List<Round>> results) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(List.of("", "ratio", "calls/s", "allocated"));
    List<Round> bare = results.get(BARE);
    results.forEach(
        (name, rounds) -> {
          List<Double> ratios = new ArrayList<>();
          for (int i = 0; i < rounds.size(); i++) {
            ratios.add(rounds.get(i).callsPerSecond / bare.get(i).callsPerSecond);
          }
          ratios.sort(null);
          rows.add(
              List.of(
                  name,
                  String.format(Locale.ROOT, "**%.2f**", ratios.get(ratios.size() / 2)),
                  text(rounds, Round::callsPerSecond, ""),
                  text(rounds, Round::bytesPerCall, " B")));
        });
    MarkdownTable.print(rows);
  }

  private static String text(List<Round> rounds, ToDoubleFunction<Round> what, String unit) {
    double median = rounds.stream().mapToDouble(what).sorted().toArray()[rounds.size() / 2];
    return String.format(Locale.ROOT, "%.0f%s", median, unit);
  }
}
