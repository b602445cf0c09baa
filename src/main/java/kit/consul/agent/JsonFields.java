// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import kit.StatusException;

/**
 * Takes a JSON object apart as strictly as Consul does: a member of the wrong type is refused, and so
 * is one that nobody has asked for. The object's own names count in any case, as in Go. A member that
 * is null is not there.
 *
 * <p>Refusals are {@link StatusException}s with status 400.
 */
final class JsonFields {
  private final Map<String, JsonNode> left = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

  JsonFields(JsonNode json) {
    left.putAll(byName("the value", json, (name, member) -> member));
  }

  /** Returns a text, empty if there is none. */
  String text(String name) {
    return take(name, "", JsonFields::text);
  }

  /** Returns a whole number, 0 if there is none. */
  int number(String name) {
    return take(
        name,
        0,
        (what, value) -> {
          check(value.isIntegralNumber() && value.canConvertToInt(), what, "an int");
          return value.intValue();
        });
  }

  boolean flag(String name) {
    return take(
        name,
        false,
        (what, value) -> {
          check(value.isBoolean(), what, "a bool");
          return value.booleanValue();
        });
  }

  /** Returns nanoseconds, 0 if there are none; in JSON a text such as 10s, or nanoseconds too. */
  long nanos(String name) {
    return take(
        name,
        0L,
        (what, value) -> {
          if (value.isIntegralNumber() && value.canConvertToLong()) {
            return value.longValue();
          }
          try {
            return GoDuration.nanos(text(what, value));
          } catch (IllegalArgumentException e) {
            throw refused(e.getMessage());
          }
        });
  }

  List<String> texts(String name) {
    return take(name, List.of(), JsonFields::texts);
  }

  Map<String, String> textsByName(String name) {
    return take(name, Map.of(), (what, value) -> byName(what, value, JsonFields::text));
  }

  Map<String, List<String>> listsByName(String name) {
    return take(name, Map.of(), (what, value) -> byName(what, value, JsonFields::texts));
  }

  /** Returns an object, null if there is none. */
  JsonFields object(String name) {
    return take(name, null, (what, value) -> new JsonFields(value));
  }

  List<JsonFields> objects(String name) {
    return take(
        name, List.of(), (what, value) -> list(what, value, (of, it) -> new JsonFields(it)));
  }

  Map<String, JsonFields> objectsByName(String name) {
    return take(
        name, Map.of(), (what, value) -> byName(what, value, (of, it) -> new JsonFields(it)));
  }

  boolean isEmpty() {
    return left.isEmpty();
  }

  /** Refuses what is left, unless it says nothing: some clients send every field they know. */
  void refuseOthers() {
    left.forEach(
        (name, value) -> {
          if (!saysNothing(value)) {
            throw refused("unknown field \"" + name + "\", or one that only Consul supports");
          }
        });
  }

  private static boolean saysNothing(JsonNode value) {
    return value.isContainerNode() ? value.isEmpty() : value.asText().matches("|0|false");
  }

  private <T> T take(String name, T byDefault, BiFunction<String, JsonNode, T> reader) {
    JsonNode value = left.remove(name);
    return value == null ? byDefault : reader.apply(name, value);
  }

  private static String text(String what, JsonNode value) {
    check(value.isTextual(), what, "a string");
    // Half a surrogate pair, which JSON's escapes allow, could not be written again in UTF-8.
    return new String(value.textValue().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
  }

  private static List<String> texts(String what, JsonNode value) {
    return list(what, value, JsonFields::text);
  }

  private static <T> List<T> list(
      String what, JsonNode value, BiFunction<String, JsonNode, T> reader) {
    check(value.isArray(), what, "an array");
    List<T> list = new ArrayList<>();
    value.forEach(element -> list.add(reader.apply("an element of " + what, element)));
    return List.copyOf(list);
  }

  /** Sorted, as Go writes maps. */
  private static <T> Map<String, T> byName(
      String what, JsonNode value, BiFunction<String, JsonNode, T> reader) {
    check(value.isObject(), what, "an object");
    Map<String, T> map = new TreeMap<>();
    value
        .properties()
        .forEach(
            member -> {
              if (!member.getValue().isNull()) {
                map.put(member.getKey(), reader.apply("a member of " + what, member.getValue()));
              }
            });
    return map;
  }

  private static void check(boolean fits, String what, String type) {
    if (!fits) {
      throw refused(what + " is not " + type);
    }
  }

  private static StatusException refused(String why) {
    return new StatusException(400, "Request decode failed: " + why);
  }
}
