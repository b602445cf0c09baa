// SPDX-License-Identifier: Apache-2.0
package bench.http;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A server in a process of its own, that can tell what it costs. */
final class Server implements AutoCloseable {
  /** What all of them get: without the first two the JDK's server is not worth measuring. */
  private static final List<String> JVM_ARGUMENTS =
      List.of(
          "-Xmx512m",
          "-Dsun.net.httpserver.nodelay=true",
          "-Dsun.net.httpserver.maxIdleConnections=20000",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");

  private static final Path LOG = Path.of("target/bench-http.log");
  private static final Duration START_TIMEOUT = Duration.ofSeconds(20);

  /** What a server has cost so far. */
  record Cost(long cpuNanos, long allocatedBytes, long residentKib) {
    Cost minus(Cost before) {
      return new Cost(cpuNanos - before.cpuNanos, allocatedBytes - before.allocatedBytes, 0);
    }
  }

  final int port;
  final Duration startup; // Up to the first answer.
  private final Process process;
  private final BufferedReader out;

  private Server(int port, Duration startup, Process process, BufferedReader out) {
    this.port = port;
    this.startup = startup;
    this.process = process;
    this.out = out;
  }

  /**
   * Starts one and waits until it answers.
   *
   * @param isRobaho whether that engine is on the class path in place of the JDK's
   * @param main its main class, and arguments of which {@code PORT} stands for a free port
   */
  static Server start(boolean isRobaho, List<String> main) throws Exception {
    int port = freePort();
    List<String> command = new ArrayList<>(List.of(java()));
    command.addAll(JVM_ARGUMENTS);
    command.addAll(List.of("-cp", classPath(isRobaho), Measured.class.getName()));
    main.forEach(argument -> command.add(argument.replace("PORT", Integer.toString(port))));
    boolean isChatty = main.contains("--access-log") || isRobaho;
    long startedAtNanos = System.nanoTime();
    Process process =
        new ProcessBuilder(command)
            .redirectError(
                isChatty
                    ? ProcessBuilder.Redirect.DISCARD
                    : ProcessBuilder.Redirect.appendTo(LOG.toFile()))
            .start();
    awaitAnswer(process, port, startedAtNanos + START_TIMEOUT.toNanos());
    Duration startup = Duration.ofNanos(System.nanoTime() - startedAtNanos);
    return new Server(
        port,
        startup,
        process,
        new BufferedReader(new InputStreamReader(process.getInputStream())));
  }

  /** Returns the program that runs this. */
  static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** Returns our own class path, with or without the other engine: it is found by being there. */
  private static String classPath(boolean isRobaho) {
    return String.join(
        File.pathSeparator,
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> isRobaho || !entry.matches(".*[/\\\\]httpserver-[^/\\\\]*\\.jar"))
            .toList());
  }

  private static void awaitAnswer(Process process, int port, long untilNanos) throws Exception {
    while (!answers(port)) {
      if (!process.isAlive() || System.nanoTime() - untilNanos > 0) {
        process.destroyForcibly();
        throw new IOException("server does not start, see " + LOG);
      }
      Thread.sleep(1);
    }
  }

  private static boolean answers(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
      socket.setSoTimeout(5000);
      OutputStream out = socket.getOutputStream();
      out.write("GET /user/101 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".getBytes());
      byte[] start = socket.getInputStream().readNBytes(12);
      return new String(start).equals("HTTP/1.1 200");
    } catch (IOException e) {
      return false;
    }
  }

  Cost cost() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("cost ")) {
        String[] numbers = line.split(" ");
        return new Cost(
            Long.parseLong(numbers[1]), Long.parseLong(numbers[2]), Long.parseLong(numbers[3]));
      }
    }
    throw new IOException("server has ended, see " + LOG);
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
