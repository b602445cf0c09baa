// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static kit.consul.agent.AgentRoutes.parameter;
import static kit.consul.agent.AgentRoutes.required;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongBiFunction;
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
    return all(wait).map(all -> isKnown ? json.nodeWithServices(all) : null);
  }

  private Found<?> serviceNames(Request request, Wait wait) throws InterruptedException {
    return all(wait).map(AgentJson::tagsByName);
  }

  private Found<List<ServiceInstance>> all(Wait wait) throws InterruptedException {
    return state.await(Changes::ofNames, () -> state.instances(any -> true), wait);
  }

  private Found<?> catalogService(Request request, Wait wait) throws InterruptedException {
    return instances(request, wait, Changes::ofInstances)
        .map(all -> withTags(request, all).map(json::catalogEntry).toList());
  }

  private Found<?> healthService(Request request, Wait wait) throws InterruptedException {
    int worst = AgentRoutes.flag(request, "passing") ? 0 : CheckDefinition.STATUSES.size();
    return instances(request, wait, Changes::ofHealth)
        .map(
            all ->
                withTags(request, all)
                    .filter(instance -> instance.worst() <= worst)
                    .map(json::healthEntry)
                    .toList());
  }

  private Found<?> healthChecks(Request request, Wait wait) throws InterruptedException {
    return instances(request, wait, Changes::ofHealth)
        .map(all -> all.stream().flatMap(instance -> instance.ownChecks().stream()).toList());
  }

  private Found<List<ServiceInstance>> instances(
      Request request, Wait wait, ToLongBiFunction<Changes, String> index)
      throws InterruptedException {
    String name = required(request, "name", 400, "Missing service name");
    return state.await(
        changes -> index.applyAsLong(changes, name),
        () -> state.instances(service -> service.isNamed(name)),
        wait);
  }

  private static Stream<ServiceInstance> withTags(Request request, List<ServiceInstance> all) {
    List<String> tags = request.target().queryAll("tag");
    return all.stream().filter(instance -> instance.hasTags(tags));
  }

  private Found<?> healthState(Request request, Wait wait) throws InterruptedException {
    String wanted = required(request, "state", 400, "Missing check state");
    boolean isAny = wanted.equals("any");
    return state
        .await(Changes::last, state::catalogChecks, wait)
        .map(
            all ->
                all.stream()
                    .filter(check -> isAny || check.get("Status").textValue().equals(wanted))
                    .toList());
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
