// SPDX-License-Identifier: Apache-2.0
package testing;

import com.sun.net.httpserver.spi.HttpServerProvider;
import kit.cli.KitEngine;
import kit.http.server.ServerEngine;

/**
 * The implementation of {@code com.sun.net.httpserver}: the JDK's own, or another one on the class
 * path, as with {@code mvn -Pengine test}.
 */
public enum Engine {
  /** The JDK's own. */
  JDK("sun.net.httpserver"),
  /** That of {@code kit.engine}. */
  KIT("kit.engine");

  /** The variable that names the engine of the programs that tests start: as their own is. */
  public static final String VARIABLE = "KIT_ENGINE";

  /** The engine of the servers in this JVM. */
  public static final Engine CURRENT = current();

  /** The properties of that engine begin with this. */
  public static final String NAME = CURRENT.prefix;

  private final String prefix;

  Engine(String prefix) {
    this.prefix = prefix;
  }

  /** Whether it is that of {@code kit.engine}. */
  public static boolean isKit() {
    return CURRENT == KIT;
  }

  /** Returns that engine for one server, with its limits as settings if it has them. */
  public static ServerEngine server() {
    return isKit() ? KitEngine.ENGINE : ServerEngine.INSTALLED;
  }

  private static Engine current() {
    String provider = HttpServerProvider.provider().getClass().getName();
    return provider.startsWith("kit.") ? KIT : JDK;
  }
}
