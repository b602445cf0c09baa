// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.URI;
import kit.discovery.Instance;

/**
 * Flag types for the address of a server: {@code http://host:port} without a path, or the host alone.
 * Both accept what {@link Instance} accepts, so that a wrong host is a usage error at the start.
 */
public final class HttpAddress {
  /** The host alone: a name or an IP address; IPv6 without brackets. */
  public static final Flags.Type<String> HOST =
      new Flags.Type<>(
          "HOST",
          "a host name (letters, digits, - and .) or an IP address without zone and brackets",
          text -> Instance.of(text, 1).host());

  /** {@code http://host:port}; the port is 80 if it is left out. */
  public static final Flags.Type<URI> TYPE =
      new Flags.Type<>("URL", "an address (http://host:port)", HttpAddress::parse);

  private static final int DEFAULT_PORT = 80;

  private HttpAddress() {}

  /** Returns the server at an accepted address. */
  public static Instance instance(URI address) {
    return Instance.of(
        address.getHost().replaceAll("^\\[|]$", ""),
        address.getPort() < 0 ? DEFAULT_PORT : address.getPort());
  }

  private static URI parse(String text) {
    URI uri = URI.create(text);
    boolean isAddress =
        "http".equals(uri.getScheme())
            && uri.getHost() != null
            && uri.getRawUserInfo() == null
            && (uri.getRawPath().isEmpty() || uri.getRawPath().equals("/"))
            && uri.getRawQuery() == null
            && uri.getRawFragment() == null;
    if (!isAddress) {
      throw new IllegalArgumentException("not http://host:port: " + text);
    }
    instance(uri); // Rejects a zone, and a port out of range.
    return uri;
  }
}
