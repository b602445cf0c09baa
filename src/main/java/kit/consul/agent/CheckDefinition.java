// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static kit.consul.agent.ServiceDefinition.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * A health check as a registration describes it.
 *
 * @param checkId unique on the agent
 * @param http the URL to request, if it is an HTTP check
 * @param tcp the {@code host:port} to connect to, if it is a TCP check
 * @param header of the HTTP request
 * @param status until the first run
 * @param interval nanoseconds from the end of one run to the start of the next
 * @param ttl nanoseconds that an update is good for, if it is a TTL check
 * @param timeout nanoseconds that one run may take
 * @param deregisterCriticalServiceAfter nanoseconds that it may be critical before its service is
 *     removed; 0 = for ever
 */
record CheckDefinition(
    String checkId,
    String name,
    String notes,
    String http,
    String tcp,
    String grpc,
    Boolean grpcUseTls,
    String method,
    Map<String, List<String>> header,
    String body,
    String status,
    Long interval,
    Long ttl,
    Long timeout,
    Long deregisterCriticalServiceAfter) {
  /** What a check may find, best first. */
  static final List<String> STATUSES = List.of("passing", "warning", "critical");

  // Consul's bounds and defaults.
  private static final long MIN_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long DEFAULT_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long MIN_REMOVAL_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Replaces null and zero, which stand for what was not given, by Consul's defaults. */
  CheckDefinition {
    notes = text(notes, "");
    http = text(http, "");
    tcp = text(tcp, "");
    grpc = text(grpc, "");
    method = text(method, "GET");
    header = Objects.requireNonNullElse(header, Map.of());
    body = text(body, "");
    status = text(status, "critical");
    interval = nanos(interval, MIN_INTERVAL_NANOS, 0);
    ttl = nanos(ttl, 1, 0);
    timeout = nanos(timeout, 1, DEFAULT_TIMEOUT_NANOS);
    deregisterCriticalServiceAfter = nanos(deregisterCriticalServiceAfter, MIN_REMOVAL_NANOS, 0);
  }

  private static String text(String given, String byDefault) {
    return given == null || given.isEmpty() ? byDefault : given;
  }

  private static long nanos(Long given, long min, long byDefault) {
    return given == null || given <= 0 ? byDefault : Math.max(given, min);
  }

  /** Takes the checks out of the members of a registration of {@code service}. */
  static List<CheckDefinition> readAll(JsonNode one, JsonNode more, ServiceDefinition service) {
    List<JsonNode> all = new ArrayList<>();
    if (one != null && !one.isEmpty()) {
      all.add(one);
    }
    if (more != null) {
      check(more.isArray(), "Request decode failed: Checks is not an array");
      more.forEach(all::add);
    }
    List<CheckDefinition> checks = new ArrayList<>();
    for (JsonNode json : all) {
      // Consul's way to make up an id: by number, unless there is one check only.
      String number = all.size() == 1 ? "" : ":" + (checks.size() + 1);
      String name = "Service '" + service.name() + "' check";
      checks.add(read(GoJson.members(json), "service:" + service.id() + number, name));
    }
    return checks;
  }

  /** Reads a check; {@code id} and {@code name} are for one that does not give its own. */
  static CheckDefinition read(Map<String, JsonNode> members, String id, String name) {
    members.merge("CheckID", TextNode.valueOf(id), CheckDefinition::unlessEmpty);
    members.merge("Name", TextNode.valueOf(name), CheckDefinition::unlessEmpty);
    CheckDefinition check = GoJson.read(members, CheckDefinition.class);
    ServiceDefinition.checkName("CheckID", check.checkId);
    checkStatus(check.status);
    check(check.interval == 0 || check.ttl == 0, "Invalid check: both Interval and TTL");
    check(!check.type().isEmpty(), "Invalid check: TTL must be > 0 for TTL checks");
    check(check.isTtl() || check.interval > 0, "Invalid check: Interval must be > 0");
    return check;
  }

  private static JsonNode unlessEmpty(JsonNode given, JsonNode byDefault) {
    return given.isTextual() && given.textValue().isEmpty() ? byDefault : given;
  }

  /** Returns a check that keeps its status. */
  static CheckDefinition notRun(String id, String name, String status, String notes) {
    ObjectNode json =
        AgentJson.object()
            .put("CheckID", id)
            .put("Name", name)
            .put("Status", status)
            .put("Notes", notes);
    return GoJson.read(GoJson.members(json), CheckDefinition.class);
  }

  /**
   * Refuses what is none of {@link #STATUSES}.
   *
   * @throws kit.StatusException 400
   */
  static void checkStatus(String status) {
    check(STATUSES.contains(status), "Invalid check status: '" + status + "'");
  }

  /** What is done: http, tcp, grpc or ttl; empty if nothing is. */
  String type() {
    if (!http.isEmpty()) {
      return "http";
    }
    if (!tcp.isEmpty()) {
      return "tcp";
    }
    return !grpc.isEmpty() ? "grpc" : ttl > 0 ? "ttl" : "";
  }

  /** Returns whether its service updates it. */
  boolean isTtl() {
    return type().equals("ttl");
  }

  /** Returns whether the agent runs it. */
  boolean isRun() {
    return !type().isEmpty() && !isTtl();
  }

  /** As in {@code /v1/health/checks}, before it has been run. */
  ObjectNode json(ServiceDefinition service) {
    ObjectNode json =
        AgentJson.object()
            .put("Node", AgentJson.NODE)
            .put("CheckID", checkId)
            .put("Name", name)
            .put("Status", status)
            .put("Notes", notes)
            .put("Output", "")
            .put("ServiceID", service.id())
            .put("ServiceName", service.name())
            .putPOJO("ServiceTags", service.tags())
            .put("Type", type())
            .putPOJO("Definition", Map.of());
    return json.put("CreateIndex", 1).put("ModifyIndex", 1);
  }
}
