// SPDX-License-Identifier: Apache-2.0
package kit.consul.agent;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import kit.StatusException;

/**
 * A service as its owner describes it to the agent. Whether two of them are equal decides whether a
 * registration changes anything.
 *
 * @param id unique on the agent
 * @param address empty: that of the agent
 * @param taggedAddresses further addresses by purpose, such as {@code wan}
 * @param passingWeight how much DNS prefers it while it passes its checks
 * @param warningWeight the same while a check warns
 */
record ServiceDefinition(
    String id,
    String name,
    String address,
    int port,
    List<String> tags,
    Map<String, String> meta,
    Map<String, TaggedAddress> taggedAddresses,
    int passingWeight,
    int warningWeight,
    boolean enableTagOverride) {
  /** An address for one purpose. */
  record TaggedAddress(String address, int port) {}

  // What RequestTarget refuses could be registered, and then never be named in a path.
  private static final Pattern NOT_IN_A_PATH =
      Pattern.compile("\\.\\.?|.*[/\\\\\\p{Cc}].*", Pattern.DOTALL);
  private static final Pattern ANY_ADDRESS = Pattern.compile("0\\.0\\.0\\.0|::|\\[::]");
  private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(?:\\.\\d{1,3}){3}");
  private static final Pattern META_KEY = Pattern.compile("(?!consul-)[A-Za-z0-9_-]{1,128}");
  private static final int MAX_META_PAIRS = 64;
  private static final int MAX_META_VALUE = 512; // In characters.
  private static final int MAX_WEIGHT = 65_535; // DNS (RFC 2782) has 16 bits for it.

  /** Reads the members that describe the service; those that describe its checks stay. */
  static ServiceDefinition read(JsonFields json) {
    String name = json.text("Name");
    check(!name.isEmpty(), "Missing service name");
    String id = json.text("ID");
    String address = json.text("Address");
    int port = json.number("Port");
    JsonFields weights = json.object("Weights");
    json.text("Token"); // Access is not controlled here.
    ServiceDefinition definition =
        new ServiceDefinition(
            checkedName("ID", id.isEmpty() ? name : id),
            checkedName("Name", name),
            address,
            port,
            json.texts("Tags"),
            json.textsByName("Meta"),
            taggedAddresses(json.objectsByName("TaggedAddresses"), address, port),
            weights == null ? 1 : weights.number("Passing"),
            weights == null ? 1 : weights.number("Warning"),
            json.flag("EnableTagOverride"));
    definition.check();
    return definition;
  }

  /** The addresses given, and those that Consul derives from an IP address. */
  private static Map<String, TaggedAddress> taggedAddresses(
      Map<String, JsonFields> given, String address, int port) {
    Map<String, TaggedAddress> all = new TreeMap<>();
    given.forEach(
        (purpose, json) ->
            all.put(purpose, new TaggedAddress(json.text("Address"), json.number("Port"))));
    boolean isIpv6 = address.indexOf(':') >= 0;
    if (isIpv6 || IPV4.matcher(address).matches()) {
      String family = isIpv6 ? "ipv6" : "ipv4";
      all.putIfAbsent("lan_" + family, new TaggedAddress(address, port));
      all.putIfAbsent("wan_" + family, new TaggedAddress(address, port));
    }
    return all;
  }

  /** Returns {@code text}, an id or a name, if it can stand in a path. */
  static String checkedName(String what, String text) {
    check(
        !NOT_IN_A_PATH.matcher(text).matches(),
        what + " with a slash, a backslash or a control character: not supported by this agent");
    return text;
  }

  private void check() {
    check(!ANY_ADDRESS.matcher(address).matches(), "Invalid service address");
    check(passingWeight >= 1, "Invalid Weights: Passing must be greater than 0");
    check(warningWeight >= 0, "Invalid Weights: Warning must be greater or equal than 0");
    check(
        Math.max(passingWeight, warningWeight) <= MAX_WEIGHT,
        "Invalid Weights: DNS Weight must be between 0 and " + MAX_WEIGHT);
    check(meta.size() <= MAX_META_PAIRS, "Invalid Service Meta: over " + MAX_META_PAIRS + " pairs");
    meta.forEach(
        (key, value) -> {
          check(
              META_KEY.matcher(key).matches(),
              "Invalid Service Meta: key \""
                  + key
                  + "\" not 1 to 128 of [A-Za-z0-9_-], or reserved");
          check(
              value.length() <= MAX_META_VALUE,
              "Invalid Service Meta: value of " + key + " over " + MAX_META_VALUE + " characters");
        });
  }

  private static void check(boolean holds, String problem) {
    if (!holds) {
      throw new StatusException(400, problem);
    }
  }
}
