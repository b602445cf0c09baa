// SPDX-License-Identifier: Apache-2.0
package kit.discovery;

import static java.util.Objects.requireNonNull;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import kit.LogSafe;

/**
 * One running instance of a service: address, tags and metadata.
 *
 * <p>Two instances are the same server exactly when their {@link #authority()} is the same.
 *
 * <p><b>Every instance can be called:</b> {@code http://authority/} is a URI that {@link URI} and
 * therefore {@code java.net.http.HttpClient} accept. That excludes hosts which some resolvers
 * accept: a name with an underscore or an empty label ({@code my_service}, {@code a..b}), and an
 * IPv6 address with a zone ({@code fe80::1%eth0}), which is valid on one machine only.
 *
 * @param host a name or an IP address; IPv6 without brackets
 * @param port the TCP port, 1 to 65535
 * @param tags labels such as {@code primary}, in the registry's order
 * @param meta metadata by name
 * @param weight its share of the calls in proportion to other instances: 0 or more, usually 1
 */
public record Instance(
    String host, int port, List<String> tags, Map<String, String> meta, double weight) {
  /** The name of the metadata with the scheme of an instance: http, or https with TLS. */
  public static final String SCHEME = "scheme";

  /** Checks the ranges and copies the collections. */
  public Instance {
    requireNonNull(host, "host");
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("port not in 1..65535: " + port);
    }
    if (!isCallable(host, port)) {
      throw new IllegalArgumentException("not a host: " + LogSafe.of(host));
    }
    if (!(weight >= 0 && weight < Double.POSITIVE_INFINITY)) { // Rejects NaN, too.
      throw new IllegalArgumentException("weight not 0 or more and finite: " + weight);
    }
    tags = List.copyOf(tags);
    meta = Map.copyOf(meta);
  }

  /** Creates an instance of weight 1. */
  public Instance(String host, int port, List<String> tags, Map<String, String> meta) {
    this(host, port, tags, meta, 1);
  }

  private static boolean isCallable(String host, int port) {
    try {
      URI uri = new URI("http://" + inUrl(host) + ":" + port + "/");
      // Equal, else a part of the host would be a user, a path or a query. A zone is accepted by
      // URI and cannot be called.
      return inUrl(host).equals(uri.getHost()) && uri.getPort() == port && host.indexOf('%') < 0;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  /** Returns an instance without tags and metadata. */
  public static Instance of(String host, int port) {
    return new Instance(host, port, List.of(), Map.of());
  }

  /**
   * Parses {@code host:port}; an IPv6 address in brackets.
   *
   * @throws IllegalArgumentException if {@code authority} is anything else
   */
  public static Instance parse(String authority) {
    int colon = requireNonNull(authority, "authority").lastIndexOf(':');
    if (colon < 1 || !authority.substring(colon + 1).matches("\\d{1,5}")) {
      throw new IllegalArgumentException("not host:port: " + LogSafe.of(authority));
    }
    String host = authority.substring(0, colon);
    boolean ipv6 = host.contains(":");
    if (ipv6 && !(host.startsWith("[") && host.endsWith("]"))) {
      throw new IllegalArgumentException("IPv6 address not in brackets: " + LogSafe.of(authority));
    }
    return of(
        ipv6 ? host.substring(1, host.length() - 1) : host,
        Integer.parseInt(authority.substring(colon + 1)));
  }

  /**
   * Parses {@code host:port}, or {@code http://host:port} or {@code https://host:port}, whose scheme is
   * then in the metadata.
   *
   * @throws IllegalArgumentException if {@code address} is anything else
   */
  public static Instance parseAddress(String address) {
    int end = address.indexOf("://");
    String scheme = end < 0 ? "" : address.substring(0, end);
    boolean isKnown = scheme.equals("http") || scheme.equals("https");
    return isKnown ? parse(address.substring(end + 3)).withScheme(scheme) : parse(address);
  }

  /** Returns this instance with a scheme in its metadata: http or https. */
  public Instance withScheme(String scheme) {
    Map<String, String> more = new HashMap<>(meta);
    more.put(SCHEME, scheme);
    return new Instance(host, port, tags, more, weight);
  }

  /** Returns {@code https} if the metadata have it as {@code scheme}, else {@code http}. */
  public String scheme() {
    return scheme("http");
  }

  /** Returns the scheme in the metadata, http or https; {@code byDefault} if there is none. */
  public String scheme(String byDefault) {
    String known = meta.getOrDefault(SCHEME, "");
    return known.equals("http") || known.equals("https") ? known : byDefault;
  }

  /** Returns {@code host:port} as it stands in a URL: an IPv6 address in brackets. */
  public String authority() {
    return inUrl(host) + ":" + port;
  }

  private static String inUrl(String host) {
    return host.indexOf(':') < 0 ? host : "[" + host + "]";
  }

  @Override
  public String toString() {
    return authority();
  }
}
