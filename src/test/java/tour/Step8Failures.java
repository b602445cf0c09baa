// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.balancer.BalancedEndpoint;
import kit.balancer.RoundRobinPicker;
import kit.breaker.CircuitBreaker;
import kit.breaker.CircuitBreaking;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.http.Response;
import kit.http.client.HttpEndpoint;
import kit.http.server.HttpService;
import kit.retry.Retrying;

/** Retry and circuit breaker: one of two instances fails, and no call does. */
public final class Step8Failures {
  private Step8Failures() {}

  /** Runs both instances and the client in this process. */
  public static void main(String... args) throws Exception {
    play(System.out);
  }

  static void play(PrintStream out) throws Exception {
    AtomicBoolean isFailing = new AtomicBoolean(true);
    AtomicInteger calls = new AtomicInteger();
    HttpService healthy = serve("a", new AtomicBoolean(), new AtomicInteger());
    HttpService failing = serve("b", isFailing, calls);
    try (healthy;
        failing) {
      // Advances the clock of the breaker, in place of waiting.
      AtomicLong aheadNanos = new AtomicLong();

      // docs: client
      CircuitBreaker breaker =
          new CircuitBreaker(
              CircuitBreaking.settings(),
              () -> System.nanoTime() + aheadNanos.get(),
              state -> out.println("the breaker of the failing instance is " + state));
      Map<Integer, CircuitBreaking<String, String>> breaking =
          Map.of(
              healthy.port(), new CircuitBreaking<>("a"),
              failing.port(), new CircuitBreaking<>("b", breaker));

      HttpClient http = HttpEndpoint.newClient();
      Endpoint<String, String> getName =
          new Retrying<String, String>(request -> true) // Reads are idempotent.
              .around(
                  new BalancedEndpoint<>(
                      "names",
                      Instances.fixed(List.of(at(healthy), at(failing))),
                      instance -> breaking.get(instance.port()).around(endpointOf(http, instance)),
                      new RoundRobinPicker()::pick));
      // end of client

      out.println(answersOf(20, getName));
      out.println("calls to the failing instance: " + calls.get());

      isFailing.set(false);
      aheadNanos.addAndGet(Duration.ofMinutes(1).toNanos());
      out.println("a minute later the instance has recovered");
      out.println(answersOf(20, getName));
    }
  }

  private static Map<String, Integer> answersOf(int calls, Endpoint<String, String> getName)
      throws Exception {
    Map<String, Integer> answers = new TreeMap<>();
    for (int call = 1; call <= calls; call++) {
      Context context = Context.background().withTimeout(Duration.ofSeconds(5));
      answers.merge(getName.call(context, "/"), 1, Integer::sum);
    }
    return answers;
  }

  private static HttpService serve(String name, AtomicBoolean isFailing, AtomicInteger calls)
      throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    http.start(
        (context, request) -> {
          calls.incrementAndGet();
          if (isFailing.get()) {
            throw new StatusException(503, "overloaded");
          }
          return Response.text(200, name);
        });
    return http;
  }

  private static Instance at(HttpService http) {
    return Instance.of("127.0.0.1", http.port());
  }

  private static Endpoint<String, String> endpointOf(HttpClient http, Instance instance) {
    return new HttpEndpoint<>(
        http,
        URI.create("http://" + instance),
        (context, base, path) -> HttpRequest.newBuilder(base.resolve(path)),
        (context, response) -> new String(response.body(), StandardCharsets.UTF_8));
  }
}
