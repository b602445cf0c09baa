// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import kit.http.Json;

/** How services, checks and the node look on the wire: members and their order are Consul's. */
final class AgentJson {
  static final String DATACENTER = "dc1";
  private static final String NODE = "dev-agent";
  private static final Map<String, String> NODE_META = Map.of("consul-network-segment", "");
  private static final String VERSION = "1.8.7"; // The one that this agent is compared with.

  private final String nodeId = UUID.randomUUID().toString();
  private final String nodeAddress;
  private final Map<String, Object> nodeAddresses;
  private final Map<String, Object> node;
  private final Map<String, Object> nodeCheck;

  /** For a node whose services have this address unless they say otherwise. */
  AgentJson(String nodeAddress) {
    this.nodeAddress = nodeAddress;
    String family = nodeAddress.indexOf(':') < 0 ? "ipv4" : "ipv6";
    this.nodeAddresses =
        object(
            "lan",
            nodeAddress,
            "lan_" + family,
            nodeAddress,
            "wan",
            nodeAddress,
            "wan_" + family,
            nodeAddress);
    this.node =
        object(
            "ID", nodeId,
            "Node", NODE,
            "Address", nodeAddress,
            "Datacenter", DATACENTER,
            "TaggedAddresses", nodeAddresses,
            "Meta", NODE_META,
            "CreateIndex", 1,
            "ModifyIndex", 1);
    this.nodeCheck =
        object(
            "Node", NODE,
            "CheckID", "serfHealth",
            "Name", "Serf Health Status",
            "Status", "passing",
            "Notes", "",
            "Output", "Agent alive and reachable",
            "ServiceID", "",
            "ServiceName", "",
            "ServiceTags", List.of(),
            "Type", "",
            "Definition", Map.of(),
            "CreateIndex", 1,
            "ModifyIndex", 1);
  }

  /** The service that a Consul server is itself: in every catalogue, but at no agent. */
  static ServiceListing.Instance consulItself(int port) {
    ServiceDefinition definition =
        new ServiceDefinition(
            "consul", "consul", "", port, List.of(), Map.of(), Map.of(), 1, 1, false);
    return new ServiceListing.Instance(definition, List.of(), 1, 1);
  }

  Object node() {
    return node;
  }

  Object self() {
    return object(
        "Config",
        object(
            "Datacenter", DATACENTER,
            "NodeName", NODE,
            "NodeID", nodeId,
            "Revision", "",
            "Server", true,
            "Version", VERSION),
        "Member",
        object("Name", NODE, "Addr", nodeAddress, "Tags", object("dc", DATACENTER), "Status", 1));
  }

  /** As in {@code /v1/agent/services}. */
  static Object service(ServiceDefinition service) {
    Map<String, Object> json =
        object(
            "ID", service.id(),
            "Service", service.name(),
            "Tags", service.tags(),
            "Meta", service.meta(),
            "Port", service.port(),
            "Address", service.address());
    putTaggedAddresses("TaggedAddresses", service, json);
    json.put("Weights", weights(service));
    json.put("EnableTagOverride", service.enableTagOverride());
    return json;
  }

  /** As in {@code /v1/agent/health/service/id}; the instance may be null. */
  static Object withChecks(CheckDefinition.Status status, ServiceListing.Instance instance) {
    boolean isKnown = instance != null;
    return object(
        "AggregatedStatus",
        status.word(),
        "Service",
        isKnown ? service(instance.definition) : null,
        "Checks",
        isKnown ? instance.checks.stream().map(AgentJson::agentCheck).toList() : null);
  }

  /** As in {@code /v1/catalog/service}. */
  Object catalogEntry(ServiceListing.Instance instance) {
    ServiceDefinition service = instance.definition;
    Map<String, Object> json =
        object(
            "ID",
            nodeId,
            "Node",
            NODE,
            "Address",
            nodeAddress,
            "Datacenter",
            DATACENTER,
            "TaggedAddresses",
            nodeAddresses,
            "NodeMeta",
            Map.of(),
            "ServiceKind",
            "",
            "ServiceID",
            service.id(),
            "ServiceName",
            service.name(),
            "ServiceTags",
            service.tags(),
            "ServiceAddress",
            service.address());
    putTaggedAddresses("ServiceTaggedAddresses", service, json);
    json.put("ServiceWeights", weights(service));
    json.put("ServiceMeta", service.meta());
    json.put("ServicePort", service.port());
    json.put("ServiceEnableTagOverride", service.enableTagOverride());
    json.put("ServiceProxy", proxy());
    json.put("ServiceConnect", Map.of());
    putIndexes(instance.createIndex, instance.modifyIndex, json);
    return json;
  }

  /** As in {@code /v1/health/service}. */
  byte[] healthEntry(ServiceListing.Instance instance) {
    ServiceDefinition service = instance.definition;
    Map<String, Object> json =
        object(
            "ID", service.id(),
            "Service", service.name(),
            "Tags", service.tags(),
            "Address", service.address());
    putTaggedAddresses("TaggedAddresses", service, json);
    json.put("Meta", service.meta().isEmpty() ? null : service.meta()); // Consul's own quirk.
    json.put("Port", service.port());
    json.put("Weights", weights(service));
    json.put("EnableTagOverride", service.enableTagOverride());
    json.put("Proxy", proxy());
    json.put("Connect", Map.of());
    putIndexes(instance.createIndex, instance.modifyIndex, json);
    List<Object> checks = new ArrayList<>();
    checks.add(nodeCheck);
    instance.checks.forEach(check -> checks.add(check(check)));
    return Json.write(object("Node", node, "Service", json, "Checks", checks));
  }

  /** As in {@code /v1/health/checks}. */
  static Map<String, Object> check(ServiceListing.Check check) {
    Map<String, Object> json =
        object(
            "Node", NODE,
            "CheckID", check.id(),
            "Name", check.name(),
            "Status", check.status().word(),
            "Notes", check.notes(),
            "Output", check.output(),
            "ServiceID", check.serviceId(),
            "ServiceName", check.serviceName(),
            "ServiceTags", check.serviceTags(),
            "Type", check.type().name().toLowerCase(Locale.ROOT),
            "Definition", Map.of());
    putIndexes(check.createIndex(), check.modifyIndex(), json);
    return json;
  }

  /** As in {@code /v1/agent/checks}: an agent does not know the indexes that servers count. */
  static Object agentCheck(ServiceListing.Check check) {
    Map<String, Object> json = check(check);
    putIndexes(0, 0, json);
    return json;
  }

  private static void putTaggedAddresses(
      String name, ServiceDefinition service, Map<String, Object> json) {
    if (!service.taggedAddresses().isEmpty()) {
      Map<String, Object> addresses = new LinkedHashMap<>();
      service
          .taggedAddresses()
          .forEach(
              (purpose, it) ->
                  addresses.put(purpose, object("Address", it.address(), "Port", it.port())));
      json.put(name, addresses);
    }
  }

  private static Object weights(ServiceDefinition service) {
    return object("Passing", service.passingWeight(), "Warning", service.warningWeight());
  }

  private static Object proxy() {
    return object("MeshGateway", Map.of(), "Expose", Map.of());
  }

  private static void putIndexes(long createIndex, long modifyIndex, Map<String, Object> json) {
    json.put("CreateIndex", createIndex);
    json.put("ModifyIndex", modifyIndex);
  }

  private static Map<String, Object> object(Object... namesAndValues) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      object.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return object;
  }
}
