// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import kit.OneLine;

/**
 * One running copy of a service: where it listens, and what it says of itself.
 *
 * <p>Two instances are the same server exactly when their {@link #authority()} is the same.
 *
 * @param host a name or an address; IPv6 without brackets
 * @param port the TCP port, 1 to 65535
 * @param tags labels such as {@code primary}, in the registry's order
 * @param meta further facts by name
 */
public record Instance(String host, int port, List<String> tags, Map<String, String> meta) {
  // What can stand in a URL as it is. Names and addresses have stricter rules than this, which are
  // the resolver's business.
  private static final Pattern HOST =
      Pattern.compile("[A-Za-z0-9._-]+|(?=.*:.*:)[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?");

  /** Checks the ranges and copies the collections. */
  public Instance {
    if (!HOST.matcher(requireNonNull(host, "host")).matches()) {
      throw new IllegalArgumentException("not a host: " + OneLine.of(host));
    }
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("port not in 1..65535: " + port);
    }
    tags = List.copyOf(tags);
    meta = Map.copyOf(meta);
  }

  /** An instance without tags and meta. */
  public static Instance of(String host, int port) {
    return new Instance(host, port, List.of(), Map.of());
  }

  /**
   * Reads {@code host:port}; an IPv6 address in brackets.
   *
   * @throws IllegalArgumentException if {@code authority} is anything else
   */
  public static Instance parse(String authority) {
    int colon = requireNonNull(authority, "authority").lastIndexOf(':');
    if (colon < 1 || !authority.substring(colon + 1).matches("\\d{1,5}")) {
      throw new IllegalArgumentException("not host:port: " + OneLine.of(authority));
    }
    String host = authority.substring(0, colon);
    boolean ipv6 = host.contains(":");
    if (ipv6 && !(host.startsWith("[") && host.endsWith("]"))) {
      throw new IllegalArgumentException("IPv6 address not in brackets: " + OneLine.of(authority));
    }
    return of(
        ipv6 ? host.substring(1, host.length() - 1) : host,
        Integer.parseInt(authority.substring(colon + 1)));
  }

  /** Returns {@code host:port} as it stands in a URL: an IPv6 address in brackets. */
  public String authority() {
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
  }

  @Override
  public String toString() {
    return authority();
  }
}
