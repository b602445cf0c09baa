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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A server in a process of its own. */
final class Server implements AutoCloseable {
  /** What all of them get: without the second and third the JDK's server is not worth measuring. */
  private static final List<String> JVM_ARGUMENTS =
      List.of(
          "-Xmx512m",
          "-Dsun.net.httpserver.nodelay=true",
          "-Dsun.net.httpserver.maxIdleConnections=20000",
          "-Djdk.httpserver.maxConnections=20000",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");

  private static final File LOG = new File("target/bench-http.log");
  private static final Duration START_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(20);

  /** What a server has cost so far. */
  record Cost(long cpuNanos, long allocatedBytes) {
    Cost minus(Cost before) {
      return new Cost(cpuNanos - before.cpuNanos, allocatedBytes - before.allocatedBytes);
    }
  }

  final int port;
  final Duration startup; // From the start of its process to its first response.
  private final Process process;
  private final BufferedReader out;

  private Server(int port, Duration startup, Process process) {
    this.port = port;
    this.startup = startup;
    this.process = process;
    this.out = new BufferedReader(new InputStreamReader(process.getInputStream()));
  }

  /** Starts one that reports its resource use, and waits until it responds. */
  static Server start(Candidate candidate) throws Exception {
    return start(candidate, List.of());
  }

  /** As above, with more arguments for its JVM. */
  static Server start(Candidate candidate, List<String> jvm) throws Exception {
    List<String> arguments = new ArrayList<>(List.of(Measured.class.getName()));
    arguments.addAll(candidate.main());
    return start(candidate, jvm, arguments);
  }

  /** Starts one as its user would, and waits until it responds. */
  static Server startAlone(Candidate candidate) throws Exception {
    return start(candidate, List.of(), candidate.main());
  }

  private static Server start(Candidate candidate, List<String> jvm, List<String> arguments)
      throws Exception {
    int port = freePort();
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(JVM_ARGUMENTS);
    command.addAll(jvm);
    command.addAll(List.of("-cp", classPath(candidate.jars())));
    arguments.forEach(argument -> command.add(argument.replace("PORT", Integer.toString(port))));
    ProcessBuilder builder = new ProcessBuilder(command);
    boolean isChatty =
        candidate.jars().contains("httpserver") || arguments.contains("--access-log");
    builder.redirectError(
        isChatty ? ProcessBuilder.Redirect.DISCARD : ProcessBuilder.Redirect.appendTo(LOG));
    long startedAtNanos = System.nanoTime();
    Process process = builder.start();
    awaitAnswer(process, port, startedAtNanos + START_TIMEOUT.toNanos());
    return new Server(port, Duration.ofNanos(System.nanoTime() - startedAtNanos), process);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /** Returns a part of this JVM's class path: the directories, and these jars. */
  private static String classPath(String jars) {
    return String.join(
        File.pathSeparator,
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(entry -> !entry.endsWith(".jar") || new File(entry).getName().matches(jars))
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
      // A gateway has no such path; its 404 is a response, too.
      return new String(socket.getInputStream().readNBytes(12)).matches("HTTP/1.1 (200|404)");
    } catch (IOException e) {
      return false;
    }
  }

  /** Only of a server that reports it. */
  Cost cost() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.startsWith("cost ")) {
        String[] numbers = line.split(" ");
        return new Cost(Long.parseLong(numbers[1]), Long.parseLong(numbers[2]));
      }
    }
    throw new IOException("server has ended, see " + LOG);
  }

  /** Returns its resident memory, where there is /proc; else 0. */
  double residentMib() throws IOException {
    Path status = Path.of("/proc/" + process.pid() + "/status");
    return !Files.exists(status)
        ? 0
        : Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("VmRSS:"))
            .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0)
            .sum();
  }

  /** As a signal would; else no archive for class data sharing is written. */
  @Override
  public void close() throws Exception {
    process.destroy();
    if (!process.waitFor(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
      process.destroyForcibly();
    }
  }
}
