// SPDX-License-Identifier: Apache-2.0
package testing;

import com.sun.net.httpserver.spi.HttpServerProvider;

/**
 * What serves under {@code com.sun.net.httpserver}: the JDK's own, or another that is on the class
 * path. With {@code mvn -Probaho test} it is another; how it differs is said in {@code
 * docs/performance.md}.
 */
public final class Engine {
  /** Its properties begin with this. */
  public static final String NAME = isAnother() ? "robaho.net.httpserver" : "sun.net.httpserver";

  private Engine() {}

  /** Whether it is not the JDK's own. */
  public static boolean isAnother() {
    return HttpServerProvider.provider().getClass().getName().startsWith("robaho.");
  }
}
