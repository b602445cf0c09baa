// SPDX-License-Identifier: Apache-2.0
package testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One of the project's jars as a process, with its output. */
public final class JarProcess implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String name;
  private final Process process;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final List<String> out = new ArrayList<>(); // Guarded by itself.
  private final List<String> err = new ArrayList<>(); // Guarded by itself.
  private final List<Thread> readers = new ArrayList<>();

  private JarProcess(String name, Process process) {
    this.name = name;
    this.process = process;
    read(
        process.getInputStream(),
        line -> {
          synchronized (out) {
            out.add(line);
          }
          lines.add(line);
        });
    read(
        process.getErrorStream(),
        line -> {
          synchronized (err) {
            err.add(line);
          }
        });
  }

  /** Starts {@code target/<jar>.jar} with this JVM's Java. */
  public static JarProcess start(String jar, String... args) {
    return startWith(List.of(), jar, args);
  }

  /** As above, with options for the JVM, such as {@code -Xmx64m}. */
  public static JarProcess startWith(List<String> options, String jar, String... args) {
    Path file = Path.of("target", jar + ".jar");
    if (!Files.exists(file)) {
      throw new IllegalStateException(file + " is missing: mvn package makes it");
    }
    List<String> command = new ArrayList<>(withSignalsAtDefault());
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-jar", file.toString()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder
        .environment()
        .keySet()
        .removeIf(key -> key.matches("(KIT|CONSUL)_.*") && !key.equals(Engine.VARIABLE));
    try {
      return new JarProcess(jar + " " + String.join(" ", args), builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns the first words of a command that Ctrl-C ends. A shell that runs the tests in the
   * background may ignore SIGINT, and children inherit that.
   */
  public static List<String> withSignalsAtDefault() {
    return canResetSignals() ? List.of("env", "--default-signal=INT") : List.of();
  }

  private static boolean canResetSignals() {
    try {
      return new ProcessBuilder("env", "--default-signal=INT", "true").start().waitFor() == 0;
    } catch (IOException | InterruptedException e) {
      return false;
    }
  }

  private interface LineConsumer {
    void accept(String line);
  }

  private void read(InputStream stream, LineConsumer consumer) {
    Thread reader =
        new Thread(
            () -> {
              try (BufferedReader text =
                  new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = text.readLine(); line != null; line = text.readLine()) {
                  consumer.accept(line);
                }
              } catch (IOException e) {
                consumer.accept("(unreadable: " + e + ")");
              }
            });
    reader.setDaemon(true);
    reader.start();
    readers.add(reader);
  }

  /** Waits for the next line on stdout that has not been taken yet. */
  public String nextLine() throws InterruptedException {
    String line = lines.poll(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    if (line == null) {
      throw new AssertionError("no line from " + name + "; stderr: " + err());
    }
    return line;
  }

  /** Waits for the {@code listening on ...:PORT} line and returns the port. */
  public int port() throws InterruptedException {
    String line = nextLine();
    if (!line.startsWith("listening on ")) {
      throw new AssertionError("not the listening line: " + line);
    }
    return Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  /** Sends a signal: {@code TERM}, {@code INT}, {@code KILL}, {@code STOP} or {@code CONT}. */
  public void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
  }

  /** Waits for the end and returns the exit status. */
  public int exitStatus() throws InterruptedException {
    if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new AssertionError(name + " has not ended; stderr: " + err());
    }
    for (Thread reader : readers) {
      reader.join(PATIENCE.toMillis());
    }
    return process.exitValue();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** All lines on stdout so far. */
  public List<String> out() {
    synchronized (out) {
      return List.copyOf(out);
    }
  }

  /** All lines on stderr so far. */
  public List<String> err() {
    synchronized (err) {
      return List.copyOf(err);
    }
  }

  /** Kills it if it is still there. */
  @Override
  public void close() {
    process.destroyForcibly();
  }
}
