// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.File;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Assumptions;

/** Finds programs, ports and folders for real servers on this machine. */
public final class LocalServers {
  private static final int PORTS = 3_000; // For each JVM.
  private static final int FIRST_PORT =
      10_000 + PORTS * (Integer.getInteger("surefire.forkNumber", 1) % 7);

  // Not the same one at first when two builds run at a time.
  private static int nextPort = ThreadLocalRandom.current().nextInt(PORTS); // Guarded by the class.

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

  /**
   * Finds free TCP ports. They are none of those that the kernel gives to connections, one of which could
   * take a port before the server is there; and each JVM that runs tests has a range of its own.
   */
  public static synchronized List<Integer> freePorts(int count) throws IOException {
    List<Integer> free = new ArrayList<>();
    for (int tried = 0; free.size() < count; tried++) {
      if (tried == PORTS) {
        throw new IOException("no " + count + " free ports from " + FIRST_PORT + " on");
      }
      int port = FIRST_PORT + nextPort++ % PORTS;
      if (isFree(port)) {
        free.add(port);
      }
    }
    return free;
  }

  /** Whether a server can listen at the port of the loopback address now. */
  static boolean isFree(int port) throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (BindException e) {
      return false;
    }
  }
}
