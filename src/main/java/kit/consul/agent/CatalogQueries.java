// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static kit.consul.agent.AgentRoutes.parameter;
import static kit.consul.agent.AgentRoutes.required;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.Endpoint;
import kit.StatusException;
import kit.consul.agent.Changes.Found;
import kit.consul.agent.Changes.Wait;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;

/** The queries for the catalogue and for health, which may block: {@code ?index=} and {@code ?wait=}. */
final class CatalogQueries {
  // Consul responds after 5 minutes, or up to 10 on request; our server closes a connection on
  // which nothing was sent for 60 s. A client cannot tell: it asks again either way.
  private static final long MAX_WAIT_NANOS = TimeUnit.SECONDS.toNanos(45);

  private final AgentState state;
  private final AgentJson json;

  CatalogQueries(AgentState state, AgentJson json) {
    this.state = state;
    this.json = json;
  }

  void addTo(Router<Endpoint<Request, Response>> router) {
    router
        .route("GET", "/v1/catalog/nodes", query(this::nodes))
        .route("GET", "/v1/catalog/node/{name...}", query(this::node))
        .route("GET", "/v1/catalog/services", query(this::serviceNames))
        .route("GET", "/v1/catalog/service/{name...}", query(this::catalogService))
        .route("GET", "/v1/health/service/{name...}", query(this::healthService))
        .route("GET", "/v1/health/checks/{name...}", query(this::healthChecks))
        .route("GET", "/v1/health/state/{state...}", query(this::healthState));
  }

  /** A query that may wait for a change. */
  @FunctionalInterface
  private interface Query {
    Found<?> run(Request request, Wait wait) throws InterruptedException;
  }

  private static Endpoint<Request, Response> query(Query query) {
    return (context, request) -> {
      AgentRoutes.refuseFilter(request);
      String datacenter = parameter(request, "dc");
      if (!datacenter.isEmpty() && !datacenter.equals(AgentJson.DATACENTER)) {
        throw new StatusException(500, "No path to datacenter");
      }
      if (request.target().queryNames().containsAll(List.of("stale", "consistent"))) {
        throw new StatusException(400, "Cannot specify ?stale with ?consistent");
      }
      Found<?> found = query.run(request, new Wait(index(request), waitNanos(request)));
      return AgentRoutes.ok(found.value())
          .with("X-Consul-Index", Long.toUnsignedString(found.index()))
          .with("X-Consul-KnownLeader", "true")
          .with("X-Consul-LastContact", "0");
    };
  }

  private Found<?> nodes(Request request, Wait wait) {
    // One node for ever: with an index, Consul would let the query wait.
    return new Found<>(List.of(json.node), 1);
  }

  private Found<?> node(Request request, Wait wait) throws InterruptedException {
    boolean isKnown = request.variable("name").equals(AgentJson.NODE);
    return state.catalog(wait).map(all -> isKnown ? json.nodeWithServices(all) : null);
  }

  private Found<?> serviceNames(Request request, Wait wait) throws InterruptedException {
    return state.catalog(wait).map(AgentJson::tagsByName);
  }

  private Found<?> catalogService(Request request, Wait wait) throws InterruptedException {
    return state
        .catalog(name(request), wait)
        .map(all -> withTags(request, all).map(json::catalogEntry).toList());
  }

  private Found<?> healthService(Request request, Wait wait) throws InterruptedException {
    int worst = AgentRoutes.flag(request, "passing") ? 0 : CheckDefinition.STATUSES.size();
    return state
        .health(name(request), wait)
        .map(
            all ->
                withTags(request, all)
                    .filter(instance -> worst(instance) <= worst)
                    .map(json::healthEntry)
                    .toList());
  }

  private static Stream<ObjectNode> withTags(Request request, List<ObjectNode> instances) {
    TreeSet<String> wanted = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    wanted.addAll(request.target().queryAll("tag"));
    return instances.stream()
        .filter(
            instance -> {
              Set<String> missing = new TreeSet<>(wanted);
              instance.at("/Service/Tags").forEach(tag -> missing.remove(tag.textValue()));
              return missing.isEmpty();
            });
  }

  /** Returns the worst status of the checks of an instance, as its place in the list of statuses. */
  static int worst(ObjectNode instance) {
    int worst = 0;
    for (JsonNode check : instance.get("Checks")) {
      worst = Math.max(worst, CheckDefinition.STATUSES.indexOf(check.get("Status").textValue()));
    }
    return worst;
  }

  private Found<?> healthChecks(Request request, Wait wait) throws InterruptedException {
    return state.health(name(request), wait).map(CatalogQueries::checksOfServices);
  }

  private static List<JsonNode> checksOfServices(List<ObjectNode> instances) {
    List<JsonNode> checks = new ArrayList<>();
    instances.forEach(instance -> instance.get("Checks").forEach(checks::add));
    checks.removeIf(check -> check.get("ServiceID").textValue().isEmpty());
    return checks;
  }

  private Found<?> healthState(Request request, Wait wait) throws InterruptedException {
    String wanted = AgentRoutes.required(request, "state", 400, "Missing check state");
    return state
        .checks(wait)
        .map(
            all ->
                all.stream()
                    .filter(
                        check ->
                            wanted.equals("any") || check.get("Status").textValue().equals(wanted))
                    .toList());
  }

  private static String name(Request request) {
    return required(request, "name", 400, "Missing service name");
  }

  private static long index(Request request) {
    String index = parameter(request, "index");
    try {
      return index.isEmpty() ? 0 : Long.parseUnsignedLong(index);
    } catch (NumberFormatException e) {
      throw new StatusException(400, "Invalid index");
    }
  }

  /** Returns how long a query is to wait at most. */
  static long waitNanos(Request request) {
    String wait = parameter(request, "wait");
    try {
      long nanos = wait.isEmpty() ? 0 : GoDuration.nanos(wait);
      return nanos <= 0 ? MAX_WAIT_NANOS : Math.min(nanos, MAX_WAIT_NANOS);
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "Invalid wait time");
    }
  }
}
