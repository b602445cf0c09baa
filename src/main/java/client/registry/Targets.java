// SPDX-License-Identifier: Apache-2.0
package client.registry;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import kit.Context;
import kit.Endpoint;
import kit.StatusException;
import kit.cli.Flags;
import kit.cli.Logs;
import kit.cli.Program;
import kit.cli.ServerFlags;
import kit.discovery.Instance;
import kit.discovery.Instances;
import kit.http.Json;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import kit.http.server.HttpService;
import kit.metrics.Instrumenting;
import kit.metrics.JvmMetrics;
import kit.metrics.Metrics;
import kit.registry.RegistryFlags;

/**
 * Serves Prometheus HTTP service discovery for any registry.
 *
 * <pre>
 *   GET /targets
 *   [{"targets":["127.0.0.1:8081"],
 *     "labels":{"service":"userservice","__meta_kit_tags":",primary,","__meta_kit_meta_zone":"b"}}]
 * </pre>
 *
 * <p>One group for each instance, because labels belong to a group. Tags stand between commas, as in
 * Prometheus's own discovery of Consul, so that {@code .*,primary,.*} finds one. An instance with
 * TLS has the label {@code __scheme__}. Until the
 * registry has responded once, the status is 503, and Prometheus keeps its list; during a later outage
 * the last list is served.
 *
 * <p>Source: Prometheus, "Writing HTTP Service Discovery".
 */
public final class Targets {
  private record Group(List<String> targets, Map<String, String> labels) {}

  private final Flags flags =
      new Flags(
          "java -jar client.jar targets",
          "Serves Prometheus HTTP service discovery: GET /targets.",
          Program.ENVIRONMENT_PREFIX,
          Program.environment());
  private final ServerFlags server = new ServerFlags(flags, "9200").declareEngine().declareTls();
  private final Supplier<List<String>> names =
      flags
          .group("Services")
          .optional("services", Flags.LIST, "userservice", "services with instances to scrape");
  private final RegistryFlags registry = new RegistryFlags(flags, System.getenv(), server::engine);
  private final Supplier<Logs> logs = Logs.flags(flags, "info");

  private final Map<String, Instances> watches = new TreeMap<>(); // By name of the service.

  /** Runs the command. */
  public static void run(String... args) throws Exception {
    new Targets(args).serve();
  }

  private Targets(String... args) {
    flags.parse(args);
    registry.get(); // Reports a wrong registry before the port is taken.
  }

  private void serve() throws IOException {
    HttpService http = server.bind(logs.get());
    Metrics metrics = new Metrics();
    Instrumenting instrumenting = new Instrumenting(metrics);
    instrumenting.serve(http);
    server.show(metrics);
    JvmMetrics.register(metrics, Targets.class);
    for (String name : names.get()) {
      Instances instances = watches.computeIfAbsent(name, registry.get()::instances);
      instrumenting.show(
          new Instrumenting.Client(
              name,
              () -> instances.snapshot().size(),
              () -> instances.failure().isEmpty(),
              Map::of));
    }
    server.serve(
        "targets listening",
        http,
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("GET", "/targets", this::targets)
                .route("GET", "/health", http::health)
                .route("GET", "/metrics", instrumenting::page)),
        server
            .shutdown(http, () -> watches.values().forEach(Instances::close))
            .step("close the registry", registry.get()));
  }

  private Response targets(Context context, Request request) throws InterruptedException {
    List<Group> groups = new ArrayList<>();
    for (Map.Entry<String, Instances> watch : watches.entrySet()) {
      if (!watch.getValue().awaitFirst(Duration.ZERO)) {
        throw new StatusException(503, "the registry has not responded yet");
      }
      watch.getValue().snapshot().forEach(it -> groups.add(group(watch.getKey(), it)));
    }
    return Response.json(200, Json.write(groups));
  }

  private static Group group(String service, Instance instance) {
    Map<String, String> labels = new TreeMap<>();
    labels.put("service", service);
    labels.put("__meta_kit_tags", "," + String.join(",", instance.tags()) + ",");
    instance
        .meta()
        .forEach(
            (key, value) ->
                labels.put("__meta_kit_meta_" + key.replaceAll("[^a-zA-Z0-9_]", "_"), value));
    if (instance.scheme().equals("https")) {
      labels.put("__scheme__", "https"); // Else Prometheus would scrape it by http.
    }
    return new Group(List.of(instance.authority()), labels);
  }
}
