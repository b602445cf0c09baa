// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;

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
  /** Checks the ranges and copies the collections. */
  public Instance {
    requireNonNull(host, "host");
    if (host.isEmpty()
        || !host.chars().allMatch(c -> c > ' ' && c < 0x7f && "/?#@[]".indexOf(c) < 0)) {
      throw new IllegalArgumentException("not a host: " + host);
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
    int colon = authority.lastIndexOf(':');
    if (colon < 1 || !authority.substring(colon + 1).matches("\\d{1,5}")) {
      throw new IllegalArgumentException("not host:port: " + authority);
    }
    String host = authority.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (host.contains(":") && !bracketed) {
      throw new IllegalArgumentException("IPv6 address not in brackets: " + authority);
    }
    return of(
        bracketed ? host.substring(1, host.length() - 1) : host,
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
