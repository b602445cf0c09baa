// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import kit.StatusException;

/**
 * A service as a registration describes it. A registration that is equal to the one before changes
 * nothing.
 *
 * @param id unique on the agent
 * @param address empty: that of the agent
 * @param taggedAddresses kept as given; may be null
 */
record ServiceDefinition(
    String id,
    String name,
    String address,
    Integer port,
    List<String> tags,
    Map<String, String> meta,
    JsonNode taggedAddresses,
    Weights weights,
    Boolean enableTagOverride) {
  /** Stands for the node itself: the service of the checks that count for all services. */
  static final ServiceDefinition NODE = GoJson.read(Map.of(), ServiceDefinition.class);

  // RequestTarget refuses these in a path: they could be registered, and then never be named.
  private static final Pattern NOT_IN_A_PATH =
      Pattern.compile("\\.\\.?|.*[/\\\\\\p{Cc}].*", Pattern.DOTALL);
  private static final Pattern ANY_ADDRESS = Pattern.compile("0\\.0\\.0\\.0|::|\\[::]");
  private static final Pattern META_KEY = Pattern.compile("(?!consul-)[A-Za-z0-9_-]{1,128}");
  private static final int MAX_META_PAIRS = 64;
  private static final int MAX_META_VALUE = 512; // In characters.

  /** How much DNS prefers the service while it passes its checks, and while one of them warns. */
  record Weights(Integer passing, Integer warning) {
    private static final int MAX = 65_535; // DNS (RFC 2782) has 16 bits for it.

    Weights {
      passing = Objects.requireNonNullElse(passing, 0);
      warning = Objects.requireNonNullElse(warning, 0);
    }

    private boolean isValid() {
      return passing >= 1 && warning >= 0 && Math.max(passing, warning) <= MAX;
    }
  }

  /** Replaces null, which stands for what was not given, by Consul's default. */
  ServiceDefinition {
    name = Objects.requireNonNullElse(name, "");
    id = id == null || id.isEmpty() ? name : id;
    address = Objects.requireNonNullElse(address, "");
    port = Objects.requireNonNullElse(port, 0);
    tags = List.copyOf(Objects.requireNonNullElse(tags, List.of()));
    meta = Map.copyOf(Objects.requireNonNullElse(meta, Map.of()));
    weights = Objects.requireNonNullElse(weights, new Weights(1, 1));
    enableTagOverride = Objects.requireNonNullElse(enableTagOverride, false);
  }

  /** The service that a Consul server is itself: in every catalogue, but at no agent. */
  static ServiceDefinition ofServer(int port) {
    return GoJson.read(
        Map.of("Name", TextNode.valueOf("consul"), "Port", IntNode.valueOf(port)),
        ServiceDefinition.class);
  }

  /** Reads a registration; the members that describe its checks have been taken out. */
  static ServiceDefinition read(Map<String, JsonNode> members) {
    ServiceDefinition service = GoJson.read(members, ServiceDefinition.class);
    check(!service.name.isEmpty(), "Missing service name");
    checkName("ID", service.id);
    checkName("Name", service.name);
    check(!ANY_ADDRESS.matcher(service.address).matches(), "Invalid service address");
    check(service.weights.isValid(), "Invalid Weights: 1 to 65535 if passing, 0 to 65535 else");
    check(service.meta.size() <= MAX_META_PAIRS, "Invalid Service Meta: over 64 pairs");
    service.meta.forEach(
        (key, value) -> {
          check(META_KEY.matcher(key).matches(), "Invalid Service Meta: key: " + key);
          check(value.length() <= MAX_META_VALUE, "Invalid Service Meta: value of " + key);
        });
    return service;
  }

  /** Returns whether this is the name, in any case. */
  boolean isNamed(String text) {
    return name.equalsIgnoreCase(text);
  }

  /** As in {@code /v1/agent/services}. */
  ObjectNode json() {
    ObjectNode json =
        AgentJson.object()
            .put("ID", id)
            .put("Service", name)
            .putPOJO("Tags", tags)
            .putPOJO("Meta", meta)
            .put("Port", port)
            .put("Address", address);
    if (taggedAddresses != null) {
      json.set("TaggedAddresses", taggedAddresses);
    }
    json.putObject("Weights").put("Passing", weights.passing).put("Warning", weights.warning);
    return json.put("EnableTagOverride", enableTagOverride);
  }

  /** As in {@code /v1/health/service}. */
  ObjectNode catalogJson() {
    return json()
        .putPOJO("Proxy", Map.of("MeshGateway", Map.of()))
        .putPOJO("Connect", Map.of())
        .put("CreateIndex", 1)
        .put("ModifyIndex", 1);
  }

  /** Refuses an id or a name that cannot stand in a path. */
  static void checkName(String what, String text) {
    check(
        !NOT_IN_A_PATH.matcher(text).matches(),
        what + " with a slash, a backslash or a control character: not supported by this agent");
  }

  static void check(boolean holds, String problem) {
    if (!holds) {
      throw new StatusException(400, problem);
    }
  }
}
