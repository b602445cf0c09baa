// SPDX-License-Identifier: Apache-2.0
package testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import kit.zookeeper.ZooKeeperClient;

/**
 * A real ZooKeeper, started as a process: a single server, with its data in a temporary folder.
 *
 * <p>Without one, tests are skipped or fail, see {@link LocalServers#binary}.
 */
public final class ZooKeeperServer implements AutoCloseable {
  private static final int START_SECONDS = 60; // 0.5 alone; the machine may be busy.
  private static final int START_ATTEMPTS = 3; // Between finding and using it, a port may be taken.
  private static final int TIMEOUT_MILLIS = 5_000;

  private final String binary = LocalServers.binary("zookeeper"); // Or the test ends here.
  private final List<String> options;
  private final int port;
  private final Path home;
  private Process process;

  /**
   * Starts a server and waits until it accepts sessions. Its ticks are half a second: it grants session
   * timeouts of 1 to 10 seconds.
   *
   * @param options {@code --property=value} of zoo.cfg
   */
  public static ZooKeeperServer start(String... options) throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      ZooKeeperServer server = new ZooKeeperServer(options);
      try {
        server.restart();
        return server;
      } catch (IOException e) {
        server.close();
        if (attempt == START_ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private ZooKeeperServer(String... options) throws IOException {
    this.options = List.of(options);
    this.port = LocalServers.freePorts(1).get(0);
    this.home = Files.createTempDirectory("zookeeper-");
    Runtime.getRuntime().addShutdownHook(new Thread(this::destroy));
  }

  /** The address, not resolved; the same after a restart. */
  public InetSocketAddress address() {
    return InetSocketAddress.createUnresolved("127.0.0.1", port);
  }

  /** The value for {@code --registry}. */
  public String registry() {
    return "zookeeper://127.0.0.1:" + port;
  }

  /** Returns a new client, without a user. */
  public ZooKeeperClient client() {
    return new ZooKeeperClient(ZooKeeperClient.Settings.of(address()));
  }

  /** Returns a new client with a user. */
  public ZooKeeperClient client(String name, String password) {
    ZooKeeperClient.User user = new ZooKeeperClient.User(name, password);
    return new ZooKeeperClient(ZooKeeperClient.Settings.of(address()).withUser(user));
  }

  /** Kills the server; its data stays. */
  public void kill() throws InterruptedException {
    if (process != null) {
      process.destroyForcibly().waitFor();
      process = null;
    }
  }

  /** Suspends the server ({@code STOP}) or resumes it ({@code CONT}). */
  public void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
  }

  /** Starts the server on the same port with the data that it had, killing it first. */
  public void restart() throws IOException, InterruptedException {
    kill();
    List<String> command = new ArrayList<>(List.of(binary, home.toString(), "" + port));
    command.addAll(options);
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log()))
            .start();
    awaitReady();
  }

  /** As {@link #restart}, but all data is lost. */
  public void restartEmpty() throws IOException, InterruptedException {
    kill();
    deleteData();
    restart();
  }

  private void awaitReady() throws IOException, InterruptedException {
    long startedAtNanos = System.nanoTime();
    while (!isReady()) {
      if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
        throw new IOException("ZooKeeper has ended, see " + log());
      }
      if (System.nanoTime() - startedAtNanos > TimeUnit.SECONDS.toNanos(START_SECONDS)) {
        throw new IOException("ZooKeeper not ready after " + START_SECONDS + " s, see " + log());
      }
    }
  }

  private boolean isReady() {
    try {
      return word("srvr").contains("Mode:"); // It responds to ruok before it accepts sessions.
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns the response to a four-letter word, such as {@code dump}. */
  public String word(String word) throws IOException {
    try (Socket socket = new Socket()) {
      socket.setSoTimeout(TIMEOUT_MILLIS);
      socket.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT_MILLIS);
      socket.getOutputStream().write(word.getBytes(UTF_8));
      return new String(socket.getInputStream().readAllBytes(), UTF_8);
    }
  }

  /** Returns a number of the four-letter word {@code mntr}, such as {@code zk_watch_count}. */
  public long metric(String name) throws IOException {
    return word("mntr")
        .lines()
        .map(line -> line.split("\t"))
        .filter(pair -> pair[0].equals(name))
        .mapToLong(pair -> (long) Double.parseDouble(pair[1]))
        .findFirst()
        .orElseThrow(() -> new IOException("no metric " + name));
  }

  /** Runs a command of ZooKeeper's own shell, and returns what it prints. */
  public List<String> shell(String... command) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of(binary, "--shell", "127.0.0.1:" + port));
    line.addAll(List.of(command));
    Process shell = new ProcessBuilder(line).redirectErrorStream(true).start();
    shell.getOutputStream().close();
    List<String> printed =
        new String(shell.getInputStream().readAllBytes(), UTF_8).lines().toList();
    if (shell.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + ": " + printed);
    }
    return printed;
  }

  private File log() {
    return new File("target/zookeeper-" + port + ".log");
  }

  private void deleteData() throws IOException {
    if (!Files.exists(home)) {
      return;
    }
    try (Stream<Path> files = Files.walk(home)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  @Override
  public void close() throws IOException, InterruptedException {
    kill();
    deleteData();
  }

  private void destroy() {
    try {
      close();
    } catch (IOException | InterruptedException e) {
      // The JVM ends.
    }
  }
}
