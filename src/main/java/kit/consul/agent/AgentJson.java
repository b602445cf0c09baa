// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import kit.http.Json;

/** The node, and the forms in which Consul writes services. */
final class AgentJson {
  static final String DATACENTER = "dc1";
  static final String NODE = "dev-agent";

  // %1$s is the ID of the node, %2$s its address. The version is the one that this agent is
  // compared with; the port is the one that clients expect, and not bound.
  private static final String NODE_JSON =
      """
      {"ID": "%1$s", "Node": "dev-agent", "Address": "%2$s", "Datacenter": "dc1",
       "TaggedAddresses": {"lan": "%2$s", "wan": "%2$s"}, "Meta": {"consul-network-segment": ""},
       "CreateIndex": 1, "ModifyIndex": 1}
      """;
  private static final String SELF_JSON =
      """
      {"Config": {"Datacenter": "dc1", "NodeName": "dev-agent", "NodeID": "%1$s", "Revision": "",
                  "Server": true, "Version": "1.8.7"},
       "Stats": {},
       "Member": {"Name": "dev-agent", "Addr": "%2$s", "Port": 8301,
                  "Tags": {"role": "consul", "dc": "dc1", "segment": "", "build": "1.8.7:"},
                  "Status": 1, "ProtocolMin": 1, "ProtocolMax": 5, "ProtocolCur": 2,
                  "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4}}
      """;

  /** The node as in {@code /v1/catalog/nodes}. */
  final JsonNode node;

  /** As in {@code /v1/agent/self}; the member is that of {@code /v1/agent/members}. */
  final JsonNode self;

  /** For a node whose services have this address unless they have one of their own. */
  AgentJson(String nodeAddress) {
    String id = UUID.randomUUID().toString();
    this.node = parse(NODE_JSON.formatted(id, nodeAddress));
    this.self = parse(SELF_JSON.formatted(id, nodeAddress));
  }

  private static JsonNode parse(String json) {
    try {
      return Json.readTree(json.getBytes(UTF_8));
    } catch (Json.MalformedException e) {
      throw new IllegalStateException(e);
    }
  }

  static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** As in {@code /v1/health/service}. */
  Map<String, Object> healthEntry(ServiceInstance instance) {
    return Map.of(
        "Node", node, "Service", instance.service().catalogJson(), "Checks", instance.checks());
  }

  /** As in {@code /v1/catalog/service}. */
  ObjectNode catalogEntry(ServiceInstance instance) {
    ObjectNode json = node.deepCopy();
    json.set("NodeMeta", json.remove("Meta"));
    json.put("ServiceKind", "");
    for (Map.Entry<String, JsonNode> member : instance.service().catalogJson().properties()) {
      String name = member.getKey().replaceFirst("^Service$", "Name");
      json.set(name.endsWith("Index") ? name : "Service" + name, member.getValue());
    }
    return json;
  }

  /** As in {@code /v1/catalog/node/name}. */
  Map<String, Object> nodeWithServices(List<ServiceInstance> instances) {
    ObjectNode services = object();
    instances.forEach(it -> services.set(it.service().id(), it.service().catalogJson()));
    return Map.of("Node", node, "Services", services);
  }

  /** As in {@code /v1/catalog/services}: the tags in use by service name, both sorted. */
  static Map<String, Set<String>> tagsByName(List<ServiceInstance> instances) {
    Map<String, Set<String>> tags = new TreeMap<>();
    for (ServiceInstance instance : instances) {
      tags.computeIfAbsent(instance.service().name(), name -> new TreeSet<>())
          .addAll(instance.service().tags());
    }
    return tags;
  }
}
