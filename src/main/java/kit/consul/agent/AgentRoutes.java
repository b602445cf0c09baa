// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.StatusException;
import kit.consul.agent.CheckDefinition.Status;
import kit.http.Json;
import kit.http.Request;
import kit.http.RequestTarget;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent's HTTP side: which request means what. Refusals are plain text, as Consul's are. */
final class AgentRoutes implements Endpoint<Request, Response> {
  private static final Logger log = LoggerFactory.getLogger(DevAgent.class);
  private static final int MAX_BODY_BYTES = 1 << 20;

  // Consul answers after 5 minutes, or up to 10 on request; our server closes a connection on
  // which nothing was sent for 60 s. A client cannot tell: it asks again either way.
  private static final long MAX_WAIT_NANOS = TimeUnit.SECONDS.toNanos(45);

  private static final Set<String> TRUE = Set.of("", "1", "t", "T", "TRUE", "true", "True");
  private static final Set<String> FALSE = Set.of("0", "f", "F", "FALSE", "false", "False");

  private final AgentState state;
  private final AgentCatalog catalog;
  private final AgentJson json;
  private final String authority;
  private final RoutingHandler routes;

  AgentRoutes(AgentState state, AgentCatalog catalog, AgentJson json, String authority) {
    this.state = state;
    this.catalog = catalog;
    this.json = json;
    this.authority = authority;
    // "id..." takes what follows the slash, nothing included: Consul has answers for that, too.
    this.routes =
        new RoutingHandler(
            new Router<Endpoint<Request, Response>>()
                .route("PUT", "/v1/agent/service/register", this::register)
                .route("PUT", "/v1/agent/service/deregister/{id...}", this::deregister)
                .route("GET", "/v1/agent/service/{id...}", this::service)
                .route("GET", "/v1/agent/services", this::services)
                .route("GET", "/v1/agent/health/service/id/{id...}", this::serviceWithChecks)
                .route("GET", "/v1/agent/checks", this::checks)
                .route("PUT", "/v1/agent/check/pass/{id...}", ttl(Status.PASSING))
                .route("PUT", "/v1/agent/check/warn/{id...}", ttl(Status.WARNING))
                .route("PUT", "/v1/agent/check/fail/{id...}", ttl(Status.CRITICAL))
                .route("PUT", "/v1/agent/check/update/{id...}", this::update)
                .route("GET", "/v1/agent/self", (context, request) -> ok(json.self()))
                .route("GET", "/v1/catalog/nodes", this::nodes)
                .route("GET", "/v1/catalog/services", this::serviceNames)
                .route("GET", "/v1/catalog/service/{name...}", this::catalogService)
                .route("GET", "/v1/health/service/{name...}", this::healthService)
                .route("GET", "/v1/health/checks/{name...}", this::healthChecks)
                .route("GET", "/v1/status/leader", (context, request) -> ok(authority)));
  }

  @Override
  public Response call(Context context, Request request) throws Exception {
    try {
      return routes.call(context, request);
    } catch (StatusException e) {
      return Response.text(e.status(), e.detail()).with(e.headers());
    }
  }

  private static Response ok(Object body) {
    return Response.json(200, Json.write(body));
  }

  private Response register(Context context, Request request) throws IOException {
    JsonFields fields = new JsonFields(body(request));
    ServiceDefinition service = ServiceDefinition.read(fields);
    List<CheckDefinition> checks = CheckDefinition.readAll(fields, service);
    fields.refuseOthers();
    String replace = request.target().query("replace-existing-checks");
    state.register(service, checks, "".equals(replace) || "true".equals(replace));
    for (CheckDefinition check : checks) {
      if (check.type() == CheckDefinition.Type.GRPC) {
        log.warn("{} is a gRPC check, which this agent does not run", LogSafe.of(check.id()));
      }
    }
    return Response.empty(200);
  }

  private static JsonNode body(Request request) throws IOException {
    try {
      return Json.readTree(request.body(MAX_BODY_BYTES));
    } catch (Json.MalformedException e) {
      throw new StatusException(400, "Request decode failed: " + e.getMessage());
    }
  }

  private Response deregister(Context context, Request request) {
    String id = request.variable("id");
    if (id.isEmpty()) {
      throw new StatusException(500, "ServiceID missing");
    }
    state.deregister(id);
    return Response.empty(200);
  }

  private Response service(Context context, Request request) {
    String id = request.variable("id");
    ServiceListing.Instance known = state.instance(id);
    if (known == null) {
      throw new StatusException(404, "unknown service ID: " + id);
    }
    return ok(AgentJson.service(known.definition));
  }

  private Response serviceWithChecks(Context context, Request request) {
    String id = request.variable("id");
    if (id.isEmpty()) {
      throw new StatusException(500, "Bad request: Missing serviceID");
    }
    ServiceListing.Instance known = state.instance(id);
    Status status = known == null ? Status.CRITICAL : known.status();
    byte[] body = Json.write(AgentJson.withChecks(status, known));
    int code = known == null ? 404 : List.of(200, 429, 503).get(status.ordinal());
    return Response.json(code, body).with("X-Consul-Reason", status.word());
  }

  private Response services(Context context, Request request) {
    refuseFilter(request);
    Map<String, Object> byId = new LinkedHashMap<>();
    state.services().forEach(service -> byId.put(service.id(), AgentJson.service(service)));
    return ok(byId);
  }

  private Response checks(Context context, Request request) {
    refuseFilter(request);
    Map<String, Object> byId = new LinkedHashMap<>();
    state.checks().forEach(check -> byId.put(check.id(), AgentJson.agentCheck(check)));
    return ok(byId);
  }

  private Endpoint<Request, Response> ttl(Status status) {
    return (context, request) -> {
      String note = request.target().query("note");
      state.updateTtl(request.variable("id"), status, note == null ? "" : note);
      return Response.empty(200);
    };
  }

  private Response update(Context context, Request request) throws IOException {
    JsonFields fields = new JsonFields(body(request));
    String status = fields.text("Status");
    String output = fields.text("Output");
    fields.refuseOthers();
    try {
      state.updateTtl(request.variable("id"), Status.of(status), output);
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "Invalid check status: '" + status + "'");
    }
    return Response.empty(200);
  }

  private Response nodes(Context context, Request request) throws InterruptedException {
    // One node for ever: with an index, Consul would let the query wait.
    return answer(request, catalog::names, names -> 1, names -> Json.write(List.of(json.node())));
  }

  private Response serviceNames(Context context, Request request) throws InterruptedException {
    return answer(
        request, catalog::names, names -> names.index, names -> Json.write(catalog.tagsByName()));
  }

  private Response catalogService(Context context, Request request) throws InterruptedException {
    String name = name(request);
    List<String> tags = request.target().queryAll("tag");
    return answer(
        request,
        () -> catalog.listing(name),
        listing -> listing.definitionIndex,
        listing -> Json.write(listing.withTags(tags).stream().map(json::catalogEntry).toList()));
  }

  private Response healthService(Context context, Request request) throws InterruptedException {
    String name = name(request);
    List<String> tags = request.target().queryAll("tag");
    boolean passing = passing(request);
    return answer(
        request,
        () -> catalog.listing(name),
        listing -> listing.healthIndex,
        listing -> listing.health(passing, tags, json));
  }

  private Response healthChecks(Context context, Request request) throws InterruptedException {
    String name = name(request);
    return answer(
        request,
        () -> catalog.listing(name),
        listing -> listing.healthIndex,
        listing ->
            Json.write(
                listing.withTags(List.of()).stream()
                    .flatMap(instance -> instance.checks.stream())
                    .map(AgentJson::check)
                    .toList()));
  }

  private static String name(Request request) {
    String name = request.variable("name");
    if (name.isEmpty()) {
      throw new StatusException(400, "Missing service name");
    }
    return name;
  }

  /** Answers a query that may ask to wait for news: {@code ?index=} and {@code &wait=}. */
  private <S extends AgentCatalog.Snapshot> Response answer(
      Request request, Supplier<S> current, ToLongFunction<S> indexOf, Function<S, byte[]> body)
      throws InterruptedException {
    refuseFilter(request);
    String datacenter = parameter(request, "dc");
    if (!datacenter.isEmpty() && !datacenter.equals(AgentJson.DATACENTER)) {
      throw new StatusException(500, "No path to datacenter");
    }
    String consistency = consistency(request.target());
    S snapshot = catalog.await(current, indexOf, index(request), waitNanos(request));
    return Response.json(200, body.apply(snapshot))
        .with("X-Consul-Index", Long.toUnsignedString(indexOf.applyAsLong(snapshot)))
        .with("X-Consul-KnownLeader", "true")
        .with("X-Consul-LastContact", "0")
        .with("X-Consul-Effective-Consistency", consistency);
  }

  private static String consistency(RequestTarget target) {
    boolean stale = target.queryNames().contains("stale");
    boolean consistent = target.queryNames().contains("consistent");
    if (stale && consistent) {
      throw new StatusException(
          400, "Cannot specify ?stale with ?consistent, conflicting semantics.");
    }
    return stale ? "stale" : consistent ? "consistent" : "leader";
  }

  private static long index(Request request) {
    String index = parameter(request, "index");
    try {
      if (!index.startsWith("+")) {
        return index.isEmpty() ? 0 : Long.parseUnsignedLong(index);
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw new StatusException(400, "Invalid index");
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

  private static boolean passing(Request request) {
    String value = request.target().query("passing");
    if (value == null || FALSE.contains(value)) {
      return false;
    }
    if (!TRUE.contains(value)) {
      throw new StatusException(400, "Invalid value for ?passing");
    }
    return true;
  }

  private static void refuseFilter(Request request) {
    if (!parameter(request, "filter").isEmpty()) { // Better no answer than one not filtered.
      throw new StatusException(400, "filter is not supported by this agent");
    }
  }

  private static String parameter(Request request, String name) {
    String value = request.target().query(name);
    return value == null ? "" : value;
  }
}
