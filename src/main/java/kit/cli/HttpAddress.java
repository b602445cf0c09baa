// SPDX-License-Identifier: Apache-2.0
package kit.cli;

import java.net.URI;

/** The address of a server as a flag takes it: {@code http://host:port}, and nothing more. */
public final class HttpAddress {
  /** What such a flag takes. */
  public static final Flags.Type<URI> TYPE =
      new Flags.Type<>("URL", "an address (http://host:port)", HttpAddress::parse);

  private HttpAddress() {}

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
    return uri;
  }
}
