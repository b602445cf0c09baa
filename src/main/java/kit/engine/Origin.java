// SPDX-License-Identifier: Apache-2.0
package kit.engine;

import java.net.URI;
import java.util.Locale;

/** The server that a client connects to; connections to equal origins are interchangeable. */
record Origin(boolean isSecure, String host, int port) {

  /**
   * Returns the origin of an address.
   *
   * @throws IllegalArgumentException if it is not one of HTTP
   */
  static Origin of(URI uri) {
    boolean isSecure = "https".equalsIgnoreCase(uri.getScheme());
    if (!isSecure && !"http".equalsIgnoreCase(uri.getScheme()) || uri.getHost() == null) {
      throw new IllegalArgumentException("not the address of an HTTP server");
    }
    int usual = isSecure ? 443 : 80;
    int port = uri.getPort() < 0 ? usual : uri.getPort();
    return new Origin(isSecure, uri.getHost().toLowerCase(Locale.ROOT), port);
  }
}
