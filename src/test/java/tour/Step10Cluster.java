// SPDX-License-Identifier: Apache-2.0
package tour;

import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import kit.Context;
import kit.Endpoint;
import kit.Shutdown;
import kit.client.ServiceClient;
import kit.consul.ConsulCheck;
import kit.consul.ConsulClient;
import kit.consul.ConsulClient.Status;
import kit.consul.ConsulInstances;
import kit.consul.ConsulRegistration;
import kit.consul.agent.DevAgent;
import kit.discovery.Instances;
import kit.http.Json;
import kit.http.client.HttpEndpoint;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.Metrics;
import userservice.InMemoryUserService;
import userservice.UserRoutes;

/** A registry, three services and a client in one process. */
public final class Step10Cluster {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private Step10Cluster() {}

  /** Runs the cluster and prints the results. */
  public static void main(String... args) throws Exception {
    play(System.out);
  }

  static void play(PrintStream out) throws Exception {
    // docs: cluster
    try (DevAgent agent = DevAgent.start("127.0.0.1", 0)) {
      ConsulClient consul = new ConsulClient(agent.uri());
      List<Shutdown> services = new ArrayList<>();
      for (String suffix : List.of("-a", "-b", "-c")) {
        services.add(serve(consul, suffix));
      }

      try (Instances instances = new ConsulInstances(consul, "userservice");
          ServiceClient<Integer, String> getName = client(instances)) {
        await(3, instances);
        out.println("three services: " + answersOf(12, getName));

        services.get(0).close();
        out.println("one has left:   " + answersOf(12, getName));
      } finally {
        services.forEach(Shutdown::close);
      }
    }
    // end of cluster
  }

  private static Shutdown serve(ConsulClient consul, String suffix) throws IOException {
    HttpService http = HttpService.bind(HttpService.Settings.of("127.0.0.1", 0));
    Instrumenting instrumenting = new Instrumenting(new Metrics());
    instrumenting.serve(http);
    http.start(
        UserRoutes.handler(
            new InMemoryUserService(suffix),
            http::health,
            http::ready,
            instrumenting::page,
            Optional.empty(),
            next -> next));
    String id = "userservice" + suffix;
    ConsulRegistration registration =
        new ConsulRegistration(
            consul,
            new ConsulClient.Service(
                id, "userservice", "127.0.0.1", http.port(), List.of("primary"), Map.of()),
            List.of(
                ConsulCheck.http(
                        "service:" + id,
                        "http://127.0.0.1:" + http.port() + "/health",
                        Duration.ofSeconds(5))
                    .withStatus(Status.PASSING)));
    registration.start();
    return http.shutdown(registration, Duration.ofMillis(200), PATIENCE);
  }

  private record Name(String result) {}

  // docs: client
  private static ServiceClient<Integer, String> client(Instances instances) {
    HttpClient http = HttpEndpoint.newClient();
    return new ServiceClient<>(
        "userservice",
        instances,
        instance ->
            new HttpEndpoint<>(
                http,
                URI.create("http://" + instance),
                (context, base, uid) -> HttpRequest.newBuilder(base.resolve("/user/" + uid)),
                (context, response) -> Json.read(response.body(), Name.class).result()),
        ServiceClient.Settings.<Integer, String>defaults().withIdempotent(uid -> true));
  }

  // end of client

  /** Waits for enough instances. Reads the snapshot after it has subscribed, so no change is missed. */
  private static void await(int count, Instances instances) throws InterruptedException {
    Semaphore changes = new Semaphore(0);
    try (Instances.Subscription subscription = instances.onChange(changes::release)) {
      while (instances.snapshot().size() < count) {
        changes.acquire();
      }
    }
  }

  private static Map<String, Integer> answersOf(int calls, Endpoint<Integer, String> getName)
      throws Exception {
    Map<String, Integer> answers = new TreeMap<>();
    for (int call = 1; call <= calls; call++) {
      answers.merge(getName.call(Context.background().withTimeout(PATIENCE), 101), 1, Integer::sum);
    }
    return answers;
  }
}
