// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import kit.Context;
import kit.Endpoint;
import kit.LogSafe;
import kit.StatusException;
import kit.http.Json;
import kit.http.Request;
import kit.http.Response;
import kit.http.Router;
import kit.http.RoutingHandler;
import org.slf4j.Logger;

/** Routes of the agent's HTTP API. Errors are plain text, as Consul's are. */
final class AgentRoutes implements Endpoint<Request, Response> {
  private static final int MAX_BODY_BYTES = 1 << 20;
  private static final int MAX_LOGGED_PATHS = 100;

  private static final Set<String> TRUE = Set.of("", "1", "t", "T", "TRUE", "true", "True");
  private static final Set<String> FALSE = Set.of("0", "f", "F", "FALSE", "false", "False");

  private static final byte[] NO_INSTANCE =
      "{\"AggregatedStatus\":\"critical\",\"Service\":null,\"Checks\":null}".getBytes(UTF_8);

  private final AgentState state;
  private final Router<Endpoint<Request, Response>> router;
  private final RoutingHandler routes;
  private final Logger log;
  private final Set<String> notServed = ConcurrentHashMap.newKeySet();

  /**
   * @param authority of the HTTP side, which stands for the leader
   * @param server authority of the one Consul server that there seems to be
   */
  AgentRoutes(AgentState state, AgentJson json, String authority, String server, Logger log) {
    this.log = log;
    this.state = state;
    // "id..." takes what follows the slash, nothing included: Consul has responses for that, too.
    this.router =
        new Router<Endpoint<Request, Response>>()
            .route("PUT", "/v1/agent/service/register", this::register)
            .route("PUT", "/v1/agent/service/deregister/{id...}", this::deregister)
            .route("PUT", "/v1/agent/service/maintenance/{id...}", this::maintenance)
            .route("PUT", "/v1/agent/maintenance", this::maintenance)
            .route("GET", "/v1/agent/services", this::services)
            .route("GET", "/v1/agent/health/service/id/{id...}", this::serviceWithChecks)
            .route("GET", "/v1/agent/checks", this::checks)
            .route("PUT", "/v1/agent/check/register", this::registerCheck)
            .route("PUT", "/v1/agent/check/deregister/{id...}", this::deregisterCheck)
            .route("PUT", "/v1/agent/check/pass/{id...}", ttl("passing"))
            .route("PUT", "/v1/agent/check/warn/{id...}", ttl("warning"))
            .route("PUT", "/v1/agent/check/fail/{id...}", ttl("critical"))
            .route("PUT", "/v1/agent/check/update/{id...}", this::update)
            .route("GET", "/v1/agent/self", value(json.self))
            .route("GET", "/v1/agent/members", value(List.of(json.self.get("Member"))))
            .route("GET", "/v1/catalog/datacenters", value(List.of(AgentJson.DATACENTER)))
            .route("GET", "/v1/status/leader", value(authority))
            .route("GET", "/v1/status/peers", value(List.of(server)));
    new CatalogQueries(state, json).addTo(router);
    this.routes = new RoutingHandler(router);
  }

  @Override
  public Response call(Context context, Request request) throws Exception {
    try {
      return routes.call(context, request);
    } catch (StatusException e) {
      boolean isUnknownPath =
          router.match(request.method(), request.target().segments()) instanceof Router.NotFound<?>;
      if (isUnknownPath) {
        logOnce(request.method() + " " + request.target().rawPath());
      }
      return Response.text(e.status(), e.detail()).with(e.headers());
    }
  }

  private void logOnce(String operation) {
    if (notServed.size() < MAX_LOGGED_PATHS && notServed.add(operation)) {
      log.warn("{}: not served by this agent, rejected with 404", LogSafe.of(operation));
    }
  }

  private static Endpoint<Request, Response> value(Object value) {
    return (context, request) -> ok(value);
  }

  static Response ok(Object body) {
    return Response.json(200, Json.write(body));
  }

  private Response register(Context context, Request request) throws IOException {
    Map<String, JsonNode> members = body(request);
    JsonNode one = members.remove("Check");
    JsonNode more = members.remove("Checks");
    members.remove("Token"); // Access is not controlled here.
    ServiceDefinition service = ServiceDefinition.read(members);
    List<CheckDefinition> checks = CheckDefinition.readAll(one, more, service);
    state.register(service, checks, flag(request, "replace-existing-checks"));
    checks.forEach(this::warnIfNotRun);
    return Response.empty(200);
  }

  private void warnIfNotRun(CheckDefinition check) {
    if (check.type().equals("grpc") && !check.isRun()) {
      log.warn(
          "{} is a gRPC check over TLS, which this agent does not run",
          LogSafe.of(check.checkId()));
    }
  }

  private static Map<String, JsonNode> body(Request request) throws IOException {
    try {
      return GoJson.members(Json.readTree(request.body(MAX_BODY_BYTES)));
    } catch (Json.MalformedException e) {
      throw new StatusException(400, "Request decode failed: " + e.getMessage());
    }
  }

  private Response deregister(Context context, Request request) {
    state.deregister(required(request, "id", 500, "ServiceID missing"));
    return Response.empty(200);
  }

  /** Takes the node or one service out of use, or into use again: {@code ?enable=}. */
  private Response maintenance(Context context, Request request) {
    boolean isOfService = request.variables().containsKey("id");
    String id = isOfService ? required(request, "id", 400, "Missing service ID") : "";
    if (parameter(request, "enable").isEmpty()) {
      throw new StatusException(400, "Missing value for enable");
    }
    if (isOfService && state.instance(id) == null) {
      throw new StatusException(404, "No service registered with ID \"" + id + "\"");
    }
    String checkId = isOfService ? "_service_maintenance:" + id : "_node_maintenance";
    if (flag(request, "enable")) {
      String name = (isOfService ? "Service" : "Node") + " Maintenance Mode";
      String given = parameter(request, "reason");
      String reason = given.isEmpty() ? "Maintenance mode is enabled, no reason given." : given;
      state.registerCheck(CheckDefinition.notRun(checkId, name, "critical", reason), id);
    } else {
      state.deregisterCheck(checkId);
    }
    return Response.empty(200);
  }

  private Response serviceWithChecks(Context context, Request request) {
    String id = required(request, "id", 500, "Bad request: Missing serviceID");
    ServiceInstance known = state.instance(id);
    if (known == null) {
      return Response.json(404, NO_INSTANCE).with("X-Consul-Reason", "critical");
    }
    int worst = known.worst();
    boolean isInMaintenance =
        known.checks().stream().anyMatch(check -> check.get("Type").textValue().isEmpty());
    String word = isInMaintenance ? "maintenance" : CheckDefinition.STATUSES.get(worst);
    Map<String, Object> body =
        Map.of(
            "AggregatedStatus", word,
            "Service", known.service().json(),
            "Checks", known.checks());
    return Response.json(List.of(200, 429, 503).get(worst), Json.write(body))
        .with("X-Consul-Reason", word);
  }

  private Response services(Context context, Request request) {
    refuseFilter(request);
    ObjectNode byId = AgentJson.object();
    state.services().forEach(service -> byId.set(service.id(), service.json()));
    return ok(byId);
  }

  private Response checks(Context context, Request request) {
    refuseFilter(request);
    ObjectNode byId = AgentJson.object();
    for (ObjectNode check : state.checks()) {
      byId.set( // An agent does not know the indexes that servers count.
          check.get("CheckID").textValue(),
          check.deepCopy().put("CreateIndex", 0).put("ModifyIndex", 0));
    }
    return ok(byId);
  }

  private Response registerCheck(Context context, Request request) throws IOException {
    Map<String, JsonNode> members = body(request);
    JsonNode service = members.remove("ServiceID");
    JsonNode id = members.remove("ID");
    if (!members.containsKey("Name")) {
      throw new StatusException(400, "Missing check name");
    }
    String name = members.get("Name").asText();
    CheckDefinition check = CheckDefinition.read(members, id == null ? name : id.asText(), name);
    state.registerCheck(check, service == null ? "" : service.asText());
    warnIfNotRun(check);
    return Response.empty(200);
  }

  private Response deregisterCheck(Context context, Request request) {
    state.deregisterCheck(request.variable("id"));
    return Response.empty(200);
  }

  private Endpoint<Request, Response> ttl(String status) {
    return (context, request) -> {
      state.updateTtl(request.variable("id"), status, parameter(request, "note"));
      return Response.empty(200);
    };
  }

  /** An update of a TTL check. */
  record Update(String status, String output) {}

  private Response update(Context context, Request request) throws IOException {
    Update update = GoJson.read(body(request), Update.class);
    String status = update.status == null ? "" : update.status;
    CheckDefinition.checkStatus(status);
    state.updateTtl(request.variable("id"), status, update.output == null ? "" : update.output);
    return Response.empty(200);
  }

  static String required(Request request, String variable, int status, String problem) {
    String value = request.variable(variable);
    if (value.isEmpty()) {
      throw new StatusException(status, problem);
    }
    return value;
  }

  /** Returns the value of a parameter: true if it is there without one, false if it is missing. */
  static boolean flag(Request request, String name) {
    Optional<String> value = request.target().query(name);
    if (value.isEmpty() || FALSE.contains(value.get())) {
      return false;
    }
    if (!TRUE.contains(value.get())) {
      throw new StatusException(400, "Invalid value for ?" + name);
    }
    return true;
  }

  static void refuseFilter(Request request) {
    if (!parameter(request, "filter").isEmpty()) { // No response rather than one not filtered.
      throw new StatusException(400, "filter is not supported by this agent");
    }
  }

  static String parameter(Request request, String name) {
    return request.target().query(name).orElse("");
  }
}
