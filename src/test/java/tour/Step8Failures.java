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

/** Two instances, one of them sick: nobody who calls notices. */
public final class Step8Failures {
  private Step8Failures() {}

  /** Plays it all in this process. */
  public static void main(String... args) throws Exception {
    play(System.out);
  }

  static void play(PrintStream out) throws Exception {
    AtomicBoolean isSick = new AtomicBoolean(true);
    AtomicInteger asked = new AtomicInteger();
    HttpService well = serve("well", new AtomicBoolean(), new AtomicInteger());
    HttpService sick = serve("sick", isSick, asked);
    try (well;
        sick) {
      // A clock that we can put forward, so that nobody has to wait.
      AtomicLong aheadNanos = new AtomicLong();

      // docs: client
      CircuitBreaker breaker =
          new CircuitBreaker(
              CircuitBreaking.settings(),
              () -> System.nanoTime() + aheadNanos.get(),
              state -> out.println("the breaker of the sick one is " + state));
      Map<Integer, CircuitBreaking<String, String>> breaking =
          Map.of(
              well.port(), new CircuitBreaking<>("well"),
              sick.port(), new CircuitBreaking<>("sick", breaker));

      HttpClient http = HttpEndpoint.newClient();
      Endpoint<String, String> getName =
          new Retrying<String, String>(request -> true) // Reading twice does no harm.
              .around(
                  new BalancedEndpoint<>(
                      "names",
                      Instances.fixed(List.of(at(well), at(sick))),
                      instance -> breaking.get(instance.port()).around(endpointOf(http, instance)),
                      new RoundRobinPicker()::pick));
      // end of client

      out.println(answersOf(20, getName));
      out.println("the sick one was asked " + asked.get() + " times");

      isSick.set(false);
      aheadNanos.addAndGet(Duration.ofMinutes(1).toNanos());
      out.println("a minute later it is well again");
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

  private static HttpService serve(String name, AtomicBoolean isSick, AtomicInteger asked)
      throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    http.start(
        (context, request) -> {
          asked.incrementAndGet();
          if (isSick.get()) {
            throw new StatusException(503, "not well");
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
