// SPDX-License-Identifier: Apache-2.0
package docs;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import testing.Eventually;
import testing.JarProcess;

/** A terminal with a bash, and its output. */
final class Terminal implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(60); // For a busy machine.
  private static final String DONE = "end-of-command:";

  private final Process process;
  private final Writer keyboard;
  private final List<String> lines = new ArrayList<>(); // Guarded by itself.
  private final Thread reader;

  private Terminal(ProcessBuilder builder, Path folder, Map<String, String> environment)
      throws IOException {
    builder.directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().keySet().removeIf(key -> key.matches("(KIT|CONSUL)_.*"));
    builder.environment().putAll(environment);
    process = builder.start();
    keyboard = process.outputWriter(StandardCharsets.UTF_8);
    reader = new Thread(this::read, "terminal");
    reader.setDaemon(true);
    reader.start();
  }

  /** Opens a terminal for commands that are typed one after the other. */
  static Terminal open(Path folder, Map<String, String> environment) throws IOException {
    return new Terminal(new ProcessBuilder("bash"), folder, environment);
  }

  /** Starts a program that runs until Ctrl-C. */
  static Terminal start(String command, Path folder, Map<String, String> environment)
      throws IOException {
    List<String> words = new ArrayList<>(JarProcess.withSignalsAtDefault());
    words.addAll(List.of("bash", "-c", "exec " + command));
    return new Terminal(new ProcessBuilder(words), folder, environment);
  }

  private void read() {
    try (BufferedReader text =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = text.readLine(); line != null; line = text.readLine()) {
        synchronized (lines) {
          lines.add(line);
        }
      }
    } catch (IOException e) {
      synchronized (lines) {
        lines.add("(unreadable: " + e + ")");
      }
    }
  }

  /** The output of a command and its exit status. */
  record Result(List<String> printed, int status) {}

  /** Types a command and waits for its end. */
  Result run(String command) throws Exception {
    int before = seen().size();
    // In braces: it may change the folder and the variables of this shell.
    keyboard.write("{ " + command + "\n} < /dev/null\nstatus=$?; echo; echo " + DONE + "$status\n");
    keyboard.flush();
    Eventually.within(
        TIMEOUT,
        () -> {
          List<String> now = seen();
          if (now.size() == before || !now.get(now.size() - 1).startsWith(DONE)) {
            throw new AssertionError("not ended: " + command + "\n" + since(before));
          }
        });
    List<String> printed = since(before);
    int last = printed.size() - 1;
    return new Result(
        printed.subList(0, last), Integer.parseInt(printed.get(last).substring(DONE.length())));
  }

  /** Returns the current folder. */
  Path folder() throws Exception {
    return Path.of(run("pwd").printed().get(0));
  }

  /** All lines so far. */
  List<String> seen() {
    synchronized (lines) {
      return List.copyOf(lines);
    }
  }

  private List<String> since(int count) {
    List<String> all = seen();
    return all.subList(count, all.size());
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Presses Ctrl-C. */
  void interrupt() throws Exception {
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
  }

  /** Waits for the end, and returns the exit status. */
  int awaitEnd() throws Exception {
    if (!process.waitFor(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new AssertionError("has not ended: " + seen());
    }
    reader.join(TIMEOUT.toMillis());
    return process.exitValue();
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }
}
