// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Assumptions;

/** What it takes to start a real server on this machine. */
public final class LocalServers {
  private LocalServers() {}

  /**
   * Finds a server's binary: the one that the system property or environment variable KIT_NAME
   * names, or on the PATH, or what {@code scripts/get-name} has fetched. Without one, the test is
   * skipped with a message, or fails if KIT_REQUIRE_SERVERS is 1.
   */
  public static String binary(String name) {
    List<String> places = new ArrayList<>(named(name));
    for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
      places.add(folder + "/" + name);
    }
    places.add("target/" + name + "/" + name);
    for (String place : places) {
      if (Files.isRegularFile(Path.of(place)) && Files.isExecutable(Path.of(place))) {
        return Path.of(place).toAbsolutePath().toString();
      }
    }
    return missing(name);
  }

  /** Finds a server that is a jar, likewise, but not on the PATH. */
  static String jar(String name) {
    List<String> places = new ArrayList<>(named(name));
    places.add("target/" + name + "/" + name + ".jar");
    for (String place : places) {
      if (Files.isRegularFile(Path.of(place))) {
        return Path.of(place).toAbsolutePath().toString();
      }
    }
    return missing(name);
  }

  private static String setting(String name) {
    return "KIT_" + name.toUpperCase(Locale.ROOT);
  }

  private static List<String> named(String name) {
    return List.of(
        System.getProperty(setting(name), ""), System.getenv().getOrDefault(setting(name), ""));
  }

  private static String missing(String name) {
    String message =
        "no " + name + ": run scripts/get-" + name + ", or name one in " + setting(name);
    if ("1".equals(System.getenv("KIT_REQUIRE_SERVERS"))) {
      throw new AssertionError(message);
    }
    return Assumptions.abort(message);
  }

  /** Finds TCP ports that nobody uses at the moment. */
  public static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>(); // All open at once, so that they differ.
    try {
      for (int i = 0; i < count; i++) {
        sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      return sockets.stream().map(ServerSocket::getLocalPort).toList();
    } finally {
      for (ServerSocket socket : sockets) {
        socket.close();
      }
    }
  }
}
