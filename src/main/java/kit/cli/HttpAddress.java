// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.URI;
import kit.discovery.Instance;

/**
 * Flag types for the address of a server: {@code http://host:port} without a path, or the host alone.
 * All accept what {@link Instance} accepts, so that a wrong host is a usage error at the start.
 */
public final class HttpAddress {
  private static final String HTTP = "http";
  private static final String HTTPS = "https";

  /** The host alone: a name or an IP address; IPv6 without brackets. */
  public static final Flags.Type<String> HOST =
      new Flags.Type<>(
          "HOST",
          "a host name (letters, digits, - and .) or an IP address without zone and brackets",
          text -> Instance.of(text, 1).host());

  /** {@code http://host:port}; the port is 80 if it is left out. */
  public static final Flags.Type<URI> TYPE =
      new Flags.Type<>("URL", "an address (http://host:port)", text -> parse(text, HTTP));

  /** As {@link #TYPE}, or {@code https://host:port}; the port is 443 if it is left out. */
  public static final Flags.Type<URI> TYPE_OF_CALLS =
      new Flags.Type<>(
          "URL", "an address (http://host:port or https://host:port)", HttpAddress::parse);

  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;

  private HttpAddress() {}

  /** Returns the server at an accepted address, with its scheme. */
  public static Instance instance(URI address) {
    int byDefault = address.getScheme().equals(HTTPS) ? HTTPS_PORT : HTTP_PORT;
    return Instance.of(
            address.getHost().replaceAll("^\\[|]$", ""),
            address.getPort() < 0 ? byDefault : address.getPort())
        .withScheme(address.getScheme());
  }

  private static URI parse(String text) {
    return parse(text, text.startsWith(HTTPS + ":") ? HTTPS : HTTP);
  }

  private static URI parse(String text, String scheme) {
    URI uri = URI.create(text);
    boolean isAddress =
        scheme.equals(uri.getScheme())
            && uri.getHost() != null
            && uri.getRawUserInfo() == null
            && (uri.getRawPath().isEmpty() || uri.getRawPath().equals("/"))
            && uri.getRawQuery() == null
            && uri.getRawFragment() == null;
    if (!isAddress) {
      throw new IllegalArgumentException("not " + scheme + "://host:port: " + text);
    }
    instance(uri); // Rejects a zone, and a port out of range.
    return uri;
  }
}
