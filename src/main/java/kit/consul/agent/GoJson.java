// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.RecordComponent;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import kit.StatusException;
import kit.http.Json;

/**
 * Reads records from JSON as Consul does: names in any case, wrong types and unknown members refused
 * with 400. A component of type {@code Long} is a time span, which Consul writes as {@code "1m30s"}
 * or in nanoseconds.
 */
final class GoJson {
  private GoJson() {}

  /** Returns the members of an object, to be found in any case; those that are null are left out. */
  static Map<String, JsonNode> members(JsonNode json) {
    if (!json.isObject()) {
      throw refused("not an object");
    }
    Map<String, JsonNode> members = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    json.properties().stream()
        .filter(member -> !member.getValue().isNull())
        .forEach(member -> members.put(member.getKey(), member.getValue()));
    return members;
  }

  /** Returns a record of these members. What is not given is null. */
  static <T extends Record> T read(Map<String, JsonNode> members, Class<T> type) {
    try {
      return Json.read(normalized(members, type), type);
    } catch (Json.MalformedException e) {
      throw refused(e.getMessage());
    }
  }

  /** Returns the members under the names that Java knows them by. */
  private static ObjectNode normalized(Map<String, JsonNode> members, Class<?> type) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    members.forEach(
        (name, value) ->
            Stream.of(type.getRecordComponents())
                .filter(component -> component.getName().equalsIgnoreCase(name))
                .findFirst()
                .ifPresentOrElse(
                    component -> json.set(component.getName(), normalized(value, component)),
                    () -> refuseUnlessZero(name, value)));
    return json;
  }

  private static JsonNode normalized(JsonNode value, RecordComponent component) {
    if (component.getType().isRecord()) {
      return normalized(members(value), component.getType());
    }
    if (component.getType() == Long.class && value.isTextual()) {
      try {
        return LongNode.valueOf(GoDuration.nanos(value.textValue()));
      } catch (IllegalArgumentException e) {
        throw refused(e.getMessage());
      }
    }
    return value;
  }

  /** Some client libraries send every field that they know, most of them empty. */
  private static void refuseUnlessZero(String name, JsonNode value) {
    boolean isZero = value.isContainerNode() ? value.isEmpty() : value.asText().matches("|0|false");
    if (!isZero) {
      throw refused("unknown field \"" + name + "\", or one that only Consul supports");
    }
  }

  private static StatusException refused(String why) {
    return new StatusException(400, "Request decode failed: " + why);
  }
}
