// SPDX-License-Identifier: Apache-2.0
package testing;

import com.sun.net.httpserver.spi.HttpServerProvider;

/**
 * The implementation of {@code com.sun.net.httpserver}: the JDK's own, or another one on the class
 * path, as with {@code mvn -Probaho test}; {@code docs/performance.md} has the differences.
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
